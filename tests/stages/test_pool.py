"""What the pool keeps of the rounds, and what it has seen."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from rsft.errors import PromptsError
from rsft.ledger import read_rows, write_rows
from rsft.prompts.heldout import heldout_ids
from rsft.stages import pool
from rsft.stages.contract import PROMPT_LEAKS
from rsft.types import Decided, Leak, Prompt, TrainingRow, Turn
from tests.stages.cases import decided, prompt, row, settings, silent

QUESTION = "A baker sells 12 loaves in the morning and 30 after noon. How many loaves in all?"
EVAL = [replace(prompt(0, split="eval"), text=QUESTION)]
LABELLED = [row(0, "n0 + n1 = r0", round=0), row(1, "n1 + n0 = r0", round=0)]


@pytest.fixture(autouse=True)
def round_zero(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    train = [prompt(number) for number in range(4)]
    write_rows(Path("data/prompts/train.parquet"), Prompt, train)
    write_rows(Path("data/prompts/eval.parquet"), Prompt, EVAL)
    write_rows(PROMPT_LEAKS, Leak, [])
    write_rows(Path("data/base/pool/kept.parquet"), TrainingRow, LABELLED)
    for name in ("seen", "heldout"):
        write_rows(Path(f"data/base/pool/{name}.parquet"), TrainingRow, [])


def run(
    *rounds: list[Decided],
    cap: str = "null",
    seed: int = 1,
    balance: str = "false",
    share: float = 0.0,
    more: tuple[str, ...] = (),
) -> None:
    config = settings(
        f"rounds={len(rounds)}",
        f"pool.heldout_share={share}",
        f"pool.max_per_prompt={cap}",
        f"pool.balance={balance}",
        f"seed={seed}",
        "evaluate.sets={eval: eval}",
        *more,
    )
    for key, rows in enumerate(rounds, start=1):
        write_rows(Path(f"data/rounds/{key}/decisions/part-00000.parquet"), Decided, rows)
        pool.run(config, str(key), silent)


def table(key: int, name: str) -> list[TrainingRow]:
    return read_rows(Path(f"data/rounds/{key}/pool/{name}.parquet"), TrainingRow)


def short(rows: list[TrainingRow]) -> list[tuple[str, str, int]]:
    return [(row.prompt_id, row.completion, row.round) for row in rows]


def accepted(number: int, text: str, **more: float) -> Decided:
    return decided(number, text, is_accepted=True, **more)


def test_the_pool_is_the_labelled_rows_then_each_round_s_accepted_rows() -> None:
    run(
        [accepted(0, "a"), decided(0, "b"), accepted(1, "c", draw=3)],
        [decided(0, "d", round=2), accepted(2, "e", round=2)],
    )
    assert table(2, "kept")[:2] == LABELLED
    assert short(table(2, "kept")[2:]) == [("train-0", "a", 1), ("train-1", "c", 1),
                                           ("train-2", "e", 2)]  # fmt: skip


def test_a_round_s_own_pool_has_nothing_of_later_rounds() -> None:
    run([accepted(0, "a")], [accepted(0, "b", round=2)])
    assert short(table(1, "kept")[2:]) == [("train-0", "a", 1)]


def test_equal_completions_of_a_prompt_are_kept_once_over_all_rounds() -> None:
    run(
        [accepted(0, "a"), accepted(0, "a", draw=1), accepted(1, "a")],
        [accepted(0, "a", round=2), accepted(1, "b", round=2)],
    )
    assert short(table(2, "kept")[2:]) == [("train-0", "a", 1), ("train-1", "a", 1),
                                           ("train-1", "b", 2)]  # fmt: skip


def test_a_prompt_has_at_most_so_many_rows_over_all_rounds() -> None:
    first = [accepted(0, text, draw=draw) for draw, text in enumerate("abcd")]
    second = [accepted(0, "e", round=2), accepted(1, "f", round=2)]
    run(first[:2], second, cap="3")
    assert short(table(2, "kept")[2:]) == [("train-0", "a", 1), ("train-0", "b", 1),
                                           ("train-0", "e", 2), ("train-1", "f", 2)]  # fmt: skip
    run(first, second, cap="3")
    kept = short(table(2, "kept")[2:])
    assert [r for _, _, r in kept] == [1, 1, 1, 2]
    assert kept[-1] == ("train-1", "f", 2)


def test_which_rows_a_cap_leaves_follows_from_the_seed() -> None:
    rows = [accepted(0, text, draw=draw) for draw, text in enumerate("abcdefgh")]
    chosen = []
    for seed in (1, 1, 2):
        run(rows, cap="3", seed=seed)
        chosen.append(short(table(1, "kept")[2:]))
    assert chosen[0] == chosen[1] != chosen[2]
    assert chosen[0] != short([row(0, text) for text in "abc"])  # not simply the first draws


def test_neither_other_prompts_nor_the_order_of_rows_decide_which_a_cap_leaves() -> None:
    rows = [accepted(0, text, draw=draw) for draw, text in enumerate("abcdefgh")]
    chosen = []
    for decisions in (rows, rows[::-1], [accepted(1, "x"), *rows]):
        run(decisions, cap="3")
        chosen.append([row for row in short(table(1, "kept")[2:]) if row[0] == "train-0"])
    assert chosen[0] == chosen[1] == chosen[2]


def test_rows_of_earlier_rounds_give_way_where_rounds_take_turns() -> None:
    first = [accepted(0, text, draw=draw) for draw, text in enumerate("abcd")]
    second = [accepted(0, text, draw=draw, round=2) for draw, text in enumerate("efg")]
    run(first, second, cap="4", balance="true")
    assert [r.round for r in table(1, "kept")] == [0, 0, 1, 1, 1, 1]
    assert [r.round for r in table(2, "kept")] == [0, 0, 1, 1, 2, 2]
    assert set(short(table(2, "kept"))[2:4]) < set(short(table(1, "kept")))


def test_the_figures_of_the_pool_lie_beside_it() -> None:
    run(
        [accepted(0, "a", weight=0.5), accepted(0, "a", draw=1), accepted(1, "c")],
        [accepted(0, "d", round=2), accepted(0, "e", draw=1, round=2), accepted(2, "f", round=2)],
        cap="2",
        balance="true",
    )
    figures = json.loads(Path("data/rounds/2/pool/diagnostics.json").read_text())
    assert figures.pop("effective_sample_size") == pytest.approx(5.5**2 / 5.25)
    assert figures == {
        "heldout_prompts": 0,
        "heldout_rows": 0,
        "rows": 6,
        "prompts": 5,
        "prompts_without_rows": 1,
        "rounds": {
            "0": {"rows": 2, "prompts": 2, "repeated": 0, "over_cap": 0},
            "1": {"rows": 2, "prompts": 2, "repeated": 0, "over_cap": 0},
            "2": {"rows": 2, "prompts": 2, "repeated": 0, "over_cap": 1},
        },
        "sources": [
            {"source": "test", "licence": "CC0-1.0", "rows": 6, "prompts": 5, "families": 2}
        ],
        "contamination": {
            "prompts_left_out": 0,
            "rows_left_out": 0,
            "rows": {"eval": {"exact": 0, "numbers_masked": 0, "ngram": 0, "solution": 0}},
        },
    }
    first = json.loads(Path("data/rounds/1/pool/diagnostics.json").read_text())
    assert first["rounds"]["1"] == {"rows": 2, "prompts": 2, "repeated": 1, "over_cap": 0}


def test_neither_the_order_of_decisions_nor_their_parts_change_a_byte() -> None:
    rows = [accepted(n, text, draw=draw) for n in (1, 0) for draw, text in enumerate("abcd")]
    written = []
    for parts in ([rows], [rows[::-1]], [rows[5:], rows[:5]]):
        shutil.rmtree("data/rounds", ignore_errors=True)
        for number, part in enumerate(parts):
            file = Path(f"data/rounds/1/decisions/part-{number:05}.parquet")
            write_rows(file, Decided, part)
        config = settings(
            "rounds=1", "pool.max_per_prompt=3", "seed=1", "evaluate.sets={eval: eval}"
        )
        pool.run(config, "1", silent)
        files = sorted(Path("data/rounds/1/pool").iterdir())
        written.append([file.read_bytes() for file in files])
    names = [
        "contamination.parquet",
        "diagnostics.json",
        "heldout.parquet",
        "kept.parquet",
        "seen.parquet",
    ]
    assert [file.name for file in files] == names
    assert written[0] == written[1] == written[2]


@pytest.mark.parametrize("share", [0.0, 0.5])
def test_slices_make_the_pool_that_all_decisions_at_once_make(
    monkeypatch: pytest.MonkeyPatch, share: float
) -> None:
    """Ids are numbers of one and of two digits: as texts they are in another order."""
    write_rows(Path("data/prompts/train.parquet"), Prompt, [prompt(n) for n in range(8, 13)])
    texts = ["a", "b", "a", QUESTION, "d"]
    parts = [
        [
            decided(number, text, draw=draw, is_accepted=draw % 2 == 0, is_finished=draw != 4)
            for number in numbers
            for draw, text in enumerate(texts)
        ]
        for numbers in ([8, 9], [], [11], [12])
    ]
    pools = []
    for rows, together in ((10**6, 10**6), (1, 10**6), (7, 3), (10**6, 1)):
        monkeypatch.setattr(pool, "_ROWS", rows)
        monkeypatch.setattr(pool, "_TOGETHER", together)
        for key in (1, 2):
            for place, part in enumerate(parts):
                of_round = [replace(row, round=key) for row in part]
                file = Path(f"data/rounds/{key}/decisions/part-{place}.parquet")
                write_rows(file, Decided, of_round)
            config = settings(
                "rounds=2",
                "pool.max_per_prompt=2",
                f"pool.heldout_share={share}",
                "pool.contamination={exact: drop}",
                "evaluate.sets={eval: eval}",
            )
            pool.run(config, str(key), silent)
        figures = json.loads(Path("data/rounds/2/pool/diagnostics.json").read_text())
        tables = [table(2, name) for name in ("kept", "heldout", "seen")]
        pools.append((figures, tables, findings(2)))
    assert pools[0] == pools[1] == pools[2] == pools[3]
    assert len(pools[0][1][2]) < 2 * 4 * 4  # the question is dropped
    assert bool(pools[0][1][1]) == (share > 0)


def test_what_stops_is_counted_over_all_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "_ROWS", 1)
    for number in range(3):
        file = Path(f"data/rounds/1/decisions/part-{number}.parquet")
        write_rows(file, Decided, [accepted(number, QUESTION if number else "7")])
    config = settings("rounds=1", "evaluate.sets={eval: eval}", "pool.contamination={exact: stop}")
    with pytest.raises(PromptsError, match=r"prompt 'train-1' .*; 2 findings in all\. Remove"):
        pool.run(config, "1", silent)
    assert not Path("data/rounds/1/pool").exists()


def test_seen_holds_every_finished_candidate_and_no_truncated_one() -> None:
    run(
        [accepted(0, "a"), decided(0, "a", draw=1), decided(1, "cut", is_finished=False)],
        [decided(1, "b", round=2, reward=0.0), accepted(1, "c", round=2)],
    )
    assert short(table(2, "seen")) == [("train-0", "a", 1), ("train-0", "a", 1),
                                       ("train-1", "b", 2), ("train-1", "c", 2)]  # fmt: skip


def test_kept_rows_carry_their_weight_and_seen_rows_weigh_the_same() -> None:
    run([accepted(0, "a", weight=0.25), decided(0, "b", draw=1)])
    assert [row.weight for row in table(1, "kept")[2:]] == [0.25]
    assert [row.weight for row in table(1, "seen")] == [1.0, 1.0]


def test_rows_carry_the_prompt_and_where_it_came_from() -> None:
    run([accepted(3, "a", draw=2)])
    (kept,) = table(1, "kept")[2:]
    assert (kept.prompt, kept.draw) == (prompt(3).text, 2)
    assert (kept.source, kept.licence) == ("test", "CC0-1.0")


def test_rows_carry_the_turns_before_the_prompt() -> None:
    context = (Turn(role="system", content="Be brief."),)
    write_rows(Path("data/prompts/train.parquet"), Prompt, [replace(prompt(3), context=context)])
    run([accepted(3, "a")])
    assert [row.context for row in table(1, "kept")[2:] + table(1, "seen")] == [context] * 2


HALF = {"share": 0.5, "seed": 6}
"""With it, prompts 0 and 2 of four are held out."""


def test_rows_of_held_out_prompts_are_in_a_table_of_their_own_and_in_no_other() -> None:
    ids = [f"train-{number}" for number in range(4)]
    assert heldout_ids(ids, HALF["share"], HALF["seed"]) == {"train-0", "train-2"}
    run(
        [accepted(n, text, draw=d) for n in range(4) for d, text in enumerate("aab")],
        [accepted(n, "c", round=2) for n in range(4)] + [decided(0, "x", round=2, draw=1)],
        cap="2",
        **HALF,
    )
    for name in ("kept", "seen"):
        assert {row.prompt_id for row in table(2, name) if row.round} == {"train-1", "train-3"}
    assert table(2, "kept")[:2] == LABELLED
    assert short(table(2, "heldout")) == [(f"train-{n}", text, 1) for n in (0, 2) for text in "ab"]


def test_held_out_prompts_are_counted_and_are_in_no_figure_of_what_is_trained_on() -> None:
    run([accepted(0, "a"), accepted(0, "b", draw=1), accepted(1, "a")], **HALF)
    figures = json.loads(Path("data/rounds/1/pool/diagnostics.json").read_text())
    assert (figures["heldout_prompts"], figures["heldout_rows"]) == (2, 2)
    assert (figures["rows"], figures["prompts"], figures["prompts_without_rows"]) == (3, 3, 1)
    assert figures["rounds"]["1"] == {"rows": 1, "prompts": 1, "repeated": 0, "over_cap": 0}


def test_labelled_rows_are_never_held_out() -> None:
    run([accepted(1, "a")], share=0.999)
    assert table(1, "kept") == LABELLED


def findings(key: int) -> list[tuple]:
    leaks = read_rows(Path(f"data/rounds/{key}/pool/contamination.parquet"), Leak)
    return [(leak.prompt_id, leak.round, leak.draw, leak.kind) for leak in leaks]


def contamination(key: int) -> dict:
    return json.loads(Path(f"data/rounds/{key}/pool/diagnostics.json").read_text())["contamination"]


def test_a_completion_with_an_evaluation_question_is_neither_kept_nor_seen() -> None:
    planted = f"7. Next: {QUESTION.upper()}"
    run(
        [
            accepted(0, "a"),
            accepted(0, planted, draw=1),
            decided(1, planted, draw=2),
            accepted(1, "b"),
        ],
        [accepted(2, planted, round=2, draw=5), accepted(3, "c", round=2)],
    )
    assert short(table(2, "kept")[2:]) == [("train-0", "a", 1), ("train-1", "b", 1),
                                           ("train-3", "c", 2)]  # fmt: skip
    assert short(table(2, "seen")) == short(table(2, "kept")[2:])
    both = [("train-0", 1, 1, "exact"), ("train-0", 1, 1, "ngram"),
            ("train-1", 1, 2, "exact"), ("train-1", 1, 2, "ngram")]  # fmt: skip
    assert findings(1) == both
    assert findings(2) == [*both, ("train-2", 2, 5, "exact"), ("train-2", 2, 5, "ngram")]
    assert [contamination(key)["rows_left_out"] for key in (1, 2)] == [1, 1]
    assert contamination(2)["prompts_left_out"] == 0
    assert set(contamination(2)["rows"]["eval"].values()) == {0}


def test_a_dropped_completion_takes_no_room() -> None:
    planted = [accepted(0, f"{QUESTION} {n}", draw=n) for n in range(9)]
    run([*planted, accepted(0, "a", draw=9)], cap="1")
    assert short(table(1, "kept")[2:]) == [("train-0", "a", 1)]


def test_what_is_only_reported_is_kept_and_counted_with_the_rows_of_a_prompt_that_shares() -> None:
    near = Leak(
        prompt_id="train-1",
        round=None,
        draw=None,
        kind="ngram",
        evaluation_set="eval",
        evaluation_prompt_id="eval-0",
        share=0.5,
        action="report",
    )
    gone = replace(near, prompt_id="train-9", kind="exact", share=1.0, action="drop")
    write_rows(PROMPT_LEAKS, Leak, [near, gone])
    rows = [accepted(0, QUESTION), accepted(1, "a"), accepted(1, "b", draw=1), accepted(2, "c")]
    run(rows, more=("pool.contamination={exact: report}",))
    assert len(table(1, "kept")) == 6
    assert contamination(1) == {
        "prompts_left_out": 1,
        "rows_left_out": 0,
        "rows": {"eval": {"exact": 1, "numbers_masked": 0, "ngram": 3, "solution": 0}},
    }


def test_stop_names_the_row_and_leaves_no_pool() -> None:
    message = (
        r"completion of training prompt 'train-1' \(round 1, draw 4\) has 100% of prompt 'eval-0'"
    )
    with pytest.raises(PromptsError, match=message):
        run([accepted(1, QUESTION, draw=4)], more=("pool.contamination={exact: stop}",))
    assert not Path("data/rounds/1/pool").exists()


def test_a_prefix_that_the_cap_cut_is_not_searched() -> None:
    run([decided(0, QUESTION, is_finished=False)], more=("pool.contamination={exact: stop}",))
    assert table(1, "seen") == []


def test_sources_are_counted_by_licence() -> None:
    train = [prompt(0), replace(prompt(1), licence="unknown"), replace(prompt(2), source="b")]
    write_rows(Path("data/prompts/train.parquet"), Prompt, train)
    run([accepted(n, text) for n in range(3) for text in "ab"])
    figures = json.loads(Path("data/rounds/1/pool/diagnostics.json").read_text())
    counts = [tuple(row[k] for k in ("source", "licence", "rows", "prompts", "families"))
              for row in figures["sources"]]  # fmt: skip
    assert counts == [("b", "CC0-1.0", 2, 1, 1), ("test", "CC0-1.0", 4, 3, 2),
                      ("test", "unknown", 2, 1, 1)]  # fmt: skip
