"""A repository with the tags of a few runs, made by hand."""

from pathlib import Path

from rsft.lineage import RunRecord, Workspace, read_run, tag_run
from tests.workspaces import make_repository


def make_runs(folder: Path, *names: str) -> tuple[Workspace, list[RunRecord]]:
    """A workspace of no stages, and the records of runs in it, which have next to no manifest."""
    (folder / "params.yaml").write_text("seed: 1\n")
    (folder / ".gitignore").write_text(".rsft\n")
    make_repository(folder, "ann")
    (folder / "dvc.lock").write_text("stages: {}\n")
    workspace = Workspace(root=folder, home=folder)
    tags = [tag_run(workspace, name, {"run_id": name, "stages": {}}).tag for name in names]
    return workspace, [read_run(workspace, tag) for tag in tags]
