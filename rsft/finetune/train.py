"""The training loop: AdamW on weighted rows.

    each step: rows ─► micro-batches ─► Σ A l / Σ A, backward ─► clip ─► AdamW
               now and then: loss on held-out rows, checkpoint

Every random choice has an address: rows are shuffled by (seed, epoch), words dropped by (seed,
step, row), and the network's own dropout starts anew from (seed, step, process), so that a run that
was killed goes on with the numbers it would have had. The learning rate is a function of the step.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import islice

import torch
from accelerate import Accelerator
from torch import Tensor
from transformers import get_scheduler

from rsft.config import FinetuneSection
from rsft.errors import TrainingError
from rsft.finetune.batches import Limits, call_tokens, micro_batches, shuffled_steps
from rsft.finetune.checkpoints import Checkpoint, Checkpoints, read_checkpoint
from rsft.finetune.early_stopping import best_step, is_over
from rsft.finetune.examples import Example, encode_rows, special_ids
from rsft.finetune.forward import target_logits
from rsft.finetune.history import History, Training, told
from rsft.finetune.job import Job
from rsft.finetune.lora import trainable_parameters
from rsft.finetune.loss import denominator, token_loss, weighted_sum
from rsft.finetune.memory import fewer_at_once, free_memory, no_memory
from rsft.finetune.meter import Meter
from rsft.finetune.packing import packed_inputs, packed_micro_batches
from rsft.finetune.processes import train_in_processes
from rsft.finetune.readied import readied
from rsft.finetune.reduction import sum_gradients
from rsft.finetune.refusals import refuse_impossible, refuse_not_a_number
from rsft.policy import MOST_LOGITS, Policy, batch_inputs
from rsft.randomness import address_key, generator
from rsft.types import Progress, TrainingRow

_SCHEDULES = {"linear": "linear", "cosine": "cosine", "constant": "constant_with_warmup"}
_READ = ("input_ids", "decoder_input_ids")


def train(
    policy: Policy,
    rows: Sequence[TrainingRow],
    section: FinetuneSection,
    *,
    seed: int,
    reference: Policy | None = None,
    heldout: Sequence[TrainingRow] = (),
    checkpoints: Checkpoints | None = None,
    on_progress: Progress | None = None,
) -> Training:
    """Trains a policy in place, on the device that it is on, in this process or several.

    Args:
        policy: The policy; its model is in evaluation mode again afterwards.
        rows: Rows with their weights A.
        section: Loss, batches, optimiser.
        seed: Root of the shuffles and of dropout.
        reference: With ``section.beta``: π_ref.
        heldout: With ``section.early_stopping``: the rows whose loss it stops by.
        checkpoints: Where a killed run is gone on with; the caller removes them once the result is
            safe. Null for none.
        on_progress: Told of steps.

    Raises:
        ConfigurationError: Where a setting asks for what is not there.
        TrainingError: Where there is nothing to train on, the loss is not a number, or memory does
            not suffice.
    """
    job = Job(
        policy=policy,
        rows=rows,
        section=section,
        seed=seed,
        reference=reference,
        heldout=heldout,
    )
    refuse_impossible(job)
    resumed = None if checkpoints is None else checkpoints.latest()
    if section.processes > 1:
        return train_in_processes(job, checkpoints, resumed, on_progress)
    start = None if resumed is None else read_checkpoint(resumed)
    return train_here(job, checkpoints, start, on_progress)


def train_here(
    job: Job,
    checkpoints: Checkpoints | None,
    start: Checkpoint | None,
    on_progress: Progress | None,
) -> Training:
    """Trains in this process, which may be one of several; arguments and errors as ``train``.

    Args:
        job: The policy and its rows.
        checkpoints: Where this process writes them.
        start: What to go on from.
        on_progress: Told of steps.
    """
    examples = encode_rows(
        job.policy, job.rows, job.section, supervised_share=job.section.supervised_share
    )
    heldout = _encode_heldout(job)
    try:
        with (
            torch.random.fork_rng(devices=[]),
            readied(job.policy, job.section, seed=job.seed, reference=job.reference),
        ):
            loop = _Loop(job, examples.kept, heldout, checkpoints)
            history = loop.run(start, on_progress)
    except RuntimeError as error:
        raise no_memory(error) from None
    return told(history, examples)


class _Loop:
    """One training run's model and optimiser, as this process has them."""

    def __init__(
        self,
        job: Job,
        examples: Sequence[Example],
        heldout: Sequence[Example],
        checkpoints: Checkpoints | None,
    ) -> None:
        section = job.section
        self._policy = job.policy
        self._examples = examples
        self._heldout = heldout
        self._special = special_ids(job.policy)
        self._section = section
        self._seed = job.seed
        self._reference = job.reference
        self._checkpoints = checkpoints
        self._limits = _limits(job.policy, section)
        self._accelerator = _accelerator(job)
        self._model = job.policy.model
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
        self._computed = 0
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
        loss = self._sum_over_processes(self._gradients(step, prompts, examples))
        refuse_not_a_number("loss", step, loss, examples)
        sum_gradients(self._accelerator, parameters)
        norm = float(torch.nn.utils.clip_grad_norm_(parameters, self._section.max_grad_norm))
        refuse_not_a_number("gradient", step, norm, examples)
        for group in self._optimiser.param_groups:
            group["lr"] = self._rate(step)
        self._optimiser.step()
        targets = sum(len(one.completion_ids) for one in examples)
        history.loss.append(loss)
        history.target_tokens += targets
        history.row_tokens += targets + sum(map(len, prompts))
        history.computed_tokens += round(self._sum_over_processes(self._computed))
        return norm

    def _gradients(
        self, step: int, prompts: Sequence[Sequence[int]], examples: Sequence[Example]
    ) -> float:
        """Leaves the gradients of this process's rows; returns their part of the loss."""
        weight_R, divisor = self._weights(examples)

        def begin() -> None:
            self._optimiser.zero_grad(set_to_none=True)
            rank = self._accelerator.process_index
            torch.manual_seed(address_key("dropout", self._seed, step, rank) >> 1)
            self._computed = 0

        def learn(part: Sequence[int]) -> Tensor:
            loss = self._sum(part, prompts, examples, weight_R) / divisor
            torch.autograd.backward(loss)  # Accelerate's would divide by what the environment says
            return loss.detach()

        return self._in_parts(prompts, examples, begin, learn)

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
        own = range(self._accelerator.process_index, len(examples), self._accelerator.num_processes)
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
        self._computed += sum(batch[name].numel() for name in _READ if name in batch)
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

    def _measure(self) -> None:
        """Notes the loss on the held-out rows, and the weights where it is a new least."""
        examples, history = self._heldout, self._history
        prompts = [example.prompt_ids for example in examples]
        weight_R, divisor = self._weights(examples)
        measure = partial(
            self._sum, prompts=prompts, examples=examples, weight_R=weight_R, is_plain=True
        )
        self._model.eval()
        with torch.no_grad():
            own = self._in_parts(prompts, examples, lambda: None, measure)
        self._model.train()
        loss = self._sum_over_processes(own) / divisor
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

    def _sum_over_processes(self, number: float) -> float:
        device = self._policy.model.device
        held = torch.tensor(number, dtype=torch.float64, device=device)
        return float(self._accelerator.reduce(held, "sum"))

    def _drop_words(self, row: int, step: int) -> Sequence[int]:
        tokens, share = self._examples[row].prompt_ids, self._section.word_dropout
        if share == 0.0:
            return tokens
        unknown, special = self._policy.tokenizer.unk_token_id, self._special
        dropped = generator("word-dropout", self._seed, step, row).random(len(tokens)) < share
        return [
            unknown if drop and token not in special else token
            for token, drop in zip(tokens, dropped.tolist(), strict=True)
        ]


def _limits(policy: Policy, section: FinetuneSection) -> Limits:
    words = policy.model.config.get_text_config(decoder=True).vocab_size
    weights = sum(parameter.numel() for parameter in policy.model.parameters())
    return Limits(
        tokens=section.max_batch_tokens,
        targets=max(1, MOST_LOGITS // words),
        call_tokens=call_tokens(weights),
    )


def _accelerator(job: Job) -> Accelerator:
    """Which process this is, of how many.

    Accelerate holds one state per process for good, so nothing goes into it that the next training
    may want otherwise: precision and device are seen to here.
    """
    is_cpu = job.policy.model.device.type == "cpu"
    return Accelerator(cpu=is_cpu and job.section.processes > 1)


def _is_due(every: int, steps: int, all_steps: int) -> bool:
    """Whether it is time to measure; the weights that training would end with always are."""
    return steps % every == 0 or steps == all_steps


def _encode_heldout(job: Job) -> Sequence[Example]:
    if job.section.early_stopping is None:
        return ()
    try:
        return encode_rows(job.policy, job.heldout, job.section).kept
    except TrainingError as error:
        raise TrainingError(f"finetune.early_stopping, held-out rows: {error}") from None
