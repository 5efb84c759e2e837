"""Replays of a small recorded round, whose figures can be counted by hand."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rsft.errors import ConfigurationError, LedgerError
from rsft.filter import decide, diagnose
from rsft.ledger import write_rows
from rsft.report.sweep import check_picture, draw_sweep, sweep_table
from rsft.runs.sweep import Sweep, SweepPoint, recommend, sweep_round
from rsft.stages.filter import recorded_candidates
from rsft.types import PromptDraws, Scored
from tests.filter.cases import candidate
from tests.report.test_tables import shown
from tests.stages.cases import settings as configured

PARAMS = Path(__file__).parents[2] / "params.yaml"
FOLDER = Path("data/rounds/1")


def scored(prompt: int, draw: int, reward: float, **values: Any) -> Scored:
    fields = {
        "prompt_id": f"p{prompt}",
        "reward": reward,
        "proposal_logprob": -1.0 - draw,
        "text": f"{draw} + {prompt} = {draw + prompt}",
        "reward_breakdown": {"exact_match": float(reward == 1)},
    }
    return candidate(draw, **(fields | values))


ROWS = [scored(prompt, draw, (draw + 1) / 4) for prompt in range(3) for draw in range(4)]
"""Each prompt has the rewards ¼, ½, ¾ and 1; only the last is right."""


@pytest.fixture
def sweep(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Sweep]:
    monkeypatch.chdir(tmp_path)
    write_rows(FOLDER / "scored" / "part-00000.parquet", Scored, ROWS[:5])
    write_rows(FOLDER / "scored" / "part-00001.parquet", Scored, ROWS[5:])
    write_rows(FOLDER / "draws.parquet", PromptDraws, [])
    Path("params.yaml").write_bytes(PARAMS.read_bytes())

    def run(vary: str | None, *settings: str, verifier: str | None = None) -> Sweep:
        params = Path("params.yaml")
        return sweep_round(params, "1", vary=vary, settings=settings, verifier=verifier)

    return run


TILT = ("filter.target=tilt", "filter.base_measure=proposal", "filter.beta=1")


def test_a_threshold_on_the_reward_by_hand(sweep: Callable[..., Sweep]) -> None:
    found = sweep("threshold=0.25,0.75,1.0,2", "filter.threshold_on=reward", *TILT)
    assert found.setting == "filter.threshold"
    figures = [(p.value, p.rows, p.prompts, p.precision, p.distinct_paths) for p in found.points]
    assert figures == [
        ("0.25", 12, 3, 0.25, 12),
        ("0.75", 6, 3, 0.5, 6),
        ("1.0", 3, 3, 1.0, 3),
        ("2", 0, 0, None, 0),
    ]
    assert [p.mean_reward for p in found.points] == [0.625, 0.875, 1.0, None]
    assert found.recommended == "1.0"
    assert "filter.rule=threshold" in found.settings


def test_it_is_what_the_stage_would_decide(sweep: Callable[..., Sweep]) -> None:
    found = sweep("filter.bound.acceptance_rate=0.1,0.2", "filter.correct_reward=0.5")
    for point in found.points:
        config = configured(
            "rounds=1",
            "filter.correct_reward=0.5",
            f"filter.bound={{method: budgeted, acceptance_rate: {point.value}}}",
        )
        candidates = recorded_candidates(config, "1")
        decisions = decide(candidates, config.filter, seed=config.seed, round=1)
        diagnostics, _ = diagnose(candidates, decisions, config.filter)
        assert point.rows == diagnostics.accepted
        assert point.effective_sample_size == diagnostics.effective_sample_size
        assert point.clipped_mass == diagnostics.clipped_mass


@pytest.mark.parametrize(
    ("settings", "setting"),
    [
        ((), "filter.bound.acceptance_rate"),
        (("filter.rule=threshold", "filter.threshold=0.5"), "filter.threshold"),
        (TILT, "filter.beta"),
        ((*TILT, "filter.rule=rso", "filter.n=2"), "filter.beta"),
        (("filter.rule=top_fraction", "filter.fraction=0.5"), "filter.fraction"),
        (("filter.rule=best_of_n",), "filter.n"),
        (("filter.rule=top_n",), "filter.n"),
    ],
)
def test_by_default_what_the_rule_leaves_to_be_chosen_is_varied(
    sweep: Callable[..., Sweep], settings: tuple[str, ...], setting: str
) -> None:
    found = sweep(None, *settings)
    assert found.setting == setting
    assert len(found.points) >= 6
    assert any(point.rows for point in found.points)


@pytest.mark.parametrize(
    ("settings", "setting"),
    [
        (("target=tilt", "base_measure=proposal"), "filter.beta"),
        (("rule=rso", "n=2"), "filter.beta"),
    ],
)
def test_what_is_to_be_chosen_need_not_be_given(
    sweep: Callable[..., Sweep], settings: tuple[str, ...], setting: str
) -> None:
    assert sweep(None, *settings).setting == setting


@pytest.mark.parametrize(
    ("vary", "settings", "implied"),
    [
        ("beta=0.1,9", (), ["filter.target=tilt"]),
        ("beta=0.1,9", ("rule=top_n", "n=3"), ["filter.rule=coin", "filter.target=tilt"]),
        ("beta=0.01,9", ("rule=rso", "n=3", "target=tilt", "beta=1"), []),
        (
            "bound.acceptance_rate=0.1,0.25",
            ("rule=best_of_n",),
            ["filter.rule=coin", "filter.bound.method=budgeted"],
        ),
        (
            "bound.log_bound=0,9",
            ("bound.method=budgeted", "bound.acceptance_rate=0.2"),
            ["filter.bound.method=per_prompt_maximum"],
        ),
    ],
)
def test_what_is_varied_has_an_effect(
    sweep: Callable[..., Sweep], vary: str, settings: tuple[str, ...], implied: list[str]
) -> None:
    found = sweep(vary, *settings)
    assert found.settings == [*(f"filter.{setting}" for setting in settings), *implied]
    one, other = found.points
    assert (one.rows, one.kl_to_proposal, one.mean_reward) != (
        other.rows,
        other.kl_to_proposal,
        other.mean_reward,
    )


def test_precision_may_be_measured_by_a_part_that_has_no_say(sweep: Callable[..., Sweep]) -> None:
    given = ("filter.threshold_on=reward", "filter.correct_reward=0.25", *TILT)
    whole = sweep("threshold=0.5", *given)
    part = sweep("threshold=0.5", *given, verifier="exact_match")
    assert (whole.points[0].precision, whole.verifier) == (1.0, "reward ≥ 0.25")
    assert (part.points[0].precision, part.verifier) == (pytest.approx(1 / 3), "exact_match")


def test_what_cannot_be_replayed_is_said_and_the_rest_is(sweep: Callable[..., Sweep]) -> None:
    found = sweep("n=2,5", "filter.rule=rso", *TILT)
    assert [point.rows for point in found.points] == [6, None]
    assert "has only 4 candidates" in str(found.points[1].note)


def test_nothing_is_written(sweep: Callable[..., Sweep]) -> None:
    before = {path: path.read_bytes() for path in Path().rglob("*") if path.is_file()}
    sweep(None)
    assert {path: path.read_bytes() for path in Path().rglob("*") if path.is_file()} == before


@pytest.mark.parametrize(
    ("vary", "settings", "message"),
    [
        ("generate.temperature=1,2", (), "generate.temperature: a sweep replays decisions"),
        ("threshold=0.1", ("score.timeout_seconds=3",), "only settings below filter can be tried"),
        ("threshold=", (), "no values; write them as filter.threshold=0.1,0.2,0.5"),
        ("thresold=0.1", (), "unknown key 'filter.thresold'; did you mean 'threshold'?"),
        ("beta=0,1", (), "filter.beta = 0: input should be greater than 0"),
        ("threshold=2", (), "an accept probability lies in [0, 1]"),
    ],
)
def test_bad_input_is_one_line(
    sweep: Callable[..., Sweep], vary: str, settings: tuple[str, ...], message: str
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        sweep(vary, *settings)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_verifier_that_scored_nothing_is_refused(sweep: Callable[..., Sweep]) -> None:
    with pytest.raises(ConfigurationError, match=r"--verifier f1: .* recorded \(exact_match"):
        sweep(None, verifier="f1")


def test_a_round_that_was_not_scored(sweep: Callable[..., Sweep]) -> None:
    for part in (FOLDER / "scored").iterdir():
        part.unlink()
    with pytest.raises(LedgerError, match="no table here; run the stage that makes it"):
        sweep(None)


def test_a_round_that_was_not_run(sweep: Callable[..., Sweep]) -> None:
    for part in (FOLDER / "scored").iterdir():
        write_rows(part, Scored, [])
    with pytest.raises(LedgerError, match=r"round 1 has no candidates .* take one that was run"):
        sweep(None)


def point(value: str, **figures: Any) -> SweepPoint:
    fields = {
        "rows": 100,
        "prompts": 50,
        "effective_sample_size": 90.0,
        "precision": 1.0,
        "distinct_paths": 80,
        "clipped_mass": 0.0,
    }
    return SweepPoint(value=value, note=None, **(fields | figures))


@pytest.mark.parametrize(
    ("points", "value"),
    [
        ([point("few", distinct_paths=40), point("many")], "many"),
        ([point("many", precision=0.9), point("precise", distinct_paths=40)], "precise"),
        ([point("most", clipped_mass=0.3), point("nearly", distinct_paths=77)], "nearly"),
        ([point("most", clipped_mass=0.3), point("half", distinct_paths=40)], "most"),
        ([point("narrow", prompts=20), point("wide", clipped_mass=0.2)], "wide"),
        ([point("lone", clipped_mass=0.3), point("none", rows=0)], "lone"),
        ([point("all", rows=200), point("as good", distinct_paths=79)], "as good"),
        ([point("better"), point("worse", precision=0.995, rows=90)], "better"),
        ([point("ranked", clipped_mass=None), point("empty", rows=0)], "ranked"),
        ([point("deep", prompts=10), point("wide", distinct_paths=10)], "deep"),
    ],
    ids=lambda case: case if isinstance(case, str) else "",
)
def test_the_recommendation(points: list[SweepPoint], value: str) -> None:
    assert recommend(points)[0] == recommend(points[::-1])[0] == value


def test_nothing_kept_nothing_recommended() -> None:
    assert recommend([point("a", rows=0, precision=None)]) == (None, "no value keeps anything")


def test_table_and_picture(sweep: Callable[..., Sweep], tmp_path: Path) -> None:
    found = sweep("n=1,3,9", "filter.rule=rso", *TILT).as_dict()
    text = shown(sweep_table(found), width=80)
    assert "12 candidates replayed" in text
    assert text == shown(sweep_table(found))
    picture = tmp_path / "made" / "sweep.png"
    draw_sweep(found, picture)
    first = picture.read_bytes()
    draw_sweep(found, picture)
    assert first[:8] == b"\x89PNG\r\n\x1a\n"
    assert picture.read_bytes() == first


def test_a_picture_of_values_none_of_which_can_be_replayed(
    sweep: Callable[..., Sweep], tmp_path: Path
) -> None:
    draw_sweep(sweep("n=9", "filter.rule=rso", *TILT).as_dict(), tmp_path / "empty.png")


@pytest.mark.parametrize(("name", "starts"), [("s.svg", b"<?xml"), ("s.pdf", b"%PDF")])
def test_a_picture_to_be_printed(
    sweep: Callable[..., Sweep], tmp_path: Path, name: str, starts: bytes
) -> None:
    draw_sweep(sweep("n=1,3").as_dict(), tmp_path / name)
    assert (tmp_path / name).read_bytes().startswith(starts)


@pytest.mark.parametrize("name", ["sweep", "sweep.xyz", "sweep.PNG/"])
def test_a_picture_of_no_known_kind_is_refused(name: str) -> None:
    with pytest.raises(ConfigurationError, match=r"must end in one of \.png, \.svg, \.pdf"):
        check_picture(Path(name))


def test_a_picture_that_cannot_be_written(sweep: Callable[..., Sweep], tmp_path: Path) -> None:
    found = sweep("n=1,3").as_dict()
    (tmp_path / "folder.png").mkdir()
    for place in ("folder.png", "params.yaml/sweep.png"):
        with pytest.raises(ConfigurationError, match=r"--picture .*\.png: cannot be written"):
            draw_sweep(found, tmp_path / place)


def test_a_reason_has_its_figures() -> None:
    _, reason = recommend([point("a", clipped_mass=0.123), point("b", distinct_paths=3)])
    assert reason == (
        "80 distinct paths (at most 80), 50 prompts covered (at most 50), "
        "precision 100.0% (at most 100.0%), clipped mass 12.3%, the least of such values"
    )
