"""Registering what a run made: the last round's model, with everything it came from.

It goes by the run's tag, the cache and the remote alone, so that a run whose registry was away is
registered later as it would have been then.
"""

import hashlib
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
from tenacity import Retrying, retry_if_exception, stop_after_delay, wait_exponential

from rsft.addresses import hide_secrets
from rsft.config import Config, round_folder
from rsft.errors import LineageError, RefusalError, RegistryError
from rsft.ledger import read_rows, read_table
from rsft.lineage import (
    Entry,
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
    last_registered,
    list_versions,
    note_registered,
    register,
)
from rsft.runs.record import follow_record, hold_registry
from rsft.runs.subjects import name_of
from rsft.stages.contract import PROMPTS, read_handed_on
from rsft.stages.pooling import describe_sources
from rsft.types import Prompt, SourceFigures, TrainingRow

_PATIENCE = 60.0
"""Seconds after which a registry that is away is no longer tried; it was there when the run began.
A server is given what patience MLflow has with it besides."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Registered:
    """What became of the runs that were to be registered."""

    versions: Sequence[ModelVersion]
    """Those that were."""
    left: Mapping[str, str]
    """Why not, in one line, by the tag of each that could not be."""


def register_patiently(
    workspace: Workspace, registry: Registry, name: str, *, patience: float = _PATIENCE
) -> Registered:
    """As ``register_pending``, tried again for a while where the registry is away."""
    tried = Retrying(
        retry=retry_if_exception(_is_away),
        wait=wait_exponential(multiplier=0.5, max=10),
        stop=stop_after_delay(patience),
        reraise=True,
    )
    return tried(register_pending, workspace, registry, name)


def _is_away(error: BaseException) -> bool:
    return isinstance(error, RegistryError) and not isinstance(error, RefusalError)


def register_pending(
    workspace: Workspace, registry: Registry, name: str, *, again: int | None = None
) -> Registered:
    """Registers each run of a model that is tagged and not registered, the oldest first.

    Those on record that the registry lost, as a store that was made anew has, come before: so they
    get the numbers again that they are on record with. A version that somebody deleted in MLflow
    stays deleted.

    Args:
        workspace: A checkout that has the runs' tags, and their models in its cache.
        registry: Where.
        name: Of the registered model.
        again: A deleted version whose model is to be registered again, under another number.

    Returns:
        What was registered, and what could not be: that stops none of the others.

    Raises:
        RegistryError: Where the store cannot be used.
        LineageError: Where ``again`` is not on record, or MLflow has it.
    """
    with hold_registry(workspace):
        deleted = [] if again is None else [_deleted(workspace, registry, name, again)]
        tags = [*deleted, *_lost(workspace, registry, name), *_unregistered(workspace, name)]
        numbers, left = [], {}
        for tag in tags:
            try:
                numbers.append(_register(workspace, registry, name, read_run(workspace, tag)))
            except LineageError as error:
                left[tag] = str(error)
            except KeyError as error:
                left[tag] = f"its manifest has no {error}; another version of rsft made it"
        follow_record(workspace, registry, name)
    return Registered(versions=[get_version(registry, name, n) for n in numbers], left=left)


def registered_version(workspace: Workspace, registry: Registry, run: RunRecord) -> ModelVersion:
    """The version that a run's model is registered as, by that run or an earlier one.

    Raises:
        LineageError: Where it is on no record, or the registry has none or another model by that
            number.
        RegistryError: Where the registry cannot be used.
    """
    name, model = run.manifest["params"]["register"]["name"], run.manifest["model"]["hash"]
    record = read_record(workspace, name)
    numbers = [e.version for e in record if e.details.get("model_hash") == model]
    if not numbers:
        raise LineageError(f"{run.tag} is not registered; `rsft register` does it")
    if max(numbers) not in list_versions(registry, name):
        raise LineageError(
            f"{run.tag} made the model of {name}/{max(numbers)}, which is on record and not in "
            f"MLflow: it was deleted there, or could not be registered; `rsft register --again "
            f"{max(numbers)}` registers it under the next number"
        )
    version = get_version(registry, name, max(numbers))
    if version.tags.get("model_md5") != model:
        raise LineageError(
            f"{name}/{version.version} in {registry.shown_uri} is the model "
            f"{version.tags.get('model_md5')}, on record is {model}; one record goes with one "
            "registry: take another register.name for this one"
        )
    return version


def _registrations(workspace: Workspace, name: str) -> dict[int, Entry]:
    """The registrations on record by their number, in order."""
    entries = [e for e in read_record(workspace, name) if e.kind == "registered"]
    return {entry.version: entry for entry in sorted(entries, key=lambda entry: entry.version)}


def _deleted(workspace: Workspace, registry: Registry, name: str, version: int) -> str:
    """The tag of the run of a version that is on record, and in MLflow no more."""
    on_record = _registrations(workspace, name)
    if version not in on_record or version in list_versions(registry, name):
        known = ", ".join(f"{name}/{number}" for number in on_record) or "none"
        raise LineageError(
            f"{name}/{version} was not deleted; --again takes the number of a version that is on "
            f"record ({known}), and that MLflow has no more"
        )
    return _tag_of(on_record[version])


def _lost(workspace: Workspace, registry: Registry, name: str) -> list[str]:
    """Tags of runs of the versions on record that come after the last one that this store had."""
    last = last_registered(registry, name)
    found = _registrations(workspace, name).items()
    return [_tag_of(entry) for version, entry in found if version > last]


def _tag_of(registration: Entry) -> str:
    return f"run/{registration.details['run_id']}"


def _unregistered(workspace: Workspace, name: str) -> list[str]:
    """The tag of a run of each model that is on no record, the oldest first."""
    known = {e.details["model_hash"] for e in _registrations(workspace, name).values()}
    found: dict[str, str] = {}
    for run in read_runs(workspace):
        made = run.manifest.get("model", {}).get("hash")
        if name_of(run) == name and made not in known:
            found.setdefault(made, run.tag)
    return list(found.values())


def _register(workspace: Workspace, registry: Registry, name: str, run: RunRecord) -> int:
    """Registers a run from its tag, the cache and the remote, whatever is checked out now."""
    manifest = run.manifest
    on_record = _registrations(workspace, name).values()
    model_hash = manifest["model"]["hash"]
    outs = {path: out.hash for stage in run.stages.values() for path, out in stage.outs.items()}
    last = Path(manifest["model"]["path"]).parent
    with _folder_beside(workspace) as folder:
        laid = {
            path: link_dataset(workspace, outs[path], folder / path, only)
            for path, only in (
                (str(last / "model"), None),
                (str(last / "answers"), None),
                (str(PROMPTS), _example_split(manifest["params"])),  # others may have been purged
            )
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
                model_md5=model_hash,
                seed=manifest["seed"],
                flow_run_id=manifest["flow_run_id"],
            ),
            params=hide_secrets(manifest["params"]),
            evaluation=Evaluation(
                metrics=_metrics(manifest["figures"]),
                answers=next(laid[str(last / "answers")].glob("*.parquet")),
                prompts_md5=manifest["evaluation"],
            ),
            serving=_serving(manifest["params"], laid[str(PROMPTS)]),
            taken={e.version for e in on_record if e.details["model_hash"] != model_hash},
        )
    record_registration(
        workspace,
        name=name,
        version=version.version,
        run=run,
        model_hash=model_hash,
        package_md5=version.tags.get(PACKAGE_TAG),
    )
    note_registered(registry, name, max(version.version, last_registered(registry, name)))
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
    split = prompts / _example_split(params)
    return Serving(
        max_new_tokens=params["evaluate"]["max_new_tokens"],
        is_worked="worked_solution" in params["score"]["rewards"],
        answer_marker=params["score"]["answer_marker"],
        example=read_rows(split, Prompt)[0].text,
    )


def _example_split(params: Mapping[str, Any]) -> str:
    """The table of the evaluation set."""
    return f"{params['evaluate']['sets']['eval']}.parquet"


def training_sources(config: Config) -> Sequence[SourceFigures]:
    """What the registered model was trained on.

    It is that of the round that the last one hands on: its pool, or where rounds start from one
    another, all pools up to that.
    """
    last: int = read_handed_on(Path(round_folder(config.round_count)))["round"]
    rounds = range(last if config.finetune.start == "base" else 0, last + 1)
    files = [Path(round_folder(number)) / "pool" / "kept.parquet" for number in rounds]
    named = ["prompt_id", "round", "draw", "family", "source", "licence"]
    rows = pa.concat_tables([read_table(file, TrainingRow, named) for file in files])
    return describe_sources(rows.group_by(named).aggregate([]))


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
