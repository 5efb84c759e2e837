"""What must hold of a challenger's run besides its figures."""

from collections.abc import Callable, Iterator, Sequence

from rsft.lineage import RunRecord
from rsft.promotion.verdict import Check

Audit = Callable[[RunRecord], Sequence[str]]
"""What differs from the record of a run, a line each; nothing where all of it is proven."""

_MOST_TOLD = 3


def check_run(run: RunRecord, audit: Audit) -> Iterator[Check]:
    """Whether a run may be promoted from: proven, unmarked, expected, and not collapsed.

    Args:
        run: The run.
        audit: Proves it.
    """
    yield _none("audit", audit(run), "every hash, edge and setting is what the record says")
    changed = [f"{path} changed while it ran" for path in run.manifest["changed"]]
    yield _none("unchanged", changed, "code, settings and inputs stayed as they were")
    expectations = run.manifest["expectations"]
    failed = [
        f"round {number}: {', '.join(found['failed']) or 'failed'}"
        for number, found in expectations.items()
        if not found["success"]
    ]
    count = sum(found["evaluated"] for found in expectations.values())
    failed += [] if count else ["none was judged"]
    yield _none("expectations", failed, f"{count} met, in {len(expectations)} rounds")
    monitors = run.manifest["monitors"].items()
    tripped = [f"round {n}: {line}" for n, found in monitors for line in found["tripped"]]
    yield _none("monitors", tripped, "quiet in every round")


def _none(name: str, found: Sequence[str], told: str) -> Check:
    """A check that passes where nothing is found."""
    more = f", and {len(found) - _MOST_TOLD} more" if len(found) > _MOST_TOLD else ""
    lines = "; ".join(found[:_MOST_TOLD]) + more
    return Check(name=name, passed=not found, told=lines or told)
