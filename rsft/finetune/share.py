"""One process's share of a step: its rows in micro-batches that memory allows, and Σ A l of them.

    rows of a step ─► every n-th is this process's ─► micro-batches ─► Σ A l / Σ A, backward

The divisor is that of all rows, wherever they are computed, so that the shares add up to the loss.
"""

from collections.abc import Callable, Sequence
from functools import partial

import torch
from torch import Tensor

from rsft.config import FinetuneSection
from rsft.finetune.batches import Limits, call_tokens, micro_batches
from rsft.finetune.examples import Example
from rsft.finetune.forward import target_logits
from rsft.finetune.job import Job
from rsft.finetune.loss import denominator, token_loss, weighted_sum
from rsft.finetune.memory import fewer_at_once, free_memory
from rsft.finetune.packing import packed_inputs, packed_micro_batches
from rsft.finetune.reduction import rank, ranks
from rsft.policy import MOST_LOGITS, Policy, batch_inputs

_READ = ("input_ids", "decoder_input_ids")


class Share:
    """What this process computes of each step."""

    def __init__(self, job: Job) -> None:
        self.computed = 0
        """Tokens computed since learning from the last step began, padding included."""
        self._policy = job.policy
        self._model = job.policy.model
        self._reference = job.reference
        self._section = job.section
        self._limits = _limits(job.policy, job.section)

    def learn(
        self,
        prompts: Sequence[Sequence[int]],
        examples: Sequence[Example],
        begin: Callable[[], None],
    ) -> float:
        """Leaves the gradients of this process's rows.

        Args:
            prompts: Prompt tokens of the step's rows, as they are to be read.
            examples: The rows.
            begin: Undoes what an attempt has left, and seeds the network's dropout.

        Returns:
            This process's part of the loss.
        """
        weight_R, divisor = self._weights(examples)

        def begin_anew() -> None:
            begin()
            self.computed = 0

        def compute(part: Sequence[int]) -> Tensor:
            loss = self._sum(part, prompts, examples, weight_R) / divisor
            torch.autograd.backward(loss)
            return loss.detach()

        return self._in_parts(prompts, examples, begin_anew, compute)

    def measure(
        self, prompts: Sequence[Sequence[int]], examples: Sequence[Example]
    ) -> tuple[float, float]:
        """Σ −A log M of this process's rows, and what the sum over processes is divided by."""
        weight_R, divisor = self._weights(examples)
        compute = partial(
            self._sum, prompts=prompts, examples=examples, weight_R=weight_R, is_plain=True
        )
        return self._in_parts(prompts, examples, lambda: None, compute), divisor

    def _in_parts(
        self,
        prompts: Sequence[Sequence[int]],
        examples: Sequence[Example],
        begin: Callable[[], None],
        compute: Callable[[Sequence[int]], Tensor],
    ) -> float:
        """Sums what is computed of each micro-batch of this process.

        Where memory runs out, it begins anew with fewer rows at once.
        """
        while True:
            begin()
            total = torch.zeros((), dtype=torch.float64, device=self._policy.model.device)
            part: Sequence[int] = ()
            try:
                for part in self._own_parts(prompts, examples):
                    total += compute(part)
                return float(total)
            except RuntimeError as error:
                self._limits = fewer_at_once(
                    self._limits,
                    [len(prompts[r]) for r in part],
                    [len(examples[r].completion_ids) for r in part],
                    error,
                )
            free_memory()  # out here, where the error no longer holds it

    def _own_parts(
        self, prompts: Sequence[Sequence[int]], examples: Sequence[Example]
    ) -> list[list[int]]:
        """The micro-batches of this process: numbers of every n-th row."""
        own = range(rank(), len(examples), ranks())
        part = packed_micro_batches if self._section.packing else micro_batches
        parts = part(
            [len(prompts[r]) for r in own],
            [len(examples[r].completion_ids) for r in own],
            self._limits,
            is_encoder_decoder=self._policy.is_encoder_decoder,
        )
        return [[own[place] for place in part] for part in parts]

    def _weights(self, examples: Sequence[Example]) -> tuple[Tensor, float]:
        """A of each row, and what their sum is divided by, over all micro-batches and processes."""
        weight_R = torch.tensor([one.weight for one in examples], dtype=torch.float64)
        weight_R /= weight_R.max()  # of long completions all may lie below a float32's range
        tokens_R = torch.tensor([len(one.completion_ids) for one in examples])
        return weight_R, denominator(weight_R, tokens_R, self._section.mean)

    def _sum(
        self,
        rows: Sequence[int],
        prompts: Sequence[Sequence[int]],
        examples: Sequence[Example],
        weight_R: Tensor,
        *,
        is_plain: bool = False,
    ) -> Tensor:
        """Σ A l of one micro-batch; plain, l is −log M and nothing else."""
        inputs = packed_inputs if self._section.packing else batch_inputs
        batch = inputs(
            self._policy,
            [prompts[r] for r in rows],
            [examples[r].completion_ids for r in rows],
        )
        self.computed += sum(batch[name].numel() for name in _READ if name in batch)
        device, precise = self._policy.model.device.type, self._section.precision == "float32"
        with torch.autocast(device, torch.bfloat16, enabled=not precise):
            logits_NV, target_N = target_logits(self._policy, self._model, batch)
            reference_NV = None
            if self._reference is not None and not is_plain:
                with torch.no_grad():
                    reference_NV, _ = target_logits(self._reference, self._reference.model, batch)
        loss_N = token_loss(
            logits_NV,
            target_N,
            label_smoothing=0.0 if is_plain else self._section.label_smoothing,
            beta=None if is_plain else self._section.beta,
            reference_logits_NV=reference_NV,
        )
        lengths = torch.tensor([len(examples[r].completion_ids) for r in rows])
        weight_N = weight_R[list(rows)].float().repeat_interleave(lengths).to(loss_N.device)
        return weighted_sum(loss_N, weight_N)


def _limits(policy: Policy, section: FinetuneSection) -> Limits:
    words = policy.model.config.get_text_config(decoder=True).vocab_size
    weights = sum(parameter.numel() for parameter in policy.model.parameters())
    return Limits(
        tokens=section.max_batch_tokens,
        targets=max(1, MOST_LOGITS // words),
        call_tokens=call_tokens(weights),
    )
