"""Drawing in parts: a killed stage goes on where it was, with the same bytes in the end."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

import rsft
from rsft.ledger import read_rows
from rsft.policy import Policy, load_policy, save_policy
from rsft.stages import generate
from rsft.types import Candidate
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
def sampled(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The prompts of each call of the sampler."""
    calls: list[list[str]] = []
    sample = generate.sample

    def spy(policy: Policy, prompts: Any, *more: Any, **options: Any) -> list[Candidate]:
        calls.append([prompt.prompt_id for prompt in prompts])
        return sample(policy, prompts, *more, **options)

    monkeypatch.setattr(generate, "sample", spy)
    return calls


def draw(*more: str, progress: Callable[[int, int], None] = silent) -> dict[str, bytes]:
    generate.run(settings(*SETTINGS, *more), "1", progress)
    return {file.name: file.read_bytes() for file in sorted(FOLDER.iterdir())}


def draw_until_killed(*more: str) -> None:
    """Is killed in the second part."""
    with pytest.MonkeyPatch.context() as patch:
        sample, calls = generate.sample, []

        def killed(*arguments: Any, **options: Any) -> list[Candidate]:
            calls.append(arguments)
            if len(calls) == 2:
                raise Killed
            return sample(*arguments, **options)

        patch.setattr(generate, "sample", killed)
        with pytest.raises(Killed):
            draw(*more)


def forget() -> None:
    """Leaves no part to go on with."""
    for file in Path(".rsft").rglob("*.parquet"):
        file.unlink()


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


def test_progress_is_told_in_prompts() -> None:
    told: list[tuple[int, int]] = []
    draw(progress=lambda done, total: told.append((done, total)))
    assert told == [(2, 5), (4, 5), (5, 5)]


def test_killed_and_resumed_gives_the_same_bytes() -> None:
    draw_until_killed()
    resumed = draw()
    forget()
    assert draw() == resumed


def test_resuming_repeats_only_the_part_in_flight(sampled: list[list[str]]) -> None:
    draw_until_killed()
    sampled.clear()
    draw()
    assert sampled == [["train-2", "train-3"], ["train-4"]]


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


def another_law() -> tuple[str, ...]:
    return ("generate.temperature=0.5",)


def another_seed() -> tuple[str, ...]:
    return ("seed=3",)


def another_plan() -> tuple[str, ...]:
    return ("generate.batch_prompts=1",)


def another_policy() -> tuple[str, ...]:
    policy = load_policy(Path("data/base/model"))
    with torch.no_grad():
        policy.model.get_input_embeddings().weight.mul_(0.5)
    save_policy(policy, Path("data/base/model"))
    return ()


@pytest.mark.parametrize("change", [another_law, another_seed, another_plan, another_policy])
def test_parts_of_another_law_are_not_mixed_in(
    change: Callable[[], tuple[str, ...]], sampled: list[list[str]]
) -> None:
    draw_until_killed()
    changed = change()
    sampled.clear()
    resumed = draw(*changed)
    assert sampled == [["train-0", "train-1"], ["train-2", "train-3"], ["train-4"]]
    forget()
    assert draw(*changed) == resumed


def test_parts_that_other_code_drew_are_not_mixed_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sampled: list[list[str]]
) -> None:
    code = tmp_path / "rsft"
    (code / "generate").mkdir(parents=True)
    (code / "generate" / "sampler.py").write_text("draws = 'wrongly'")
    monkeypatch.setattr(rsft, "__file__", str(code / "__init__.py"))
    draw()
    draw()
    assert len(sampled) == 3
    (code / "generate" / "sampler.py").write_text("draws = 'rightly'")
    draw()
    assert len(sampled) == 6


def test_parts_that_other_libraries_drew_are_not_mixed_in(
    monkeypatch: pytest.MonkeyPatch, sampled: list[list[str]]
) -> None:
    draw()
    monkeypatch.setattr(generate, "version", lambda name: "0.0" if name == "torch" else "1.0")
    draw()
    assert len(sampled) == 6
