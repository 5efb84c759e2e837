"""What training stops at: settings that ask for what is not there, numbers that are none."""

import math
import os
from collections.abc import Sequence

from rsft.errors import ConfigurationError, TrainingError
from rsft.finetune.examples import Example
from rsft.finetune.job import Job

_MOST_NAMED = 8


def refuse_impossible(job: Job) -> None:
    """Refuses settings that ask for what the tokenizer or the pool does not have.

    One of several processes that torchrun started is refused too: each would train all over and
    write the same files. The first of them trains as if it were alone.

    Raises:
        ConfigurationError: Naming the setting.
    """
    if (place := os.environ.get("RANK", "0")) != "0":
        raise ConfigurationError(
            f"RANK = {place} in the environment: this is one of several processes of torchrun or "
            "the like, and a run is one, which starts those of finetune.processes itself; start "
            "it once, and `rsft join` on other hosts"
        )
    if job.section.word_dropout and job.policy.tokenizer.unk_token_id is None:
        raise ConfigurationError(
            f"word_dropout = {job.section.word_dropout}: the policy's tokenizer has no unknown "
            "token to put in a word's place; set it to 0"
        )
    if job.section.early_stopping is not None and not job.heldout:
        raise ConfigurationError(
            "finetune.early_stopping stops by the rows of held-out training prompts, and there are "
            "none: raise pool.heldout_share, or set early_stopping to null"
        )


def refuse_not_a_number(what: str, step: int, value: float, examples: Sequence[Example]) -> None:
    """Stops where a number of a step is not finite, and names the rows of its batch.

    Args:
        what: What it is, for the message.
        step: The step, from 0.
        value: The number.
        examples: The rows.

    Raises:
        TrainingError: Naming the step and the first rows.
    """
    if math.isfinite(value):
        return
    named = [example.name for example in examples[:_MOST_NAMED]]
    if len(examples) > _MOST_NAMED:
        named.append(f"and {len(examples) - _MOST_NAMED:,} more")
    raise TrainingError(
        f"the {what} of step {step + 1} is {value}; lower learning_rate, or look at its rows: "
        + ", ".join(named)
    )
