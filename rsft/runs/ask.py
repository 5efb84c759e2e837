"""Answering one question with a registered model."""

from dataclasses import dataclass
from pathlib import Path

from rsft.config import Config
from rsft.errors import ConfigurationError
from rsft.prompts.slots import format_number, number_slots
from rsft.prompts.worked import work_out
from rsft.registry import CHAMPION, Registry, fetch, find_version


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
        ConfigurationError: Where the question is empty.
        RegistryError: Where there is no such model.
    """
    if not question.strip():
        raise ConfigurationError("the question is empty; write one in quotes after `rsft ask`")
    registry = Registry.open(home, config.register_.tracking_uri)
    version = find_version(registry, model or f"{config.register_.name}@{CHAMPION}")
    # Seconds to import: who names a model that is not there is told so at once.
    from rsft.policy import answer, load_policy, use_machine

    use_machine(config.runtime)
    policy = load_policy(fetch(registry, version))
    (completion,) = answer(policy, [question], max_new_tokens=config.evaluate.max_new_tokens)
    try:
        steps = work_out(completion, number_slots(question)[1])
    except ValueError:
        return Answered(completion=completion, steps=[], outcome=None)
    outcome = format_number(steps[-1].result)
    return Answered(completion=completion, steps=[str(step) for step in steps], outcome=outcome)
