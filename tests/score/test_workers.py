"""Rules run in processes that are killed: whatever they do, one completion is marked, no other."""

import mmap
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from rsft.config import ScoreSection
from rsft.errors import VerifierError
from rsft.score import workers
from rsft.score.reward import Asked, Score
from rsft.score.workers import Workers, end_workers, judge_in_workers
from rsft.types import Turn
from tests.score.cases import ask, completions
from tests.workspaces import ROOT

SECTION = ScoreSection(rewards={"mine:right": 1.0}, timeout_seconds=1.0)

MINE = """
import ctypes, os, re, subprocess, sys, threading, time

def right(prompt, completions):
    return [float(text in prompt.answers) for text in completions]

def first(prompt, completions):
    return [text[0] == "1" for text in completions]

def echo(prompt, completions):
    return [{"reward": len(text), "outcome": text} for text in completions]

def reads(prompt, completions):
    return [{"reward": 1, "outcome": repr(prompt)} for _ in completions]

def odd(prompt, completions):
    return [does(text) if (does := ODD.get(text)) else 1.0 for text in completions]

def counts(prompt, completions):
    return [{"reward": 1.0, text: 2.0} for text in completions]

def slow(prompt, completions):
    time.sleep(0.4 * len(completions))
    return [1.0] * len(completions)

def prints(prompt, completions):
    print('{"scores": []}')
    os.write(1, b"not JSON\\n")
    return [1.0] * len(completions)

def forks(prompt, completions):
    os.fork()
    return [1.0] * len(completions)

def leaves(prompt, completions):
    def work():
        time.sleep(0.2)
        re.fullmatch("(a+)+b", "a" * 50)
    threading.Thread(target=work, daemon=True).start()
    return [1.0] * len(completions)

def reads_input(prompt, completions):
    return [float(len(sys.stdin.read())) for _ in completions]

def one_too_few(prompt, completions):
    return [1.0] * (len(completions) - 1)

def one_for_all(prompt, completions):
    return 1.0

def words(prompt, completions):
    return ["1.0"] * len(completions)

def half(prompt, completions):
    return [{"reward": 1.0, "length": "7"}] * len(completions)

no_function = 7

def hang(text):
    while True:
        pass

def grow(text):
    held = []
    while True:
        held.append(bytearray(10**8))

def fail(text):
    raise ValueError("line\\nline \u202e" + "x" * 1000)

def start(text):
    subprocess.Popen(["sleep", "99"])
    return 1.0

ODD = {
    "start": start,
    "nan": lambda text: float("nan"),
    "inf": lambda text: float("inf"),
    "-inf": lambda text: {"reward": 1.0, "part": float("-inf")},
    "none": lambda text: None,
    "said": lambda text: {"reward": None, "note": "no verdict", "outcome": "?"},
    "raise": fail,
    "recurse": lambda text: ODD["recurse"](text),
    "hang": hang,
    "regex": lambda text: re.fullmatch("(a+)+b", "a" * 50),
    "sleep": lambda text: time.sleep(99),
    "fill": lambda text: bytearray(2**33),
    "grow": grow,
    "sys.exit": lambda text: sys.exit(3),
    "os._exit": lambda text: os._exit(3),
    "crash": lambda text: ctypes.string_at(0),
}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A workspace with functions of its own, and workers for all of these tests."""
    top = tmp_path_factory.mktemp("workspace")
    raw = top / "data" / "raw"
    raw.mkdir(parents=True)
    (raw / "mine.py").write_text(MINE)
    (raw / "broken.py").write_text("import nowhere")
    (top / "elsewhere.py").write_text("def score(prompt, completions): ...")
    yield top
    end_workers()


@pytest.fixture(autouse=True)
def here(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)


def asked(*texts: str, prompts: int = 1) -> list[Asked]:
    return [(ask(prompt_id=f"p{number}"), completions(*texts)) for number in range(prompts)]


def judged(name: str, *texts: str) -> list[Score]:
    (scores,) = judge_in_workers(SECTION, [f"mine:{name}"], asked(*texts))[f"mine:{name}"]
    return scores


def test_scores_are_those_of_the_function_in_order() -> None:
    assert [score.reward for score in judged("right", "12", "x", "12", "")] == [1, 0, 1, 0]


