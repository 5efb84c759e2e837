"""What a round hands on, and how rounds pass through once they have ended."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from rsft.config import Config
from rsft.errors import ConfigurationError
from rsft.evaluate.stopping import Monitor
from rsft.ledger import count_rows, read_rows, write_rows
from rsft.policy import Policy, load_policy, save_policy
from rsft.prompts.heldout import heldout_ids
from rsft.stages import filter as filter_stage
from rsft.stages import finetune, generate, monitor, pool, score, validate
from rsft.types import (
    Answer,
    Candidate,
    Decided,
    Leak,
    Prompt,
    PromptAcceptance,
    PromptDraws,
    Scored,
    TrainingRow,
)
from tests.evaluate.cases import answer
from tests.stages.cases import prompt, row, settings, silent, write_base

SETTINGS = (
    "rounds=4",
    "evaluate.sets={eval: eval}",
    "controls.rounds=[4]",
    "pool.heldout_share=0.5",
    "evaluate.draws=2",
    "evaluate.k=2",
    "evaluate.max_new_tokens=6",
)
BASE = Path("data/base")
IDS = [f"train-{number}" for number in range(20)]


@pytest.fixture(autouse=True)
def base(tiny_t5: Policy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_base(tiny_t5, [row(0, "n0 + n1 = r0", round=0)])
    prompts = [prompt(number) for number in range(20)]
    write_rows(Path("data/prompts/train.parquet"), Prompt, prompts)


def folder(key: str | int) -> Path:
    return Path(f"data/rounds/{key}")


def known(key: str | int) -> Monitor:
    place = folder(key) if int(key) else BASE
    return Monitor.from_dict(json.loads((place / "monitor.json").read_text()))


def train_round(key: str | int, size: float = 500.0) -> None:
    """What ``pool`` and ``finetune`` leave: a policy of the round's own."""
    policy = load_policy(BASE / "model")
    with torch.no_grad():
        policy.model.get_input_embeddings().weight.add_(0.01 * int(key))
    save_policy(policy, folder(key) / "trained")
    training = {"loss": [0.5] * 9, "best_step": None if key == "1" else int(key)}
    (folder(key) / "trained" / "training.json").write_text(json.dumps(training))
    (folder(key) / "pool").mkdir(parents=True)
    figures = {"effective_sample_size": size}
    (folder(key) / "pool" / "diagnostics.json").write_text(json.dumps(figures))


def contents(place: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in sorted(place.iterdir())}


def play(monkeypatch: pytest.MonkeyPatch, rights: list[int], *more: str) -> None:
    """Monitors the base and rounds whose policies give so many right answers of ten."""
    config = settings(*SETTINGS, *more)
    left = iter(rights)

    def answers(policy: Policy, config: Config, *_: Any) -> list[Answer]:
        right = next(left)
        return [answer(p, d, is_correct=p < right) for p in range(10) for d in (None, 0, 1)]

    monkeypatch.setattr(monitor, "answer_set", answers)
    monitor.run(config, "0", silent)
    for key in range(1, len(rights)):
        train_round(key)
        monitor.run(config, str(key), silent)


def test_the_base_is_measured_and_hands_nothing_on() -> None:
    config = settings(*SETTINGS, "monitor={gold: f1}")
    before = contents(BASE / "model")
    monitor.run(config, "0", silent)
    answers = read_rows(BASE / "heldout", Answer)
    held_out = [name for name in IDS if name in heldout_ids(IDS, 0.5, config.seed)]
    assert [a.prompt_id for a in answers] == [name for name in held_out for _ in range(3)]
    assert {a.split for a in answers} == {"heldout"}
    assert all({"worked_solution", "f1"} <= set(a.measured) for a in answers)
    found = known(0)
    assert found.figures is not None
    assert (found.figures.prompts, found.figures.mean_gold) == (len(held_out), 0.0)
    assert found.figures.mean_tokens == sum(
        a.token_count for a in answers if a.draw is not None
    ) / (2 * len(held_out))
    assert (found.best_round, found.handed_on, found.stopped) == (0, 0, None)
    assert contents(BASE / "model") == before


