"""Registering what a run made: the last round's model, with everything it came from.

It goes by the run's tag and the cache alone, so that a run whose registry was away is registered
later as it would have been then.
"""

import hashlib
import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_exponential

from rsft.config import RAW, Config, ScoreSection, is_own, round_folder
from rsft.errors import LineageError, RegistryError
from rsft.ledger import read_rows, read_table, schema_of
from rsft.lineage import (
    Cache,
    RunRecord,
    Workspace,
    link_dataset,
    read_record,
    read_run,
    read_runs,
    read_tagged,
    record_registration,
)
from rsft.registry import (
    PACKAGE_TAG,
    Evaluation,
    ModelVersion,
    Provenance,
    Registry,
    Serving,
    get_version,
    list_versions,
    register,
)
from rsft.runs.record import follow_record, hold_registry
from rsft.stages.contract import PROMPTS, read_handed_on, split_file
from rsft.stages.pooling import describe_sources
from rsft.types import Answer, Prompt, SourceFigures, TrainingRow

_PATIENCE = 60.0
"""Seconds after which a registry that is away is no longer tried; it was there when the run began.
A server is given what patience MLflow has with it besides."""


def register_patiently(
    workspace: Workspace, registry: Registry, name: str, *, patience: float = _PATIENCE
) -> list[ModelVersion]:
    """As ``register_pending``, tried again for a while where the registry is away."""
    tried = Retrying(
        retry=retry_if_exception_type(RegistryError),
        wait=wait_exponential(multiplier=0.5, max=10),
        stop=stop_after_delay(patience),
        reraise=True,
    )
    return tried(register_pending, workspace, registry, name)


def register_pending(workspace: Workspace, registry: Registry, name: str) -> list[ModelVersion]:
    """Registers each run of a model that is tagged and not registered, the oldest first.

    Those on record that the registry lost, as a store that was made anew has, come before: so they
    get the numbers again that they are on record with.

    Args:
        workspace: A checkout that has the runs' tags, and their models in its cache.
        registry: Where.
        name: Of the registered model.

    Returns:
        What was registered.

    Raises:
        RegistryError: Where the store cannot be used.
        LineageError: Where a model is not in the cache, or a version is on record as another's.
    """
    with hold_registry(workspace):
        runs = [*_lost(workspace, registry, name), *_unregistered(workspace, name)]
        versions = [_register(workspace, registry, name, run) for run in runs]
        follow_record(workspace, registry, name)
    return [get_version(registry, name, version) for version in versions]


def registered_version(workspace: Workspace, registry: Registry, run: RunRecord) -> ModelVersion:
    """The version that a run's model is registered as, by that run or an earlier one.

    Raises:
        LineageError: Where it is on no record, or the registry has another model by that number.
        RegistryError: Where the registry has none by that number.
    """
    name, model = run.manifest["params"]["register"]["name"], run.manifest["model"]["hash"]
    record = read_record(workspace, name)
    numbers = [e.version for e in record if e.details.get("model_hash") == model]
    if not numbers:
        raise LineageError(f"{run.tag} is not registered; `rsft register` does it")
    version = get_version(registry, name, max(numbers))
    if version.tags.get("model_md5") != model:
        raise LineageError(
            f"{name}/{version.version} in {registry.shown_uri} is the model "
            f"{version.tags.get('model_md5')}, on record is {model}; one record goes with one "
            "registry: take another register.name for this one"
        )
    return version


def _lost(workspace: Workspace, registry: Registry, name: str) -> list[RunRecord]:
    """Runs of the versions on record that come after the last one that the registry has."""
    last = max(list_versions(registry, name), default=0)
    entries = [e for e in read_record(workspace, name) if e.kind == "registered"]
    lost = sorted((e for e in entries if e.version > last), key=lambda entry: entry.version)
    return [read_run(workspace, entry.details["run_id"]) for entry in lost]


def _unregistered(workspace: Workspace, name: str) -> list[RunRecord]:
    """A run of each model that is on no record, the oldest first."""
    known = {entry.details.get("model_hash") for entry in read_record(workspace, name)}
    found: dict[str, RunRecord] = {}
    for run in read_runs(workspace):
        if _name_of(run) == name and run.manifest["model"]["hash"] not in known:
            found.setdefault(run.manifest["model"]["hash"], run)
    return list(found.values())


