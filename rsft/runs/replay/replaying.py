"""Replaying a run: its stages again, from its tag, and whether they give what was recorded.

    tag ─► files in a folder of their own ─► [ recorded inputs ─► the tag's stage ─► hash ] × stages

No cache of DVC's is asked for a result: a stage's function is called, and what it leaves is hashed.
Every stage starts from what was *recorded* of the stages before it: what was rebuilt is that where
the two are the same, and where they differ the recorded data set is fetched from the cache. So one
stage that differs does not make all after it differ, and a run all of whose stages are the same is
proven as a chain.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from shlex import split
from time import perf_counter

from ruamel.yaml import YAML

from rsft.errors import ConfigurationError, LineageError
from rsft.lineage import RunRecord, Workspace
from rsft.runs.replay.folder import Folder
from rsft.runs.replay.process import StageProcess
from rsft.runs.replay.records import StageReplay
from rsft.types import Progress

Show = Callable[[str], AbstractContextManager[Progress]]
"""Shows that a stage is at work; gives what takes its progress."""


def chosen_stages(run: RunRecord, wanted: Sequence[str], dataset: str | None) -> list[str]:
    """Names of the stages to rebuild, in their order.

    Args:
        run: The run.
        wanted: Names of stages, or of all of a kind: ``finetune`` for those of all rounds.
        dataset: A data set, whose stage is meant where no stage is named; null for all stages.

    Raises:
        ConfigurationError: Where the run has no such stage, or none that made the data set.
    """
    names = list(run.stages)
    if not wanted:
        return _makers(run, dataset) if dataset is not None else names
    for text in wanted:
        if not any(text in (name, name.partition("@")[0]) for name in names):
            known = ", ".join(names)
            raise ConfigurationError(f"--stage {text}: {run.run_id} has no such stage; has {known}")
    return [name for name in names if {name, name.partition("@")[0]} & set(wanted)]


def _makers(run: RunRecord, dataset: str) -> list[str]:
    made = {name: stage.outs for name, stage in run.stages.items()}
    makers = [name for name, outs in made.items() if dataset in outs]
    if not makers:
        known = ", ".join(out for outs in made.values() for out in outs)
        raise ConfigurationError(
            f"{dataset}: no stage of {run.run_id} made it, so there is nothing to replay; name the "
            f"run, or what its stages made: {known}"
        )
    return makers


def replay_run(
    workspace: Workspace,
    run: RunRecord,
    names: Sequence[str],
    folder: Path,
    show: Show,
    *,
    restores: bool = False,
) -> Iterator[StageReplay]:
    """Rebuilds stages of a run, and tells of each as soon as it is done.

    Args:
        workspace: The checkout that has its tag, and whose cache has what the user brought.
        run: The run.
        names: The stages, in their order.
        folder: An empty folder to work in.
        show: Shows the stage at work.
        restores: Whether what the cache lacks of outputs that come out the same is put into it.

    Raises:
        LineageError: Where an input is not what the run read, or nowhere to be had; the cache is
            spoilt; or the process that rebuilds is ended from outside.
    """
    there = Folder(workspace, run, folder)
    commands = _commands(run, names, folder)
    with StageProcess(folder) as process:
        for name in names:
            on_rebuilt = there.prepare(name)
            started = perf_counter()
            with show(name) as progress:
                error = process.run(name, *commands[name], progress)
            seconds = perf_counter() - started
            outs = [] if error else there.compare(name)
            is_same = not error and all(out.rebuilt == out.recorded for out in outs)
            yield StageReplay(
                name=name,
                state="failed" if error else "same" if is_same else "differs",
                seconds=seconds,
                outs=outs,
                error=error,
                on_rebuilt=on_rebuilt,
                kept=there.keep(outs) if restores else 0,
            )


def _commands(run: RunRecord, names: Sequence[str], folder: Path) -> dict[str, tuple[str, str]]:
    """Module and key of each stage, from the command that DVC recorded."""
    lock = YAML(typ="safe").load(folder / "dvc.lock")["stages"]
    if missing := [name for name in names if name not in lock]:
        raise LineageError(
            f"{run.tag}: its dvc.lock has no stage {missing[0]!r}, of which the run tells; "
            f"`rsft audit {run.run_id}` tells what else is wrong with the tag"
        )
    commands = {name: split(lock[name]["cmd"]) for name in names}
    return {name: (module, "".join(key)) for name, (_, _, module, *key) in commands.items()}
