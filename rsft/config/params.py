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


def set_values(
    path: Path, assignments: Sequence[str], *, dry_run: bool = False, option: str = "--set"
) -> Config:
    """Writes ``section.key=value`` settings into ``params.yaml``, all or none.

    Args:
        path: The file.
        assignments: Each ``section.key=value``, the value in YAML; ``rounds=N`` writes the chain.
        dry_run: Only check them.
        option: What the command line calls them.

    Returns:
        The checked result.

    Raises:
        ConfigurationError: Where an assignment is malformed or its result does not fit; the file
            is then as it was.
    """
    document = _parse(_read(path), name=str(path), kind="rt")
    for assignment in assignments:
        _assign(document, assignment, option)
    config = _check(Config, document, name=option)
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


def _assign(document: Any, assignment: str, option: str) -> None:
    key, equals, text = assignment.partition("=")
    if not equals or not key:
        raise ConfigurationError(f"{option} {assignment}: write it as section.key=value")
    value = _parse(text, name=f"{option} {assignment}", kind="safe", mapping=False)
    if key == "rounds" and type(value) is int:  # and so not true, which is 1
        if not 1 <= value <= _MOST_ROUNDS:
            raise ConfigurationError(
                f"{option} {assignment}: write a number from 1 to {_MOST_ROUNDS}"
            )
        document["rounds"] = round_chain(value)
        if isinstance(document.get("controls"), dict):
            document["controls"]["rounds"] = [value]
        return
    *sections, leaf = key.split(".")
    place = document
    for depth, section in enumerate(sections, start=1):
        if place.get(section) is None and _model_at(Config, sections[:depth]) is not None:
            place[section] = {}  # one that may be left out, such as finetune.lora
        if not isinstance(place.get(section), dict):
            here = sections[: depth - 1]
            keys = _keys_at(Config, here)
            can_be = [name for name in keys if _model_at(Config, [*here, name]) is not None]
            there = [str(name) for name in place if isinstance(place[name], dict)]
            known = list(dict.fromkeys([*there, *can_be]))
            raise ConfigurationError(
                f"{option} {key}: no section {section!r}; {_which(section, known)}"
            )
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
        _yaml("rt").compose(text)  # the parser in C, which is DVC's too, crashes on deep nesting
        document = _yaml(kind).load(text)
    except YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f":{mark.line + 1}" if mark and mapping else ""
        remedy = "" if mapping else "; put quotes around a text that holds any of :{}[],#"
        raise ConfigurationError(
            f"{name}{line}: not YAML ({getattr(error, 'problem', error)}){remedy}"
        ) from None
    except RecursionError:
        raise ConfigurationError(f"{name}: nested too deeply to be read") from None
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
    place = error["loc"]
    key = ".".join(str(part) for part in place if part != "[key]")
    more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
    if error["type"] == "extra_forbidden":
        which = _which(str(place[-1]), _keys_at(model, place[:-1]))
        return f"unknown key {key!r}; {which}{more}"
    if error["type"] == "missing":
        return f"{key} is missing{more}"
    message = _wanted(model, error["type"], place) or error["msg"].removeprefix("Value error, ")
    shown = "" if isinstance(error["input"], dict | BaseModel) else f" = {_as_yaml(error['input'])}"
    # What the file as a whole is at fault for, its message names.
    said = f"{key}{shown}: " if place else ""
    return f"{said}{message[:1].lower() + message[1:]}{more}"


def _wanted(model: type[BaseModel], kind: str, place: Sequence[int | str]) -> str | None:
    """What would fit, in the words of YAML; null where pydantic's own will do."""
    if kind == "model_type":
        return f"it is a section; its keys are {', '.join(_keys_at(model, place))}"
    if place and place[-1] == "[key]":
        return f'a key must be a text; put quotes around it: "{place[-2]}"'
    return {
        "dict_type": "write a mapping, such as {name: value}",
        "list_type": "write a list, such as [one, another]",
        "bool_type": "write true or false",
    }.get(kind)


def _as_yaml(value: object) -> str:
    """A value as it is written in the file, where Python writes it otherwise."""
    return "null" if value is None else str(value).lower() if type(value) is bool else repr(value)


def _which(name: str, known: Sequence[str]) -> str:
    close = difflib.get_close_matches(name, known, n=1)
    return f"did you mean {close[0]!r}?" if close else f"known: {', '.join(known) or 'none'}"


def _keys_at(model: type[BaseModel], place: Sequence[int | str]) -> list[str]:
    """The keys of the section at an error's place, or of the last one on the way there."""
    sections = (_model_at(model, place[:depth]) for depth in range(len(place), -1, -1))
    found = next(section for section in sections if section is not None)
    return list(_by_key(found))


def _model_at(model: type[BaseModel], place: Sequence[int | str]) -> type[BaseModel] | None:
    """The section at a place; null where no section is."""
    for part in place:
        annotation = _by_key(model).get(str(part))
        arguments = getattr(annotation, "__args__", (annotation,))
        models = [a for a in arguments if isinstance(a, type) and issubclass(a, BaseModel)]
        if not models:
            return None
        model = models[0]
    return model


def _by_key(model: type[BaseModel]) -> dict[str, Any]:
    fields = model.model_fields.items()
    return {field.alias or name: field.annotation for name, field in fields}