def test_rules_of_this_project_are_asked_by_name() -> None:
    told = judge_in_workers(SECTION, ["exact_match", "mine:right"], asked("12.", "13"))
    assert told["exact_match"] == [[Score(reward=1, outcome="12."), Score(reward=0, outcome="13")]]
    assert [score.reward for score in told["mine:right"][0]] == [0, 0]


def test_a_function_sees_the_whole_prompt() -> None:
    prompt = ask("12", "XII", context=(Turn(role="user", content="Hi"),), choices=("x", "y"))
    told = judge_in_workers(SECTION, ["mine:reads"], [(prompt, completions("a"))])["mine:reads"]
    assert told[0][0].outcome == repr(prompt)


@pytest.mark.parametrize(
    ("text", "outcome"),
    [
        ("a\x00b\x1b[2J\r\n", "a\x00b\x1b[2J\r\n"),
        ("(" * 100_000, "(" * 100_000),
        ("half \ud83d", "half ?"),
        ("\u202eright\u2066 עברית", "\u202eright\u2066 עברית"),
        ("__import__('os').system('true')", "__import__('os').system('true')"),
        ('{"defect": 1}\n', '{"defect": 1}\n'),
        ("", ""),
    ],
    ids=["null", "brackets", "surrogate", "bidi", "import", "json", "empty"],
)
def test_hostile_text_arrives_as_it_is(text: str, outcome: str) -> None:
    assert judged("echo", text) == [Score(reward=len(text), outcome=outcome)]


def test_names_of_parts_can_be_written_to_a_file() -> None:
    assert judged("counts", "half \ud83d") == [Score(reward=1.0, breakdown={"half ?": 2.0})]


@pytest.mark.parametrize(
    ("text", "note"),
    [
        ("nan", "its reward is not finite"),
        ("inf", "its reward is not finite"),
        ("-inf", "its reward is not finite"),
        ("none", "it gave None"),
        ("said", "no verdict"),
        ("raise", "ValueError: line line  xxx"),
        ("recurse", "RecursionError: maximum recursion depth exceeded"),
        ("hang", "took more than 1 s"),
        ("regex", "took more than 1 s"),
        ("sleep", "took more than 1 s"),
        ("fill", "ran out of memory"),
        ("grow", ("ran out of memory", "took more than 1 s")),
        ("sys.exit", "SystemExit: 3"),
        ("os._exit", "ended its process (exit status 3)"),
        ("crash", "was ended by signal SIGSEGV"),
    ],
)
def test_what_cannot_be_judged_is_marked_and_its_neighbours_are_not(
    text: str, note: str | tuple[str, ...]
) -> None:
    many = [*asked("a", text, "b"), *asked("c", prompts=200)]
    told = judge_in_workers(SECTION, ["mine:odd", "mine:right"], many)
    before, marked, after = told["mine:odd"][0]
    assert (before.reward, marked.reward, after.reward) == (1.0, None, 1.0)
    assert marked.status == "unscorable"
    assert marked.note is not None
    assert marked.note.startswith(note)
    assert len(marked.note) <= 200
    assert marked.note.isprintable()
    assert {score.reward for scores in told["mine:odd"][1:] for score in scores} == {1.0}
    rewards = {score.reward for scores in told["mine:right"] for score in scores}
    assert rewards == {0.0}, "another reward has judged it all the same"


def test_a_worker_that_reads_nothing_more_does_not_block_what_feeds_it() -> None:
    """Its regular expression lets no other thread run, and megabytes wait to be sent."""
    (scores,) = judge_in_workers(SECTION, ["mine:odd"], asked("regex", *["x" * 10**6] * 3)).values()
    assert [score.status for score in scores[0]] == ["unscorable", "ok", "ok", "ok"]


def test_the_time_is_that_of_one_completion() -> None:
    assert [score.reward for score in judged("slow", *"abcd")] == [1.0] * 4


def test_the_pipe_is_not_what_a_function_prints_to_or_reads_from(
    capfd: pytest.CaptureFixture[str],
) -> None:
    end_workers()  # to start new ones that write to what is captured
    assert judged("prints", "a", "b") == [Score(reward=1.0)] * 2
    assert "not JSON" in capfd.readouterr().err
    assert judged("reads_input", "a") == [Score(reward=0.0)]
    end_workers()


