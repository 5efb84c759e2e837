"""YAML is read as DVC reads it."""

from pathlib import Path

import pytest
from ruamel.yaml import YAML

from rsft.lineage import load_yaml

SCALARS = (
    "1e-3", "1.5e3", "-2", "+3", "007", "0o17", "0x1F", "1_000", "1.", ".5", "-.5", "1e400",
    "off", "on", "yes", "No", "true", "False", "null", "~", "", "Null", "1:30", "12:30:45",
    "e10", "1e", "e" * 32, "0" * 32, "12e34", "0.1", "a b", "'1'", ".inf", "-.inf",
)  # fmt: skip
"""What versions of YAML disagree on, and what looks like it."""


@pytest.mark.parametrize("scalar", SCALARS)
def test_a_scalar_is_what_the_slow_reader_takes_it_for(scalar: str) -> None:
    text = f"key: {scalar}\n"
    assert load_yaml(text.encode()) == YAML(typ="safe").load(text)
    assert repr(load_yaml(text.encode())) == repr(dict(YAML(typ="safe").load(text)))


def test_the_settings_are_read_alike() -> None:
    file = Path(__file__).parents[2] / "params.yaml"
    assert load_yaml(file.read_bytes()) == YAML(typ="safe").load(file)


@pytest.mark.parametrize("text", ["a: [", "a: !!python/object:os.system {}", "a: b: c"])
def test_what_is_no_plain_yaml_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match="line"):
        load_yaml(text.encode())
