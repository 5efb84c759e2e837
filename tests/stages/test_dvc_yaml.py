"""dvc.yaml says what each stage really depends on, and runs what the flow runs."""

import ast
import shlex
from functools import cache
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from rsft.config import Config

ROOT = Path(__file__).parents[2]
STAGES = YAML(typ="safe").load((ROOT / "dvc.yaml").read_text())["stages"]


def body(stage: str) -> dict:
    return STAGES[stage].get("do", STAGES[stage])


def module(stage: str) -> str:
    return shlex.split(body(stage)["cmd"])[2]


def file_of(name: str) -> Path | None:
    """The file of a first-party module, or None for what is no module."""
    path = ROOT.joinpath(*name.split("."))
    candidates = (path / "__init__.py", path.with_suffix(".py"))
    return next((file for file in candidates if file.exists()), None)


@cache
def imported(name: str) -> frozenset[str]:
    """First-party modules that a module imports, at any depth of its code, parents included."""
    file = file_of(name)
    assert file is not None
    names = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: relative imports would go unseen here"
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    first_party = {n for n in names if n.split(".")[0] in {"rsft", "flows"}}
    with_parents = {
        ".".join(n.split(".")[: i + 1]) for n in first_party for i in range(n.count(".") + 1)
    }
    return frozenset(n for n in with_parents if file_of(n) is not None)


def transitive_imports(name: str) -> set[Path]:
    parents = {".".join(name.split(".")[: i + 1]) for i in range(name.count(".") + 1)}
    found: set[str] = set()
    queue = set(parents)
    while queue:
        current = queue.pop()
        found.add(current)
        queue |= imported(current) - found
    return {file.relative_to(ROOT) for n in found if (file := file_of(n)) is not None}


def covered(file: Path, deps: list[str]) -> bool:
    return any(file == Path(dep) or Path(dep) in file.parents for dep in deps)


@pytest.mark.parametrize("stage", STAGES)
def test_dependencies_hold_all_first_party_code_that_a_stage_imports(stage: str) -> None:
    deps = body(stage)["deps"]
    missing = [f for f in transitive_imports(module(stage)) if not covered(f, deps)]
    assert not missing, f"add to the deps of {stage} in dvc.yaml: {sorted(map(str, missing))}"


@pytest.mark.parametrize("stage", STAGES)
def test_no_dependency_on_code_that_a_stage_does_not_import(stage: str) -> None:
    used = transitive_imports(module(stage))
    code = [dep for dep in body(stage)["deps"] if dep.startswith("rsft")]
    idle = [dep for dep in code if not any(covered(file, [dep]) for file in used)]
    assert not idle, f"remove from the deps of {stage} in dvc.yaml: {idle}"


@pytest.mark.parametrize("stage", STAGES)
def test_versions_and_threads_are_dependencies(stage: str) -> None:
    assert "constraints.txt" in body(stage)["deps"]
    uses_torch = Path("rsft/policy/loading.py") in transitive_imports(module(stage))
    assert ("runtime" in body(stage)["params"]) == uses_torch


def test_the_check_sees_an_import_inside_a_function() -> None:
    assert Path("rsft/policy/loading.py") in transitive_imports("rsft.stages.generate")
    assert Path("rsft/randomness.py") in transitive_imports("rsft.stages.pool")
    assert Path("rsft/policy/loading.py") not in transitive_imports("rsft.stages.pool")


def test_every_setting_that_a_stage_names_must_be_given() -> None:
    """DVC does not know defaults: it would refuse a file that leaves one out, in the middle."""
    named = {name for stage in STAGES for name in body(stage)["params"] if "." in name}
    assert named
    for name in named:
        section, field = name.split(".")
        model = Config.model_fields[section].annotation
        assert model is not None
        assert model.model_fields[field].is_required(), f"{name} has a default in rsft/config.py"
