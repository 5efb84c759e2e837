"""Reading and writing ``params.yaml``: the only source of settings.

An unknown key, a wrong type or a value out of range is an error that names the key, the value and
the remedy. ``set_values`` is what ``rsft run --set section.key=value`` does: it writes into the
file, comments kept, after the result was checked.
"""

import difflib
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from rsft.config.config import Config, round_chain
from rsft.config.places import PARAMS
from rsft.config.policy import POLICY, Policy
from rsft.errors import ConfigurationError

Checked = TypeVar("Checked", bound=BaseModel)

_MOST_ROUNDS = 1000
"""A slip such as another zero must not fill the memory with stages."""


def load_config(path: Path = PARAMS) -> Config:
    """Reads and checks ``params.yaml``.

    Raises:
        ConfigurationError: Where the file is missing, is no YAML mapping, or holds an unknown key
            or a value that does not fit. The message names the first such key.
    """
    return parse_config(_read(path), name=str(path))


def parse_config(text: str, *, name: str) -> Config:
    """Checks the text of a ``params.yaml``; ``name`` is what messages call it."""
    return _check(Config, _parse(text, name=name, kind="safe"), name=name)


def load_policy(path: Path = POLICY) -> Policy:
    """Reads and checks ``mlflow/policy.yaml``.

    Raises:
        ConfigurationError: As ``load_config``.
    """
    return parse_policy(_read(path), name=str(path))


def parse_policy(text: str, *, name: str) -> Policy:
    """Checks the text of a ``policy.yaml``; ``name`` is what messages call it.

    Raises:
        ConfigurationError: As ``load_config``.
    """
    return _check(Policy, _parse(text, name=name, kind="safe"), name=name)


def set_values(path: Path, assignments: Sequence[str], *, dry_run: bool = False) -> Config:
    """Writes ``section.key=value`` settings into ``params.yaml``, all or none.

    Args:
        path: The file.
        assignments: Each ``section.key=value``, the value in YAML; ``rounds=N`` writes the chain.
        dry_run: Only check them.

    Returns:
        The checked result.

    Raises:
        ConfigurationError: Where an assignment is malformed or its result does not fit; the file
            is then as it was.
    """
    document = _parse(_read(path), name=str(path), kind="rt")
    for assignment in assignments:
        _assign(document, assignment)
    config = _check(Config, document, name="--set")
    if dry_run:
        return config
    buffer = io.StringIO()
    _yaml("rt").dump(document, buffer)
    temporary = path.with_suffix(".tmp")
    temporary.write_text(buffer.getvalue(), encoding="utf-8")
    temporary.replace(path)
    return config


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ConfigurationError(
            f"{path}: not UTF-8 at byte {error.start}; save it as UTF-8"
        ) from None
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be read ({error.strerror})") from None


def _assign(document: Any, assignment: str) -> None:
    key, equals, text = assignment.partition("=")
    if not equals or not key:
        raise ConfigurationError(f"--set {assignment}: write it as section.key=value")
    value = _parse(text, name=f"--set {assignment}", kind="safe", mapping=False)
    if key == "rounds" and type(value) is int:  # and so not true, which is 1
        if not 1 <= value <= _MOST_ROUNDS:
            raise ConfigurationError(f"--set {assignment}: write a number from 1 to {_MOST_ROUNDS}")
        document["rounds"] = round_chain(value)
        if isinstance(document.get("controls"), dict):
            document["controls"]["rounds"] = [value]
        return
    *sections, leaf = key.split(".")
    place = document
    for section in sections:
        if not isinstance(place, dict) or not isinstance(place.get(section), dict):
            known = ", ".join(map(str, place)) if isinstance(place, dict) else "none"
            raise ConfigurationError(f"--set {key}: no section {section!r}; there are: {known}")
        place = place[section]
    place[leaf] = value


def _yaml(kind: str) -> YAML:
    yaml = YAML(typ=kind)
    yaml.width = 100
    yaml.preserve_quotes = True
    if kind == "rt":
        yaml.representer.add_representer(type(None), _represent_null)
    return yaml


def _represent_null(representer: Any, value: None) -> Any:
    """``null`` as people write it; ruamel.yaml would leave the place empty."""
    return representer.represent_scalar("tag:yaml.org,2002:null", "null")


def _parse(text: str, *, name: str, kind: str, mapping: bool = True) -> Any:
    try:
        document = _yaml(kind).load(text)
    except YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f":{mark.line + 1}" if mark else ""
        raise ConfigurationError(
            f"{name}{line}: not YAML ({getattr(error, 'problem', error)})"
        ) from None
    if mapping and not isinstance(document, dict):
        raise ConfigurationError(f"{name}: must be a mapping of sections, as in the README")
    return document


def _check(model: type[Checked], document: Any, *, name: str) -> Checked:
    try:
        return model.model_validate(document)
    except ValidationError as failure:
        raise ConfigurationError(f"{name}: {_explain(model, failure)}") from None


def _explain(model: type[BaseModel], failure: ValidationError) -> str:
    """One line for the first problem: the key, the value, and what would fit."""
    errors = failure.errors(include_url=False)
    unknown = [error for error in errors if error["type"] == "extra_forbidden"]
    error = (unknown or errors)[0]
    key = ".".join(map(str, error["loc"])) or "the file"
    more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
    if error["type"] == "extra_forbidden":
        known = _keys_at(model, error["loc"][:-1])
        close = difflib.get_close_matches(str(error["loc"][-1]), known, n=1)
        hint = f"did you mean {close[0]!r}?" if close else f"known: {', '.join(known)}"
        return f"unknown key {key!r}; {hint}{more}"
    if error["type"] == "missing":
        return f"{key} is missing{more}"
    message = error["msg"].removeprefix("Value error, ")
    shown = "" if isinstance(error["input"], dict | BaseModel) else f" = {error['input']!r}"
    return f"{key}{shown}: {message[:1].lower() + message[1:]}{more}"


def _keys_at(model: type[BaseModel], location: Sequence[int | str]) -> list[str]:
    """The keys a section knows, found by walking the models along an error's location."""
    for part in location:
        by_alias = {field.alias or name: field for name, field in model.model_fields.items()}
        annotation = by_alias[str(part)].annotation if str(part) in by_alias else None
        arguments = getattr(annotation, "__args__", (annotation,))
        models = [a for a in arguments if isinstance(a, type) and issubclass(a, BaseModel)]
        if models:
            model = models[0]
    return [field.alias or name for name, field in model.model_fields.items()]
