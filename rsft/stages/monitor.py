"""Stage ``monitor``: whether a round's policy is handed on, and whether the rounds go on.

    trained ─► answers to the held-out prompts ─► figures ─► collapsed? stalled? ─► model

A stall hands on the best round's policy, which may lie several rounds back, while a round sees
only the one before it. So where a round goes on with another policy than the best so far, it
carries the best along in ``best/``; else that folder holds the best round's number alone.
"""

from pathlib import Path

from rsft.config import Config
from rsft.errors import ConfigurationError
from rsft.evaluate.monitors import Figures, measure_answers
from rsft.evaluate.stopping import Monitor, base_monitor, judge_round, pass_on
from rsft.ledger import read_table, stream_rows, write_rows
from rsft.policy import Policy, encode_questions, load_policy, use_machine
from rsft.prompts.heldout import heldout_ids
from rsft.score import build_rewards
from rsft.stages.answering import answer_set
from rsft.stages.command import run_as_command
from rsft.stages.contract import (
    BASE,
    before,
    copy_policy,
    here,
    read_handed_on,
    read_json,
    split_file,
    write_json,
)
from rsft.types import Answer, Progress, Prompt


def run(config: Config, key: str, progress: Progress) -> None:
    """Writes what a round hands on, and ``monitor.json``: why.

    Args:
        config: The settings.
        key: The round; 0 is the base.
        progress: Told of completions.

    Raises:
        ConfigurationError: Where no prompt is held out, though a share is to be.
        VerifierError: Where a reward is broken, or can score no answer at all.
    """
    if key == "0":
        found = base_monitor(_measure(config, BASE, "model", progress))
    elif (earlier := _read(before(config, key))).stopped is not None:
        write_rows(here(key) / "heldout" / "part-00000.parquet", Answer, [])
        found = pass_on(earlier)
    else:
        size = read_json(here(key) / "pool" / "diagnostics.json")["effective_sample_size"]
        figures = _measure(config, here(key), "trained", progress)
        found = judge_round(earlier, _read(BASE), figures, size, config.monitor)
    if found.round:
        copy_policy(_handed_on(config, found), here(key) / "model")
    _carry_best(config, found)
    write_json(here(key) / "monitor.json", found.as_dict())
    handed_on = {
        "round": found.handed_on,
        "stopped": None if found.stopped is None else found.stopped.line,
        "steps": _steps(config, found),
    }
    write_json(here(key) / "handed_on.json", handed_on)


def _steps(config: Config, found: Monitor) -> dict[str, int]:
    """By round, the optimiser steps that its weights took; rounds that were not run have none."""
    if not found.round:
        return {}
    steps: dict[str, int] = read_handed_on(before(config, str(found.round)))["steps"]
    if found.stopped is None or found.stopped.round == found.round:
        training = read_json(here(str(found.round)) / "trained" / "training.json")
        steps |= {str(found.round): training["best_step"] or len(training["loss"])}
    return steps


def _read(folder: Path) -> Monitor:
    return Monitor.from_dict(read_json(folder / "monitor.json"))


def _measure(config: Config, folder: Path, name: str, progress: Progress) -> Figures | None:
    """Asks a policy of a folder the held-out prompts; null where there are to be none."""
    answers: list[Answer] = []
    figures = None
    if config.pool.heldout_share:
        device = use_machine(config.runtime)
        policy = load_policy(folder / name, device=device)
        prompts, too_long = _heldout_prompts(policy, config)
        gold = config.monitor.gold
        rewards = build_rewards(config.score, [gold] if gold else [], device=config.runtime.device)
        answers = answer_set(policy, config, rewards, "heldout", prompts, progress)
        figures = measure_answers(
            answers,
            too_long=too_long,
            k=config.evaluate.k,
            words=config.monitor.distinct_words,
            gold=gold,
            resamples=config.evaluate.resamples,
            confidence=config.evaluate.confidence,
            seed=config.seed,
        )
    write_rows(folder / "heldout" / "part-00000.parquet", Answer, answers)
    return figures


def _heldout_prompts(policy: Policy, config: Config) -> tuple[list[Prompt], int]:
    """The held-out prompts that fit the policy, and how many do not."""
    file, share = split_file("train"), config.pool.heldout_share
    ids = read_table(file, Prompt, ["prompt_id"])["prompt_id"].to_pylist()
    chosen = heldout_ids(ids, share, config.seed)
    held_out = [prompt for prompt in stream_rows(file, Prompt) if prompt.prompt_id in chosen]
    limit = policy.prompt_limit(config.evaluate.max_new_tokens)
    lengths = map(len, encode_questions(policy, held_out))
    fit = [prompt for prompt, n in zip(held_out, lengths, strict=True) if n <= limit]
    if not fit:
        raise ConfigurationError(
            f"pool.heldout_share = {share:g}: of {len(ids)} training prompts, {len(held_out)} "
            f"are held out, and none of these fits the policy; raise it, or set it to 0"
        )
    return fit, len(held_out) - len(fit)


def _handed_on(config: Config, found: Monitor) -> Path:
    """Where the policy lies that a round hands on."""
    folder, earlier = here(str(found.round)), before(config, str(found.round))
    if found.handed_on == found.round:
        return folder / "trained"
    assert found.stopped is not None
    return _best(earlier) if found.stopped.kind == "stalled" else earlier / "model"


def _best(folder: Path) -> Path:
    """Where the best policy lies that a round knew of."""
    carried = folder / "best" / "model"
    return carried if carried.exists() else folder / "model"


def _carry_best(config: Config, found: Monitor) -> None:
    """Keeps the best policy so far where a later round may hand it on, and nothing else has it."""
    best = here(str(found.round)) / "best"
    best.mkdir(exist_ok=True)
    write_json(best / "round.json", {"round": found.best_round})
    may_stall = config.monitor.patience is not None and found.stopped is None
    if may_stall and found.best_round != found.handed_on:
        copy_policy(_best(before(config, str(found.round))), best / "model")


if __name__ == "__main__":
    run_as_command(run)
