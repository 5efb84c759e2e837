"""One store for all tests of what goes into the registry."""

from pathlib import Path

import pytest

from tests.registry.conftest import MLFLOW_WARNINGS
from tests.registry.conftest import name as name
from tests.registry.conftest import registry as registry


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent) and "registry" in item.fixturenames:
            for warning in MLFLOW_WARNINGS:
                item.add_marker(pytest.mark.filterwarnings(warning))
