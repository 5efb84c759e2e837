"""Great Expectations is imported once, where what its import warns of can be named."""

import warnings

import pytest

from rsft.validate.engine import load_great_expectations


@pytest.fixture(scope="session", autouse=True)
def great_expectations_imported() -> None:
    """Imports it; its 1.24 still uses two modules that Python has deprecated."""
    with warnings.catch_warnings():
        warnings.filterwarnings(
            "ignore",
            message="module 'sre_(constants|parse)' is deprecated",
            category=DeprecationWarning,
        )
        load_great_expectations()
