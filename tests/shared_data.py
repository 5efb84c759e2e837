"""Public data sets that lie beside a checkout, and are not committed to it."""

import json
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).parents[2] / "shared" / "data"


def shared(name: str) -> Path:
    """A file of the shared data; the test is skipped where it is absent."""
    file = FOLDER / name
    if not file.exists():
        pytest.skip(f"../shared/data/{name} is not there")
    return file


def shared_rows(name: str) -> list[dict[str, Any]]:
    """The rows of a JSON Lines file."""
    return [json.loads(line) for line in shared(name).read_text(encoding="utf-8").splitlines()]
