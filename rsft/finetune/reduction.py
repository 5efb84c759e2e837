"""Which process this is, of how many, and sums over all of them.

Gradients are summed once each process has its own, not while it computes them, as torch's
DistributedDataParallel does: a process that runs out of memory half-way can then begin its share of
the step anew, and nobody waits for it in the middle of a backward pass. What that costs is the
overlap of the two, some milliseconds a step on one machine.

A process belongs to a group where ``ranks.py`` has put it into one. The environment has no say: a
cluster's RANK and WORLD_SIZE stand beside processes that are alone as well.
"""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn

from rsft.addresses import one_line

_BUCKET = 1 << 24
"""Numbers that are summed in one call, 64 MiB of them."""


class LostError(Exception):
    """Another process of the group is gone, or has been silent for too long."""


def rank() -> int:
    """Number of this process in its group, from 0."""
    return torch.distributed.get_rank() if torch.distributed.is_initialized() else 0


def ranks() -> int:
    """Processes of the group; 1 where there is none."""
    return torch.distributed.get_world_size() if torch.distributed.is_initialized() else 1


def sum_number(number: float, device: torch.device) -> float:
    """The sum of a number over all processes.

    Raises:
        LostError: Where one of them is gone.
    """
    held = torch.tensor(number, dtype=torch.float64, device=device)
    _add_up(held)
    return float(held)


def sum_gradients(parameters: Sequence[nn.Parameter]) -> None:
    """Has each parameter's gradient be the sum over all processes.

    Raises:
        LostError: Where one of them is gone.
    """
    if ranks() == 1:
        return
    device = parameters[0].device
    has_P = torch.tensor([p.grad is not None for p in parameters], device=device).float()
    _add_up(has_P)
    used = [p for p, has in zip(parameters, has_P.tolist(), strict=True) if has]
    gradients = [p.grad if p.grad is not None else torch.zeros_like(p) for p in used]
    for bucket in _buckets(gradients):
        flat = torch.cat([one.flatten() for one in bucket])
        _add_up(flat)
        totals = torch.split(flat, [one.numel() for one in bucket])
        for one, total in zip(bucket, totals, strict=True):
            one.copy_(total.view_as(one))
    for parameter, gradient in zip(used, gradients, strict=True):
        parameter.grad = gradient


def _add_up(held: Tensor) -> None:
    if ranks() == 1:
        return
    try:
        torch.distributed.all_reduce(held)
    except RuntimeError as error:  # whatever the backend raises
        raise LostError(one_line(error)) from None


def _buckets(gradients: Sequence[Tensor]) -> Iterator[list[Tensor]]:
    bucket: list[Tensor] = []
    for gradient in gradients:
        bucket.append(gradient)
        if sum(one.numel() for one in bucket) >= _BUCKET:
            yield bucket
            bucket = []
    if bucket:
        yield bucket
