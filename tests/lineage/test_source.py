from pathlib import Path

import pytest

from rsft.lineage import Workspace, source_of
from tests.workspaces import git, make_repository


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    (tmp_path / "notes").write_text("1\n")
    make_repository(tmp_path)
    return Workspace(root=tmp_path, home=tmp_path)


def test_without_a_remote_it_is_the_folder(workspace: Workspace) -> None:
    found = source_of(workspace, "run/r1")
    assert found.url == workspace.home.as_uri()
    assert found.commit == git(workspace.root, "rev-parse", "main")


def test_a_run_that_is_tagged_is_found_by_its_tag(workspace: Workspace) -> None:
    git(workspace.root, "tag", "--annotate", "run/r1", "--message=Run")
    tagged = git(workspace.root, "rev-parse", "main")
    git(workspace.root, "commit", "--quiet", "--allow-empty", "--message=Since")
    assert source_of(workspace, "run/r1").commit == tagged
    assert source_of(workspace, "run/r2").commit == git(workspace.root, "rev-parse", "main")


@pytest.mark.parametrize(
    ("told", "shown"),
    [
        ("https://ann:t0ken@example.org/a/b.git", "https://example.org/a/b.git"),
        ("https://t0ken@example.org:8443/b.git?key=t0ken", "https://example.org:8443/b.git"),
        ("ssh://git@example.org/b.git", "ssh://example.org/b.git"),
        ("git@example.org:a/b.git", "git@example.org:a/b.git"),
        ("../elsewhere", "../elsewhere"),
    ],
)
def test_a_remote_s_address_holds_no_password(workspace: Workspace, told: str, shown: str) -> None:
    git(workspace.root, "remote", "add", "origin", told)
    assert source_of(workspace, "run/r1").url == shown
