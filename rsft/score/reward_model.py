"""A reward model: the logit of a sequence-classification model that reads the whole dialogue.

Dialogues that the model has no room for are unscorable, never cut: what a reward model says of the
first half of an answer is not its reward.
"""

import math
from collections.abc import Sequence
from functools import cached_property, partial

from rsft.config import RewardModelSection
from rsft.errors import PolicyError
from rsft.policy import Classifier, Encoded, fetch_classifier, logits_of, special_texts
from rsft.score.batched import judge_in_batches, spelled
from rsft.score.reward import Asked, Score, unscorable
from rsft.types import Completion, Progress, Prompt, Turn


class RewardModel:
    """The reward of a dialogue's last turn, given those before it; loaded when first asked."""

    def __init__(self, section: RewardModelSection, device: str = "cpu") -> None:
        self._section = section
        self._device = device

    def score(self, prompt: Prompt, completions: Sequence[Completion]) -> list[Score]:
        """Judges completions of one prompt, each for itself."""
        return self.score_all([(prompt, completions)], None)[0]

    def score_all(self, asked: Sequence[Asked], progress: Progress | None) -> list[list[Score]]:
        """Judges the completions of many prompts, in batches of like length.

        Raises:
            ConfigurationError: Where the model's folder lies where DVC does not see it change.
            PolicyError: Where the model cannot be loaded, or is no reward model.
        """
        return judge_in_batches(asked, self._prepare, partial(self._judge, progress=progress))

    def gold(self, prompt: Prompt) -> str | None:
        """None: no completion has a known reward."""
        return None

    @cached_property
    def _classifier(self) -> Classifier:
        section = self._section
        classifier = fetch_classifier(section.model, section.revision, setting="score.reward_model")
        classifier.model.to(self._device)
        return classifier

    @cached_property
    def _specials(self) -> list[str]:
        return special_texts(self._classifier.tokenizer)

    def _prepare(self, prompt: Prompt, completions: Sequence[Completion]) -> list[Encoded | Score]:
        return [self._encode(prompt, completion.text) for completion in completions]

    def _encode(self, prompt: Prompt, text: str) -> Encoded | Score:
        if special := spelled(self._specials, text):
            return unscorable(f"the completion spells the special token {special!r}")
        asked = Turn(role="user", content=prompt.text)
        turns = [*prompt.context, asked, Turn(role="assistant", content=text)]
        try:
            encoded = self._classifier.encode(turns)
        except PolicyError as error:
            return unscorable(str(error))
        limit = min(self._section.max_tokens or math.inf, self._classifier.room)
        if not 0 < len(encoded.ids) <= limit:
            return unscorable(f"the dialogue has {len(encoded.ids)} tokens; 1 to {limit} are read")
        return encoded

    def _judge(self, rows: list[Encoded], progress: Progress | None) -> list[Score]:
        logit_R = logits_of(
            self._classifier, rows, batch_rows=self._section.batch_rows, progress=progress
        )
        return [
            Score(reward=float(logit))
            if math.isfinite(logit)
            else unscorable(f"the reward model gives {logit}")
            for logit in logit_R
        ]
