"""How two files differ, in one line."""

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from safetensors.torch import save_file

from rsft.runs.replay.differences import difference


def told(folder: Path, suffix: str) -> str:
    """As a cache has it: the recorded file has no name that says what it is."""
    return difference(suffix, folder / "recorded", folder / "rebuilt")


def tables(folder: Path, recorded: dict, rebuilt: dict, **how: str) -> str:
    pq.write_table(pa.table(recorded), folder / "recorded")
    pq.write_table(pa.table(rebuilt), folder / "rebuilt", **how)
    return told(folder, ".parquet")


ROWS = {"prompt_id": ["p", "q", "r"], "draw": [0, 0, 1], "reward": [1.0, float("nan"), None]}


def test_rows_are_named_by_place_and_id_and_columns_by_name(tmp_path: Path) -> None:
    other = ROWS | {"reward": [1.0, 0.5, None], "draw": [0, 0, 2]}
    assert tables(tmp_path, ROWS, other) == (
        "2 of 3 rows differ in draw, reward: row 1 (prompt_id q, draw 0), "
        "row 2 (prompt_id r, draw 1)"
    )


def test_a_nan_is_a_nan(tmp_path: Path) -> None:
    other = ROWS | {"draw": [0, 0, 2]}
    assert tables(tmp_path, ROWS, other).startswith("1 of 3 rows differ in draw: row 2 ")


def test_only_the_first_rows_are_named(tmp_path: Path) -> None:
    numbers = {"x": list(range(10))}
    other = {"x": [-1] * 10}
    assert tables(tmp_path, numbers, other) == (
        "10 of 10 rows differ in x: row 0, row 1, row 2, and 7 more"
    )


def test_rows_that_are_more_or_fewer(tmp_path: Path) -> None:
    fewer = {name: values[:2] for name, values in ROWS.items()}
    assert tables(tmp_path, ROWS, fewer) == "2 rows instead of 3"
    both = fewer | {"draw": [0, 5]}
    assert tables(tmp_path, ROWS, both) == (
        "2 rows instead of 3; 1 of 2 rows differ in draw: row 1 (prompt_id q, draw 0)"
    )


def test_nested_columns_are_compared(tmp_path: Path) -> None:
    kind = pa.map_(pa.string(), pa.float64())
    one = {"parts": pa.array([[("a", 1.0)], [("b", 2.0)]], kind)}
    two = {"parts": pa.array([[("a", 1.0)], [("b", 3.0)]], kind)}
    assert tables(tmp_path, one, two) == "1 of 2 rows differ in parts: row 1"


def test_the_same_rows_in_other_bytes(tmp_path: Path) -> None:
    same = {"x": [1, 2]}
    assert tables(tmp_path, same, same, compression="none") == (
        "the same rows, written in another way"
    )


def test_other_columns(tmp_path: Path) -> None:
    assert tables(tmp_path, {"x": [1]}, {"y": [1]}) == "columns y instead of x"


def test_weights_by_tensor(tmp_path: Path) -> None:
    weights = {"a": torch.ones(3), "b": torch.zeros(2, dtype=torch.bfloat16)}
    save_file(weights, tmp_path / "recorded")
    save_file(weights | {"a": torch.tensor([1.0, 1.25, 0.5])}, tmp_path / "rebuilt")
    assert told(tmp_path, ".safetensors") == "1 of 2 tensors differ, by at most 0.5"
    save_file({"a": torch.ones(4), "b": weights["b"]}, tmp_path / "rebuilt")
    assert told(tmp_path, ".safetensors") == "tensors of another shape: a"
    save_file({"a": weights["a"], "c": weights["b"]}, tmp_path / "rebuilt")
    assert told(tmp_path, ".safetensors") == "other tensors: b, c"


def test_documents_by_key(tmp_path: Path) -> None:
    before = {"sets": {"eval": {"accuracy": 0.5, "n": 4}}, "gone": None, "same": [1, 2]}
    after = {"sets": {"eval": {"accuracy": 0.75, "n": 4}}, "same": [1, 3], "new": "x" * 99}
    (tmp_path / "recorded").write_text(json.dumps(before))
    (tmp_path / "rebuilt").write_text(json.dumps(after))
    assert told(tmp_path, ".json") == (
        f'gone null → nothing, new nothing → "{"x" * 39}…, same.1 2 → 3, and 1 more'
    )
    (tmp_path / "rebuilt").write_text(json.dumps(before, indent=2))
    assert told(tmp_path, ".json") == "the same content, written in another way"


@pytest.mark.parametrize("suffix", ["", ".parquet", ".safetensors", ".json"])
def test_of_anything_else_the_first_byte_is_told(tmp_path: Path, suffix: str) -> None:
    (tmp_path / "recorded").write_bytes(b"one two")
    (tmp_path / "rebuilt").write_bytes(b"one Two three")
    assert told(tmp_path, suffix) == "13 bytes instead of 7, the first that differs at 4"


@pytest.mark.parametrize("cut", [0, 5, 1 << 20, (1 << 20) + 1])
def test_a_file_that_was_cut_differs_at_its_end(tmp_path: Path, cut: int) -> None:
    whole = np.random.default_rng(0).bytes((1 << 20) + 7)
    (tmp_path / "recorded").write_bytes(whole)
    (tmp_path / "rebuilt").write_bytes(whole[:cut])
    assert told(tmp_path, "").endswith(f"the first that differs at {cut:,}")
