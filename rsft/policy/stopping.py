"""Strings that end a completion, wherever tokens happen to split them."""

from collections.abc import Sequence

import torch
from torch import Tensor

from rsft.errors import EngineError
from rsft.policy.loading import Policy
from rsft.policy.rendering import decode_completions

_HALF = "\N{REPLACEMENT CHARACTER}"
"""What a tokenizer decodes half a character to."""


class StopStrings:
    """Finds stop strings while tokens are drawn.

    A completion is decoded only where its newest token may hold the last character of a stop
    string, which few tokens do.
    """

    def __init__(self, policy: Policy, strings: Sequence[str], min_new_tokens: int = 0) -> None:
        """Prepares for a policy's vocabulary.

        Args:
            policy: The policy.
            strings: What ends a completion.
            min_new_tokens: What so many first tokens say is not searched.

        Raises:
            EngineError: Where a string holds the text of a special token, which is no text of a
                completion and would never be found.
        """
        self._policy = policy
        self._strings = tuple(strings)
        self._least = min_new_tokens
        stops = {policy.tokenizer.convert_ids_to_tokens(token) for token in policy.eos_ids}
        for special in set(policy.tokenizer.all_special_tokens) - stops:
            if any(special in string for string in strings):
                raise EngineError(
                    f"generate.stop: {special!r} is a special token, not text; add its id to "
                    "eos_token_id in the model's generation_config.json"
                )
        self.may_end_V = self._may_end()

    def is_found(self, token_ids: Sequence[int]) -> bool:
        """Whether a completion holds one of the strings."""
        return self._end(token_ids)[1] is not None

    def before(self, token_ids: Sequence[int]) -> str:
        """The text of a completion, up to the first of the strings."""
        text, end = self._end(token_ids)
        return text[:end]

    def _end(self, token_ids: Sequence[int]) -> tuple[str, int | None]:
        first, text = decode_completions(self._policy, [token_ids[: self._least], token_ids])
        start = len(first) if len(token_ids) > self._least else len(text)
        return text, _first(text, self._strings, start)

    def _may_end(self) -> Tensor:
        """Which tokens may write the last character of a string, (V,)."""
        last = {string[-1] for string in self._strings}
        size = self._policy.model.config.get_text_config(decoder=True).vocab_size
        alone = decode_completions(self._policy, [[token] for token in range(size)])
        # Decoding takes white space off the first token, so each is decoded after another.
        anchor = next((token for token, text in enumerate(alone) if text.strip()), None)
        if anchor is None:
            return torch.ones(size, dtype=torch.bool, device=self._policy.model.device)
        after = decode_completions(self._policy, [[anchor, token] for token in range(size)])
        before = alone[anchor]
        may_end = [
            not text.startswith(before) or _HALF in text or not last.isdisjoint(text[len(before) :])
            for text in after
        ]
        return torch.tensor(may_end, device=self._policy.model.device)


def before_stop(text: str, strings: Sequence[str]) -> str:
    """The text up to the first of the strings."""
    return text[: _first(text, strings)]


def _first(text: str, strings: Sequence[str], start: int = 0) -> int | None:
    """Where the first of the strings begins; null where there is none."""
    ends = [text.find(string, start) for string in strings]
    return min([end for end in ends if end >= 0], default=None)