def test_the_same_policy_gives_the_same_bytes() -> None:
    config = settings(*SETTINGS)
    written = []
    for _ in range(2):
        monitor.run(config, "0", silent)
        files = [BASE / "monitor.json", *(BASE / "heldout").iterdir(), *(BASE / "best").iterdir()]
        written.append([file.read_bytes() for file in files])
    assert written[0] == written[1]


def test_nothing_is_asked_where_nothing_is_held_out() -> None:
    monitor.run(settings(*SETTINGS, "pool.heldout_share=0"), "0", silent)
    assert known(0).figures is None
    assert count_rows(BASE / "heldout") == 0


def test_a_share_that_holds_nothing_out_is_an_error() -> None:
    config = settings(*SETTINGS, "pool.heldout_share=0.0001")
    with pytest.raises(ConfigurationError, match=r"heldout_share = 0\.0001: of 20 .*, 0 are held"):
        monitor.run(config, "0", silent)


def test_prompts_that_do_not_fit_the_policy_are_left_out_and_counted() -> None:
    policy = load_policy(BASE / "model")
    policy.tokenizer.model_max_length = 12
    save_policy(policy, BASE / "model")
    prompts = [prompt(number) for number in range(20)]
    prompts[0] = replace(prompts[0], text="pens " * 20)
    write_rows(Path("data/prompts/train.parquet"), Prompt, prompts)
    monitor.run(settings(*SETTINGS, "pool.heldout_share=0.99"), "0", silent)
    found = known(0).figures
    assert found is not None
    assert (found.prompts, found.too_long) == (19, 1)


def test_a_round_hands_on_what_it_trained(monkeypatch: pytest.MonkeyPatch) -> None:
    play(monkeypatch, [5, 6, 4], "monitor={patience: 2}")
    for key in (1, 2):
        assert contents(folder(key) / "model") == contents(folder(key) / "trained")
        assert known(key).handed_on == key
    assert (known(2).best_round, known(2).best_accuracy) == (1, 0.6)


def test_a_stall_hands_on_the_best_round_however_long_ago(monkeypatch: pytest.MonkeyPatch) -> None:
    play(monkeypatch, [5, 6, 4, 3, 5], "monitor={patience: 3}")
    found = known(4)
    assert found.stopped is not None
    assert (found.stopped.kind, found.handed_on) == ("stalled", 1)
    assert contents(folder(4) / "model") == contents(folder(1) / "trained")
    monitor.run(settings(*SETTINGS, "rounds=5", "monitor={patience: 3}"), "5", silent)
    assert contents(folder(5) / "model") == contents(folder(1) / "trained")


def test_the_base_is_handed_on_where_no_round_was_better(monkeypatch: pytest.MonkeyPatch) -> None:
    play(monkeypatch, [5, 5, 4], "monitor={patience: 2}")
    assert known(2).handed_on == 0
    assert contents(folder(2) / "model") == contents(BASE / "model")


def test_the_best_policy_is_carried_along_only_where_it_may_be_needed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    play(monkeypatch, [5, 6, 4, 7, 3], "monitor={patience: 2}")
    carried = [key for key in range(1, 5) if (folder(key) / "best" / "model").exists()]
    assert carried == [2, 4]
    assert json.loads((folder(4) / "best" / "round.json").read_text()) == {"round": 3}


def test_without_patience_no_policy_is_carried_along(monkeypatch: pytest.MonkeyPatch) -> None:
    play(monkeypatch, [5, 6, 4, 3], "monitor={}")
    assert not list(Path("data").rglob("best/model"))


def test_a_collapse_hands_on_what_the_round_was_given(monkeypatch: pytest.MonkeyPatch) -> None:
    play(monkeypatch, [5, 6, 7])
    train_round(3, size=99.0)
    config = settings(*SETTINGS, "monitor={min_effective_sample_size: 100}")
    monkeypatch.setattr(monitor, "answer_set", lambda *_: [answer(0, None), answer(0, 0)])
    monitor.run(config, "3", silent)
    assert known(3).handed_on == 2
    assert contents(folder(3) / "model") == contents(folder(2) / "trained")


