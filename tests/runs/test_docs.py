"""When the Data Docs are rendered again."""

import os
from pathlib import Path

from rsft.runs.docs import DATA_DOCS, are_docs_old


def put(file: Path, at: int) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.touch()
    os.utime(file, (at, at))


def test_they_are_old_where_rows_were_judged_since(tmp_path: Path) -> None:
    """A run that was killed after it judged rows has rendered nothing."""
    tree, index = tmp_path / "tree", tmp_path / DATA_DOCS / "index.html"
    assert not are_docs_old(tree, tmp_path)
    put(tree / "data" / "rounds" / "1" / "validation" / "result.json", at=100)
    assert are_docs_old(tree, tmp_path)
    put(index, at=101)
    assert not are_docs_old(tree, tmp_path)
    put(tree / "data" / "rounds" / "2" / "validation" / "result.json", at=102)
    assert are_docs_old(tree, tmp_path)
