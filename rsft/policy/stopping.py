"""Strings that end a completion, wherever tokens happen to split them."""

from collections.abc import Sequence

import torch
from torch import Tensor

from rsft.policy.loading import Policy
from rsft.policy.rendering import decode_completions

_HALF = "\N{REPLACEMENT CHARACTER}"
"""What a tokenizer decodes half a character to."""


class StopStrings:
    """Finds stop strings while tokens are drawn.

    A completion is decoded only where its newest token may hold the last character of a stop
    string, which few tokens do.
    """

    def __init__(self, policy: Policy, strings: Sequence[str]) -> None:
        self._policy = policy
        self._strings = tuple(strings)
        last = {string[-1] for string in strings}
        size = policy.model.config.get_text_config(decoder=True).vocab_size
        tokens = decode_completions(policy, [[token] for token in range(size)])
        # Decoding may take white space off a token that stands alone.
        is_any = any(character.isspace() for character in last)
        self.may_end_V: Tensor = torch.tensor(
            [is_any or _HALF in text or not last.isdisjoint(text) for text in tokens],
            device=policy.model.device,
        )

    def found(self, token_ids: Sequence[int]) -> bool:
        """Whether the text of a completion holds one of the strings."""
        text = decode_completions(self._policy, [token_ids])[0]
        return any(string in text for string in self._strings)


def before_stop(text: str, strings: Sequence[str]) -> str:
    """The text up to the first of the strings."""
    ends = [text.find(string) for string in strings]
    return text[: min([end for end in ends if end >= 0], default=len(text))]
