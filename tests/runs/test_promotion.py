"""When a challenger becomes champion: shown to be better on the same prompts, and nothing else."""

from pathlib import Path

import pytest

from rsft.config import Config, load_config
from rsft.errors import VerifierError
from rsft.ledger import write_rows
from rsft.policy import Policy
from rsft.registry import EVAL_PROMPTS_TAG, ModelVersion
from rsft.runs import promotion
from rsft.runs.registration import evaluation_fingerprint
from rsft.types import Answer, Prompt
from tests.answers import answer, sampled
from tests.workspaces import ROOT

PROMPTS = 40
"""In families of two: an interval needs families to resample."""


def answers(right: int, split: str = "eval") -> list[Answer]:
    """Greedy answers of which the first so many are right; two prompts make a family."""
    return [answer(number, number < right, split=split) for number in range(PROMPTS)]


def write_answers(folder: str, right: int) -> Path:
    file = Path(folder) / "answers" / "part-00000.parquet"
    drawn = [row for number in range(PROMPTS) for row in sampled(number, "01")]
    write_rows(file, Answer, [*answers(right), *drawn, *answers(right // 2, "guard")])
    return file


def serving_version(config: Config, **tags: str) -> ModelVersion:
    tags = {EVAL_PROMPTS_TAG: evaluation_fingerprint(config)} | tags
    return ModelVersion(
        name="rsft", version=3, aliases=("champion",), tags=tags, mlflow_run_id="run"
    )


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Config:
    """Two sets, in a folder whose last round has 30 of 40 answers right, and 15 of the other."""
    monkeypatch.chdir(tmp_path)
    shipped = load_config(ROOT / "params.yaml")
    sets = {"eval": "eval", "guard": "guard_templates"}
    config = shipped.model_copy(
        update={"evaluate": shipped.evaluate.model_copy(update={"sets": sets})}
    )
    prompts = [
        Prompt(
            prompt_id=row.prompt_id,
            text=row.prompt,
            answers=("1",),
            solution=None,
            family=row.family,
            source="s",
            licence="MIT",
        )
        for row in answers(0)
    ]
    for split in sets.values():
        write_rows(Path(f"data/prompts/{split}.parquet"), Prompt, prompts)
    write_answers("data/base", 10)
    write_answers("data/rounds/3", 30)
    return config


def serve(monkeypatch: pytest.MonkeyPatch, version: ModelVersion | None) -> None:
    monkeypatch.setattr(promotion, "champion", lambda registry, name: version)


@pytest.mark.parametrize(
    ("prompts", "is_promoted"), [(1, False), (2, False), (10, False), (12, True)]
)
def test_a_handful_of_families_that_all_agree_shows_nothing(
    config: Config, monkeypatch: pytest.MonkeyPatch, prompts: int, is_promoted: bool
) -> None:
    """Two prompts make a family, and two prompts of one family two: at 95%, six are needed."""
    serve(monkeypatch, None)
    for folder, is_correct in (("data/base", False), ("data/rounds/3", True)):
        rows = [answer(number, is_correct) for number in range(prompts)]
        write_rows(Path(folder) / "answers" / "part-00000.parquet", Answer, rows)
    for folder in ("data/base", "data/rounds/3"):
        guard = [answer(0, True, split="guard")]
        write_rows(Path(folder) / "answers" / "part-00001.parquet", Answer, guard)
    decision = promotion.decide_promotion(None, config, [])
    assert decision.is_promoted == is_promoted
    assert decision.gain_low == 100
    assert decision.reason.startswith("promoted" if is_promoted else "not shown to be better, by")


def test_without_a_champion_the_base_is_what_must_be_beaten(
    config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve(monkeypatch, None)
    decision = promotion.decide_promotion(None, config, [])
    assert decision.is_promoted
    assert (decision.against, decision.gain) == (None, pytest.approx(50))
    assert 0 < decision.gain_low < 50 < decision.gain_high
    assert (decision.better, decision.worse, decision.p_value) == (20, 0, 2 * 0.5**20)
    assert decision.reason.startswith("promoted: +50.0 points [")
    assert "], 20 prompts won and 0 lost (p = 1.9e-06) against the base; guard" in decision.reason


@pytest.mark.parametrize(("right", "is_promoted"), [(10, True), (30, False), (40, False)])
def test_a_champion_must_be_beaten(
    config: Config, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, right: int, is_promoted: bool
) -> None:
    serve(monkeypatch, serving_version(config))
    recorded = write_answers(str(tmp_path / "recorded"), right)
    monkeypatch.setattr(promotion, "fetch_answers", lambda registry, version: recorded)
    decision = promotion.decide_promotion(None, config, [])
    assert (decision.is_promoted, decision.against) == (is_promoted, 3)
    assert "against champion version 3; guard" in decision.reason
    assert decision.reason.startswith("promoted" if is_promoted else "not shown to be better: ")


def test_a_champion_judged_on_other_prompts_answers_these(
    config: Config, monkeypatch: pytest.MonkeyPatch, tiny_t5: Policy
) -> None:
    """Its recorded answers are to other questions, so they must not be looked at."""
    serve(monkeypatch, serving_version(config, **{EVAL_PROMPTS_TAG: "other"}))
    monkeypatch.setattr(promotion, "fetch", lambda registry, version: tiny_t5)
    monkeypatch.setattr("rsft.policy.load_policy", lambda folder: folder)
    monkeypatch.setattr("rsft.policy.use_machine", lambda section: "cpu")
    asked = []

    def answer_set(policy, config, rewards, name, prompts):
        asked.append((policy, name, [prompt.prompt_id for prompt in prompts]))
        return [*answers(35, name), *sampled(0, "0")]

    monkeypatch.setattr("rsft.stages.answering.answer_set", answer_set)
    decision = promotion.decide_promotion(None, config, [])
    ids = [f"p{number}" for number in range(PROMPTS)]
    assert asked == [(tiny_t5, "eval", ids), (tiny_t5, "guard", ids)]
    assert (decision.is_promoted, decision.gain) == (False, pytest.approx(-12.5))
    assert "; guard -50.0 points [" in decision.reason


def test_guard_sets_are_told_and_have_no_say(
    config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The base had all 40 of ``guard`` right, and 15 are left."""
    serve(monkeypatch, None)
    file = Path("data/base/answers/part-00000.parquet")
    write_rows(file, Answer, [*answers(10), *answers(40, "guard")])
    decision = promotion.decide_promotion(None, config, [])
    assert decision.is_promoted
    assert "; guard -62.5 points [" in decision.reason
    write_rows(file, Answer, [*answers(10), *(answer(n, None, split="guard") for n in range(40))])
    assert promotion.decide_promotion(None, config, []).reason.endswith("against the base")


def test_without_a_prompt_that_both_were_scored_on_nothing_is_decided(
    config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve(monkeypatch, None)
    file = Path("data/base/answers/part-00000.parquet")
    unscored = [answer(number, None) for number in range(PROMPTS)]
    write_rows(file, Answer, [*unscored, *answers(0, "guard")])
    with pytest.raises(VerifierError, match="both the last round and the base could be scored"):
        promotion.decide_promotion(None, config, [])


def test_the_form_of_the_record_is_part_of_an_evaluation(
    config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What an earlier version recorded in columns of its own is not read: those are asked anew."""
    first = evaluation_fingerprint(config)
    monkeypatch.setattr("rsft.runs.registration.Answer", Prompt)
    assert evaluation_fingerprint(config) != first


def test_a_run_whose_code_changed_is_never_promoted(
    config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve(monkeypatch, None)
    decision = promotion.decide_promotion(None, config, ["rsft/filter/decide.py"])
    assert not decision.is_promoted
    assert decision.reason.startswith(
        "not promoted: rsft/filter/decide.py changed during the run (+50.0 points ["
    )


def test_other_prompts_or_another_judge_are_another_evaluation(config: Config) -> None:
    first = evaluation_fingerprint(config)
    judged = config.score.model_copy(update={"answer_marker": "####"})
    assert evaluation_fingerprint(config.model_copy(update={"score": judged})) != first
    assert evaluation_fingerprint(config) == first
    own = config.score.model_copy(update={"rewards": {"mine:score": 1.0}})
    by_own = config.model_copy(update={"score": own})
    Path("data/raw").mkdir()
    seen = set()
    for code in ("return [1.0]", "return [0.5]"):
        Path("data/raw/mine.py").write_text(f"def score(prompt, completions): {code}")
        seen.add(evaluation_fingerprint(by_own))
    assert len(seen) == 2, "a function of the user's that was edited judges otherwise"
    assert evaluation_fingerprint(config) == first
    seen = {first}
    for split in ("guard_templates", "eval"):
        file = Path(f"data/prompts/{split}.parquet")
        file.write_bytes(file.read_bytes() + b" ")
        seen.add(evaluation_fingerprint(config))
    assert len(seen) == 3
