"""What is excluded or dropped at the start is in nothing that is made later."""

import json
from pathlib import Path
from typing import Any

import pyarrow.compute as pc
import pytest

from rsft.config import FORGOTTEN, Config
from rsft.errors import ConfigurationError, PromptsError
from rsft.generate import NativeEngine, Request, SamplingLaw
from rsft.ledger import read_rows, read_table, write_rows
from rsft.policy import Policy
from rsft.prompts.forgotten import Forgotten, add_forgotten, digest, question_digests
from rsft.stages import base, pool, prompts
from rsft.stages.contract import FORGOTTEN_COUNTS, PROMPT_LEAKS, PROMPTS, split_file
from rsft.types import Candidate, Decided, Leak, Prompt, TrainingRow
from tests.stages.cases import decided, settings, silent

QUESTION = "A baker sells 12 loaves in the morning and 30 after noon. How many loaves in all?"
SOLUTION = "The baker sold twelve and then thirty loaves over the whole of that day, which is 42."


def line(prompt_id: str, text: str, family: str = "f", **more: str) -> dict[str, str]:
    return {"id": prompt_id, "prompt": text, "answer": "42", "family": family, **more}


LABELLED = [line(f"l{n}", f"Ann has {n} pens", solution="n0 = r0") for n in range(3)]
TRAIN = [line(f"t{n}", f"Bob has {n} hats", family=f"f{n % 2}") for n in range(4)]
EVAL = [line("e0", QUESTION, solution=SOLUTION)]
GUARD = [line("g0", "Why is the sky over the sea so blue on a day in June?")]


@pytest.fixture(autouse=True)
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("data").mkdir()
    Path("data/forgotten.jsonl").touch()


def config(*more: str, **files: list[dict[str, str]]) -> Config:
    """Settings that read the four files, which are written, too."""
    contents = {"labelled": LABELLED, "train": TRAIN, "eval": EVAL, "guard": GUARD} | files
    for name, rows in contents.items():
        file = Path("data/raw") / f"{name}.jsonl"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return settings(
        "prompts.source=files",
        "prompts.files={labelled: labelled.jsonl, train: train.jsonl, eval: eval.jsonl, "
        "guards: {sky: guard.jsonl}, licence: MIT}",
        "evaluate.sets={eval: eval, guard: sky}",
        "base.scratch.training.steps=2",
        *more,
    )


def run(*more: str, **files: list[dict[str, str]]) -> dict[str, list[str]]:
    """Runs the stage and gives the ids of each split."""
    prompts.run(config(*more, **files), "", silent)
    return {
        file.stem: [prompt.prompt_id for prompt in read_rows(file, Prompt)]
        for file in sorted(PROMPTS.glob("*.parquet"))
    }


def leaks() -> list[Leak]:
    return read_rows(PROMPT_LEAKS, Leak)


ALL = {
    "eval": ["e0"],
    "labelled": ["l0", "l1", "l2"],
    "sky": ["g0"],
    "train": ["t0", "t1", "t2", "t3"],
}


def test_where_nothing_is_shared_everything_stays() -> None:
    assert run() == ALL
    assert leaks() == []


