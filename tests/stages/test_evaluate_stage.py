"""What a policy answers, and that policies are compared on the same draws."""

import json
import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from rsft.errors import ConfigurationError, LineageError, VerifierError
from rsft.generate import NativeEngine, Request, SamplingLaw
from rsft.ledger import read_rows, write_rows
from rsft.policy import (
    Policy,
    completion_logprobs,
    encode_completions,
    encode_questions,
    save_policy,
)
from rsft.policy import answer as answer_greedily
from rsft.score.reward import Asked, Score, unscorable
from rsft.stages import evaluate
from rsft.stages.answering import answer_set, greedy_of
from rsft.stages.contract import read_greedy
from rsft.types import Answer, Prompt
from tests.stages.cases import prompt, settings, silent, write_base

SETTINGS = ("rounds=1", "evaluate.draws=3", "evaluate.k=2", "evaluate.max_new_tokens=5")
FOLDER = Path("data/base")
ROUND = Path("data/rounds/1")


@pytest.fixture(autouse=True)
def base(tiny_t5: Policy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_base(tiny_t5, [])


def sampled_of(answers: Sequence[Answer]) -> list[Answer]:
    return [answer for answer in answers if answer.draw is not None]


def measure(sets: str = "{eval: eval}", *more: str, key: str = "0") -> list[Answer]:
    evaluate.run(settings(*SETTINGS, f"evaluate.sets={sets}", *more), key, silent)
    return read_rows((ROUND if key == "1" else FOLDER) / "answers", Answer)


def figures(folder: Path = FOLDER) -> dict:
    return json.loads((folder / "evaluation.json").read_text())


def test_every_prompt_of_every_set_is_answered_greedily_and_drawn_for(tiny_t5: Policy) -> None:
    answers = measure("{guard: dev, eval: eval}")
    asked = [("eval", f"eval-{number}") for number in range(4)] + [("guard", "dev-0")]
    draws = [(None, None), (0, 0), (0, 1), (0, 2)]
    assert [(a.split, a.prompt_id, a.seed, a.draw) for a in answers] == [
        (*one, *draw) for one in asked for draw in draws
    ]
    greedy = greedy_of(answers)[:4]
    texts = [answer.prompt for answer in greedy]
    expected = answer_greedily(tiny_t5, texts, max_new_tokens=5)
    assert [answer.completion for answer in greedy] == expected
    assert len(sampled_of(answers)) == 15
    assert read_greedy(FOLDER / "answers") == {"eval": greedy, "guard": greedy_of(answers)[4:]}


def test_the_figures_are_those_of_the_answers() -> None:
    answers = measure("{guard: dev, eval: eval}")
    assert list(figures()) == ["eval", "guard"]
    assert [figures()[name]["prompts"] for name in ("eval", "guard")] == [4, 1]
    right = sum(answer.is_correct for answer in greedy_of(answers) if answer.split == "eval")
    assert figures()["eval"]["accuracy"] == right / 4
    drawn = sum(answer.is_correct for answer in sampled_of(answers) if answer.split == "eval")
    assert figures()["eval"]["pass_at_1"] == pytest.approx(drawn / 12)


def test_seeds_have_draws_of_their_own_and_the_first_is_that_of_one_seed() -> None:
    one, several = measure(), measure("{eval: eval}", "evaluate.seeds=3")
    first = [answer for answer in several if answer.seed in (None, 0)]
    assert first == one
    texts = [[answer.completion for answer in several if answer.seed == seed] for seed in range(3)]
    assert len(set(map(tuple, texts))) == 3
    assert len(figures()["eval"]["seeds"]["pass_at_1"]["values"]) == 3


def test_the_same_policy_gives_the_same_bytes() -> None:
    written = []
    for _ in range(2):
        measure()
        files = (FOLDER / "evaluation.json", *sorted((FOLDER / "answers").iterdir()))
        written.append([file.read_bytes() for file in files])
    assert written[0] == written[1]


def test_draws_are_those_of_the_address_whatever_the_batches() -> None:
    one, several = (
        [replace(a, policy_logprob=0.0) for a in measure("{eval: eval}", f"runtime.max_rows={n}")]
        for n in (1, 12)
    )
    assert one == several


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
    answers = answer_set(tiny_t5, config, oracle, "eval", prompts)
    law = SamplingLaw(max_new_tokens=5)
    requests = [Request(prompt=prompt, draws=range(3)) for prompt in prompts]
    engine = NativeEngine(tiny_t5, "v1", memory_gib=1, max_rows=100)
    drawn = engine.draw(requests, law, seed=config.seed, round=0)
    expected = [(candidate.prompt_id, candidate.text) for candidate in drawn]
    assert [answer.completion for answer in sampled_of(answers)] == [c.text for c in drawn]
    expected += [(answer.prompt_id, answer.completion) for answer in greedy_of(answers)]
    assert len({text for _, text in expected}) > 6
    assert sorted(oracle.asked) == sorted(expected)


def test_what_cannot_be_scored_is_neither_right_nor_wrong(tiny_t5: Policy) -> None:
    prompts = [prompt(number, split="eval") for number in range(3)]
    answers = answer_set(tiny_t5, settings(*SETTINGS), Oracle(), "eval", prompts)
    assert [answer.is_correct for answer in answers] == [True] * 4 + [False] * 4 + [None] * 4
    assert [answer.reward for answer in answers] == [1.0] * 4 + [0.0] * 4 + [None] * 4
    assert answers[0].golds == prompts[0].answers


def test_what_cannot_be_scored_is_counted_and_in_no_mean(monkeypatch: pytest.MonkeyPatch) -> None:
    """Prompts 0 and 3 are right, 1 is wrong and 2 unscorable, and so are their three draws."""
    monkeypatch.setattr(evaluate, "measured_rewards", lambda config: Oracle())
    measure()
    eval_ = figures()["eval"]
    assert (eval_["prompts"], eval_["unscorable"], eval_["unscorable_draws"]) == (4, 1, 3)
    assert eval_["accuracy"] == eval_["pass_at_k"] == pytest.approx(2 / 3)
    assert eval_["pass_at_k_prompts"] == 3


def test_progress_is_told_of_every_completion() -> None:
    told: list[tuple[int, int, str]] = []
    config = settings(*SETTINGS, "evaluate.sets={eval: eval}", "evaluate.seeds=2")
    evaluate.run(config, "0", lambda done, total, note="": told.append((done, total, note)))
    assert told[-1] == (4 * 7, 4 * 7, "eval")
    assert told == sorted(told)


# Metrics, which have no say


def test_metrics_are_measured_beside_the_reward_and_change_nothing_of_it() -> None:
    """The answers are in slots, so that none is a gold one as it stands."""
    alone = measure()
    without = figures()["eval"]
    answers = measure("{eval: eval}", "evaluate.metrics=[exact_match, choice, worked_solution]")
    assert [a.is_correct for a in answers] == [a.is_correct for a in alone]
    assert [a.reward for a in answers] == [a.reward for a in alone]
    assert all(answer.measured["exact_match"] == 0 for answer in answers)
    assert not any("choice" in answer.measured for answer in answers)
    found = figures()["eval"]
    assert list(found["measured"]) == ["choice", "exact_match", "worked_solution"]
    assert found["measured"]["choice"] == {
        "mean": None,
        "low": None,
        "high": None,
        "unscorable": 4,
    }
    assert found["measured"]["exact_match"]["mean"] == 0
    assert found | {"measured": without["measured"]} == without


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("evaluate.metrics=[bleu]", "evaluate.metrics: unknown reward 'bleu'; known: exact_match"),
        ("evaluate.metrics=['a b:c']", "evaluate.metrics: unknown reward 'a b:c'"),
        (
            "evaluate.metrics=[reward_model]",
            "evaluate.metrics names 'reward_model', so the section score.reward_model is needed",
        ),
        ("evaluate.win_rate=judge", "win_rate is 'judge', so the section score.judge is needed"),
        ("evaluate.win_rate=f1", "'f1' is not measured; name 'judge' or one of worked_solution"),
    ],
)
def test_what_cannot_be_measured_is_refused_with_the_settings(setting: str, message: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        settings(*SETTINGS, setting)
    assert message in str(caught.value)


# Perplexity of references


def write_prompts(**fields) -> list[Prompt]:
    prompts = [replace(prompt(number, split="eval"), **fields) for number in range(4)]
    write_rows(Path("data/prompts/eval.parquet"), Prompt, prompts)
    return prompts


def perplexity_of(policy: Policy, prompts: list[Prompt], text: str) -> float:
    asked, said = encode_questions(policy, prompts), encode_completions(policy, [text])
    logprob = completion_logprobs(policy, asked, said * len(prompts), batch_rows=1).sum()
    return math.exp(-logprob / (len(said[0]) * len(prompts)))


def test_a_reference_is_the_solution_where_there_is_one(tiny_t5: Policy) -> None:
    prompts = write_prompts(solution="n0 + n1 = r0")
    measure()
    expected = perplexity_of(tiny_t5, prompts, "n0 + n1 = r0")
    assert figures()["eval"]["perplexity"] == pytest.approx(expected, rel=1e-5)
    assert figures()["eval"]["perplexity_prompts"] == 4


def test_else_it_is_the_first_gold_answer(tiny_t5: Policy) -> None:
    prompts = write_prompts(answers=("pens + more", "7"))
    measure("{eval: eval}", "score.rewards={exact_match: 1}")
    expected = perplexity_of(tiny_t5, prompts, "pens + more")
    assert figures()["eval"]["perplexity"] == pytest.approx(expected, rel=1e-5)


def test_a_bare_answer_is_no_reference_for_a_policy_that_works_solutions_out() -> None:
    measure()
    assert figures()["eval"]["perplexity"] is None
    assert figures()["eval"]["perplexity_prompts"] == 0


def test_a_set_with_few_references_says_how_many(tiny_t5: Policy) -> None:
    first = replace(prompt(0, split="eval"), solution="n0 + n1 = r0")
    others = [prompt(number, split="eval") for number in range(1, 4)]
    write_rows(Path("data/prompts/eval.parquet"), Prompt, [first, *others])
    measure()
    expected = perplexity_of(tiny_t5, [first], "n0 + n1 = r0")
    assert figures()["eval"]["perplexity"] == pytest.approx(expected, rel=1e-5)
    assert figures()["eval"]["perplexity_prompts"] == 1


# Win rate


@pytest.fixture
def again(tiny_t5: Policy) -> None:
    """A first round that changed nothing."""
    save_policy(tiny_t5, ROUND / "model")


def change_base(**fields) -> None:
    """The base said and got something else on the first two evaluation prompts."""
    answers = read_rows(FOLDER / "answers", Answer)
    changed = [
        replace(a, **fields) if a.draw is None and a.prompt_id < "eval-2" else a for a in answers
    ]
    write_rows(FOLDER / "answers" / "part-00000.parquet", Answer, changed)


BY_REWARD = "evaluate.win_rate=worked_solution"


def test_nobody_is_compared_unless_asked_for_and_the_base_never(again: None) -> None:
    measure("{eval: eval}", BY_REWARD)
    measure(key="1")
    assert figures()["eval"]["win_rate"] is figures(ROUND)["eval"]["win_rate"] is None


def test_a_win_by_a_reward_is_more_of_it_than_the_base_s(again: None) -> None:
    """Two ties and, of the first two prompts, a win each, then a loss each."""
    measure("{eval: eval}", BY_REWARD)
    for reward, won, lost in ((-1.0, 2, 0), (2.0, 0, 2)):
        change_base(measured={"worked_solution": reward})
        answers = measure("{eval: eval}", BY_REWARD, key="1")
        found = figures(ROUND)["eval"]["win_rate"]
        assert (found["won"], found["tied"], found["lost"]) == (won, 2, lost)
        assert found["mean"] == (won + 1) / 4
        wins = [answer.measured.get("win") for answer in answers]
        assert wins == [x for w in (won / 2, won / 2, 0.5, 0.5) for x in (w, None, None, None)]


def test_a_win_on_what_the_base_was_not_judged_on_is_unknown(again: None) -> None:
    measure("{eval: eval}", BY_REWARD)
    change_base(measured={})
    measure("{eval: eval}", BY_REWARD, key="1")
    found = figures(ROUND)["eval"]["win_rate"]
    assert (found["unscorable"], found["tied"], found["mean"]) == (2, 2, 0.5)


def test_other_prompts_than_the_base_s_are_not_compared(again: None) -> None:
    measure("{eval: eval}", BY_REWARD)
    write_rows(Path("data/prompts/eval.parquet"), Prompt, [prompt(9, split="eval")])
    with pytest.raises(LineageError, match="not to the same prompts"):
        measure("{eval: eval}", BY_REWARD, key="1")


def judged_by(server) -> tuple[str, ...]:
    section = f"{{server: {{base_url: '{server.url}', model: judge}}, rubric: Be right.}}"
    return (f"score.judge={section}", "evaluate.win_rate=judge")


def told(**verdict: object) -> tuple[int, dict]:
    message = {"role": "assistant", "content": json.dumps({"reason": "so"} | verdict)}
    return 200, {"choices": [{"index": 0, "message": message, "finish_reason": "stop"}]}


@pytest.mark.parametrize(
    ("preferred", "won", "tied", "unscorable"),
    [("ours", 2, 2, 0), ("first", 0, 4, 0), ("nothing", 0, 2, 2)],
)
def test_a_judge_sees_both_answers_in_both_orders(
    again: None, fake, preferred: str, won: int, tied: int, unscorable: int
) -> None:
    """Where they are the same it is a tie, and nobody is asked."""

    def reply(body, _):
        data = json.loads(body["messages"][1]["content"])
        if "completion" in data:
            return told(grade=5)  # the trivial verdict that shows that it judges
        if preferred == "nothing":
            return told(verdict="neither")
        is_first = preferred == "first" or data["second"] == "the base's"
        return told(verdict="first" if is_first else "second")

    server = fake(reply, models=[{"id": "judge"}])
    measure()
    change_base(completion="the base's")
    measure("{eval: eval}", *judged_by(server), key="1")
    found = figures(ROUND)["eval"]["win_rate"]
    assert (found["won"], found["tied"], found["lost"]) == (won, tied, 0)
    assert found["unscorable"] == unscorable
    pairs = [json.loads(body["messages"][1]["content"]) for body in server.bodies[1:]]
    assert {"the base's" in (pair["first"], pair["second"]) for pair in pairs} == {True}
    assert {pair["first"] == "the base's" for pair in pairs} == {True, False} or unscorable


# Bad input


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
    assert "name another split: " in message
    assert not {"labelled", "train"} & set(message.replace(",", " ").split())
    assert not (FOLDER / "answers").exists()
