"""The ``transformers`` engine: ``model.generate``, for architectures that the native one lacks.

It draws by the same law and the same addresses: a logits processor of its own draws each row's
token, takes both log-probabilities, and leaves that token as the only possible one. What is slow
about ``generate`` stays slow: prompts are copied for each draw, and finished rows run to the end.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from transformers import GenerationConfig, LogitsProcessor, StoppingCriteria

from rsft.generate.address import uniforms
from rsft.generate.drawing import AddressedDraws, LocalEngine, candidates_of
from rsft.generate.engine import OnDrawn, Request
from rsft.generate.law import SamplingLaw
from rsft.policy import StopStrings, encode_questions, halved, pad
from rsft.types import Candidate, FinishReason


class GenerateEngine(LocalEngine):
    """Draws by ``model.generate``."""

    def draw(
        self,
        requests: Sequence[Request],
        law: SamplingLaw,
        *,
        seed: int,
        round: int,  # noqa: A002
        on_drawn: OnDrawn | None = None,
    ) -> list[Candidate]:
        """Draws what is asked for; see ``Engine``."""
        if not requests:
            return []
        prompt_ids = encode_questions(self._policy, [request.prompt for request in requests])
        rows = [(r, draw) for r, request in enumerate(requests) for draw in request.draws]
        rows.sort(key=lambda row: (len(prompt_ids[row[0]]), row))
        ones = [1] * len(requests)  # generate keeps a copy of the prompt for each of its rows
        stops = self._stops(law)
        drawn: dict[tuple[int, int], Candidate] = {}
        while len(drawn) < len(rows):
            size = self._rows(prompt_ids, ones, law)
            batch = rows[len(drawn) : len(drawn) + size]
            names = [(requests[r].prompt.prompt_id, draw) for r, draw in batch]
            uniform_RT = [
                uniforms(seed, round, name, [draw], law.max_new_tokens) for name, draw in names
            ]
            draws = AddressedDraws(
                law, self._policy.eos_ids, np.concatenate(uniform_RT), self._policy.model.device
            )
            try:
                completions = self._generate([prompt_ids[r] for r, _ in batch], law, draws, stops)
            except RuntimeError as error:
                self._max_rows = halved(size, error)
                continue
            new = candidates_of(
                self._policy,
                stops,
                names,
                [tokens for tokens, _ in completions],
                [reason for _, reason in completions],
                draws.logprobs(range(len(batch))),
                version=self._version,
                round=round,
            )
            drawn |= dict(zip(batch, new, strict=True))
            if on_drawn is not None:
                on_drawn(new)
        return [drawn[r, draw] for r, request in enumerate(requests) for draw in request.draws]

    @torch.inference_mode()
    def _generate(
        self,
        prompt_ids: Sequence[Sequence[int]],
        law: SamplingLaw,
        draws: AddressedDraws,
        stop_strings: StopStrings | None,
    ) -> list[tuple[list[int], FinishReason]]:
        policy = self._policy
        device = policy.model.device
        left = not policy.is_encoder_decoder
        input_ids = pad(prompt_ids, policy.pad_id, left=left).to(device)
        mask = pad([[1] * len(ids) for ids in prompt_ids], 0, left=left).to(device)
        chooser = _Chooser(draws, policy.eos_ids)
        criteria = [] if stop_strings is None else [_Stops(chooser, stop_strings)]
        config = GenerationConfig(
            do_sample=False,
            num_beams=1,
            max_new_tokens=law.max_new_tokens,
            eos_token_id=sorted(policy.eos_ids),
            pad_token_id=policy.pad_id,
            decoder_start_token_id=getattr(policy.model.config, "decoder_start_token_id", None),
        )
        # The model's own generation config may truncate, penalise or force tokens, and fills what
        # another leaves open: none of it belongs to the law.
        own, policy.model.generation_config = policy.model.generation_config, config
        try:
            policy.model.generate(
                inputs=input_ids,
                attention_mask=mask,
                logits_processor=[chooser],
                stopping_criteria=criteria,
            )
        finally:
            policy.model.generation_config = own
        return [(tokens, "stop" if ends else "length") for tokens, ends in chooser.completions()]


class _Chooser(LogitsProcessor):  # type: ignore[misc]  # transformers is untyped
    """Draws the token of each row that has not stopped, and leaves no other possible."""

    def __init__(self, draws: AddressedDraws, eos_ids: frozenset[int]) -> None:
        self._draws = draws
        self._eos_ids = sorted(eos_ids)
        self._tokens: list[Tensor] = []
        self.is_going_R = torch.zeros(0, dtype=torch.bool)
        self._length_R = torch.zeros(0, dtype=torch.long)
        self._is_stopped_R = torch.zeros(0, dtype=torch.bool)

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Any:
        """Draws one step."""
        step = len(self._tokens)
        if step == 0:
            self.is_going_R = torch.ones(len(scores), dtype=torch.bool, device=scores.device)
            self._length_R = torch.zeros(len(scores), dtype=torch.long, device=scores.device)
            self._is_stopped_R = ~self.is_going_R
        going = self.is_going_R.nonzero().squeeze(1)
        token_R = torch.full((len(scores),), self._eos_ids[0], device=scores.device)
        token_R[going] = self._draws(scores[going].float(), going, torch.full_like(going, step))
        self._tokens.append(token_R)
        self._length_R[going] += 1
        eos = torch.tensor(self._eos_ids, device=scores.device)
        self.stop(going[torch.isin(token_R[going], eos)])
        only = torch.full_like(scores, -torch.inf)
        return only.scatter_(1, token_R[:, None], 0.0)

    def stop(self, rows: Tensor) -> None:
        """Marks rows as ended."""
        self.is_going_R[rows] = False
        self._is_stopped_R[rows] = True

    def newest(self) -> Tensor:
        """The tokens of the last step, (R,)."""
        return self._tokens[-1]

    def completions(self) -> list[tuple[list[int], bool]]:
        """Tokens of each row, and whether it stopped."""
        token_RT = torch.stack(self._tokens, dim=1).tolist()
        lengths, stopped = self._length_R.tolist(), self._is_stopped_R.tolist()
        return [
            (tokens[:length], is_stopped)
            for tokens, length, is_stopped in zip(token_RT, lengths, stopped, strict=True)
        ]


class _Stops(StoppingCriteria):  # type: ignore[misc]
    """Ends rows that have written a stop string."""

    def __init__(self, chooser: _Chooser, strings: StopStrings) -> None:
        self._chooser = chooser
        self._strings = strings

    def __call__(self, input_ids: Tensor, scores: Any, **_: Any) -> Tensor:
        """Which rows have ended."""
        chooser = self._chooser
        may_end_R = self._strings.may_end_V[chooser.newest()] & chooser.is_going_R
        written = chooser.completions()
        ended = [
            row
            for row in may_end_R.nonzero().squeeze(1).tolist()
            if self._strings.is_found(written[row][0])
        ]
        chooser.stop(torch.tensor(ended, dtype=torch.long, device=input_ids.device))
        return ~chooser.is_going_R
