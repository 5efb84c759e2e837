"""Parts scored by workers on two nodes, one killed in mid-run: the bytes of one process."""

import shutil
import tempfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from rsft import cluster
from rsft.config import ScoreSection
from rsft.errors import EngineError, VerifierError
from rsft.ledger import read_rows, write_rows
from rsft.policy import Policy
from rsft.stages import score, scoring_on_ray
from rsft.stages.scoring import Scorer
from rsft.stages.scoring_on_ray import gains_on_ray
from rsft.types import Candidate, Progress, Prompt, Scored
from tests.policy.classifiers import build, build_tokenizer, save
from tests.stages.cases import needs_ray, prompt, settings, silent, write_base
from tests.stages.test_score_stage import FOLDER, candidate

PARTS, ROWS = 8, 3
ON_RAY = "ray={workers: 2}"
MODEL = "score.reward_model={model: data/raw/rm}"
SETTINGS = ("rounds=1", "runtime.threads=1", "score.timeout_seconds=2")
ALL_AT_ONCE = (
    MODEL,
    "score.rewards={reward_model: 1, 'mine:score': 1, worked_solution: 0}",
    "score.reference_logprob=true",
)
MINE = """
import os, time
from pathlib import Path

WORDS = (Path(__file__).parent / "words.txt").read_text().split()

def score(prompt, completions):
    if "hang" in completions:
        time.sleep(60)
    if "leave" in completions:
        os._exit(3)
    return [{"reward": 0.5, "known": sum(w in WORDS for w in text.split())} for text in completions]

def fewer(prompt, completions):
    return [1.0]
"""


@pytest.fixture(autouse=True)
def round_(tiny_t5: Policy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_base(tiny_t5, [])
    write_rows(Path("data/prompts/train.parquet"), Prompt, [prompt(n) for n in range(PARTS)])
    for part in range(PARTS):
        texts = ["n0 + n1 = r0", "ann has four pens", {2: "hang", 5: "leave"}.get(part, "bye")]
        rows = [candidate(part, text, draw=row) for row, text in enumerate(texts)]
        write_rows(FOLDER / "candidates" / f"part-{part:05}.parquet", Candidate, rows)
    save(build("bert", build_tokenizer("$A </s>")), Path("data/raw/rm"))
    Path("data/raw/mine.py").write_text(MINE)
    Path("data/raw/words.txt").write_text("ann four pens")


def scored(*more: str, progress: Progress = silent) -> dict[str, bytes]:
    score.run(settings(*SETTINGS, *more), "1", progress)
    return {file.name: file.read_bytes() for file in FOLDER.glob("scored/*")}


def forget() -> None:
    shutil.rmtree(".rsft/scores")
    shutil.rmtree(FOLDER / "scored")


def left_by_workers() -> set[Path]:
    return set(Path(tempfile.gettempdir()).glob("tmp*/data/raw/mine.py"))


@needs_ray
@pytest.mark.usefixtures("nodes")
def test_workers_score_as_one_process_what_a_model_a_rule_and_a_function_say(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    expected = scored(*ALL_AT_ONCE)
    rows = read_rows(FOLDER / "scored", Scored)
    assert len(expected) == PARTS
    assert [row.score_note for row in rows if row.score_note] == [
        "mine:score: took more than 2 s",
        "mine:score: ended its process (exit status 3)",
    ]
    assert rows[1].reward_breakdown["mine:score.known"] == 3.0
    assert None not in [row.reference_logprob for row in rows]
    forget()
    done: list[int] = []
    before = left_by_workers()
    with monkeypatch.context() as patch:
        patch.setattr(Scorer, "score", lambda *_: pytest.fail("it was scored here"))
        assert scored(*ALL_AT_ONCE, ON_RAY, progress=lambda d, *_: done.append(d)) == expected
    assert (done[-1], sorted(done)) == (PARTS * ROWS, done)
    assert left_by_workers() == before
    shutil.rmtree(FOLDER / "scored")
    monkeypatch.setattr(cluster, "_connected", lambda *_: pytest.fail("Ray was started"))
    assert scored(*ALL_AT_ONCE, ON_RAY) == expected, "what is kept needs no worker"


@needs_ray
@pytest.mark.usefixtures("nodes")
def test_a_broken_function_is_the_same_line(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = []
    for where in ("seed=1", "ray={workers: 1}"):
        with pytest.raises(VerifierError) as caught:
            scored("score.rewards={'mine:fewer': 1}", where)
        lines.append(str(caught.value))
    assert lines[0].startswith("score.rewards.mine:fewer gave 1 scores for the 3 completions")
    assert lines[0] == lines[1]
    monkeypatch.setattr(scoring_on_ray, "CODE", "of another day")
    with pytest.raises(EngineError, match=r"differs in its code \(\w{12}; here of another d\)"):
        scored("score.rewards={'mine:score': 1}", "ray={workers: 1}")


@needs_ray
def test_a_node_is_killed_and_its_parts_are_scored_by_the_other(
    nodes: SimpleNamespace, caplog: pytest.LogCaptureFixture
) -> None:
    model = (MODEL, "score.rewards={reward_model: 1}")
    expected = scored(*model)
    forget()
    killed: list[Any] = []

    def progress(done: int, total: int, note: str = "") -> None:
        if not killed:
            killed.append(nodes.nodes[0])
            nodes.cluster.remove_node(nodes.nodes[0], allow_graceful=False)

    assert scored(*model, "ray={workers: 9999}", progress=progress) == expected
    assert killed
    assert caplog.messages[0] == "ray: there is room for 2 workers; no more start"


@pytest.mark.parametrize(
    ("rewards", "gains"),
    [
        ({"worked_solution": 1, "exact_match": 0}, False),
        ({"worked_solution": 1, "mine:score": 0}, True),
        ({"worked_solution": 1, "reward_model": 1}, True),
        ({"judge": 1, "reward_model": 1, "mine:score": 1}, False),
    ],
)
def test_rules_alone_and_what_a_judge_grades_are_scored_here(
    rewards: dict[str, float], gains: bool
) -> None:
    section = ScoreSection.model_construct(rewards=rewards)
    assert gains_on_ray(section) is gains
