"""One store for all tests of the registry, since making one takes seconds."""

import json
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from rsft.registry.aliases import Pointer, move_alias
from rsft.registry.records import CHALLENGER, Evaluation, ModelVersion, Provenance, Serving
from rsft.registry.registering import register
from rsft.registry.store import Registry
from rsft.registry.versions import get_version
from rsft.types import SourceFigures

MLFLOW_WARNINGS = (
    "ignore:The ``noload`` loader strategy:sqlalchemy.exc.SADeprecationWarning",
    "ignore:Operation with range is deprecated:DeprecationWarning",
    "ignore:.*Any type hint is inferred as AnyType:UserWarning",
)
"""What MLflow's own code sets off, with the versions of its dependencies that are installed."""

SOURCES = (
    SourceFigures(source="a.jsonl", licence="MIT", rows=30, prompts=20, families=10),
    SourceFigures(source="b (new)", licence="unknown", rows=4, prompts=4, families=2),
    SourceFigures(source="c.jsonl", licence="MIT", rows=5, prompts=1, families=1),
)

Submit = Callable[..., ModelVersion]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            for warning in MLFLOW_WARNINGS:
                item.add_marker(pytest.mark.filterwarnings(warning))


@pytest.fixture(scope="session")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        yield Registry.open(tmp_path_factory.mktemp("main checkout"))


@pytest.fixture
def name(request: pytest.FixtureRequest) -> str:
    """A model of the test's own in the shared store."""
    return re.sub(r"[^\w-]", "-", request.node.name)


@pytest.fixture
def submit(registry: Registry, name: str, tmp_path: Path) -> Submit:
    """Registers a folder that need not be loadable, as the challenger of the given hash."""
    answers = tmp_path / "answers.parquet"
    answers.write_bytes(b"answers")
    policy = tmp_path / "model"
    policy.mkdir()
    (policy / "config.json").write_text(json.dumps({"model_type": "t5"}))

    def submit(
        model_md5: str, *, sources: Sequence[SourceFigures] = SOURCES, **changes: object
    ) -> ModelVersion:
        arguments = {
            "name": name,
            "policy": policy,
            "provenance": Provenance(
                run_id="20260101-demo",
                git_tag="run/20260101-demo",
                git_commit="c0ffee",
                dvc_lock_sha256="10c4",
                dataset_hashes={"data/prompts": "5eed.dir"},
                sources=sources,
                model_md5=model_md5,
                seed=7,
                flow_run_id=None,
            ),
            "params": {"seed": 7, "base": {"model": "scratch", "scratch": {"layers": 2}}},
            "evaluation": Evaluation(
                metrics={0: {"eval/accuracy": 0.4}, 1: {"eval/accuracy": 0.6}},
                answers=answers,
                prompts_md5="a11",
            ),
            "serving": Serving(
                max_new_tokens=16, is_worked=True, answer_marker=None, example="What is 2 and 3?"
            ),
        }
        version = register(registry, **(arguments | changes))
        move_alias(registry, version.name, CHALLENGER, Pointer(version=version.version, mark=None))
        return get_version(registry, version.name, version.version)

    return submit