def test_a_copy_that_a_function_forks_off_tells_nothing() -> None:
    assert judged("forks", "a", "b") == [Score(reward=1.0)] * 2
    assert judged("right", "12") == [Score(reward=1.0)]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("mine:one_too_few", "mine:one_too_few gave 1 scores for the 2 completions of prompt 'p0'"),
        ("mine:one_for_all", "mine:one_for_all gave 1.0 (float); it must give a list"),
        ("mine:words", "mine:words gave '1.0' (str); an entry is a number, None or a dict"),
        ("mine:half", "mine:half gave 'length': '7' (str); it must be a number"),
        ("mine:no_function", "'mine:no_function' is no function; "),
        ("mine:nothing", "'mine:nothing' is no function; "),
        ("sys:nothing", "'sys:nothing' is no function; sys has: "),
        ("nowhere:score", "'nowhere:score' cannot be imported (ModuleNotFoundError: No module"),
        ("broken:score", "'broken:score' cannot be imported (ModuleNotFoundError: No module named"),
        ("elsewhere:score", "'elsewhere:score' lies in "),
    ],
)
def test_a_broken_function_stops_the_run_by_name(name: str, message: str) -> None:
    with pytest.raises(VerifierError) as caught:
        judge_in_workers(SECTION, [name], asked("a", "b"))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("is_on_path", [False, True])
def test_a_module_elsewhere_in_the_workspace_is_refused_with_the_remedy(
    folder: Path, monkeypatch: pytest.MonkeyPatch, is_on_path: bool
) -> None:
    end_workers()
    monkeypatch.setenv("PYTHONPATH", str(folder) if is_on_path else "")
    message = r"elsewhere\.py, where no stage.*move it below data/raw"
    with pytest.raises(VerifierError, match=message):
        judge_in_workers(SECTION, ["elsewhere:score"], [])
    end_workers()


def test_an_installed_module_will_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "installed.py").write_text("def score(prompt, completions): return [0.5]")
    end_workers()
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    told = judge_in_workers(SECTION, ["installed:score"], asked("a"))
    assert told == {"installed:score": [[Score(reward=0.5)]]}
    end_workers()


def test_importing_leaves_nothing_in_the_folder_that_is_hashed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    end_workers()
    monkeypatch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
    judged("right", "a")
    assert sorted(file.name for file in Path("data/raw").iterdir()) == ["broken.py", "mine.py"]
    end_workers()


def test_the_number_of_workers_changes_nothing() -> None:
    texts = ("12", "nan", "raise", "crash", "x")
    many = [(ask(prompt_id=f"p{n}"), completions(*texts[: n % 6])) for n in range(300)]
    many[7:7] = asked(*(str(number) for number in range(3000)))
    told = []
    for count in (1, 3):
        some = Workers(SECTION, count)
        told.append(some.judge(["mine:right", "exact_match"], many))
        some.end()
    assert told[0] == told[1]
    assert [len(scores) for scores in told[0]["mine:right"]] == [len(texts) for _, texts in many]


def test_nothing_asked_is_nothing_told() -> None:
    assert judge_in_workers(SECTION, ["mine:right"], []) == {"mine:right": []}
    empty = [(ask(), completions())]
    assert judge_in_workers(SECTION, ["mine:right"], empty) == {"mine:right": [[]]}


def pids() -> set[int]:
    return {child.pid for child in psutil.Process().children() if "worker" in str(child.cmdline())}


def test_workers_are_shared_by_calls_and_end_when_told() -> None:
    judged("right", "a")
    before = pids()
    judged("first", "1")
    assert pids() == before != set()
    end_workers()
    assert pids() == set()


def test_progress_tells_completions() -> None:
    told: list[tuple[int, int]] = []
    many = asked("a", "b", prompts=400)
    judge_in_workers(
        SECTION, ["mine:right"], many, lambda done, total, note="": told.append((done, total))
    )
    assert told == sorted(told)
    assert told[-1] == (800, 800)


