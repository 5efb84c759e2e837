"""Two nodes on loopback, one killed in mid-run: the bytes of one process, the same ledger."""

import shutil
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from rsft import cluster
from rsft.errors import ConfigurationError, EngineError
from rsft.ledger import read_rows, write_rows
from rsft.policy import Policy
from rsft.stages import drawing_on_ray, generate
from rsft.types import Candidate, Progress, Prompt
from tests.stages.cases import needs_ray, prompt, settings, silent, write_base

PROMPTS = 24
SETTINGS = ("generate.part_prompts=2", "generate.draws_per_prompt=3", "generate.max_new_tokens=6",
            "rounds=1", "runtime.threads=1")  # fmt: skip
ON_RAY = "ray={workers: 2}"
ROUND = Path("data/rounds/1")


@pytest.fixture(autouse=True)
def base(tiny_t5: Policy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_base(tiny_t5, [])
    rows = [prompt(number) for number in range(PROMPTS)]
    write_rows(Path("data/prompts/train.parquet"), Prompt, rows)


def draw(*more: str, progress: Progress = silent) -> dict[str, bytes]:
    generate.run(settings(*SETTINGS, *more), "1", progress)
    return {str(file): file.read_bytes() for file in sorted(ROUND.rglob("*.parquet"))}


def ledger_parts() -> list[bytes]:
    """The parts, whatever order they were finished in."""
    return sorted(file.read_bytes() for file in Path(".rsft/ledger").glob("*/*.parquet"))


def forget() -> None:
    shutil.rmtree(".rsft/ledger")
    shutil.rmtree(ROUND)


@needs_ray
@pytest.mark.usefixtures("nodes")
def test_workers_draw_the_bytes_of_one_process_in_waves_too() -> None:
    waves = "generate.adaptive={target_accepted: 1, max_draws: 7}"
    expected = draw(waves)
    parts = ledger_parts()
    forget()
    done: list[int] = []
    assert draw(waves, ON_RAY, progress=lambda d, *_: done.append(d)) == expected
    assert ledger_parts() == parts
    assert (done[-1], sorted(done)) == (PROMPTS, done)


@needs_ray
@pytest.mark.usefixtures("nodes")
def test_a_worker_that_is_not_like_this_machine_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drawing_on_ray, "CODE", "of another day")
    with pytest.raises(EngineError, match=r"differs in its code \(\w{12}; here of another d\)"):
        draw("ray={workers: 1}")


@needs_ray
def test_a_node_is_killed_and_its_parts_are_drawn_by_the_other(nodes: SimpleNamespace) -> None:
    expected = draw()
    parts = ledger_parts()
    forget()
    killed: list[Any] = []

    def progress(done: int, total: int, note: str = "") -> None:
        if done >= PROMPTS // 4 and not killed:
            killed.append(nodes.nodes[0])
            nodes.cluster.remove_node(nodes.nodes[0], allow_graceful=False)

    assert draw(ON_RAY, progress=progress) == expected
    assert killed
    assert ledger_parts() == parts
    assert len(read_rows(ROUND / "candidates", Candidate)) == 3 * PROMPTS


def test_what_lies_in_the_ledger_needs_no_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    expected = draw()
    monkeypatch.setattr(cluster, "_connected", lambda *_: pytest.fail("Ray was started"))
    shutil.rmtree(ROUND)
    assert draw(ON_RAY) == expected


def test_without_ray_one_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(ConfigurationError, match=r"not installed: pip install 'rsft\[ray\]'"):
        draw(ON_RAY)
