"""How often the gate promotes a challenger that is no better, and one that is.

    python -m benchmarks.gate [--trials 2000] [--looks 20]

Challengers that are no better are simulated: on a share of the prompts one of the two is right and
the other wrong, and which of them depends on the family. Families differ in nothing, or in how much
they are won by: evenly, or so that many are won a little and a few are lost by much. All looks are
at the same prompts, and depend on each other: what a challenger wins is redrawn for half of the
families, and kept from the look before for the others.

Printed is the share of trials with at least one promotion, by what decides: the gate, each of its
tests alone, and McNemar's test at 2.5% whatever the look.
"""

import argparse
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from rsft.evaluate.gain import Gain, measure_gain
from rsft.evaluate.spending import level_of_look

ALPHA = 0.05
"""What the looks share."""


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """Where challengers come from."""

    name: str
    """What it is like."""
    families: int
    """Families of the evaluation set."""
    prompts: int
    """Its prompts."""
    leans: tuple[float, ...]
    """How much of a family's disputed prompts is won less lost, one of these by equal chance."""
    disputed: float = 0.2
    """Share of prompts that one of the two has right, and the other wrong."""


WORLDS = (
    World(name="independent prompts", families=400, prompts=400, leans=(0.0,)),
    World(name="64 alike families", families=64, prompts=400, leans=(0.0,)),
    World(name="64 families, even", families=64, prompts=400, leans=(-0.9, 0.9)),
    World(name="20 families, even", families=20, prompts=400, leans=(-0.9, 0.9)),
    World(name="8 families, even", families=8, prompts=400, leans=(-0.9, 0.9)),
    World(name="64 families, skewed", families=64, prompts=400, leans=(-0.8, 0.2, 0.2, 0.2, 0.2)),
    World(name="20 families, skewed", families=20, prompts=400, leans=(-0.8, 0.2, 0.2, 0.2, 0.2)),
    World(name="few wins", families=400, prompts=400, leans=(0.0,), disputed=0.01),
)
"""In each the mean lean is 0: no challenger is better."""


def gains(world: World, trial: int, looks: int, lead: float = 0.0) -> Iterator[list[float]]:
    """What each look's challenger wins and loses, by prompt.

    Args:
        world: Where they come from.
        trial: Root of the random numbers.
        looks: How many.
        lead: Share of the disputed prompts by which they are better in truth.
    """
    random = np.random.default_rng([trial, world.families])
    family_N = family_of(world)
    lean_F = random.choice(world.leans, world.families)
    value_N = np.zeros(world.prompts)
    for look in range(looks):
        is_new_F = random.random(world.families) < (0.5 if look else 1.0)
        lean_F = np.where(is_new_F, random.choice(world.leans, world.families), lean_F)
        chance_N = np.clip((1 + lean_F[family_N] + lead) / 2, 0, 1)
        sign_N = np.where(random.random(world.prompts) < chance_N, 1.0, -1.0)
        drawn_N = sign_N * (random.random(world.prompts) < world.disputed)
        value_N = np.where(is_new_F[family_N], drawn_N, value_N)
        yield value_N.tolist()


def family_of(world: World) -> np.ndarray:
    """The family of each prompt: of unlike sizes, each at least one."""
    sizes = np.random.default_rng(world.families).geometric(0.3, world.families).astype(float)
    ends = np.cumsum(sizes) / sizes.sum() * (world.prompts - world.families)
    return np.searchsorted(ends + np.arange(1, world.families + 1), np.arange(world.prompts) + 0.5)


def judge(world: World, trial: int, looks: int, lead: float = 0.0) -> list[Gain]:
    """What the gate measures at each look."""
    families = [str(family) for family in family_of(world)]
    return [
        measure_gain(
            value_N, families, level=level_of_look(ALPHA, look), resamples=2000, seed=trial
        )
        for look, value_N in enumerate(gains(world, trial, looks, lead), start=1)
    ]


DECIDERS = {
    "gate": lambda found: found.is_shown(0.0),
    "bootstrap": lambda found: found.gain.low > 0,
    "McNemar": lambda found: found.p_prompts <= found.level,
    "by family": lambda found: found.p_families <= found.level,
    "McNemar, 2.5% each": lambda found: found.p_prompts <= ALPHA / 2,
}
"""What might decide, by name."""


def main() -> None:
    """Prints a table of false promotions, and one of true ones."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=2000)
    parser.add_argument("--looks", type=int, default=20)
    arguments = parser.parse_args()
    for looks in (1, arguments.looks):
        print(f"\npromoted, no better, {looks} looks: share of {arguments.trials:,} trials")
        print(f"{'':22}" + "".join(f"{name:>20}" for name in DECIDERS))
        for world in WORLDS:
            found = [judge(world, trial, looks) for trial in range(arguments.trials)]
            shares = [
                np.mean([any(map(decides, trial)) for trial in found])
                for decides in DECIDERS.values()
            ]
            print(f"{world.name:22}" + "".join(f"{share:20.2%}" for share in shares), flush=True)
    print("\npromoted at the first look, better by so many points of 400 prompts")
    leads = (0.1, 0.2, 0.3, 0.4, 0.5)
    print(f"{'':22}" + "".join(f"{100 * lead * 0.2:19.0f}p" for lead in leads))
    for world in WORLDS[:5]:
        shares = [
            np.mean([judge(world, trial, 1, lead)[0].is_shown(0.0) for trial in range(500)])
            for lead in leads
        ]
        print(f"{world.name:22}" + "".join(f"{share:20.0%}" for share in shares), flush=True)


if __name__ == "__main__":
    main()
