"""Whether tables have the rows that runs say they have."""

from collections.abc import Mapping

from rsft.audit.case import Case
from rsft.audit.findings import Findings
from rsft.errors import LedgerError, LineageError
from rsft.ledger import count_rows
from rsft.lineage import Cache

_TABLE = ".parquet"


def check_rows(case: Case, cache: Cache, findings: Findings) -> None:
    """Counts the rows of each table for which the manifest tells a number."""
    claimed: Mapping[str, int] = case.run.manifest.get("rows", {})
    for path, rows in claimed.items():
        counted = count(case, cache, path)
        if counted is not None:
            findings.compare(
                "rows",
                f"{case.run.tag}: rows of {path}",
                expected=rows,
                found=counted,
                remedy="the manifest was edited, or names another table; `rsft replay` shows which",
            )


def count(case: Case, cache: Cache, path: str) -> int | None:
    """Rows of a table among a run's outputs; null where it is not whole in the cache."""
    maker = case.maker(path)
    if maker is None:
        return 0
    try:
        inside = path.removeprefix(maker).removeprefix("/")
        files = [
            md5
            for name, md5 in case.datasets.files(case.outs[maker]).items()
            if name == inside or _is_part(name, f"{inside}/" if inside else "")
        ]
        return sum(count_rows(cache.object(md5)) for md5 in files)
    except (LineageError, LedgerError):
        return None  # that it is lost or damaged is a finding of the objects


def _is_part(name: str, folder: str) -> bool:
    """Whether a file is a part of the table that a folder is."""
    return (
        name.startswith(folder) and name.endswith(_TABLE) and "/" not in name.removeprefix(folder)
    )
