import re
from fractions import Fraction
from math import prod

import numpy as np
import pytest

from rsft.errors import ConfigurationError
from rsft.prompts.embedded import Sizes, make_problems, realise
from rsft.prompts.embedded.lexicon import LEXICON
from rsft.prompts.embedded.stories import ANSWERS_ONLY, UNSEEN, WORKED
from rsft.prompts.slots import format_number, number_slots
from rsft.prompts.worked import work_out
from rsft.types import Prompt

TEMPLATES = (*WORKED, *ANSWERS_ONLY, *UNSEEN)
GOLDEN = "Greta has 14 stamps. Ana gives her 15 more. How many stamps does Greta have now?"
SMALL = Sizes(labelled=32, train=72, dev=20, eval=20, guard_paraphrases=20, guard_templates=12)


@pytest.fixture(scope="module")
def problems() -> dict[str, list[Prompt]]:
    return make_problems(seed=0, sizes=Sizes())


def quantities(text: str) -> list[str]:
    return re.findall(r"\{([a-z])\}", text)


def pattern(wording: str) -> re.Pattern[str]:
    """What any telling of a wording looks like."""
    return re.compile(re.sub(r"\\\{\w+\\\}", r"[\\w.]+", re.escape(wording)))


def fillings(wording: str) -> int:
    """In how many ways the words of a wording can be filled in."""
    fields = set(re.findall(r"\{(\w\w+)\}", wording))
    ways = []
    for columns, rows in LEXICON.items():
        seconds = {f"{column}2" for column in columns}
        ways.append(len(rows) if fields & set(columns) else 1)
        ways.append(len(rows) - 1 if fields & seconds else 1)
    return prod(ways)


def test_sizes_and_order_of_splits(problems: dict[str, list[Prompt]]) -> None:
    assert {split: len(prompts) for split, prompts in problems.items()} == {
        "labelled": 300,
        "train": 2000,
        "dev": 400,
        "eval": 400,
        "guard_paraphrases": 200,
        "guard_templates": 200,
    }
    assert problems["train"][17].prompt_id == "embedded-train-00017"


def test_same_seed_same_prompts_and_another_seed_others() -> None:
    assert make_problems(seed=3, sizes=SMALL) == make_problems(seed=3, sizes=SMALL)
    assert (
        make_problems(seed=3, sizes=SMALL)["train"] != make_problems(seed=4, sizes=SMALL)["train"]
    )


def test_a_prompt_is_the_same_in_every_process() -> None:
    assert make_problems(seed=0, sizes=SMALL)["labelled"][0].text == GOLDEN


def test_the_size_of_one_split_changes_no_other() -> None:
    small = make_problems(seed=0, sizes=SMALL)
    larger = make_problems(seed=0, sizes=Sizes(**{**vars_of(SMALL), "train": 90}))
    assert larger["train"][:72] == small["train"]
    assert {**larger, "train": None} == {**small, "train": None}


def vars_of(sizes: Sizes) -> dict[str, int]:
    return {name: getattr(sizes, name) for name in sizes.__dataclass_fields__}


def test_no_two_prompts_look_alike_to_a_policy(problems: dict[str, list[Prompt]]) -> None:
    readings = [number_slots(prompt.text)[0] for split in problems.values() for prompt in split]
    assert len(set(readings)) == len(readings)


def test_worked_solutions_give_the_answer(problems: dict[str, list[Prompt]]) -> None:
    for prompt in problems["labelled"]:
        steps = work_out(prompt.solution or "", number_slots(prompt.text)[1])
        assert format_number(steps[-1].result) == prompt.answers[0]


def test_every_answer_is_that_of_its_template(problems: dict[str, list[Prompt]]) -> None:
    templates = {template.family: template for template in TEMPLATES}
    for prompt in (prompt for split in problems.values() for prompt in split):
        template = templates[prompt.family]
        told = [w for w in template.wordings if pattern(w).fullmatch(prompt.text)]
        numbers = number_slots(prompt.text)[1]
        answers = {
            format_number(work_out(realise.in_slots(solution, wording), numbers)[-1].result)
            for wording in told
            for solution in template.solutions
        }
        assert answers == set(prompt.answers)


