"""Training: here or in several processes, from the beginning or from a checkpoint."""

import logging
from collections.abc import Sequence

import torch

from rsft.config import FinetuneSection
from rsft.errors import TrainingError
from rsft.finetune.checkpoints import Checkpoint, Checkpoints, read_checkpoint
from rsft.finetune.examples import Example, encode_rows
from rsft.finetune.history import Training, told
from rsft.finetune.hosts import Meeting
from rsft.finetune.job import Job
from rsft.finetune.loop import Loop
from rsft.finetune.memory import no_memory
from rsft.finetune.processes import train_in_processes
from rsft.finetune.readied import readied
from rsft.finetune.reduction import rank
from rsft.finetune.refusals import refuse_impossible
from rsft.policy import Policy
from rsft.types import Progress, TrainingRow

logger = logging.getLogger("rsft")


def train(
    policy: Policy,
    rows: Sequence[TrainingRow],
    section: FinetuneSection,
    *,
    seed: int,
    reference: Policy | None = None,
    heldout: Sequence[TrainingRow] = (),
    checkpoints: Checkpoints | None = None,
    meeting: Meeting | None = None,
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
        meeting: With ``section.hosts`` above 1: where they meet.
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
        return train_in_processes(job, checkpoints, resumed, meeting, on_progress)
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
    if rank() == 0:
        _tell_of_rows_alone(examples.kept, job.section)
    device = job.policy.model.device
    try:
        with (
            torch.random.fork_rng(devices=[device] if device.type == "cuda" else []),
            readied(job.policy, job.section, seed=job.seed, reference=job.reference),
        ):
            loop = Loop(job, examples.kept, heldout, checkpoints)
            history = loop.run(start, on_progress)
    except RuntimeError as error:
        raise no_memory(error) from None
    return told(history, examples)


def _encode_heldout(job: Job) -> Sequence[Example]:
    if job.section.early_stopping is None:
        return ()
    try:
        return encode_rows(job.policy, job.heldout, job.section).kept
    except TrainingError as error:
        raise TrainingError(f"finetune.early_stopping, held-out rows: {error}") from None


def _tell_of_rows_alone(examples: Sequence[Example], section: FinetuneSection) -> None:
    """Says where ``max_batch_tokens`` has rows computed one by one, which is slow."""
    limit = section.max_batch_tokens
    lengths = sorted(len(one.prompt_ids) + len(one.completion_ids) for one in examples)
    longer = sum(length > limit for length in lengths)
    if section.batch_size == section.processes or not (longer or sum(lengths[:2]) > limit):
        return
    which = f"{longer:,} of {len(lengths):,} rows are longer" if longer else "no two rows fit"
    logger.warning(
        "max_batch_tokens = %s: %s, so that each is computed alone, which is slow; the longest has "
        "%s tokens",
        f"{limit:,}",
        which,
        f"{lengths[-1]:,}",
    )
