"""What tags say that no run says: they are fetched from others, who may have written anything."""

from collections.abc import Iterator
from contextlib import contextmanager

from rsft.audit.findings import Findings
from rsft.lineage import Workspace, spoilt_runs

_MANIFEST = "a manifest as `rsft run` writes it"
_FETCH = (
    "the tag is not what `rsft run` wrote; `git fetch --tags --force` from a sound copy brings it "
    "back"
)


def check_spoilt(workspace: Workspace, findings: Findings) -> None:
    """Tags of runs whose manifest is none."""
    for tag in spoilt_runs(workspace):
        found = "what is none"
        findings.add("lock", tag, expected=_MANIFEST, found=found, remedy=_FETCH)


@contextmanager
def surviving(tag: str, findings: Findings) -> Iterator[None]:
    """Goes on after what a tag says that no run says."""
    try:
        yield
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        findings.add("lock", tag, expected=_MANIFEST, found=repr(error), remedy=_FETCH)
