"""The native engine: completions with log M and log π taken while they are drawn.

    prompts ─► tokens ─► cohorts of like length ─► decode, drawing by inverse CDF ─► candidates

The batch plan is the number of rows decoded at once. It follows from the memory allowed and the
policy's shape, so that it is the same on every machine; where memory runs out all the same, it is
halved and that is logged.
"""

import logging
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from rsft.errors import EngineError
from rsft.generate.address import uniforms
from rsft.generate.engine import OnDrawn, Request
from rsft.generate.law import SamplingLaw, draw_token
from rsft.policy import (
    Decoded,
    Policy,
    StopStrings,
    before_stop,
    decode,
    decode_completions,
    encode_questions,
    rows_within,
)
from rsft.types import Candidate

logger = logging.getLogger("rsft")


class NativeEngine:
    """Draws by this project's own decoding loop."""

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

    def draw(
        self,
        requests: Sequence[Request],
        law: SamplingLaw,
        *,
        seed: int,
        round: int,  # noqa: A002
        on_drawn: OnDrawn | None = None,
    ) -> list[Candidate]:
        """Draws what is asked for; see ``Engine``.

        Raises:
            EngineError: Where the architecture cannot be decoded here, or one row does not fit
                into memory.
        """
        if not requests:
            return []
        policy = self._policy
        prompt_ids = encode_questions(policy, [request.prompt for request in requests])
        copies = [len(request.draws) for request in requests]
        owners = [(request, draw) for request in requests for draw in request.draws]
        stop_strings = StopStrings(policy, law.stop) if law.stop else None
        max_rows = rows_within(
            policy, self._memory_gib, self._max_rows, prompt_ids, copies, law.max_new_tokens
        )
        drawn: dict[int, Candidate] = {}

        while True:
            draws = AddressedDraws(
                law,
                policy.eos_ids,
                np.concatenate(
                    [
                        uniforms(seed, round, request.prompt.prompt_id, request.draws,
                                 law.max_new_tokens)
                        for request in requests
                    ]
                ),
                policy.model.device,
            )  # fmt: skip

            def finish(decoded: list[Decoded], draws: "AddressedDraws" = draws) -> None:
                rows = [row.row for row in decoded]
                texts = decode_completions(policy, [row.token_ids for row in decoded])
                proposal_R, policy_R = draws.logprobs(rows)
                new = []
                for r, (row, text) in enumerate(zip(decoded, texts, strict=True)):
                    request, draw = owners[row.row]
                    candidate = Candidate(
                        prompt_id=request.prompt.prompt_id,
                        round=round,
                        draw=draw,
                        policy_version=self._version,
                        text=before_stop(text, law.stop) if law.stop else text,
                        token_ids=tuple(row.token_ids),
                        token_count=len(row.token_ids),
                        finish_reason=row.finish_reason,
                        proposal_logprob=proposal_R[r],
                        policy_logprob=policy_R[r],
                    )
                    if row.row not in drawn:
                        new.append(candidate)
                    drawn[row.row] = candidate
                if on_drawn is not None:
                    on_drawn(new)

            try:
                decode(
                    policy,
                    prompt_ids,
                    copies,
                    max_rows=max_rows,
                    max_new_tokens=law.max_new_tokens,
                    choose=draws,
                    stop_strings=stop_strings,
                    min_new_tokens=law.min_new_tokens,
                    on_decoded=finish,
                )
            except RuntimeError as error:
                if not _is_out_of_memory(error):
                    raise
                if max_rows == 1:
                    raise EngineError(
                        "not even one completion fits into memory; use a smaller model, a lower "
                        "generate.max_new_tokens, or generate.dtype: bfloat16"
                    ) from None
                max_rows //= 2
                logger.warning("out of memory: %d rows are decoded at once from now on", max_rows)
                continue
            return [drawn[row] for row in range(len(owners))]


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


def _is_out_of_memory(error: RuntimeError) -> bool:
    return isinstance(error, torch.OutOfMemoryError) or "can't allocate memory" in str(error)
