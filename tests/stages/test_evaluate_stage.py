"""What a policy answers, and that policies are compared on the same draws."""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from rsft.errors import ConfigurationError, VerifierError
from rsft.generate import NativeEngine, Request, SamplingLaw
from rsft.ledger import read_rows, write_rows
from rsft.policy import Policy
from rsft.policy import answer as answer_greedily
from rsft.score.reward import Asked, Score, unscorable
from rsft.stages import evaluate
from rsft.types import Answer, Prompt
from tests.stages.cases import prompt, settings, silent, write_base

SETTINGS = ("rounds=1", "evaluate.draws=3", "evaluate.k=2", "evaluate.max_new_tokens=5")
FOLDER = Path("data/base")


@pytest.fixture(autouse=True)
def base(tiny_t5: Policy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_base(tiny_t5, [])


def measure(sets: str = "{eval: eval}", *more: str) -> list[Answer]:
    evaluate.run(settings(*SETTINGS, f"evaluate.sets={sets}", *more), "0", silent)
    return read_rows(FOLDER / "answers", Answer)


def figures() -> dict:
    return json.loads((FOLDER / "evaluation.json").read_text())


def test_every_prompt_of_every_set_is_answered_once(tiny_t5: Policy) -> None:
    answers = measure("{eval: eval, guard: dev}")
    assert [(a.split, a.prompt_id) for a in answers] == [
        *(("eval", f"eval-{number}") for number in range(4)),
        ("guard", "dev-0"),
    ]
    texts = [answer.prompt for answer in answers[:4]]
    greedy = answer_greedily(tiny_t5, texts, max_new_tokens=5)
    assert [answer.completion for answer in answers[:4]] == greedy
    assert {answer.draws for answer in answers} == {3}


def test_the_figures_are_those_of_the_answers() -> None:
    answers = measure("{eval: eval, guard: dev}")
    assert list(figures()) == ["eval", "guard"]
    assert [figures()[name]["prompts"] for name in ("eval", "guard")] == [4, 1]
    right = sum(answer.is_correct for answer in answers if answer.split == "eval")
    assert figures()["eval"]["exact_match"] == right / 4


def test_the_same_policy_gives_the_same_bytes() -> None:
    written = []
    for _ in range(2):
        measure()
        files = (FOLDER / "evaluation.json", *sorted((FOLDER / "answers").iterdir()))
        written.append([file.read_bytes() for file in files])
    assert written[0] == written[1]


def test_draws_are_those_of_the_address_whatever_the_batches() -> None:
    one = measure("{eval: eval}", "runtime.max_rows=1")
    assert measure("{eval: eval}", "runtime.max_rows=12") == one


class Oracle:
    """Gives completions of prompts 0, 1, 2 … a reward of 1, 0, none, and so on."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []

    def score_all(self, asked: Sequence[Asked]) -> list[list[Score]]:
        return [[self._score(prompt, one.text) for one in texts] for prompt, texts in asked]

    def _score(self, prompt: Prompt, completion: str) -> Score:
        self.asked.append((prompt.prompt_id, completion))
        if int(prompt.prompt_id[-1]) % 3 == 2:
            return unscorable("x: no verdict")
        return Score(reward=1.0 - int(prompt.prompt_id[-1]) % 3)


def test_each_prompt_is_judged_by_its_own_draws_and_its_own_answer(tiny_t5: Policy) -> None:
    config, oracle = settings(*SETTINGS), Oracle()
    prompts = [prompt(number, split="eval") for number in range(3)]
    answers = evaluate.answer_set(tiny_t5, config, oracle, "eval", prompts)
    law = SamplingLaw(max_new_tokens=5)
    requests = [Request(prompt=prompt, draws=range(3)) for prompt in prompts]
    engine = NativeEngine(tiny_t5, "v1", memory_gib=1, max_rows=100)
    drawn = engine.draw(requests, law, seed=config.seed, round=0)
    expected = [(candidate.prompt_id, candidate.text) for candidate in drawn]
    expected += [(answer.prompt_id, answer.completion) for answer in answers]
    assert len({text for _, text in expected}) > 6
    assert sorted(oracle.asked) == sorted(expected)


def test_what_cannot_be_scored_is_neither_right_nor_a_draw(tiny_t5: Policy) -> None:
    prompts = [prompt(number, split="eval") for number in range(3)]
    answers = evaluate.answer_set(tiny_t5, settings(*SETTINGS), Oracle(), "eval", prompts)
    assert [(a.is_correct, a.draws, a.correct_draws) for a in answers] == [
        (True, 3, 3),
        (False, 3, 0),
        (None, 0, 0),
    ]
    assert answers[0].golds == prompts[0].answers


def test_what_cannot_be_scored_is_counted_and_in_no_mean(monkeypatch: pytest.MonkeyPatch) -> None:
    """Prompts 0 and 3 are right, 1 is wrong and 2 unscorable, and so are their three draws."""
    monkeypatch.setattr(evaluate, "build_rewards", lambda section: Oracle())
    measure()
    eval_ = figures()["eval"]
    assert (eval_["prompts"], eval_["unscorable"], eval_["unscorable_draws"]) == (4, 1, 3)
    assert eval_["exact_match"] == eval_["pass_at_k"] == pytest.approx(2 / 3)
    assert eval_["pass_at_k_prompts"] == 3


def test_a_set_of_which_nothing_can_be_scored_stops_the_stage() -> None:
    prompts = [prompt(number, split="eval", answer=None) for number in range(4)]
    write_rows(Path("data/prompts/eval.parquet"), Prompt, prompts)
    message = r"evaluate\.sets\.eval: none of 4 completions can be scored; 4 .*: worked_solution: "
    with pytest.raises(VerifierError, match=message):
        measure()
    assert not (FOLDER / "answers").exists()


@pytest.mark.parametrize("split", ["dev", "nowhere"])
def test_a_set_without_prompts_is_an_error_that_names_it(split: str) -> None:
    write_rows(Path("data/prompts/dev.parquet"), Prompt, [])
    with pytest.raises(ConfigurationError) as caught:
        measure(f"{{eval: eval, guard: {split}}}")
    message = str(caught.value)
    assert message.startswith(f"evaluate.sets.guard = '{split}': there are no prompts")
    assert "eval, labelled, train" in message
    assert not (FOLDER / "answers").exists()
