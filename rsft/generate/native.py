"""The native engine: completions with log M and log π taken while they are drawn.

    prompts ─► tokens ─► cohorts of like length ─► decode, drawing by inverse CDF ─► candidates

The batch plan is the number of rows decoded at once. It follows from the memory allowed and the
policy's shape, so that it is the same on every machine; where memory runs out all the same, it is
halved and that is logged.
"""

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from rsft.errors import EngineError
from rsft.generate.address import uniforms
from rsft.generate.drawing import AddressedDraws, LocalEngine, candidates_of
from rsft.generate.engine import OnDrawn, Request, lacking
from rsft.generate.law import SamplingLaw
from rsft.policy import Decoded, decode, decoding_fault, encode_questions, halved
from rsft.types import Candidate


class NativeEngine(LocalEngine):
    """Draws by this project's own decoding loop."""

    _is_proven = False

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
            rows = self._rows(prompt_ids, copies, law)
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
        stops = self._stops(law)
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