@pytest.mark.parametrize(
    ("entry", "left"),
    [
        ("prompt_ids: [t1, l0]", {"labelled": ["l1", "l2"], "train": ["t0", "t2", "t3"]}),
        ("families: [f1]", {"train": ["t0", "t2"]}),
        ("sources: [labelled.jsonl]", {"labelled": []}),
    ],
)
def test_what_is_excluded_is_in_no_split(entry: str, left: dict[str, list[str]]) -> None:
    assert run(f"prompts.exclude={{{entry}}}") == ALL | left


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        (
            "prompt_ids: [t1, t11]",
            r"prompts\.exclude\.prompt_ids: no prompt has the prompt_id 't11'",
        ),
        ("families: [g]", "no prompt has the family 'g'; correct it"),
        ("sources: [train]", "no prompt has the source 'train'"),
        ("licences: [mit]", "no prompt has the licence 'mit'"),
        ("sources: [train.jsonl]", "no prompts are left to sample on; check"),
        ("licences: [MIT]", r"no prompts are left .* prompts\.exclude"),
        (
            "prompt_ids: [g0]",
            r"evaluate\.sets\.guard = 'sky': there are no prompts of this split; .* \(eval\)",
        ),
    ],
)
def test_an_entry_that_excludes_nothing_or_all_of_what_is_needed(entry: str, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        run(f"prompts.exclude={{{entry}}}")
    assert not PROMPTS.exists()


def test_what_is_forgotten_is_in_no_split_and_counted() -> None:
    """Its source may write it in another way by then, and another entry may match nothing."""
    told = Prompt(
        prompt_id="x", text="BOB has 2 hats!", answers=(), solution=None, family="f",
        source="s", licence="l",
    )  # fmt: skip
    asked = question_digests(told.text, ())[-1]
    for kind, found in (("prompt", asked), ("source", digest("source", "nowhere.jsonl"))):
        add_forgotten(Forgotten(kind=kind, hash=found, at="2026-01-01"))
    assert run() == ALL | {"train": ["t0", "t1", "t3"]}
    counts = {"eval": 0, "labelled": 0, "sky": 0, "train": 1}
    assert json.loads(FORGOTTEN_COUNTS.read_text()) == counts


def test_a_list_of_what_to_forget_that_is_lost_or_spoilt_stops_the_run() -> None:
    FORGOTTEN.write_text('{"kind": "prompt"}\n')
    with pytest.raises(PromptsError, match=r"forgotten\.jsonl:1: no entry .* restore it with git"):
        run()
    FORGOTTEN.unlink()
    with pytest.raises(PromptsError, match=r"forgotten\.jsonl: cannot be read .* restore it"):
        run()
    assert not PROMPTS.exists()


def test_an_evaluation_prompt_among_the_training_ones_can_be_excluded() -> None:
    both = [*TRAIN, line("t9", QUESTION)]
    with pytest.raises(PromptsError, match="eval prompt 'e0' is training prompt 't9' again"):
        run(train=both)
    assert run("prompts.exclude={prompt_ids: [t9]}", train=both) == ALL


def test_an_excluded_prompt_is_in_no_row_that_the_base_or_a_round_is_trained_on() -> None:
    made = []
    for more in ((), ("prompts.exclude={families: [f1], prompt_ids: [l2]}",)):
        settings_ = config("rounds=1", *more)
        prompts.run(settings_, "", silent)
        base.run(settings_, "", silent)
        train = [prompt.prompt_id for prompt in read_rows(split_file("train"), Prompt)]
        answers = [_accepted(prompt_id, draw) for prompt_id in train for draw in range(2)]
        write_rows(Path("data/rounds/1/decisions/part-00000.parquet"), Decided, answers)
        pool.run(settings_, "1", silent)
        tables = [Path(f"data/rounds/1/pool/{name}.parquet") for name in ("kept", "seen")]
        tables.append(Path("data/base/pool/kept.parquet"))
        ids = {row.prompt_id for file in tables for row in read_rows(file, TrainingRow)}
        made.append(ids)
    assert made[0] == {"l0", "l1", "l2", "t0", "t1", "t2", "t3"}
    assert made[1] == {"l0", "l1", "t0", "t2"}


def _accepted(prompt_id: str, draw: int) -> Decided:
    row: dict[str, Any] = {
        name: getattr(decided(0, f"{draw} pens", draw=draw, is_accepted=True), name)
        for name in Decided.__dataclass_fields__
    }
    return Decided(**row | {"prompt_id": prompt_id})


def test_an_exclusion_changes_no_draw_of_another_prompt(tiny_t5: Policy) -> None:
    drawn = []
    for more in ((), ("prompts.exclude={prompt_ids: [t0, t2]}",)):
        run(*more)
        engine = NativeEngine(tiny_t5, "v", memory_gib=1, max_rows=64)
        asked = [
            Request(prompt=prompt, draws=range(3))
            for prompt in read_rows(split_file("train"), Prompt)
        ]
        found = engine.draw(asked, SamplingLaw(max_new_tokens=6), seed=1, round=1)
        drawn.append({(row.prompt_id, row.draw): _written(row) for row in found})
    assert len(drawn[0]) == 12
    assert drawn[1] == {key: row for key, row in drawn[0].items() if key[0] in ("t1", "t3")}


def _written(row: Candidate) -> tuple[Any, ...]:
    return row.text, row.token_ids, row.finish_reason


def test_planted_leaks_are_found_and_dropped_before_anything_learns_from_them() -> None:
    loud = line("l8", QUESTION.upper().replace(".", " !"), solution="n0 + n1 = r0")
    told = line("l9", "Ann has 9 pens", solution=f"Next. {QUESTION}")
    near = line("t8", QUESTION.replace("How many loaves in all?", "How many in all?"))
    again = line("t9", f"Solve: {GUARD[0]['prompt']}")
    found = run(labelled=[*LABELLED, loud, told], train=[*TRAIN, near, again])
    assert found == ALL | {"train": [*ALL["train"], "t8"]}
    assert [
        (leak.prompt_id, leak.round, leak.draw, leak.evaluation_set, leak.evaluation_prompt_id)
        for leak in leaks()
        if leak.kind == "exact"
    ] == [
        ("l8", None, None, "eval", "e0"),
        ("l9", 0, 0, "eval", "e0"),
        ("t9", None, None, "guard", "g0"),
    ]
    assert [(leak.kind, leak.share, leak.action) for leak in leaks() if leak.prompt_id == "t8"] == [
        ("ngram", 0.7, "report")
    ]


def test_a_solution_of_an_evaluation_prompt_is_reported_or_dropped() -> None:
    told = [*LABELLED, line("l9", "Ann has 9 pens", solution=SOLUTION)]
    assert run(labelled=told)["labelled"][-1] == "l9"
    assert [(leak.prompt_id, leak.kind) for leak in leaks()] == [("l9", "solution")]
    assert run("pool.contamination={solution: drop}", labelled=told) == ALL


def test_stop_leaves_nothing_behind() -> None:
    other = line("t9", QUESTION.replace("12", "15"))
    with pytest.raises(
        PromptsError, match=r"numbers_masked is 'stop': training prompt 't9' has 100"
    ):
        run("pool.contamination={numbers_masked: stop}", train=[*TRAIN, other])
    assert not PROMPTS.exists()
    run(train=[*TRAIN, other])
    assert pc.unique(read_table(PROMPT_LEAKS, Leak)["kind"]).to_pylist() == [
        "numbers_masked",
        "ngram",
    ]


def test_a_split_of_which_nothing_is_left() -> None:
    with pytest.raises(ConfigurationError, match=r"no prompts are left .* and pool\.contamination"):
        run(train=[line("t9", f"{QUESTION}!")])
