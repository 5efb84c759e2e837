"""The sampler: K completions per prompt, with log M and log π taken while they are drawn.

    prompts ─► tokens ─► batches of like length ─► decode, drawing by inverse CDF ─► candidates

Left out in this first form: refilling a batch with waiting prompts, batch sizes from a memory
budget, stop strings, other engines.
"""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from rsft.generate.address import uniforms
from rsft.generate.law import SamplingLaw, inverse_cdf, truncated_log_softmax
from rsft.policy import Policy, decode, decode_completions, encode_prompts, refuse_too_long
from rsft.types import Candidate, Prompt


def sample(
    policy: Policy,
    prompts: Sequence[Prompt],
    law: SamplingLaw,
    *,
    draws: int,
    seed: int,
    round: int,  # noqa: A002
    batch_prompts: int,
    on_progress: Callable[[int], None] | None = None,
) -> list[Candidate]:
    """Draws candidates.

    Args:
        policy: What is drawn from.
        prompts: What is asked.
        law: How tokens are drawn.
        draws: Completions per prompt.
        seed: With the round, the prompt's id and the draw, the address of a draw's randomness.
        round: The round that the candidates belong to.
        batch_prompts: Prompts decoded together, each with all of its draws.
        on_progress: Told how many prompts are done, after each batch.

    Returns:
        The candidates: all draws of the first prompt given, then of the next.

    Raises:
        PromptsError: Where a prompt is longer than the policy can read.
    """
    prompt_ids = encode_prompts(policy, [p.text for p in prompts], [p.context for p in prompts])
    names = [prompt.prompt_id for prompt in prompts]
    refuse_too_long(policy, prompt_ids, names, law.max_new_tokens)
    order = sorted(range(len(prompts)), key=lambda i: len(prompt_ids[i]))
    version = policy.version
    by_prompt: list[list[Candidate]] = [[] for _ in prompts]
    for start in range(0, len(order), batch_prompts):
        batch = order[start : start + batch_prompts]
        draw = _Draw(
            law,
            np.concatenate(
                [uniforms(seed, round, names[i], draws, law.max_new_tokens) for i in batch]
            ),
            policy.model.device,
        )
        decoded = decode(
            policy,
            [prompt_ids[i] for i in batch],
            copies=draws,
            max_new_tokens=law.max_new_tokens,
            choose=draw,
        )
        texts = decode_completions(policy, [row.token_ids for row in decoded])
        proposal_R, policy_R = draw.logprobs([len(row.token_ids) for row in decoded])
        for r, (row, text) in enumerate(zip(decoded, texts, strict=True)):
            i = batch[r // draws]
            candidate = Candidate(
                prompt_id=names[i],
                round=round,
                draw=r % draws,
                policy_version=version,
                text=text,
                token_ids=tuple(row.token_ids),
                token_count=len(row.token_ids),
                finish_reason=row.finish_reason,
                proposal_logprob=proposal_R[r],
                policy_logprob=policy_R[r],
            )
            by_prompt[i].append(candidate)
        if on_progress is not None:
            on_progress(start + len(batch))
    return [candidate for candidates in by_prompt for candidate in candidates]


class _Draw:
    """Draws the tokens of a batch and takes down the log-probability of each."""

    def __init__(self, law: SamplingLaw, uniform_RT: np.ndarray, device: torch.device) -> None:
        self._law = law
        self._uniform_RT = torch.from_numpy(uniform_RT).to(device)
        self._proposal_RT = torch.zeros(uniform_RT.shape, dtype=torch.float64, device=device)
        self._policy_RT = torch.zeros_like(self._proposal_RT)

    def __call__(self, logits_RV: Tensor, row_R: Tensor, step: int) -> Tensor:
        proposal_RV = truncated_log_softmax(logits_RV, self._law)
        policy_RV = proposal_RV if self._law.is_policy else logits_RV.log_softmax(dim=1)
        token_R = inverse_cdf(proposal_RV.exp(), self._uniform_RT[row_R, step])
        self._proposal_RT[row_R, step] = _at(proposal_RV, token_R)
        self._policy_RT[row_R, step] = _at(policy_RV, token_R)
        return token_R

    def logprobs(self, lengths: Sequence[int]) -> tuple[list[float], list[float]]:
        """Sums log M and log π of each row over its first so many tokens."""
        length_R = torch.tensor(lengths, device=self._proposal_RT.device)
        step_T = torch.arange(self._proposal_RT.shape[1], device=length_R.device)
        is_token_RT = step_T < length_R[:, None]
        sums = [
            torch.where(is_token_RT, logprob_RT, 0.0).sum(dim=1).tolist()
            for logprob_RT in (self._proposal_RT, self._policy_RT)
        ]
        return sums[0], sums[1]


def _at(logprob_RV: Tensor, token_R: Tensor) -> Tensor:
    return logprob_RV.gather(1, token_R[:, None]).squeeze(1).double()
