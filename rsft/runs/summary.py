"""What a run's files say, in one document: the figures of ``data/run.json``.

It reads what the stages left, and compares greedy answers in pairs. Shares (accuracy, pass@k,
rates) are fractions of 1, differences are percentage points, null is "not known".
``rsft run --json``:

    run_id, tag            the run, and the git tag that pins it
    seconds                total, stages, orchestration
    base                   ``sets`` and ``monitor``, as of a round
    rounds                 a list; of each round:
      round                its number, from 1
      too_long             prompts that the policy has no room for
      candidates …         how its acceptance came out: ``rsft.filter``'s diagnostics
      pool                 what it trained on: ``rsft.stages.pooling``
      training             steps, first_loss, last_loss, best_step, rows, left_out (rows by reason),
                           padding_share; null where the policy was not trained here
      monitor              what the held-out prompts said of it: ``rsft.evaluate.stopping``
      sets                 by set: the policy's figures
      against_base         by set: its policy compared with the base's
      against_previous     by set: with that of the round before; the first round's with the base's
    controls               by round, by name: ``sets``, and ``difference``, by set: that round's
                           policy compared with the control's
    gain                   the last round's comparison with the base on ``eval``
    model                  name, version, alias, and the reason of its promotion or why not

The figures of a policy on a set (``evaluation.json``):

    prompts, unscorable    greedy answers, and those among them that no reward could judge
    accuracy, low, high    share of right answers, and its interval
    reward                 {mean, low, high, unscorable} of ``score.rewards``
    measured               the same by name of each reward, those of ``evaluate.metrics`` included
    draws, k               sampled per prompt and seed, and the k of pass@k and maj@k
    pass_at_1, pass_at_k, maj_at_k, draw_reward
                           of the sampled answers, means over the seeds; draw_reward: mean reward
    pass_at_k_prompts      prompts with k scored draws: the first three are theirs
    unscorable_draws       left out of all four
    seeds                  null for one seed; else for each of the four {mean, sd, values}
    win_rate               null where nobody compares; else {mean, low, high, unscorable, won, tied,
                           lost} against the base's answers
    perplexity             per token of the references, of perplexity_prompts prompts

A comparison of two policies on a set; null where no prompt was scored for both:

    points, low, high      accuracy of the one less the other's, and its interval
    better, worse          prompts that the one has right and the other wrong, and the reverse
    p_value                of McNemar's exact test, two-sided
"""

from pathlib import Path
from typing import Any

from rsft.config import Config
from rsft.evaluate import Comparison, compare
from rsft.ledger import read_rows
from rsft.stages.contract import BASE, before, control_folder, here, read_greedy, read_json
from rsft.types import Answer, PromptDraws


def summarise_data(config: Config) -> dict[str, Any]:
    """Base, rounds, controls and gain of the run whose outputs are in ``data/``."""
    rounds = [_compared_round(config, key) for key in config.rounds]
    return {
        "base": summarise_policy(BASE),
        "rounds": rounds,
        "controls": {
            str(number): {name: _control(config, number, name) for name in config.controls.names}
            for number in config.controls.rounds
        },
        "gain": rounds[-1]["against_base"]["eval"],
    }


def _compared_round(config: Config, key: str) -> dict[str, Any]:
    return summarise_round(key) | {
        "against_base": compare_folders(config, here(key), BASE),
        "against_previous": compare_folders(config, here(key), before(config, key)),
    }


def _control(config: Config, number: int, name: str) -> dict[str, Any]:
    folder = control_folder(number, name)
    difference = compare_folders(config, here(str(number)), folder)
    return {"sets": read_evaluation(folder), "difference": difference}


def _training(policy: Path) -> dict[str, Any] | None:
    file = policy / "training.json"
    if not file.exists():
        return None
    training = read_json(file)
    loss = training["loss"]
    told = ("best_step", "rows", "left_out", "padding_share")
    figures = {"steps": len(loss), "first_loss": loss[0], "last_loss": loss[-1]}
    return figures | {name: training[name] for name in told}


def summarise_policy(folder: Path) -> dict[str, Any]:
    """What was measured of the policy that a round hands on."""
    monitor = read_json(folder / "monitor.json")
    return {"monitor": monitor, "sets": read_evaluation(folder)}


def summarise_round(key: str) -> dict[str, Any]:
    """What one round drew, kept, trained on and reached."""
    draws = read_rows(here(key) / "draws.parquet", PromptDraws)
    too_long = sum(row.status == "too_long" for row in draws)
    return {
        "round": int(key),
        "too_long": too_long,
        **read_json(here(key) / "decisions" / "diagnostics.json"),
        "pool": read_json(here(key) / "pool" / "diagnostics.json"),
        "training": _training(here(key) / "trained"),
        **summarise_policy(here(key)),
    }


def read_evaluation(folder: Path) -> dict[str, Any]:
    """The figures of each set, by name of the set."""
    return read_json(folder / "evaluation.json")


def compare_folders(config: Config, challenger: Path, other: Path) -> dict[str, Any]:
    """One folder's policy compared with another's, by name of the set, for JSON."""
    theirs = read_greedy(other / "answers")
    return {
        name: _as_points(compare_answers(config, ours, theirs[name]))
        for name, ours in read_greedy(challenger / "answers").items()
    }


def compare_answers(
    config: Config, challenger: list[Answer], other: list[Answer]
) -> Comparison | None:
    """Two policies' greedy answers in pairs, with an interval."""
    return compare(
        challenger,
        other,
        resamples=config.evaluate.resamples,
        confidence=config.evaluate.confidence,
        seed=config.seed,
    )


def _as_points(found: Comparison | None) -> dict[str, Any] | None:
    if found is None:
        return None
    return {
        "points": 100 * found.gain.estimate,
        "low": 100 * found.gain.low,
        "high": 100 * found.gain.high,
        "better": found.better,
        "worse": found.worse,
        "p_value": found.p_value,
    }
