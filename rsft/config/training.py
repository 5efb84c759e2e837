"""One training run: the loss, its batches, the optimiser, and what it may stop by."""

from typing import Literal, Self

from pydantic import Field, model_validator

from rsft.config.section import Section


class LoraSection(Section):
    """Low-rank adapters, trained in place of the weights and merged into them at the end."""

    rank: int = Field(ge=1)
    """Rank of each adapter."""
    alpha: float = Field(gt=0)
    """The adapters' product is scaled by ``alpha / rank``."""
    dropout: float = Field(default=0.0, ge=0, lt=1)
    """Dropout before each adapter."""
    targets: list[str] = Field(default=[])
    """Names of the linear layers that get one, such as ``q_proj``; empty for all of them but the
    output layer."""


class EarlyStoppingSection(Section):
    """Training ends where the loss on the held-out prompts' rows no longer falls."""

    every: int = Field(ge=1)
    """Optimiser steps between two measurements."""
    patience: int = Field(ge=1)
    """Measurements in a row without a new least loss, after which training ends; the weights are
    those of the least."""


class TrainingSection(Section):
    """One training run."""

    steps: int = Field(ge=1)
    """Optimiser steps."""
    batch_size: int = Field(ge=1)
    """Rows per optimiser step, over all processes and accumulated batches."""
    learning_rate: float = Field(gt=0)
    """Peak of the schedule."""
    schedule: Literal["linear", "cosine", "constant"] = "linear"
    """After the warm-up: decay to 0, or none."""
    warmup_steps: int = Field(default=0, ge=0)
    """Steps of the linear warm-up."""
    weight_decay: float = Field(default=0.0, ge=0)
    """AdamW's decoupled weight decay."""
    max_grad_norm: float = Field(default=1.0, gt=0)
    """Gradients are clipped to this norm."""
    mean: Literal["sequence", "token"] = "sequence"
    """``sequence``: −Σ A log M(y|x) / Σ A, the mean over completions. ``token``: −Σ A log M(y|x) /
    Σ A·|y|, the mean over their tokens, by which a long completion weighs more; with A = 1 it is
    transformers' own loss."""
    weigh: Literal["row", "prompt"] = "row"
    """``row``: A as it is. ``prompt``: the rows of a prompt share a weight of 1, in proportion to
    their A."""
    label_smoothing: float = Field(default=0.0, ge=0, lt=1)
    """Share of each target token's probability that is spread over all tokens."""
    word_dropout: float = Field(default=0.0, ge=0, lt=1)
    """Share of input tokens replaced by the unknown token while training."""
    max_prompt_tokens: int = Field(default=512, ge=1)
    """A row with a longer prompt is left out and counted, never cut."""
    max_completion_tokens: int = Field(default=512, ge=1)
    """A row with a longer completion is left out and counted, never cut."""
    max_batch_tokens: int = Field(default=16384, ge=1)
    """Tokens, padding included, that are computed at once; rows of a step beyond that are
    accumulated."""
    packing: bool = False
    """Rows end to end in place of padding; none sees another. For decoder-only models, and for
    encoder-decoders whose positions are relative, such as T5; proved before training starts."""
    precision: Literal["float32", "bfloat16"] = "float32"
    """Precision of the forward and backward pass; weights and optimiser stay float32."""
    gradient_checkpointing: bool = False
    """Recompute activations in the backward pass: less memory, more time."""
    compile: bool = False
    """Compile the model; it pays in long runs of large models."""
    lora: LoraSection | None = None
    """Train adapters; null for all weights."""
    processes: int = Field(default=1, ge=1)
    """Processes that share each step's rows: on the CPU those of a host share ``runtime.threads``
    too, each having one at least; on GPUs each has its own. Another number gives other roundings,
    and other dropout."""
    hosts: int = Field(default=1, ge=1)
    """Machines that the processes are spread over, the same number on each. They meet where the
    section ``hosts`` says."""
    checkpoint_steps: int | None = Field(default=None, ge=1)
    """Optimiser steps between two checkpoints, from which a killed run goes on; null for none."""

    @model_validator(mode="after")
    def _every_process_has_rows(self) -> Self:
        if self.batch_size < self.processes:
            raise ValueError(
                f"batch_size is {self.batch_size}, less than processes, {self.processes}, so that "
                "some would have no row"
            )
        return self

    @model_validator(mode="after")
    def _hosts_share_evenly(self) -> Self:
        if self.processes % self.hosts:
            raise ValueError(
                f"processes is {self.processes}, which {self.hosts} hosts cannot share evenly; set "
                f"it to {self.hosts} or a multiple of it"
            )
        return self


class FinetuneSection(TrainingSection):
    """Training on the pool: the labelled rows and every round's accepted rows."""

    start: Literal["base", "previous"] = "base"
    """Weights that a round starts from."""
    supervised_share: float | None = Field(default=None, ge=0, lt=1)
    """Share of the total weight that the labelled rows have, 0 for none of them; null for their
    weights as they are."""
    beta: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    """KL strength: adds beta·KL(M_θ‖π_ref) per completion token, π_ref being the base."""
    early_stopping: EarlyStoppingSection | None = None
    """Where set, by the loss on the rows of the held-out training prompts
    (``pool.heldout_share``)."""

    @model_validator(mode="after")
    def _stops_within_its_steps(self) -> Self:
        if self.early_stopping is not None and self.early_stopping.every > self.steps:
            raise ValueError("early_stopping.every is more than steps, so that it never measures")
        return self
