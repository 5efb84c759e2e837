"""The Data Docs: a page for each round whose rows were judged."""

from pathlib import Path

from rsft.validate import build_data_docs

DATA_DOCS = Path(".rsft/data_docs")


def render_data_docs(root: Path, home: Path) -> Path:
    """Renders the pages of a workspace's rounds and gives the index page.

    Args:
        root: The workspace whose rounds are shown.
        home: The main checkout, where the pages go: the latest run's, wherever it worked.
    """
    files = (root / "data" / "rounds").glob("*/validation/result.json")
    by_round = {int(file.parts[-3]): file for file in files}
    results = {f"Round {number}": by_round[number] for number in sorted(by_round)}
    return build_data_docs(results, home / DATA_DOCS)