@pytest.fixture
def stopped() -> Config:
    """Round 1 collapsed for its small pool; rounds 2 and 3 are passed through."""
    config = settings(
        *SETTINGS, "monitor={min_effective_sample_size: 1000, patience: 2}", "finetune.steps=2"
    )
    monitor.run(config, "0", silent)
    train_round(1)
    held_out = heldout_ids(IDS, 0.5, config.seed)
    for name in ("kept", "seen", "heldout"):
        rows = [row(number, "n0") for number in range(20)]
        rows = [r for r in rows if (r.prompt_id in held_out) == (name == "heldout")]
        write_rows(folder(1) / "pool" / f"{name}.parquet", TrainingRow, rows)
    write_rows(folder(1) / "pool" / "contamination.parquet", Leak, [])
    monitor.run(config, "1", silent)
    for key in "23":
        for stage in (generate, score, filter_stage, pool, validate, finetune, monitor):
            stage.run(config, key, silent)
    return config


@pytest.mark.usefixtures("stopped")
def test_a_stopped_round_has_empty_tables_of_its_own_kinds() -> None:
    for key in "23":
        for name, record in {
            "candidates": Candidate,
            "draws.parquet": PromptDraws,
            "scored": Scored,
            "decisions": Decided,
            "accepted": Decided,
            "acceptance.parquet": PromptAcceptance,
            "heldout": Answer,
        }.items():
            assert read_rows(folder(key) / name, record) == []
        figures = json.loads((folder(key) / "decisions" / "diagnostics.json").read_text())
        assert (figures["candidates"], figures["accepted"], figures["reasons"]) == (0, 0, {})
        assert figures["acceptance_rate"] is None


@pytest.mark.usefixtures("stopped")
def test_a_stopped_round_keeps_the_pool() -> None:
    for name in ("kept", "seen", "heldout"):
        tables = {(folder(key) / "pool" / f"{name}.parquet").read_bytes() for key in "23"}
        assert len(tables) == 1
        rows = read_rows(folder(3) / "pool" / f"{name}.parquet", TrainingRow)
        assert rows == read_rows(folder(1) / "pool" / f"{name}.parquet", TrainingRow) != []


@pytest.mark.usefixtures("stopped")
def test_a_stopped_round_has_a_verdict_that_says_so() -> None:
    verdict = json.loads((folder(2) / "validation" / "verdict.json").read_text())
    assert verdict["success"]
    assert verdict["stopped"] == (
        "collapsed in round 1: the effective sample size of the pool is 500.0 "
        "(monitor.min_effective_sample_size = 1000)"
    )
    assert not (folder(2) / "validation" / "result.json").exists()


def test_how_figures_are_measured_has_no_say_in_what_later_stages_depend_on() -> None:
    written = []
    for words in (1, 2):
        monitor.run(settings(*SETTINGS, f"monitor.distinct_words={words}"), "0", silent)
        names = ("monitor.json", "handed_on.json")
        written.append([(BASE / name).read_bytes() for name in names])
    assert written[0][0] != written[1][0]
    assert written[0][1] == written[1][1]


@pytest.mark.usefixtures("stopped")
def test_a_stopped_round_hands_on_what_it_was_given_and_says_why() -> None:
    for key in "123":
        assert contents(folder(key) / "model") == contents(BASE / "model")
    for key in "23":
        assert contents(folder(key) / "trained") == contents(BASE / "model")
        assert known(key).stopped == known(1).stopped
        assert (known(key).round, known(key).handed_on) == (int(key), 0)
        assert known(key).figures is None


@pytest.mark.usefixtures("stopped")
def test_a_stopped_round_has_no_densities_to_compute() -> None:
    score.run(settings(*SETTINGS, "score.reference_logprob=true"), "2", silent)
    assert read_rows(folder(2) / "scored", Scored) == []
