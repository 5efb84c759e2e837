"""``rsft replay``: a run again from its tag, compared with what it recorded."""

import errno
import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from rsft.cli.app import app, workspace_and_config
from rsft.report.sheet import plain_console


@app.command()
def replay(
    subject: Annotated[
        str,
        typer.Argument(
            metavar="X", help="A version, alias, run or data set, such as rsft@champion."
        ),
    ],
    stages: Annotated[
        list[str] | None,
        typer.Option(
            "--stage", metavar="NAME", help="Rebuild this stage alone, from recorded inputs."
        ),
    ] = None,
    keep: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Rebuild in this new folder, and leave it there."),
    ] = None,
    restore: Annotated[
        bool,
        typer.Option(
            "--restore", help="Put into the cache what it lacks of outputs that come out the same."
        ),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document last.")] = False,
) -> None:
    """Rebuild a run from its tag, and compare hashes stage by stage; exit 1 where one differs."""
    from rsft.report.display import ConsoleDisplay
    from rsft.report.replay import environment_lines, stage_lines, verdict_line
    from rsft.runs.replay import Replay, chosen_stages, environment_changes, replay_run
    from rsft.runs.subjects import find_subject

    place = keep.absolute() if keep else None  # before the current folder is another
    workspace, config = workspace_and_config()
    found = find_subject(workspace, subject, config.register_.name)
    run = found.run
    names = chosen_stages(run, stages or [], found.dataset)
    console = plain_console(stderr=as_json, soft_wrap=True)
    display = ConsoleDisplay(console)
    environment = environment_changes(run)
    with _folder(place) as folder:
        console.print(f"[bold]{escape(run.tag)}[/] ({run.commit}) in {escape(str(folder))}")
        for line in environment_lines([asdict(change) for change in environment]):
            console.print(line)
        rebuilt = []
        for stage in replay_run(workspace, run, names, folder, display.stage, restores=restore):
            rebuilt.append(stage)
            display.done(stage.name, stage.state, stage.seconds)
            for line in stage_lines(asdict(stage)):
                console.print(line)
    done = Replay(run_id=run.run_id, commit=run.commit, environment=environment, stages=rebuilt)
    console.print(verdict_line(done.as_dict()))
    if as_json:
        print(json.dumps(done.as_dict(), indent=2))
    if not done.is_same:
        raise typer.Exit(1)


@contextmanager
def _folder(keep: Path | None) -> Iterator[Path]:
    """Where the run is rebuilt: a folder that stays, or one that does not."""
    from rsft.errors import ConfigurationError, WorkspaceError

    with tempfile.TemporaryDirectory(prefix="rsft-replay-") as temporary:
        folder = keep or Path(temporary)
        if keep and keep.exists():
            raise ConfigurationError(f"--keep {keep} is there already; name a folder that is new")
        folder.mkdir(parents=True, exist_ok=True)
        try:
            yield folder
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
            raise WorkspaceError(
                f"no room left for a replay in {folder}; --keep, or TMPDIR, names another place"
            ) from None
