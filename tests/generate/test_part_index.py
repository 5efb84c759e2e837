"""Parts by what is in them, against a dictionary."""

import random
from collections import defaultdict

from rsft.generate.part_index import PartIndex


class Alike(str):
    """Texts of the same hash."""

    __slots__ = ()

    def __hash__(self) -> int:
        return 7


def test_it_finds_every_part_that_holds_a_prompt_and_none_else() -> None:
    random.seed(0)
    index, known = PartIndex(), defaultdict(set)
    for part in range(60):
        prompts = random.sample(range(500), random.choice([0, 1, 3, 40, 200]))
        index.add(part, map(str, prompts))
        for prompt in prompts:
            known[str(prompt)].add(part)
        for count in (0, 1, 7):
            asked = [str(number) for number in random.sample(range(520), count)]
            expected = sorted(set().union(*(known.get(one, set()) for one in asked)))
            assert index.parts_of(asked) == expected


def test_prompts_of_the_same_hash_cost_a_look_and_are_not_lost() -> None:
    index = PartIndex()
    for part, text in enumerate("abc"):
        index.add(part, [Alike(text)])
    assert index.parts_of([Alike("b")]) == [0, 1, 2]


def test_a_prompt_takes_twelve_bytes_and_runs_are_few() -> None:
    index = PartIndex()
    for part in range(1000):
        index.add(part, (f"train-{number}" for number in range(10 * part, 10 * part + 10)))
    runs = index._runs
    assert sum(key.nbytes + part.nbytes for key, part in runs) == 12 * 10_000
    assert len(runs) <= 10
