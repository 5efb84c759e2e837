"""Asking a registered model: one question, or a conversation."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rsft.config import Config
from rsft.prompts.reading import read_answer
from rsft.registry import (
    CHAMPION,
    Registry,
    fetch_model,
    find_version,
    policy_in,
    serving_in,
)
from rsft.types import Turn

if TYPE_CHECKING:
    from rsft.policy import Policy


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What a model said."""

    model: str
    """The version that said it: ``NAME/VERSION``."""
    completion: str
    """The completion as it was written."""
    steps: Sequence[str]
    """The worked steps with their numbers; empty where the completion is no worked solution."""
    answer: str | None
    """The answer in it; null where there is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Respondent:
    """A registered model, loaded to be asked."""

    name: str
    """``NAME/VERSION``."""
    policy: "Policy"
    """The model itself."""
    serving: Mapping[str, Any]
    """How it answers, as it does where MLflow serves it: ``rsft.registry.Serving`` by field."""

    @property
    def takes_turns(self) -> bool:
        """Whether it is shown what was said before."""
        rendering = self.policy.rendering
        return rendering.chat and not rendering.number_slots

    def fits(self, question: str, context: Sequence[Turn]) -> bool:
        """Whether the model can read a question with the turns before it."""
        from rsft.policy import encode_prompts

        (ids,) = encode_prompts(self.policy, [question], [tuple(context)])
        return len(ids) <= self.policy.prompt_limit(self.serving["max_new_tokens"])

    def reply(self, question: str, context: Sequence[Turn] = ()) -> Reply:
        """Answers greedily.

        Args:
            question: Plain text.
            context: The turns before it.

        Raises:
            PromptsError: Where the question cannot be read.
        """
        from rsft.policy import answer

        serving = self.serving
        (completion,) = answer(
            self.policy, [question], serving["max_new_tokens"], contexts=[tuple(context)]
        )
        read = read_answer(
            question,
            completion,
            is_worked=serving["is_worked"],
            answer_marker=serving["answer_marker"],
        )
        return Reply(model=self.name, completion=completion, steps=read.steps, answer=read.answer)


def load_respondent(config: Config, home: Path, model: str | None) -> Respondent:
    """Loads a registered model.

    Args:
        config: The settings, for the registry and the machine.
        home: The main checkout.
        model: ``NAME@ALIAS`` or ``NAME/VERSION``, without NAME that of the settings; null for the
            champion.

    Raises:
        RegistryError: Where there is no such model.
    """
    own, named = config.register_.name, model or f"@{CHAMPION}"
    registry = Registry.open(home, config.register_.tracking_uri)
    version = find_version(registry, f"{own}{named}" if named[0] in "@/" else named)
    folder = fetch_model(registry, version)
    # Seconds to import: who names a model that is not there is told so at once.
    from rsft.policy import load_policy, use_machine

    device = use_machine(config.runtime)
    policy = load_policy(policy_in(folder), device=device)
    name = f"{version.name}/{version.version}"
    return Respondent(name=name, policy=policy, serving=serving_in(folder))


class Conversation:
    """A dialogue with a model; one that takes no turns is asked each question alone."""

    def __init__(self, respondent: Respondent) -> None:
        self._respondent = respondent
        self.turns: tuple[Turn, ...] = ()
        """What was said and still is shown to the model."""

    def say(self, text: str) -> Reply:
        """Says something, and gives what the model says to it.

        The oldest turns are forgotten where the model cannot read them all.

        Raises:
            PromptsError: Where the text cannot be read; it counts as not said.
        """
        kept = self.turns
        while kept and not self._respondent.fits(text, kept):
            kept = kept[2:]
        reply = self._respondent.reply(text, kept)
        if self._respondent.takes_turns:
            said = Turn(role="user", content=text), Turn(role="assistant", content=reply.completion)
            self.turns = (*kept, *said)
        return reply
