"""SIGKILL while a judge is asked: what was told is not asked again, and the bytes are the same."""

import multiprocessing
import os
import shutil
import signal
from pathlib import Path

import pytest

from rsft.errors import VerifierError
from rsft.ledger import write_rows
from rsft.stages import score
from rsft.types import Candidate, Prompt
from tests.score.test_judge import data_of, graded, is_trivial
from tests.stages.cases import prompt, settings, silent
from tests.stages.test_score_stage import FOLDER, candidate

PARTS, ROWS = 4, 3


class Court:
    """A judge's server that kills whoever asks it for the n-th time."""

    def __init__(self, fake) -> None:
        self.asked: list[str] = []
        self.deadly: int | None = None
        self.victim: int | None = None
        self.url = fake(self.reply, models=[{"id": "judge"}]).url

    def reply(self, body, number):
        if is_trivial(body):
            return graded(5)
        if len(self.asked) == self.deadly:
            os.kill(self.victim, signal.SIGKILL)
            return None
        text = data_of(body)["completion"]
        self.asked.append(text)
        return graded(int(text) % 5 + 1)


@pytest.fixture
def court(fake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Court:
    monkeypatch.chdir(tmp_path)
    write_rows(Path("data/prompts/train.parquet"), Prompt, [prompt(number) for number in range(4)])
    for part in range(PARTS):
        rows = [candidate(part, str(ROWS * part + row), draw=row) for row in range(ROWS)]
        write_rows(FOLDER / "candidates" / f"part-{part:05}.parquet", Candidate, rows)
    return Court(fake)


def run(court: Court, *more: str) -> None:
    server = f"{{base_url: '{court.url}', model: judge, concurrency: 1}}"
    judge = f"score.judge={{rubric: Be right., server: {server}}}"
    score.run(settings("rounds=1", "score.rewards={judge: 1}", judge, *more), "1", silent)


def killed(court: Court, deadly: int | None) -> int | None:
    """How a run ends in a process of its own, killed at a question; DVC removes outputs before."""
    shutil.rmtree(FOLDER / "scored", ignore_errors=True)
    child = multiprocessing.get_context("fork").Process(target=run, args=(court,))
    court.deadly = deadly
    child.start()
    court.victim = child.pid
    child.join(60)
    return child.exitcode


def scored() -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in FOLDER.glob("scored/*")}


def test_killed_at_each_part_it_asks_for_no_finished_part_again(court: Court) -> None:
    assert killed(court, None) == 0
    expected, questions = scored(), court.asked
    assert len(expected) == PARTS
    assert questions == [str(number) for number in range(PARTS * ROWS)]
    shutil.rmtree(".rsft/scores")
    court.asked = []
    for deadly in (1, 4, 8, 12):
        assert killed(court, deadly) == -signal.SIGKILL
    assert killed(court, None) == 0
    assert scored() == expected
    runs = (["0"], [*"012"], [*"3456"], [*"6789"], ["9", "10", "11"])
    assert court.asked == [question for asked in runs for question in asked]


def test_what_a_score_hangs_on_makes_it_anew_and_a_spoilt_part_too(court: Court) -> None:
    run(court)
    expected, court.asked = scored(), []
    run(court)
    assert (court.asked, scored()) == ([], expected)
    (first, *_) = Path(".rsft/scores").glob("*/*.parquet")
    first.write_bytes(first.read_bytes()[:-1])
    run(court)
    assert (len(court.asked), scored()) == (ROWS, expected)
    run(court, "score.timeout_seconds=6")
    assert len(court.asked) == ROWS + PARTS * ROWS
    assert len(list(Path(".rsft/scores").iterdir())) == 1, "of a round those of one plan are kept"
    Path("data/raw").mkdir()
    Path("data/raw/own.py").write_text("")
    run(court, "score.timeout_seconds=6")
    assert len(court.asked) == ROWS + 2 * PARTS * ROWS


def test_where_nothing_could_be_scored_nothing_is_kept(court: Court) -> None:
    Path("data/raw").mkdir()
    Path("data/raw/never.py").write_text("def score(prompt, completions): return 1 / 0")
    with pytest.raises(VerifierError):
        score.run(settings("rounds=1", "score.rewards={'never:score': 1}"), "1", silent)
    assert list(Path(".rsft/scores").glob("*/*")) == []
