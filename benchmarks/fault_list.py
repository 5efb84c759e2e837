"""The faults that an audit must find, and what it must say of each."""

from dataclasses import dataclass

from benchmarks.fault_plants import (
    POOL,
    WEIGHTS,
    Plant,
    artifact,
    away,
    collected,
    edited_during_a_run,
    flipped,
    model_hash,
    moved_alias,
    no_tag,
    out_hash,
    promoted_only_on_record,
    removed,
    replaced,
    rewritten,
    two_at_once,
    two_worktrees,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """A fault, and what an audit must say of it."""

    name: str
    """What a person would call it."""
    plant: Plant
    """Plants it, and takes it back."""
    kind: str
    """The check that must find it; empty where it must find nothing."""
    named: str
    """What its finding must name."""


FAULTS = (
    Fault(
        name="a bit flipped in the cache, size and time kept",
        plant=lambda p: flipped(p.object(WEIGHTS, ".dvc/cache")),
        kind="object",
        named=WEIGHTS,
    ),
    Fault(
        name="the same in the remote",
        plant=lambda p: flipped(p.object(POOL, ".rsft/remote")),
        kind="object",
        named=POOL,
    ),
    Fault(
        name="the same in MLflow's artifact",
        plant=lambda p: flipped(artifact(p) / "model.safetensors"),
        kind="artifact",
        named="rsft/2: model.safetensors",
    ),
    Fault(
        name="dvc.lock edited in the checkout",
        plant=lambda p: replaced(p.folder / "dvc.lock", model_hash(p), f"{'0' * 31}a.dir"),
        kind="checkout",
        named="dvc.lock: stage monitor@1, data/rounds/1/model",
    ),
    Fault(
        name="dvc.lock edited, and the tag moved to it",
        plant=lambda p: rewritten(p, "dvc.lock", model_hash(p), f"{'0' * 31}a.dir"),
        kind="lock",
        named="data/rounds/1/model: manifest against dvc.lock",
    ),
    Fault(
        name="a setting edited after the run",
        plant=lambda p: replaced(p.folder / "params.yaml", "temperature: 1.0", "temperature: 0.9"),
        kind="checkout",
        named="params.yaml: generate.temperature",
    ),
    Fault(
        name="a setting edited, and the tag moved to it",
        plant=lambda p: rewritten(p, "params.yaml", "temperature: 1.0", "temperature: 0.9"),
        kind="settings",
        named="generate.temperature in params.yaml, and as stage generate@1 got it",
    ),
    Fault(
        name="a source file edited, and the tag moved to it",
        plant=lambda p: rewritten(p, "rsft/filter/coins.py", '"""', '"""An edit. '),
        kind="code",
        named="rsft/filter",
    ),
    Fault(
        name="a data set swapped in the checkout",
        plant=lambda p: flipped(p.folder / POOL),
        kind="checkout",
        named=POOL,
    ),
    Fault(
        name="a data set swapped under a stage, in the manifest",
        plant=lambda p: rewritten(
            p,
            ".rsft/manifest.json",
            f'"data/rounds/1/pool": "{out_hash(p, "data/rounds/1/pool")}"',
            f'"data/rounds/1/pool": "{"0" * 31}a.dir"',
        ),
        kind="edge",
        named="read data/rounds/1/pool",
    ),
    Fault(
        name="the expectations' verdict edited in the manifest",
        plant=lambda p: rewritten(p, ".rsft/manifest.json", '"evaluated": ', '"evaluated": 1'),
        kind="expectations",
        named="evaluated of the verdict",
    ),
    Fault(
        name="the alias moved by hand",
        plant=moved_alias,
        kind="alias",
        named="rsft@champion",
    ),
    Fault(
        name="SIGKILL between tag and alias",
        plant=promoted_only_on_record,
        kind="alias",
        named="rsft@champion",
    ),
    Fault(
        name="the tag of the run deleted",
        plant=lambda p: no_tag(p, p.run.tag),
        kind="registration",
        named="rsft/2: its run",
    ),
    Fault(
        name="the tag of the registration deleted",
        plant=lambda p: no_tag(p, "rsft@v2.0.0"),
        kind="registration",
        named="rsft/2",
    ),
    Fault(
        name="the tag of the promotion deleted (SIGKILL between alias and record)",
        plant=lambda p: no_tag(p, "rsft#champion#1"),
        kind="alias",
        named="rsft@champion",
    ),
    Fault(name="MLflow away", plant=away, kind="registration", named="rsft"),
    Fault(
        name="an object that a full remote did not take",
        plant=lambda p: removed(p.object(POOL, ".rsft/remote")),
        kind="object",
        named=POOL,
    ),
    Fault(
        name="no remote",
        plant=lambda p: replaced(p.folder / ".dvc/config", "    remote = ", "    # remote = "),
        kind="",
        named="",
    ),
    Fault(
        name="dvc gc --all-tags",
        plant=collected,
        kind="",
        named="",
    ),
)

WITH_RUNS = (
    Fault(
        name="two runs at once in one workspace: the second is refused",
        plant=two_at_once,
        kind="",
        named="",
    ),
    Fault(
        name="two runs at once in two worktrees on one cache",
        plant=two_worktrees,
        kind="",
        named="",
    ),
    Fault(
        name="a source file edited during a run",
        plant=edited_during_a_run,
        kind="marked",
        named="files that changed while it ran",
    ),
)
