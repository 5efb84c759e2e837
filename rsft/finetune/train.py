"""The training loop: AdamW on weighted rows.

    each step: rows ─► micro-batches ─► Σ A l / Σ A, backward ─► clip ─► AdamW ─► schedule

Every random choice has an address: rows are shuffled by (seed, epoch), words dropped by (seed,
step, row), and the network's own dropout starts anew from (seed, step, process), so that a run that
was killed goes on with the numbers it would have had.
"""

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from typing import Any

import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState
from torch import Tensor
from transformers import get_scheduler

from rsft.config import FinetuneSection
from rsft.errors import TrainingError
from rsft.finetune.batches import Limits, call_tokens, micro_batches, shuffled_steps
from rsft.finetune.examples import Example, Examples, encode_rows
from rsft.finetune.forward import target_logits
from rsft.finetune.lora import trainable_parameters
from rsft.finetune.loss import denominator, token_loss, weighted_sum
from rsft.finetune.packing import packed_inputs, packed_micro_batches
from rsft.finetune.readied import readied
from rsft.policy import MOST_LOGITS, Policy, batch_inputs
from rsft.randomness import address_key, generator
from rsft.types import Progress, TrainingRow

_SCHEDULES = {"linear": "linear", "cosine": "cosine", "constant": "constant_with_warmup"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Training:
    """How a training run went."""

    loss: tuple[float, ...]
    """Of each step, in nats per completion or per token, as ``mean`` has it."""
    rows: int
    """Rows that were learnt from."""
    left_out: Mapping[str, int]
    """Rows that were not, by reason."""

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def train(
    policy: Policy,
    rows: Sequence[TrainingRow],
    section: FinetuneSection,
    *,
    seed: int,
    reference: Policy | None = None,
    on_progress: Progress | None = None,
) -> Training:
    """Trains a policy in place, on the device that it is on.

    Args:
        policy: The policy; its model is in evaluation mode again afterwards.
        rows: Rows with their weights A.
        section: Loss, batches, optimiser.
        seed: Root of the shuffles and of dropout.
        reference: With ``section.beta``: π_ref.
        on_progress: Told of steps.

    Raises:
        TrainingError: Where there is nothing to train on, or the loss is not a number.
    """
    examples = encode_rows(policy, rows, section, supervised_share=section.supervised_share)
    with torch.random.fork_rng(devices=[]), readied(policy, section, seed=seed):
        losses = _Loop(policy, examples, section, seed, reference).run(on_progress)
    return Training(loss=tuple(losses), rows=len(examples.kept), left_out=examples.left_out)


class _Loop:
    """One training run's model, optimiser and schedule."""

    def __init__(
        self,
        policy: Policy,
        examples: Examples,
        section: FinetuneSection,
        seed: int,
        reference: Policy | None,
    ) -> None:
        self._policy = policy
        self._examples = examples.kept
        self._section = section
        self._seed = seed
        self._reference = reference
        self._limits = _limits(policy, section)
        self._accelerator = _accelerator(policy, section)
        optimiser = torch.optim.AdamW(
            trainable_parameters(policy.model).values(),
            lr=section.learning_rate,
            weight_decay=section.weight_decay,
            fused=True,
        )
        self._model, self._optimiser = self._accelerator.prepare(policy.model, optimiser)
        self._schedule = get_scheduler(
            _SCHEDULES[section.schedule], optimiser, section.warmup_steps, section.steps
        )

    def run(self, on_progress: Progress | None) -> list[float]:
        """Takes all steps; returns their losses."""
        section = self._section
        steps = shuffled_steps(
            len(self._examples),
            batch_size=section.batch_size,
            steps=section.steps,
            seed=self._seed,
        )
        losses: list[float] = []
        for step, picked in enumerate(steps):
            losses.append(self._step(step, picked))
            if on_progress is not None:
                on_progress(step + 1, section.steps, f"loss {losses[-1]:.3f}")
        return losses

    def _step(self, step: int, picked: Sequence[int]) -> float:
        """One optimiser step; returns its loss."""
        accelerator, section = self._accelerator, self._section
        rank, ranks = accelerator.process_index, accelerator.num_processes
        torch.manual_seed(address_key("dropout", self._seed, step, rank) >> 1)
        examples = [self._examples[place] for place in picked]
        weight_R = torch.tensor([one.weight for one in examples], dtype=torch.float64)
        weight_R /= weight_R.max()  # of long completions all may lie below a float32's range
        tokens_R = torch.tensor([len(one.completion_ids) for one in examples])
        divisor = denominator(weight_R, tokens_R, section.mean)
        prompts = [self._drop_words(picked[r], step) for r in range(len(examples))]
        own = range(rank, len(examples), ranks)
        parts = self._parts(
            [len(prompts[r]) for r in own], [len(examples[r].completion_ids) for r in own]
        )
        total = torch.zeros((), device=accelerator.device)
        for number, part in enumerate(parts, start=1):
            rows = [own[place] for place in part]
            # Gradients of all processes are averaged, in the last micro-batch of each.
            with nullcontext() if number == len(parts) else accelerator.no_sync(self._model):
                loss = self._sum(rows, prompts, examples, weight_R) * (ranks / divisor)
                accelerator.backward(loss)
            total += loss.detach() / ranks
        told = float(accelerator.reduce(total))
        if not torch.isfinite(torch.tensor(told)):
            raise _not_a_number(step, told, examples)
        accelerator.clip_grad_norm_(self._model.parameters(), section.max_grad_norm)
        self._optimiser.step()
        self._schedule.step()
        self._optimiser.zero_grad(set_to_none=True)
        return told

    def _parts(self, prompt_R: Sequence[int], completion_R: Sequence[int]) -> list[list[int]]:
        """Numbers of the rows of each micro-batch."""
        part = packed_micro_batches if self._section.packing else micro_batches
        return part(
            prompt_R,
            completion_R,
            self._limits,
            is_encoder_decoder=self._policy.is_encoder_decoder,
        )

    def _sum(
        self,
        rows: Sequence[int],
        prompts: Sequence[Sequence[int]],
        examples: Sequence[Example],
        weight_R: Tensor,
    ) -> Tensor:
        """Σ A l of one micro-batch."""
        inputs = packed_inputs if self._section.packing else batch_inputs
        batch = inputs(
            self._policy,
            [prompts[r] for r in rows],
            [examples[r].completion_ids for r in rows],
        )
        logits_NV, target_N = target_logits(self._policy, self._model, batch)
        reference_NV = None
        if self._reference is not None:
            with torch.no_grad(), self._accelerator.autocast():
                reference_NV, _ = target_logits(self._reference, self._reference.model, batch)
        loss_N = token_loss(
            logits_NV,
            target_N,
            label_smoothing=self._section.label_smoothing,
            beta=self._section.beta,
            reference_logits_NV=reference_NV,
        )
        lengths = torch.tensor([len(examples[r].completion_ids) for r in rows])
        weight_N = weight_R[list(rows)].float().repeat_interleave(lengths).to(loss_N.device)
        return weighted_sum(loss_N, weight_N)

    def _drop_words(self, row: int, step: int) -> Sequence[int]:
        tokens, share = self._examples[row].prompt_ids, self._section.word_dropout
        if share == 0.0:
            return tokens
        tokenizer = self._policy.tokenizer
        special = set(tokenizer.all_special_ids)
        dropped = generator("word-dropout", self._seed, step, row).random(len(tokens)) < share
        return [
            tokenizer.unk_token_id if drop and token not in special else token
            for token, drop in zip(tokens, dropped.tolist(), strict=True)
        ]


def _accelerator(policy: Policy, section: FinetuneSection) -> Accelerator:
    """Accelerate keeps one state per process, which would be that of an earlier training run."""
    AcceleratorState._reset_state(reset_partial_state=True)
    return Accelerator(
        cpu=policy.model.device.type == "cpu",
        mixed_precision="bf16" if section.precision == "bfloat16" else "no",
    )


def _limits(policy: Policy, section: FinetuneSection) -> Limits:
    words = policy.model.config.get_text_config(decoder=True).vocab_size
    weights = sum(parameter.numel() for parameter in policy.model.parameters())
    return Limits(
        tokens=section.max_batch_tokens,
        targets=max(1, MOST_LOGITS // words),
        call_tokens=call_tokens(weights),
    )


def _not_a_number(step: int, loss: float, examples: Sequence[Example]) -> TrainingError:
    names = ", ".join(example.name for example in examples)
    return TrainingError(
        f"the loss of step {step + 1} is {loss}; lower finetune.learning_rate, or look at the rows "
        f"of its batch: {names}"
    )