@pytest.mark.parametrize("text", ["x", "hang", "start"])
def test_workers_do_not_outlive_their_parent(folder: Path, text: str) -> None:
    program = (
        f"import sys; sys.path.insert(0, {str(ROOT)!r})\n"
        "from threading import Thread\n"
        "from tests.score.test_workers import SECTION, asked, judge_in_workers\n"
        "section = SECTION.model_copy(update={'timeout_seconds': 99})\n"
        "judge_in_workers(section, ['mine:odd'], [])\n"
        f"Thread(target=judge_in_workers, args=(section, ['mine:odd'], asked({text!r}))).start()\n"
        "import time; time.sleep(1); print('started', flush=True); time.sleep(60)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program],
        stdout=subprocess.PIPE,
        text=True,
    ) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == "started\n"
        children = psutil.Process(parent.pid).children(recursive=True)
        assert len(children) == (2 if text == "start" else 1)
        parent.send_signal(signal.SIGKILL)
    _, alive = psutil.wait_procs(children, timeout=10)
    assert alive == []


def test_a_forked_copy_of_the_parent_leaves_its_workers_alone() -> None:
    judged("right", "a")
    if os.fork() == 0:
        os._exit(len(workers._shared))
    _, status = os.wait()
    assert os.waitstatus_to_exitcode(status) == 0
    assert judged("right", "12") == [Score(reward=1.0)]


def test_a_worker_imports_nothing_heavy() -> None:
    heavy = [
        "torch",
        "transformers",
        "prefect",
        "mlflow",
        "dvc",
        "pyarrow",
        "numpy",
        "sympy",
        "pandas",
    ]
    program = f"import sys, rsft.score.worker; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"


def test_a_worker_that_ended_while_it_had_no_work_is_replaced() -> None:
    judged("right", "a")
    for pid in pids():
        os.kill(pid, signal.SIGKILL)
    assert [score.reward for score in judged("right", "12", "x")] == [1, 0]


def test_a_worker_that_takes_no_more_work_is_not_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A thread that a function left behind lets no other run."""
    monkeypatch.setattr(workers, "LOAD_SECONDS", 2.0)
    assert judged("leaves", "a") == [Score(reward=1.0)]
    time.sleep(2)
    with pytest.raises(VerifierError, match=r"between two completions, a worker took more than"):
        judged("leaves", "a")
    assert judged("right", "12") == [Score(reward=1.0)]


def test_only_time_in_which_somebody_looked_is_too_long() -> None:
    """A run that is stopped for a while, and workers that wait to be heard."""

    looks = 0

    def pause(done: int, total: int, note: str = "") -> None:
        nonlocal looks
        looks += 1
        time.sleep(1.5 if looks <= 4 else 0)

    end_workers()
    many = [(ask(prompt_id=f"p{n}"), completions("x" * 10**5)) for n in range(60)]
    told = judge_in_workers(SECTION, ["mine:echo"], many, pause)["mine:echo"]
    assert [scores[0].note for scores in told] == [None] * 60


def test_a_reward_that_hangs_is_ended_however_seldom_somebody_looks() -> None:
    def pause(done: int, total: int, note: str = "") -> None:
        time.sleep(0.8)

    told = judge_in_workers(SECTION, ["mine:odd"], asked("hang"), pause)["mine:odd"]
    assert told[0][0].note == "took more than 1 s"


def test_an_import_that_lets_nothing_else_run_does_not_outlive_the_parent(tmp_path: Path) -> None:
    raw = tmp_path / "data" / "raw"
    raw.mkdir(parents=True)
    (raw / "hangs.py").write_text("import re; re.fullmatch('(a+)+b', 'a' * 50)")
    program = (
        "from rsft.score import worker\n"
        "worker.LOAD_SECONDS = worker._ORPHAN_SECONDS = 0.5\n"
        "worker.main()\n"
    )
    with (tmp_path / "page").open("w+b") as page:
        page.truncate(mmap.PAGESIZE)
        running = subprocess.Popen(
            [sys.executable, "-c", program, str(page.fileno())],
            cwd=tmp_path,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            pass_fds=[page.fileno()],
            stdin=subprocess.PIPE,
        )
    messages = SECTION.model_dump_json() + '\n{"parts": ["hangs:f"], "units": []}\n'
    with running:
        assert running.stdin is not None
        running.stdin.write(messages.encode())
        running.stdin.flush()
        try:
            assert running.wait(timeout=30) == -signal.SIGALRM
        finally:
            running.kill()
