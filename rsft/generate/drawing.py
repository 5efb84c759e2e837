"""What the engines of this process share: the batch plan, stop strings, the draws, candidates."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from rsft.generate.law import SamplingLaw, draw_token
from rsft.policy import Policy, StopStrings, decode_completions, rows_within
from rsft.types import Candidate, FinishReason


class LocalEngine:
    """A policy that is drawn from in this process."""

    def __init__(self, policy: Policy, version: str, *, memory_gib: float, max_rows: int) -> None:
        """Takes a policy.

        Args:
            policy: What is drawn from.
            version: Its version, which candidates are marked with.
            memory_gib: What decoding may take beside the weights.
            max_rows: At most so many rows decoded at once.
        """
        self._policy = policy
        self._version = version
        self._memory_gib = memory_gib
        self._max_rows = max_rows
        self._known_stops: dict[tuple[tuple[str, ...], int], StopStrings] = {}

    def _rows(
        self, prompt_ids: Sequence[Sequence[int]], copies: Sequence[int], law: SamplingLaw
    ) -> int:
        """Rows decoded at once."""
        return rows_within(
            self._policy, self._memory_gib, self._max_rows, prompt_ids, copies, law.max_new_tokens
        )

    def _stops(self, law: SamplingLaw) -> StopStrings | None:
        """The law's stop strings, prepared once: that decodes the whole vocabulary."""
        if not law.stop:
            return None
        key = law.stop, law.min_new_tokens
        if key not in self._known_stops:
            self._known_stops[key] = StopStrings(self._policy, *key)
        return self._known_stops[key]


def candidates_of(
    policy: Policy,
    stops: StopStrings | None,
    rows: Sequence[tuple[str, int]],
    token_ids: Sequence[Sequence[int]],
    finish_reasons: Sequence[FinishReason],
    logprobs: tuple[Sequence[float], Sequence[float]],
    *,
    version: str,
    round: int,  # noqa: A002
) -> list[Candidate]:
    """Candidates from what was drawn.

    Args:
        policy: For its tokenizer.
        stops: The strings that end one, if any.
        rows: Prompt id and draw of each.
        token_ids: Its tokens.
        finish_reasons: Why it ended.
        logprobs: log M and log π of each.
        version: The policy's.
        round: The round.
    """
    if stops is None:
        texts = decode_completions(policy, token_ids)
    else:
        texts = [stops.before(tokens) for tokens in token_ids]
    return [
        Candidate(
            prompt_id=prompt_id,
            round=round,
            draw=draw,
            policy_version=version,
            text=text,
            token_ids=tuple(tokens),
            token_count=len(tokens),
            finish_reason=reason,
            proposal_logprob=proposal,
            policy_logprob=policy_logprob,
        )
        for (prompt_id, draw), text, tokens, reason, proposal, policy_logprob in zip(
            rows, texts, token_ids, finish_reasons, *logprobs, strict=True
        )
    ]


class AddressedDraws:
    """Draws tokens by the uniform numbers of their addresses, and sums up both log-probabilities.

    It is what chooses tokens in ``decode``, and in ``model.generate`` too.
    """

    def __init__(
        self,
        law: SamplingLaw,
        eos_ids: frozenset[int],
        uniform_RT: np.ndarray,
        device: torch.device,
    ) -> None:
        self._law = law
        self._eos = torch.tensor(sorted(eos_ids), device=device)
        self._uniform_RT = torch.from_numpy(uniform_RT).to(device)
        self._proposal_R = torch.zeros(len(uniform_RT), dtype=torch.float64, device=device)
        self._policy_R = torch.zeros_like(self._proposal_R)

    def __call__(self, logits_NV: Tensor, row_N: Tensor, step_N: Tensor) -> Tensor:
        """Draws the next token of each row."""
        barred_NV = None
        is_early_N = step_N < self._law.min_new_tokens
        if is_early_N.any():
            barred_NV = torch.zeros_like(logits_NV, dtype=torch.bool)
            barred_NV[:, self._eos] = is_early_N[:, None]
        token_N, proposal_N, policy_N = draw_token(
            logits_NV, self._law, self._uniform_RT[row_N, step_N], barred_NV
        )
        self._proposal_R[row_N] += proposal_N
        self._policy_R[row_N] += policy_N
        return token_N

    def logprobs(self, rows: Sequence[int]) -> tuple[list[float], list[float]]:
        """Sums of log M and log π over the tokens that some rows have drawn so far."""
        return self._proposal_R[rows].tolist(), self._policy_R[rows].tolist()
