"""Proves that rows on one line do not see each other, before a policy trains on packed rows."""

from typing import Any

import torch
from torch import Tensor

from rsft.errors import ConfigurationError
from rsft.finetune.forward import target_logits
from rsft.finetune.packing import inputs_on
from rsft.finetune.rows_apart import rows_apart
from rsft.policy import Policy, batch_inputs
from rsft.policy.pretrained import quiet

_FAILURES = (AttributeError, IndexError, NotImplementedError, RuntimeError, TypeError, ValueError)
"""What a forward raises that does not expect to be called so."""

_ROWS = 4


@torch.no_grad()
def refuse_unpackable(policy: Policy) -> None:
    """Asks a policy for log-probabilities of rows on one line, and of each alone.

    Raises:
        ConfigurationError: Where they differ, or it cannot be asked so.
    """
    words = policy.model.config.get_text_config(decoder=True).vocab_size
    prompts = [[(7 * t) % words for t in range(row, 2 * row + 3)] for row in range(_ROWS)]
    completions = [[(5 * t) % words for t in range(row, 2 * row + 2)] for row in range(_ROWS)]
    alone_NV = torch.cat(
        [
            _logprobs(policy, batch_inputs(policy, [prompt], [completion]))
            for prompt, completion in zip(prompts, completions, strict=True)
        ]
    )
    try:
        with quiet(), rows_apart(policy):
            packed_NV = _logprobs(policy, inputs_on([range(_ROWS)], policy, prompts, completions))
    except _FAILURES as error:
        raise _refusal(policy, f"its forward fails ({type(error).__name__})") from None
    allowed = 1e-3 if policy.model.dtype == torch.float32 else 0.3
    worst = float((packed_NV - alone_NV).abs().max())
    if not worst < allowed:
        raise _refusal(policy, f"their log-probabilities are off by {worst:.2g} nats")


def _logprobs(policy: Policy, batch: dict[str, Any]) -> Tensor:
    logits_NV, _ = target_logits(policy, policy.model, batch)
    return logits_NV.float().log_softmax(dim=1)


def _refusal(policy: Policy, fault: str) -> ConfigurationError:
    return ConfigurationError(
        f"finetune.packing = true: rows end to end are not what they are alone in this "
        f"{type(policy.model).__name__}: {fault}; set it to false"
    )
