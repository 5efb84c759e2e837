"""The Data Docs: a page for each round whose rows were judged."""

from collections.abc import Iterator
from pathlib import Path

from rsft.validate import build_data_docs

DATA_DOCS = Path(".rsft/data_docs")


def are_docs_old(root: Path, home: Path) -> bool:
    """Whether rows were judged since the pages were rendered: by this run, or by one that died."""
    index = home / DATA_DOCS / "index.html"
    judged = max((file.stat().st_mtime for file in _results(root)), default=None)
    if judged is None:
        return False
    return not index.exists() or index.stat().st_mtime < judged


def render_data_docs(root: Path, home: Path) -> Path:
    """Renders the pages of a workspace's rounds and gives the index page.

    Args:
        root: The workspace whose rounds are shown.
        home: The main checkout, where the pages go: the latest run's, wherever it worked.
    """
    by_round = {int(file.parts[-3]): file for file in _results(root)}
    results = {f"Round {number}": by_round[number] for number in sorted(by_round)}
    return build_data_docs(results, home / DATA_DOCS)


def _results(root: Path) -> Iterator[Path]:
    return (root / "data" / "rounds").glob("*/validation/result.json")
