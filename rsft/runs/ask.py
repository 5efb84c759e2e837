"""Answering one question with a registered model."""

from dataclasses import dataclass
from pathlib import Path

from rsft.config import Config
from rsft.errors import RegistryError
from rsft.policy import answer, load_policy, use_threads
from rsft.prompts.slots import format_number, number_slots
from rsft.prompts.worked import work_out
from rsft.registry import CHAMPION, ModelVersion, Registry, fetch, get_version


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """What a model said to a question."""

    completion: str
    """The completion as it was written."""
    steps: list[str]
    """The worked steps with their numbers; empty where the completion is no worked solution."""
    outcome: str | None
    """The result of the last step; null where there is none."""


def ask_model(config: Config, home: Path, question: str, model: str | None) -> Answered:
    """Answers a question greedily.

    Args:
        config: The settings, for the registry and the cap on tokens.
        home: The main checkout.
        question: Plain text.
        model: ``NAME@ALIAS`` or ``NAME/VERSION``; null for the champion.

    Raises:
        RegistryError: Where there is no such model.
    """
    use_threads(config.runtime.threads)
    registry = Registry.open(home, config.register_.tracking_uri)
    version = find_version(registry, model or f"{config.register_.name}@{CHAMPION}")
    policy = load_policy(fetch(registry, version))
    (completion,) = answer(
        policy, [question], max_new_tokens=config.evaluate.max_new_tokens, batch_prompts=1
    )
    try:
        steps = work_out(completion, number_slots(question)[1])
    except ValueError:
        return Answered(completion=completion, steps=[], outcome=None)
    outcome = format_number(steps[-1].result)
    return Answered(completion=completion, steps=[str(step) for step in steps], outcome=outcome)


def find_version(registry: Registry, model: str) -> ModelVersion:
    """The version that ``NAME@ALIAS`` or ``NAME/VERSION`` names.

    Raises:
        RegistryError: Where it names none.
    """
    for separator in ("@", "/"):
        name, found, version = model.partition(separator)
        if found and name and version:
            return get_version(registry, name, version)
    raise RegistryError(f"{model!r} names no version; write NAME@ALIAS or NAME/VERSION")