def _register(workspace: Workspace, registry: Registry, name: str, run: RunRecord) -> int:
    """Registers a run from its tag and the cache, whatever is checked out now."""
    manifest, cache = run.manifest, Cache(workspace)
    outs = {path: out.hash for stage in run.stages.values() for path, out in stage.outs.items()}
    last = Path(manifest["model"]["path"]).parent
    with _folder_beside(workspace) as folder:
        laid = {
            path: link_dataset(cache, outs[path], folder / path)
            for path in (str(last / "model"), str(last / "answers"), str(PROMPTS))
        }
        version = register(
            registry,
            name=name,
            policy=laid[str(last / "model")],
            provenance=Provenance(
                run_id=run.run_id,
                git_tag=run.tag,
                git_commit=run.commit,
                dvc_lock_sha256=hashlib.sha256(read_tagged(workspace, run, "dvc.lock")).hexdigest(),
                dataset_hashes=outs,
                sources=[SourceFigures(**figures) for figures in manifest["sources"]],
                model_md5=manifest["model"]["hash"],
                seed=manifest["seed"],
                flow_run_id=manifest["flow_run_id"],
            ),
            params=manifest["params"],
            evaluation=Evaluation(
                metrics=_metrics(manifest["figures"]),
                answers=next(laid[str(last / "answers")].glob("*.parquet")),
                prompts_md5=manifest["evaluation"],
            ),
            serving=_serving(manifest["params"], laid[str(PROMPTS)]),
        )
    record_registration(
        workspace,
        name=name,
        version=version.version,
        run=run,
        model_hash=manifest["model"]["hash"],
        package_md5=version.tags.get(PACKAGE_TAG),
    )
    return version.version


@contextmanager
def _folder_beside(workspace: Workspace) -> Iterator[Path]:
    """An empty folder on the disk of the cache, for whoever holds the registry."""
    folder = workspace.home / ".rsft" / "registering"
    shutil.rmtree(folder, ignore_errors=True)  # what a killed process left
    folder.mkdir(parents=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def _serving(params: Mapping[str, Any], prompts: Path) -> Serving:
    """How the policy answers, with a question of the evaluation set."""
    split = prompts / f"{params['evaluate']['sets']['eval']}.parquet"
    return Serving(
        max_new_tokens=params["evaluate"]["max_new_tokens"],
        is_worked="worked_solution" in params["score"]["rewards"],
        answer_marker=params["score"]["answer_marker"],
        example=read_rows(split, Prompt)[0].text,
    )


def _name_of(run: RunRecord) -> str | None:
    """The name that a run registers its model under; None for one that another rsft tagged."""
    name = run.manifest.get("params", {}).get("register", {}).get("name")
    return name if isinstance(name, str) else None


def training_sources(config: Config) -> Sequence[SourceFigures]:
    """What the registered model was trained on.

    It is that of the round that the last one hands on: its pool, or where rounds start from one
    another, all pools up to that.
    """
    last: int = read_handed_on(Path(round_folder(config.round_count)))["round"]
    rounds = range(last if config.finetune.start == "base" else 0, last + 1)
    files = [Path(round_folder(number)) / "pool" / "kept.parquet" for number in rounds]
    named = ["prompt_id", "round", "draw", "family", "source", "licence"]
    rows = pa.concat_tables([read_table(file, TrainingRow).select(named) for file in files])
    return describe_sources(rows.group_by(named).aggregate([]))


def evaluation_fingerprint(config: Config) -> str:
    """MD5 of the prompts of all sets, and of the settings that decide which answers are right.

    Answers under one fingerprint are answers to the same questions, judged in the same way: by the
    same functions of the user's and models below ``data/raw`` too; and recorded in the same form.
    """
    judged_by = {
        "record": schema_of(Answer).to_string(),
        "score": config.score.model_dump(),
        "correct_reward": config.filter.correct_reward,
        "max_new_tokens": config.evaluate.max_new_tokens,
    }
    digest = hashlib.md5(usedforsecurity=False)
    for name, split in sorted(config.evaluate.sets.items()):
        digest.update(f"{name}\n".encode())
        digest.update(split_file(split).read_bytes())
    digest.update(json.dumps(judged_by, sort_keys=True).encode())
    for file in _judging_files(config.score):
        digest.update(f"{file} {file.stat().st_size}\n".encode())
        with file.open("rb") as content:
            while block := content.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()


def _judging_files(section: ScoreSection) -> list[Path]:
    """Files below ``data/raw`` that rewards are made of."""
    places = [RAW.rglob("*.py")] if any(map(is_own, section.rewards)) else []
    models = (section.reward_model, section.target_model)
    places += [Path(model.model).rglob("*") for model in models if model is not None]
    return sorted({file for place in places for file in place if file.is_file()})


def _metrics(figures: Mapping[str, Any]) -> dict[int, dict[str, float]]:
    """Figures by round, the base as round 0; comparisons, and what is undefined, are left out."""
    rounds = [figures["base"], *figures["rounds"]]
    return {
        number: _numbers({name: of[name] for name in of if not name.startswith("against_")})
        for number, of in enumerate(rounds)
    }


def _numbers(figures: Mapping[str, object], prefix: str = "") -> dict[str, float]:
    numbers: dict[str, float] = {}
    for name, value in figures.items():
        if isinstance(value, Mapping):
            numbers |= _numbers(value, f"{prefix}{name}.")
        elif isinstance(value, int | float):
            numbers[f"{prefix}{name}"] = float(value)
    return numbers
