"""The training loop: AdamW on weighted rows.

    each step: rows ─► micro-batches ─► Σ A l / Σ A, backward ─► clip ─► AdamW
               now and then: loss on held-out rows, checkpoint

Every random choice has an address: rows are shuffled by (seed, epoch), words dropped by (seed,
step, row), and the network's own dropout starts anew from (seed, step, process), so that a run that
was killed goes on with the numbers it would have had. The learning rate is a function of the step.
"""

from collections.abc import Mapping, Sequence
from itertools import islice

import torch
from torch import Tensor
from transformers import get_scheduler

from rsft.finetune.batches import shuffled_steps
from rsft.finetune.checkpoints import Checkpoint, Checkpoints
from rsft.finetune.early_stopping import best_step, is_over
from rsft.finetune.examples import Example, special_ids
from rsft.finetune.history import History
from rsft.finetune.job import Job
from rsft.finetune.lora import trainable_parameters
from rsft.finetune.meter import Meter
from rsft.finetune.reduction import rank, sum_gradients, sum_number
from rsft.finetune.refusals import refuse_not_a_number
from rsft.finetune.share import Share
from rsft.randomness import address_key, generator
from rsft.types import Progress

_SCHEDULES = {"linear": "linear", "cosine": "cosine", "constant": "constant_with_warmup"}


class Loop:
    """One training run's model and optimiser, as this process has them."""

    def __init__(
        self,
        job: Job,
        examples: Sequence[Example],
        heldout: Sequence[Example],
        checkpoints: Checkpoints | None,
    ) -> None:
        section = job.section
        self._examples = examples
        self._heldout = heldout
        self._special = special_ids(job.policy)
        self._unknown = job.policy.tokenizer.unk_token_id
        self._section = section
        self._seed = job.seed
        self._checkpoints = checkpoints
        self._share = Share(job)
        self._model = job.policy.model
        self._device = self._model.device
        self._trained = trainable_parameters(self._model)
        for parameter in self._trained.values():
            # Out of the file that they are mapped from, whose pages are slow to change.
            parameter.data = parameter.data.clone()
        self._optimiser = torch.optim.AdamW(
            self._trained.values(),
            lr=section.learning_rate,
            weight_decay=section.weight_decay,
            fused=True,
        )
        schedule = get_scheduler(
            _SCHEDULES[section.schedule], self._optimiser, section.warmup_steps, section.steps
        )
        self._rate_factor = schedule.lr_lambdas[0]
        self._history = History()
        self._best: Mapping[str, Tensor] | None = None

    def run(self, start: Checkpoint | None, on_progress: Progress | None) -> History:
        """Takes all steps that are left; returns what became of each."""
        section, stopping = self._section, self._section.early_stopping
        if start is not None:
            self._restore(start)
        history = self._history
        steps = shuffled_steps(
            len(self._examples),
            batch_size=section.batch_size,
            steps=section.steps,
            seed=self._seed,
        )
        meter = Meter(on_progress, section.steps, history)
        for step, picked in islice(enumerate(steps), history.steps, None):
            if stopping is not None and is_over(history.heldout_loss, stopping.patience):
                break
            norm = self._step(step, picked)
            if stopping is not None and _is_due(stopping.every, history.steps, section.steps):
                self._measure()
            if section.checkpoint_steps and history.steps % section.checkpoint_steps == 0:
                self._keep_checkpoint()
            meter.tell(history, norm, self._rate(step))
        if self._best is not None:
            self._set_weights(self._best)
        return history

    def _step(self, step: int, picked: Sequence[int]) -> float:
        """One optimiser step; returns the norm of its gradient."""
        history, parameters = self._history, list(self._trained.values())
        examples = [self._examples[place] for place in picked]
        prompts = [self._drop_words(place, step) for place in picked]
        loss = sum_number(self._gradients(step, prompts, examples), self._device)
        refuse_not_a_number("loss", step, loss, examples)
        sum_gradients(parameters)
        norm = float(torch.nn.utils.clip_grad_norm_(parameters, self._section.max_grad_norm))
        refuse_not_a_number("gradient", step, norm, examples)
        for group in self._optimiser.param_groups:
            group["lr"] = self._rate(step)
        self._optimiser.step()
        targets = sum(len(one.completion_ids) for one in examples)
        history.loss.append(loss)
        history.target_tokens += targets
        history.row_tokens += targets + sum(map(len, prompts))
        history.computed_tokens += round(sum_number(self._share.computed, self._device))
        return norm

    def _gradients(
        self, step: int, prompts: Sequence[Sequence[int]], examples: Sequence[Example]
    ) -> float:
        """Leaves the gradients of this process's rows; returns their part of the loss."""

        def begin() -> None:
            self._optimiser.zero_grad(set_to_none=True)
            torch.manual_seed(address_key("dropout", self._seed, step, rank()) >> 1)

        return self._share.learn(prompts, examples, begin)

    def _measure(self) -> None:
        """Notes the loss on the held-out rows, and the weights where it is a new least."""
        examples, history = self._heldout, self._history
        prompts = [example.prompt_ids for example in examples]
        self._model.eval()
        with torch.no_grad():
            own, divisor = self._share.measure(prompts, examples)
        self._model.train()
        loss = sum_number(own, self._device) / divisor
        refuse_not_a_number("held-out loss", history.steps - 1, loss, examples)
        history.heldout_loss.append((history.steps, loss))
        if best_step(history.heldout_loss) == history.steps:
            self._best = {n: p.detach().to("cpu", copy=True) for n, p in self._trained.items()}

    def _keep_checkpoint(self) -> None:
        if self._checkpoints is None:
            return
        state = self._optimiser.state
        optimiser = {
            f"{name}.{what}": tensor
            for name, parameter in self._trained.items()
            for what, tensor in state[parameter].items()
        }
        weights = {name: parameter.detach() for name, parameter in self._trained.items()}
        self._checkpoints.write(
            Checkpoint(history=self._history, weights=weights, optimiser=optimiser, best=self._best)
        )

    def _restore(self, start: Checkpoint) -> None:
        self._history, self._best = start.history, start.best
        self._set_weights(start.weights)
        for key, tensor in start.optimiser.items():
            name, what = key.rsplit(".", 1)
            parameter = self._trained[name]
            self._optimiser.state[parameter][what] = tensor.to(parameter.device)

    def _set_weights(self, weights: Mapping[str, Tensor]) -> None:
        with torch.no_grad():
            for name, parameter in self._trained.items():
                parameter.copy_(weights[name])

    def _rate(self, step: int) -> float:
        """Learning rate of a step."""
        return self._section.learning_rate * float(self._rate_factor(step))

    def _drop_words(self, row: int, step: int) -> Sequence[int]:
        tokens, share = self._examples[row].prompt_ids, self._section.word_dropout
        if share == 0.0:
            return tokens
        unknown, special = self._unknown, self._special
        dropped = generator("word-dropout", self._seed, step, row).random(len(tokens)) < share
        return [
            unknown if drop and token not in special else token
            for token, drop in zip(tokens, dropped.tolist(), strict=True)
        ]


def _is_due(every: int, steps: int, all_steps: int) -> bool:
    """Whether it is time to measure; the weights that training would end with always are."""
    return steps % every == 0 or steps == all_steps
