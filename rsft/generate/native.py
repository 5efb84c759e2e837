"""The native engine: completions with log M and log π taken while they are drawn.

    prompts ─► tokens ─► cohorts of like length ─► decode, drawing by inverse CDF ─► candidates

The batch plan is the number of rows decoded at once. It follows from the memory allowed and the
policy's shape, so that it is the same on every machine; where memory runs out all the same, it is
halved and that is logged.
"""

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from rsft.errors import EngineError
from rsft.generate.address import uniforms
from rsft.generate.engine import OnDrawn, Request, lacking
from rsft.generate.law import SamplingLaw, draw_token
from rsft.policy import (
    Decoded,
    Policy,
    StopStrings,
    decode,
    decode_completions,
    decoding_fault,
    encode_questions,
    halved,
    rows_within,
)
from rsft.types import Candidate, FinishReason


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
        self._is_proven = False
        self._stop_strings: dict[tuple[str, ...], StopStrings] = {}

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
        drawn: dict[str, dict[int, Candidate]] = defaultdict(dict)

        def keep(candidates: Sequence[Candidate]) -> None:
            for candidate in candidates:
                drawn[candidate.prompt_id][candidate.draw] = candidate
            if on_drawn is not None:
                on_drawn(candidates)

        missing = [request for request in requests if request.draws]
        while missing:
            prompt_ids = encode_questions(self._policy, [request.prompt for request in missing])
            copies = [len(request.draws) for request in missing]
            rows = rows_within(
                self._policy,
                self._memory_gib,
                self._max_rows,
                prompt_ids,
                copies,
                law.max_new_tokens,
            )
            self._prove(min(prompt_ids, key=len))
            try:
                self._decode(missing, prompt_ids, law, (seed, round), rows, keep)
            except RuntimeError as error:
                self._max_rows = halved(rows, error)
            missing = [part for r in missing for part in lacking(r, drawn[r.prompt.prompt_id])]
        return [drawn[r.prompt.prompt_id][draw] for r in requests for draw in r.draws]

    def _prove(self, prompt_ids: Sequence[int]) -> None:
        if not self._is_proven and (fault := decoding_fault(self._policy, prompt_ids)):
            raise EngineError(
                f"{type(self._policy.model).__name__} cannot be decoded by the native engine: "
                f"{fault}; set generate.engine to 'transformers'"
            )
        self._is_proven = True

    def _decode(
        self,
        requests: Sequence[Request],
        prompt_ids: Sequence[Sequence[int]],
        law: SamplingLaw,
        address: tuple[int, int],
        max_rows: int,
        keep: OnDrawn,
    ) -> None:
        """Decodes all draws of some requests, and hands on the candidates as they finish."""
        policy = self._policy
        rows = [(request.prompt.prompt_id, draw) for request in requests for draw in request.draws]
        uniform_RT = [
            uniforms(*address, request.prompt.prompt_id, request.draws, law.max_new_tokens)
            for request in requests
        ]
        stops = None
        if law.stop:
            if law.stop not in self._stop_strings:
                self._stop_strings[law.stop] = StopStrings(policy, law.stop, law.min_new_tokens)
            stops = self._stop_strings[law.stop]
        draws = AddressedDraws(law, policy.eos_ids, np.concatenate(uniform_RT), policy.model.device)

        def finish(decoded: Sequence[Decoded]) -> None:
            keep(
                candidates_of(
                    policy,
                    stops,
                    [rows[completion.row] for completion in decoded],
                    [completion.token_ids for completion in decoded],
                    [completion.finish_reason for completion in decoded],
                    draws.logprobs([completion.row for completion in decoded]),
                    version=self._version,
                    round=address[1],
                )
            )

        decode(
            policy,
            prompt_ids,
            [len(request.draws) for request in requests],
            max_rows=max_rows,
            max_new_tokens=law.max_new_tokens,
            choose=draws,
            stop_strings=stops,
            on_decoded=finish,
        )


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
