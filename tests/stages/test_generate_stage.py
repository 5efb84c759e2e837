"""Drawing into the ledger: a killed stage goes on where it was, with the same bytes in the end."""

import re
import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

import rsft
from rsft.errors import ConfigurationError, LedgerError
from rsft.generate import NativeEngine
from rsft.ledger import read_rows, write_rows
from rsft.policy import Policy, load_policy, save_policy
from rsft.score.reward import Asked, Score
from rsft.stages import drawing, generate
from rsft.stages.fingerprint import code_fingerprint
from rsft.types import Candidate, Progress, Prompt, PromptDraws
from tests.policy.families import build
from tests.stages.cases import settings, silent, write_base

SETTINGS = ("generate.part_prompts=2", "generate.draws_per_prompt=3", "generate.max_new_tokens=6",
            "rounds=1")  # fmt: skip
FOLDER = Path("data/rounds/1/candidates")


class Killed(BaseException):
    """As a signal would end it."""


@pytest.fixture(autouse=True)
def base(tiny_t5: Policy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A base, and five prompts to draw for: three parts of two, two and one."""
    monkeypatch.chdir(tmp_path)
    write_base(tiny_t5, [])


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[list[tuple[str, range]]]:
    """What each call of the engine is asked for."""
    calls: list[list[tuple[str, range]]] = []
    draw_ = NativeEngine.draw

    def spy(self: NativeEngine, requests: Any, *more: Any, **options: Any) -> list[Candidate]:
        calls.append([(request.prompt.prompt_id, request.draws) for request in requests])
        return draw_(self, requests, *more, **options)

    monkeypatch.setattr(NativeEngine, "draw", spy)
    return calls


def draw(*more: str, progress: Progress = silent) -> dict[str, bytes]:
    generate.run(settings(*SETTINGS, *more), "1", progress)
    return {file.name: file.read_bytes() for file in sorted(FOLDER.iterdir())}


def draw_until_killed(*more: str) -> None:
    """Is killed in the second part."""
    with pytest.MonkeyPatch.context() as patch:
        draw_, calls = NativeEngine.draw, []

        def killed(self: NativeEngine, *arguments: Any, **options: Any) -> list[Candidate]:
            calls.append(arguments)
            if len(calls) == 2:
                raise Killed
            return draw_(self, *arguments, **options)

        patch.setattr(NativeEngine, "draw", killed)
        with pytest.raises(Killed):
            draw(*more)


def forget() -> None:
    """Leaves nothing to go on with."""
    shutil.rmtree(".rsft/ledger")


def by_prompt() -> dict[str, PromptDraws]:
    return {row.prompt_id: row for row in read_rows(FOLDER.parent / "draws.parquet", PromptDraws)}


def test_every_prompt_has_all_its_draws_in_order() -> None:
    assert list(draw()) == ["part-00000.parquet", "part-00001.parquet", "part-00002.parquet"]
    rows = read_rows(FOLDER, Candidate)
    assert [(row.prompt_id, row.draw) for row in rows] == [
        (f"train-{number}", draw) for number in range(5) for draw in range(3)
    ]
    assert {row.round for row in rows} == {1}


def test_it_draws_from_the_model_of_the_round_before() -> None:
    draw()
    version = load_policy(Path("data/base/model")).version
    assert {row.policy_version for row in read_rows(FOLDER, Candidate)} == {version}


def test_the_version_is_that_of_the_weights_whatever_they_are_drawn_in() -> None:
    draw("generate.dtype=bfloat16")
    version = load_policy(Path("data/base/model")).version
    assert {row.policy_version for row in read_rows(FOLDER, Candidate)} == {version}


def test_progress_tells_prompts_rates_and_the_share_of_right_ones() -> None:
    told: list[tuple[int, int, str]] = []
    draw(progress=lambda done, total, note="": told.append((done, total, note)))
    done = [done for done, _, _ in told]
    assert done == sorted(done)
    assert set(done) == {0, 2, 4, 5}
    assert {total for _, total, _ in told} == {5}
    assert re.fullmatch(r"[\d,]+ candidates/s, [\d,]+ tokens/s, \d+% right", told[-1][2])


def test_killed_and_resumed_gives_the_same_bytes() -> None:
    draw_until_killed()
    resumed = draw()
    forget()
    assert draw() == resumed


def test_resuming_repeats_only_the_part_in_flight(asked: list[list[tuple[str, range]]]) -> None:
    draw_until_killed()
    asked.clear()
    draw()
    three = range(3)
    assert asked == [[("train-2", three), ("train-3", three)], [("train-4", three)]]


def test_more_draws_add_to_those_there_are(asked: list[list[tuple[str, range]]]) -> None:
    draw()
    before = read_rows(FOLDER, Candidate)
    asked.clear()
    draw("generate.draws_per_prompt=6")
    assert {draws for call in asked for _, draws in call} == {range(3, 6)}
    rows = read_rows(FOLDER, Candidate)
    assert [row for row in rows if row.draw < 3] == before
    assert len(rows) == 30
    forget()
    draw("generate.draws_per_prompt=6")
    at_once = read_rows(FOLDER, Candidate)
    assert [row.token_ids for row in at_once] == [row.token_ids for row in rows]


def test_other_parts_take_what_was_drawn(asked: list[list[tuple[str, range]]]) -> None:
    draw()
    rows = read_rows(FOLDER, Candidate)
    asked.clear()
    shutil.rmtree(FOLDER)
    draw("generate.part_prompts=4")
    assert asked == []
    assert read_rows(FOLDER, Candidate) == rows


def test_a_killed_stage_leaves_no_output_that_looks_finished() -> None:
    draw_until_killed()
    assert not FOLDER.exists()


def test_the_bytes_do_not_depend_on_where_it_runs(
    tiny_t5: Policy, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = draw()
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
    write_base(tiny_t5, [])
    assert draw() == here


def test_a_prompt_too_long_for_the_policy_is_kept_marked_and_counted() -> None:
    """Filtered out and zipped with the whole list, it shifts its neighbours (open-instruct)."""
    draw()
    expected = [row for row in read_rows(FOLDER, Candidate) if row.prompt_id != "train-2"]
    shutil.rmtree(FOLDER)
    prompts = read_rows(Path("data/prompts/train.parquet"), Prompt)
    prompts[2] = replace(prompts[2], text="pens " * 600)
    write_rows(Path("data/prompts/train.parquet"), Prompt, prompts)
    policy = load_policy(Path("data/base/model"))
    policy.tokenizer.model_max_length = 512
    save_policy(policy, Path("data/base/model"))
    draw()
    found = by_prompt()
    assert list(found) == [f"train-{number}" for number in range(5)]
    long = found.pop("train-2")
    assert (long.status, long.draws, long.success_rate) == ("too_long", 0, None)
    assert long.prompt_tokens > 600
    assert {(row.status, row.draws) for row in found.values()} == {("drawn", 3)}
    rows = read_rows(FOLDER, Candidate)
    assert [row.token_ids for row in rows] == [row.token_ids for row in expected]


def test_blocks_that_finish_in_any_order_are_written_in_their_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    expected, outcomes = draw(), list(by_prompt().values())
    drawn = generate._drawn

    def backwards(*arguments: Any) -> Any:
        return reversed(list(drawn(*arguments)))

    monkeypatch.setattr(generate, "_drawn", backwards)
    assert draw() == expected
    assert list(by_prompt().values()) == outcomes


def test_no_prompts_are_an_empty_part() -> None:
    write_rows(Path("data/prompts/train.parquet"), Prompt, [])
    assert list(draw()) == ["part-00000.parquet"]
    assert read_rows(FOLDER, Candidate) == []
    assert by_prompt() == {}


def test_no_prompt_fits() -> None:
    policy = load_policy(Path("data/base/model"))
    policy.tokenizer.model_max_length = 2
    save_policy(policy, Path("data/base/model"))
    draw()
    assert read_rows(FOLDER, Candidate) == []
    assert {row.status for row in by_prompt().values()} == {"too_long"}


class Judge:
    """Gives right and wrong by the draw's length, as a scorer that needs no trained policy."""

    def __init__(self) -> None:
        self.calls = 0

    def score_all(self, asked: Sequence[Asked]) -> list[list[Score]]:
        self.calls += 1
        return [[self._score(one.text) for one in completions] for _, completions in asked]

    def _score(self, completion: str) -> Score:
        return Score(reward=float(len(completion.split()) % 2))


def test_waves_end_at_the_target_or_the_cap(
    monkeypatch: pytest.MonkeyPatch, asked: list[list[tuple[str, range]]]
) -> None:
    judge = Judge()
    monkeypatch.setattr(generate, "build_quick_rewards", lambda section: judge)
    draw("generate.adaptive={target_accepted: 3, max_draws: 12}")
    rows: dict[str, list[Candidate]] = {}
    for row in read_rows(FOLDER, Candidate):
        rows.setdefault(row.prompt_id, []).append(row)
    assert len({len(drawn) for drawn in rows.values()}) > 1
    for prompt_id, drawn in rows.items():
        is_right = [r.finish_reason == "stop" and len(r.text.split()) % 2 == 1 for r in drawn]
        record = by_prompt()[prompt_id]
        assert [row.draw for row in drawn] == list(range(len(drawn)))
        assert record.draws == len(drawn)
        assert record.right == sum(is_right)
        assert sum(is_right[: len(drawn) - 3]) < 3, "the wave before was enough"
        assert record.right >= 3 or record.draws == 12
    assert {draws.stop - draws.start for call in asked for _, draws in call} == {3}
    assert judge.calls == len(asked), "once a wave"


def test_a_model_that_has_a_say_is_not_asked_while_drawing() -> None:
    told: list[str] = []
    draw(
        "score.rewards={worked_solution: 1, reward_model: 1}",
        "score.reward_model={model: data/raw/none}",
        progress=lambda done, total, note="": told.append(note),
    )
    assert {(row.scored, row.right, row.success_rate) for row in by_prompt().values()} == {
        (0, 0, None)
    }
    assert {row.draws for row in by_prompt().values()} == {3}
    assert re.fullmatch(r"[\d,]+ candidates/s, [\d,]+ tokens/s", told[-1])


def test_a_model_without_a_say_changes_nothing() -> None:
    expected = draw(), by_prompt()
    weightless = "score.rewards={worked_solution: 1, reward_model: 0}"
    assert draw(weightless, "score.reward_model={model: data/raw/none}") == expected[0]
    assert by_prompt() == expected[1]


def test_a_corrupted_part_stops_the_stage_by_name() -> None:
    draw()
    (part,) = Path(".rsft/ledger").glob("*/part-00001.parquet")
    part.write_bytes(part.read_bytes()[:-1] + b"X")
    with pytest.raises(LedgerError, match=r"part-00001\.parquet.*remove it and run again"):
        draw()
    expected = {file.name: file.read_bytes() for file in sorted(FOLDER.iterdir())}
    part.unlink()
    assert draw() == expected


def test_bfloat16_leaves_tables_of_angles_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cast with the weights, they would be off by 0.14 nats a token at 1,400 positions."""
    seen: dict[str, torch.dtype] = {}

    def spy(self: NativeEngine, *_: Any, **__: Any) -> None:
        model = self._policy.model
        seen.update({name: tensor.dtype for name, tensor in model.named_buffers()})
        seen["weights"] = model.dtype
        raise Killed

    write_base(build("llama"), [])
    monkeypatch.setattr(NativeEngine, "draw", spy)
    with pytest.raises(Killed):
        draw("generate.dtype=bfloat16")
    assert seen.pop("weights") == torch.bfloat16
    assert set(seen.values()) == {torch.float32}


def server(**settings: Any) -> str:
    items = {"base_url": "'http://127.0.0.1:1/v1'"} | settings
    return "generate.openai={" + ", ".join(f"{k}: {v}" for k, v in items.items()) + "}"


def plan_of(*more: str) -> dict[str, object]:
    config = settings(*SETTINGS, *more)
    return drawing.drawing_plan(config, "1", "v1", Path("data/base/model"))


@pytest.mark.parametrize(
    "change",
    [
        {"timeout_seconds": 9},
        {"concurrency": 2},
        {"max_retries": 1},
        {"base_url": "'http://127.0.0.1:2/v1'"},
        {"api_key_variable": "KEY"},
    ],
)
def test_how_a_server_is_reached_does_not_throw_away_what_it_drew(change: dict[str, Any]) -> None:
    openai = "generate.engine=openai"
    assert plan_of(server(**change), openai) == plan_of(server(), openai)
    assert plan_of(server(**change)) == plan_of(), "an engine that is not used"
    for other in ({"send": "text"}, {"model": "other"}):
        assert plan_of(server(**other), openai) != plan_of(server(), openai)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_a_device_that_is_not_there_is_one_line() -> None:
    with pytest.raises(ConfigurationError, match=r"runtime\.device = 'cuda': no such"):
        draw("runtime.device=cuda")


def another_law() -> tuple[str, ...]:
    return ("generate.temperature=0.5",)


def another_seed() -> tuple[str, ...]:
    return ("seed=3",)


def another_plan() -> tuple[str, ...]:
    return ("runtime.max_rows=1",)


def another_engine() -> tuple[str, ...]:
    return ("generate.engine=transformers",)


def another_stop_token() -> tuple[str, ...]:
    policy = load_policy(Path("data/base/model"))
    policy.model.generation_config.eos_token_id = [policy.stop_id, 4, 5]
    save_policy(policy, Path("data/base/model"))
    return ()


def another_policy() -> tuple[str, ...]:
    policy = load_policy(Path("data/base/model"))
    with torch.no_grad():
        policy.model.get_input_embeddings().weight.mul_(0.5)
    save_policy(policy, Path("data/base/model"))
    return ()


@pytest.mark.parametrize(
    "change",
    [
        another_law,
        another_seed,
        another_plan,
        another_engine,
        another_stop_token,
        another_policy,
    ],
)
def test_parts_of_another_law_are_not_mixed_in(change: Callable[[], tuple[str, ...]]) -> None:
    draw_until_killed()
    changed = change()
    resumed = draw(*changed)
    forget()
    assert draw(*changed) == resumed


def test_both_engines_of_this_process_draw_the_same() -> None:
    draw()
    native = [row.token_ids for row in read_rows(FOLDER, Candidate)]
    draw("generate.engine=transformers")
    assert [row.token_ids for row in read_rows(FOLDER, Candidate)] == native


@pytest.mark.parametrize("name", ["generate/native.py", "policy/decode.py", "randomness.py"])
def test_parts_that_other_code_drew_are_not_mixed_in(
    name: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    asked: list[list[tuple[str, range]]],
) -> None:
    code = tmp_path / "rsft"
    (code / name).parent.mkdir(parents=True)
    monkeypatch.setattr(rsft, "__file__", str(code / "__init__.py"))

    def started_with(content: str) -> None:
        """As a process that imports this code."""
        (code / name).write_text(content)
        monkeypatch.setattr(drawing, "CODE", code_fingerprint(*drawing.DRAWING_CODE))

    started_with("draws = 'wrongly'")
    draw()
    draw()
    assert len(asked) == 3
    started_with("draws = 'rightly'")
    draw()
    assert len(asked) == 6


def test_code_edited_since_it_was_imported_is_not_what_draws(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, asked: list[list[tuple[str, range]]]
) -> None:
    draw()
    monkeypatch.setattr(rsft, "__file__", str(tmp_path / "rsft" / "__init__.py"))
    draw()
    assert len(asked) == 3


def test_parts_that_other_libraries_drew_are_not_mixed_in(
    monkeypatch: pytest.MonkeyPatch, asked: list[list[tuple[str, range]]]
) -> None:
    draw()
    monkeypatch.setattr(drawing, "version", lambda name: "0.0" if name == "torch" else "1.0")
    draw()
    assert len(asked) == 6
