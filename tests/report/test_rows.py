"""What is printed of rows: complete, and inert whatever a model wrote."""

import io
from typing import Any

from rich.console import Console

from rsft.report.rows import (
    affected_lines,
    explanation_lines,
    forgotten_line,
    purge_lines,
    trace_lines,
)

HOSTILE = "[bold]x[/]\x1b[2J\u202e\nsecond [/]"


def printed(lines: Any) -> str:
    console = Console(file=io.StringIO(), width=80, soft_wrap=True, highlight=False)
    for line in lines:
        console.print(line)
    return console.file.getvalue()


def prompt() -> dict[str, Any]:
    named = dict.fromkeys(("prompt_id", "text", "family", "source", "licence"), HOSTILE)
    return named | {"context": [{"role": "user", "content": HOSTILE}]}


def candidate(**more: Any) -> dict[str, Any]:
    return {
        "outcome": HOSTILE,
        "finish_reason": "stop",
        "token_count": None,
        "policy_version": "abc",
        "proposal_logprob": -2.5,
        "policy_logprob": None,
        "reference_logprob": None,
        "reward": 1.0,
        "reward_breakdown": {HOSTILE: 1.0},
        "score_note": HOSTILE,
        "log_target": 0.0,
        "log_bound": 2.5,
        "log_accept_ratio": 0.0,
        "accept_prob": 0.25,
        "coin": 0.75,
        "weight": 0.0,
        "reason": "coin",
    } | more


def model(**more: Any) -> dict[str, Any]:
    path, md5 = "data/rounds/1/trained", "0123456789abcdef0123456789abcdef.dir"
    return {
        "path": path,
        "hash": md5,
        "how": "trained",
        "rows": 2,
        "versions": ["rsft/3"],
        "is_champion": True,
    } | more


def explanation(**more: Any) -> dict[str, Any]:
    rule = {"rule": "coin", "target": "indicator", "base_measure": "uniform", "bound": "known"}
    return {
        "row": "train-1:1:0",
        "run_id": "20260101-one",
        "split": "train",
        "prompt": prompt(),
        "completion": HOSTILE,
        "candidate": candidate(),
        "rule": rule | {"bound_note": None},
        "law": None,
        "settings": None,
        "pool": [{"round": 1, "fate": "kept"}],
        "models": [model(), model(how="descended", rows=None, versions=[], is_champion=False)],
    } | more


def trace_of(**run: Any) -> dict[str, Any]:
    one = {
        "run_id": "20260101-one",
        "state": "holds",
        "prompts": [{"prompt_id": HOSTILE, "split": "train"}] * 21,
        "files": [{"path": "data/x.parquet", "hash": "ab" * 16, "rows": 1, "traces": ["id"]}],
        "accepted": [f"{HOSTILE}:1:0"],
        "models": [model()],
        "looked_through": 70,
        "unread": [HOSTILE],
    } | run
    return {
        "kind": "prompt",
        "name": HOSTILE,
        "hash": "cd" * 32,
        "text": HOSTILE,
        "forgotten_at": None,
        "runs": [one, one | {"run_id": "20260102-two", "state": "none"}],
        "spoilt": [f"run/spoilt: {HOSTILE}"],
    }


def test_hostile_text_is_shown_and_does_nothing() -> None:
    for lines in (explanation_lines(explanation()), trace_lines(trace_of())):
        text = printed(lines)
        assert "[bold]x[/]\\x1b[2J\\u202e" in text
        assert not set(text) & {"\x1b", "\u202e"}
    assert "\x1b" not in printed(affected_lines(trace_of()))


def test_the_numbers_of_a_decision_are_all_there() -> None:
    text = printed(explanation_lines(explanation()))
    for line in (
        "log M -2.5000 under the law drawn from, log π –",
        "coin; indicator over uniform; bound known",
        "log P̃ 0.0000, log c 2.5000, log P̃ − log M − log c 0.0000",
        "A = 0.250000, coin 0.750000, weight 0",
        "coin: not accepted: the coin did not fall below A",
        "round 1: kept",
        "trained on 2 rows: rsft/3, in service",
        "came of a model that was trained on it",
        "0123456789abcdef0123456789abcdef.dir",
    ):
        assert line in text


def test_the_law_is_told_where_it_is_recorded() -> None:
    law = dict.fromkeys(("top_k", "min_p", "min_new_tokens")) | {
        "engine": "native", "dtype": "float32", "temperature": 0.7, "top_p": 0.9,
        "max_new_tokens": 32,
    }  # fmt: skip
    text = printed(explanation_lines(explanation(law=law)))
    assert "abc (native, float32; temperature 0.7, top_p 0.9, max_new_tokens 32)" in text


def test_the_numbers_that_a_decision_turns_on_are_told_where_they_are_recorded() -> None:
    names = ("beta", "n", "fraction", "near_duplicates", "max_per_prompt", "temper")
    settings = dict.fromkeys(names) | {"correct_reward": 1.0, "threshold": 0.5}
    text = printed(explanation_lines(explanation(settings=settings)))
    assert "\n            correct_reward 1, threshold 0.5\n" in text


def test_what_is_affected_names_each_data_set_once() -> None:
    found = trace_of()
    found["runs"][1] |= {"state": "holds"}
    first = found["runs"][0]["files"][0]
    found["runs"][1]["files"] = [first, first | {"path": "data/y.parquet", "hash": "ef" * 16}]
    text = printed(affected_lines(found))
    assert "is in 2 runs, 2 objects" in text
    assert text.count("data/x.parquet  abab") == 1
    assert f"data/y.parquet  {'ef' * 16}" in text
    found["runs"][1]["files"][0] = first | {"hash": "12" * 16}
    assert "data/x.parquet  in 2 versions" in printed(affected_lines(found))


def test_what_a_purge_leaves_is_told() -> None:
    text = printed(purge_lines(3, 1, ["data/raw/x"], ["20260101-one"], [], is_evaluated=True))
    assert "3 objects in cache and remote, and 1 copies" in text
    assert "data/raw/x is yours and stays" in text
    assert "MLflow" in text
    assert "MLflow" not in printed(purge_lines(3, 1, [], [], [], is_evaluated=False))


def test_a_labelled_row_has_no_decision() -> None:
    text = printed(explanation_lines(explanation(candidate=None, rule=None)))
    assert "labelled: the worked solution" in text
    assert "decision" not in text


def test_a_trace_names_runs_files_and_models() -> None:
    text = printed(trace_lines(trace_of()))
    assert "run 20260101-one has it" in text
    assert f"data/x.parquet  {'ab' * 16}  1 row\n" in text
    assert "and 1 more (--json)" in text
    assert "1 run without it, the last 20260102-two" in text
    assert "not read:" in text
    assert "not read: run/spoilt" in text


def test_a_run_that_was_to_be_free_of_it_says_whether_it_is() -> None:
    empty: dict[str, Any] = {"prompts": [], "accepted": [], "models": [], "unread": []}
    free = printed(trace_lines(trace_of(state="free", files=[], **empty)))
    assert "run 20260101-one FREE of it\n  70 tables and documents looked through" in free
    found = printed(trace_lines(trace_of(state="not_free", **empty)))
    assert "NOT FREE of it" in found
    assert "1 row (id)" in found


def test_what_was_left_out_is_counted() -> None:
    assert forgotten_line({"train": 0, "eval": 0}) == ""
    line = forgotten_line({"train": 1200, "eval": 0, "labelled": 1})
    assert line == "  prompts left out, to be forgotten: 1,200 of train, 1 of labelled"
