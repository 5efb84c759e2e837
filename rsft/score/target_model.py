"""A target model: log P(y|x) of the first statement, under a model that need not be the policy.

The sum of the log-probabilities of a completion's tokens, the stop token included, teacher-forced
in batches of like length, in nats. Which tokens:

    those that were drawn   where they are a way to write the text in the target's own vocabulary,
                            and end in a stop token of its own: then P and M are probabilities of
                            the same thing, also where the tokens are not those the text is
                            encoded as.
    the text's              else, as the target's own tokenizer encodes it, its stop token after
                            it. P of the text may be more than that: other ways to write it are
                            left out.
"""

import math
from collections.abc import Sequence
from functools import cached_property, partial
from typing import NamedTuple

from rsft.config import TargetModelSection
from rsft.errors import PolicyError, PromptsError
from rsft.policy import (
    Policy,
    completion_logprobs,
    decode_completions,
    encode_completions,
    encode_questions,
    fetch_policy,
    special_texts,
)
from rsft.score.batched import judge_in_batches, spelled
from rsft.score.reward import Asked, Score, unscorable
from rsft.types import Completion, Progress, Prompt

_SETTING = "score.target_model"


class _Row(NamedTuple):
    prompt_ids: list[int]
    completion_ids: list[int]


class TargetModel:
    """log P of a completion under a seq2seq or causal model; loaded when first asked."""

    def __init__(self, section: TargetModelSection, device: str = "cpu") -> None:
        self._section = section
        self._device = device

    def score(self, prompt: Prompt, completions: Sequence[Completion]) -> list[Score]:
        """Judges completions of one prompt, each for itself."""
        return self.score_all([(prompt, completions)], None)[0]

    def score_all(self, asked: Sequence[Asked], progress: Progress | None) -> list[list[Score]]:
        """Judges the completions of many prompts, in batches of like length.

        Raises:
            ConfigurationError: Where the model's folder lies where DVC does not see it change.
            PolicyError: Where the model cannot be loaded, or lacks the chat template asked for.
        """
        return judge_in_batches(asked, self._prepare, partial(self._judge, progress=progress))

    def gold(self, prompt: Prompt) -> str | None:
        """None: no completion has a known probability."""
        return None

    @cached_property
    def _target(self) -> Policy:
        section = self._section
        target = fetch_policy(section.model, section.revision, section.rendering, setting=_SETTING)
        if target.rendering.chat and target.tokenizer.chat_template is None:
            raise PolicyError(
                f"{section.model}: its tokenizer has no chat template; set {_SETTING}.rendering "
                "with chat: false"
            )
        target.model.to(self._device)
        return target

    @cached_property
    def _specials(self) -> list[str]:
        return special_texts(self._target.tokenizer)

    def _prepare(self, prompt: Prompt, completions: Sequence[Completion]) -> list[_Row | Score]:
        try:
            (prompt_ids,) = encode_questions(self._target, [prompt])
        except (PolicyError, PromptsError) as error:
            return [unscorable(str(error))] * len(completions)
        return [self._row(prompt_ids, completion) for completion in completions]

    def _row(self, prompt_ids: list[int], completion: Completion) -> _Row | Score:
        target = self._target
        ids = list(completion.token_ids or [])
        if not is_written_by(target, ids, completion.text):
            if special := spelled(self._specials, completion.text):
                return unscorable(f"the completion spells the special token {special!r}")
            (ids,) = encode_completions(target, [completion.text])
        if not target.has_room(len(prompt_ids), len(ids)):
            return unscorable(
                f"the target has no room for {len(prompt_ids)} tokens of prompt and {len(ids)} of "
                "completion"
            )
        return _Row(prompt_ids, ids)

    def _judge(self, rows: list[_Row], progress: Progress | None) -> list[Score]:
        logprob_R = completion_logprobs(
            self._target,
            [row.prompt_ids for row in rows],
            [row.completion_ids for row in rows],
            batch_rows=self._section.batch_rows,
            progress=progress,
        )
        return [
            Score(reward=float(logprob), breakdown={"tokens": float(len(row.completion_ids))})
            if math.isfinite(logprob)
            else unscorable(f"the target gives log P = {logprob}")
            for row, logprob in zip(rows, logprob_R, strict=True)
        ]


def is_written_by(policy: Policy, ids: Sequence[int], text: str) -> bool:
    """Whether tokens are a way to write a text in a policy's vocabulary, its stop token last."""
    size = policy.model.config.get_text_config(decoder=True).vocab_size
    if not ids or ids[-1] not in policy.eos_ids or not all(0 <= token < size for token in ids):
        return False
    return decode_completions(policy, [ids]) == [text]
