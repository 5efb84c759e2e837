"""Gradients of all processes, summed.

They are summed once each process has its own, not while it computes them, as torch's
DistributedDataParallel does: a process that runs out of memory half-way can then begin its share of
the step anew, and nobody waits for it in the middle of a backward pass. What that costs is the
overlap of the two, some milliseconds a step on one machine.
"""

from collections.abc import Iterator, Sequence

import torch
from accelerate import Accelerator
from torch import Tensor, nn

_BUCKET = 1 << 24
"""Numbers that are summed in one call, 64 MiB of them."""


def sum_gradients(accelerator: Accelerator, parameters: Sequence[nn.Parameter]) -> None:
    """Has each parameter's gradient be the sum over all processes."""
    if accelerator.num_processes == 1:
        return
    device = parameters[0].device
    has_P = torch.tensor([p.grad is not None for p in parameters], device=device).float()
    has_P = accelerator.reduce(has_P, "sum")
    used = [p for p, has in zip(parameters, has_P.tolist(), strict=True) if has]
    gradients = [p.grad if p.grad is not None else torch.zeros_like(p) for p in used]
    for bucket in _buckets(gradients):
        flat = accelerator.reduce(torch.cat([one.flatten() for one in bucket]), "sum")
        for one, total in zip(bucket, flat.split([one.numel() for one in bucket]), strict=True):
            one.copy_(total.view_as(one))
    for parameter, gradient in zip(used, gradients, strict=True):
        parameter.grad = gradient


def _buckets(gradients: Sequence[Tensor]) -> Iterator[list[Tensor]]:
    bucket: list[Tensor] = []
    for gradient in gradients:
        bucket.append(gradient)
        if sum(one.numel() for one in bucket) >= _BUCKET:
            yield bucket
            bucket = []
    if bucket:
        yield bucket
