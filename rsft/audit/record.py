"""Whether the record of models is whole: no entry missing, each of a run that has its tag."""

from collections.abc import Mapping, Sequence

from rsft.audit.case import model_hash
from rsft.audit.findings import Findings
from rsft.lineage import Entry, RunRecord, numbered_entries

_FETCH = "`git fetch --tags` brings it back from a copy of the repository"


def check_numbers(record: Sequence[Entry], findings: Findings) -> None:
    """Whether what is numbered from 1 has no gap: a tag that was deleted leaves one."""
    for stem, found in numbered_entries(record).items():
        for number in range(1, max(found) + 1):
            findings.compare(
                "record",
                f"tag {stem}{number}, before {stem}{max(found)}",
                expected="there",
                found="there" if number in found else None,
                remedy=f"it was deleted; {_FETCH}",
            )


def check_entries(
    entries: Sequence[Entry],
    record: Sequence[Entry],
    runs: Mapping[str, RunRecord],
    findings: Findings,
) -> None:
    """Whether each entry is of a registered version, and each version of a run and its model.

    Args:
        entries: Those that are checked.
        record: All entries: a version may be judged by a later run than it is registered by.
        runs: All runs by their id.
        findings: Where it is told.
    """
    registered = {(e.name, e.version): e for e in record if e.kind == "registered"}
    for entry in entries:
        first = registered.get((entry.name, entry.version))
        findings.compare(
            "record",
            f"tag {entry.tag}: version {entry.version} of {entry.name}",
            expected="registered",
            found="registered" if first else None,
            remedy=f"the tag {entry.name}@v{entry.version}.0.0 was deleted; {_FETCH}",
        )
        if entry.kind == "registered":
            _check_registration(entry, runs.get(str(entry.details.get("run_id"))), findings)


def _check_registration(entry: Entry, run: RunRecord | None, findings: Findings) -> None:
    what = f"tag {entry.tag}"
    if run is None:
        findings.compare(
            "record",
            what,
            expected=f"the run's tag run/{entry.details.get('run_id')}",
            found=None,
            remedy=f"it was deleted; {_FETCH}",
        )
        return
    for name, expected, found in (
        ("commit", run.commit, entry.commit),
        ("model", model_hash(run), entry.details.get("model_hash")),
    ):
        findings.compare(
            "record",
            f"{what}: {name} of {run.tag}",
            expected=expected,
            found=found,
            remedy="one of the two tags was moved; compare them with a copy of the repository",
        )
