"""Settings and rows for stages that are called as plain functions, in a folder of their own."""

import json
import shutil
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from rsft.config import Config, set_values
from rsft.ledger import write_rows
from rsft.policy import Policy, save_policy
from rsft.stages.contract import PROMPT_LEAKS
from rsft.types import Decided, Leak, Prompt, TrainingRow
from tests.workspaces import ROOT, TINY

needs_ray = pytest.mark.filterwarnings("default::ResourceWarning", "default::DeprecationWarning")
"""For tests that start Ray."""


@cache
def settings(*assignments: str) -> Config:
    """The shipped settings, tiny, with some of them set."""
    with TemporaryDirectory() as folder:
        file = Path(folder) / "params.yaml"
        shutil.copy(ROOT / "params.yaml", file)
        return set_values(file, [*TINY, *assignments])


def silent(done: int, total: int, note: str = "") -> None:
    """Progress that nobody watches."""


def prompt(number: int, *, split: str = "train", answer: str | None = "7") -> Prompt:
    """A prompt of two numbers."""
    return Prompt(
        prompt_id=f"{split}-{number}",
        text=f"{split} has {number} pens and buys {7 - number} more",
        answers=() if answer is None else (answer,),
        solution="n0 + n1 = r0" if split == "labelled" else None,
        family=f"family-{number % 2}",
        source="test",
        licence="CC0-1.0",
    )


def decided(
    number: int,
    text: str,
    *,
    round: int = 1,  # noqa: A002
    draw: int = 0,
    is_accepted: bool = False,
    is_finished: bool = True,
    reward: float | None = 1.0,
    weight: float = 1.0,
) -> Decided:
    """A decision on a candidate of the prompt ``train-<number>``."""
    return Decided(
        prompt_id=f"train-{number}",
        round=round,
        draw=draw,
        policy_version="abc",
        text=text,
        token_ids=(4, 5, 1),
        token_count=3,
        finish_reason="stop" if is_finished else "length",
        proposal_logprob=-2.5,
        policy_logprob=-2.5,
        reward=reward,
        reward_breakdown={} if reward is None else {"worked_solution": reward},
        score_status="unscorable" if reward is None else "ok",
        score_note="worked_solution: no gold answer" if reward is None else None,
        outcome="7",
        reference_logprob=None,
        is_canonical=None,
        log_target=0.0,
        log_bound=2.5,
        log_accept_ratio=0.0,
        accept_prob=1.0,
        coin=0.5,
        is_accepted=is_accepted,
        reason="accepted" if is_accepted else "coin",
        weight=weight if is_accepted else 0.0,
    )


def row(number: int, completion: str, *, round: int = 1, draw: int = 0) -> TrainingRow:  # noqa: A002
    """A training row; of round 0, a labelled one."""
    split = "train" if round else "labelled"
    return TrainingRow(
        prompt_id=f"{split}-{number}",
        prompt=prompt(number, split=split).text,
        context=(),
        family=prompt(number, split=split).family,
        completion=completion,
        weight=1.0,
        round=round,
        draw=draw,
        source="test",
        licence="CC0-1.0",
    )


def write_handed_on(folder: Path, number: int, stopped: str | None = None, *steps: int) -> None:
    """What the stage ``monitor`` leaves for the stages after it."""
    folder.mkdir(parents=True, exist_ok=True)
    taken = {str(key): count for key, count in enumerate(steps, start=1)}
    document = {"round": number, "stopped": stopped, "steps": taken}
    (folder / "handed_on.json").write_text(json.dumps(document))


def write_base(policy: Policy, labelled: list[TrainingRow]) -> None:
    """What stands before the first round, where nothing is held out."""
    for split, size in (("labelled", 2), ("train", 5), ("dev", 1), ("eval", 4)):
        rows = [prompt(number, split=split) for number in range(size)]
        write_rows(Path("data/prompts") / f"{split}.parquet", Prompt, rows)
    save_policy(policy, Path("data/base/model"))
    write_rows(Path("data/base/pool/kept.parquet"), TrainingRow, labelled)
    for name in ("seen", "heldout"):
        write_rows(Path(f"data/base/pool/{name}.parquet"), TrainingRow, [])
    write_rows(PROMPT_LEAKS, Leak, [])
    write_handed_on(Path("data/base"), 0)
