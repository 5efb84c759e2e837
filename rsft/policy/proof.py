"""Proves that a policy is decoded as its own forward has it, before anything is drawn.

Architectures differ in more ways than their configurations say. A few tokens, decoded from two
prompts of unequal length, must have the log-probabilities that teacher forcing gives them.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from rsft.errors import EngineError
from rsft.policy.decode import decode
from rsft.policy.loading import Policy
from rsft.policy.logprobs import completion_logprobs

_TOKENS = 3
_FAILURES = (
    AttributeError, IndexError, KeyError, NotImplementedError, RuntimeError, TypeError, ValueError
)  # fmt: skip
"""What a forward raises that does not expect to be called so."""


def decoding_fault(policy: Policy, prompt_ids: Sequence[int]) -> str | None:
    """What is wrong with decoding this policy here; null where nothing is.

    Args:
        policy: The policy.
        prompt_ids: Tokens of any prompt of it.

    Raises:
        EngineError: Where the architecture is known not to be decodable.
    """
    prompts = [list(prompt_ids), list(prompt_ids[: max(1, len(prompt_ids) // 2)])]
    logprob_R = torch.zeros(4, dtype=torch.float64)

    def choose(logits_NV: Tensor, row_N: Tensor, step_N: Tensor) -> Tensor:
        """The likeliest token for one copy, the second likeliest for the other."""
        logprob_NV = logits_NV.log_softmax(dim=1)
        token_N = logprob_NV.topk(2, dim=1).indices.gather(1, row_N[:, None] % 2).squeeze(1)
        logprob_R[row_N.cpu()] += logprob_NV.gather(1, token_N[:, None]).squeeze(1).double().cpu()
        return token_N

    try:
        decoded = decode(policy, prompts, [2, 2], max_rows=4, max_new_tokens=_TOKENS, choose=choose)
        expected = completion_logprobs(
            policy,
            [prompts[completion.row // 2] for completion in decoded],
            [completion.token_ids for completion in decoded],
            batch_rows=1,
        )
    except (torch.OutOfMemoryError, EngineError):
        raise
    except _FAILURES as error:
        return f"its forward fails ({type(error).__name__})"
    allowed = 1e-2 if policy.model.dtype == torch.float32 else 1.0
    worst = float((logprob_R - torch.from_numpy(expected)).abs().max())
    if worst < allowed:
        return None
    return f"its log-probabilities come out wrong, by {worst:.2g} nats"