def test_only_the_labelled_split_has_solutions(problems: dict[str, list[Prompt]]) -> None:
    solved = {split for split, prompts in problems.items() if any(p.solution for p in prompts)}
    assert solved == {"labelled"}
    assert all(prompt.solution for prompt in problems["labelled"])


def test_families_of_the_splits(problems: dict[str, list[Prompt]]) -> None:
    worked, answers_only, unseen = (
        {template.family for template in role} for role in (WORKED, ANSWERS_ONLY, UNSEEN)
    )
    families = {split: {prompt.family for prompt in rows} for split, rows in problems.items()}
    assert families["labelled"] == worked
    assert families["guard_templates"] == unseen
    for split in ("train", "dev", "eval", "guard_paraphrases"):
        assert families[split] == worked | answers_only
    assert len(worked | answers_only | unseen) == len(TEMPLATES)


def test_held_out_wordings_are_told_in_the_guard_alone(problems: dict[str, list[Prompt]]) -> None:
    held_out = {t.family: pattern(t.wordings[-1]) for t in (*WORKED, *ANSWERS_ONLY)}
    for split in ("labelled", "train", "dev", "eval"):
        assert not [p.text for p in problems[split] if held_out[p.family].fullmatch(p.text)]
    guard = problems["guard_paraphrases"]
    assert all(held_out[prompt.family].fullmatch(prompt.text) for prompt in guard)


def test_numbers_of_a_prompt_differ(problems: dict[str, list[Prompt]]) -> None:
    for prompt in (prompt for split in problems.values() for prompt in split):
        numbers = number_slots(prompt.text)[1]
        assert len(set(numbers)) == len(numbers)
        assert Fraction(prompt.answers[0]) > 0


def test_prompts_are_short_plain_and_of_a_small_vocabulary(
    problems: dict[str, list[Prompt]],
) -> None:
    texts = [prompt.text for split in problems.values() for prompt in split]
    assert max(len(text.split()) for text in texts) <= 45
    assert not [text for text in texts if "{" in text or "  " in text or not text.endswith("?")]
    words = {word for text in texts for word in re.findall(r"\w+|\S", number_slots(text)[0])}
    assert 500 <= len(words) <= 900


def test_enough_templates_of_one_to_three_steps() -> None:
    assert len(WORKED) + len(ANSWERS_ONLY) >= 64
    assert len(UNSEEN) >= 12
    steps = {solution.count("=") for t in TEMPLATES for solution in t.solutions}
    assert steps == {1, 2, 3}


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda template: template.family)
def test_template_is_well_formed(template: realise.Template) -> None:
    needed = set(re.findall(r"\b[a-z]\b", " ".join(template.solutions)))
    assert len(set(template.wordings)) == len(template.wordings) >= 2
    for wording in template.wordings:
        told = quantities(wording)
        assert len(set(told)) == len(told)
        assert needed <= set(told) <= set(template.quantities)
        assert fillings(wording) >= 24
    assert set(template.quantities) == set().union(*map(quantities, template.wordings))


def test_some_wordings_tell_the_facts_in_another_order_or_distract() -> None:
    trained = [(t, w) for t in (*WORKED, *ANSWERS_ONLY) for w in t.wordings[:-1]]
    assert sum(quantities(w) != sorted(quantities(w)) for _, w in trained) >= 40
    assert sum("z" in quantities(w) for _, w in trained) >= 5


def test_a_solution_is_written_in_several_ways() -> None:
    template = next(template for template in WORKED if template.family == "feed-animals")
    story = "{c} for {a} and {b}"
    rng = np.random.default_rng(0)
    ways = {realise.one_way(template, story, rng) for _ in range(300)}
    assert {"n1 + n2 = r0 ; r0 * n0 = r1", "n2 + n1 = r0 ; n0 * r0 = r1"} <= ways
    assert len(ways) == 4 + 8


def test_a_split_too_large_for_the_templates_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"guard_templates.*'[\w-]+'.*fewer"):
        make_problems(seed=0, sizes=Sizes(train=0, dev=0, eval=0, guard_templates=900))
