"""Drawing in waves: each prompt gets as many draws as it needs, up to a cap.

    wave 1: K draws of each prompt ─► right ones counted ─► wave 2: K more where too few ─► …

A prompt is done when it has ``target`` right completions, or has used ``max_draws``; without a
target there is one wave. Whatever the ledger holds already is taken from it. Stopping for success
biases the share of right completions upwards; ``success_rate`` says how that is undone.
"""

from collections.abc import Callable, Generator, Sequence

from rsft.generate.engine import Engine, OnDrawn, Request
from rsft.generate.law import SamplingLaw
from rsft.generate.ledger import CandidateLedger
from rsft.types import Candidate, Prompt

AreRight = Callable[[Sequence[tuple[Prompt, Sequence[Candidate]]]], list[list[bool | None]]]
"""Whether completions have the reward of a right answer, ``None`` where they cannot be scored: one
list for each prompt. It is asked once a wave."""


Verdicts = list[list[bool | None]]
"""For each prompt of a block, in order, whether each of its draws was right."""
Waves = Generator[list[Request], list[Candidate], Verdicts]
"""Gives what is to be drawn, is sent what was drawn, and returns the verdicts."""


def waves_of(
    ledger: CandidateLedger,
    prompts: Sequence[Prompt],
    *,
    wave: int,
    target: int | None,
    max_draws: int,
    are_right: AreRight,
) -> Waves:
    """Sees to it that the ledger holds every draw of some prompts, whoever draws them.

    Args:
        ledger: What was drawn; it is added to once per wave.
        prompts: The prompts, all of which fit the policy.
        wave: Draws of a prompt per wave.
        target: Right completions at which a prompt is done; ``None`` for one wave.
        max_draws: Draws of a prompt at most.
        are_right: Judges completions.
    """
    verdicts: Verdicts = [[] for _ in prompts]
    unfinished = list(range(len(prompts)))
    while unfinished:
        requests = [
            Request(
                prompt=prompts[i],
                draws=range(len(verdicts[i]), min(len(verdicts[i]) + wave, max_draws)),
            )
            for i in unfinished
        ]
        missing = ledger.missing(requests)
        if missing:
            drawn = yield missing
            ledger.append(missing, drawn)
        candidates = iter(ledger.take(requests))
        told = are_right([(r.prompt, [next(candidates) for _ in r.draws]) for r in requests])
        for i, verdict in zip(unfinished, told, strict=True):
            verdicts[i] += verdict
        unfinished = [
            i
            for i in unfinished
            if target is not None
            and verdicts[i].count(True) < target
            and len(verdicts[i]) < max_draws
        ]
    return verdicts


def draw_in_waves(
    engine: Engine,
    waves: Waves,
    law: SamplingLaw,
    *,
    seed: int,
    round: int,  # noqa: A002
    on_drawn: OnDrawn | None = None,
) -> Verdicts:
    """Draws what waves ask for, in this process; arguments as ``Engine.draw``.

    Returns:
        What the waves return.
    """
    try:
        missing = next(waves)
        while True:
            drawn = engine.draw(missing, law, seed=seed, round=round, on_drawn=on_drawn)
            missing = waves.send(drawn)
    except StopIteration as ended:
        verdicts: Verdicts = ended.value
        return verdicts


def success_rate(verdicts: Sequence[bool | None], target: int | None) -> float | None:
    """Estimates the share of right completions, whatever made the drawing stop.

    Args:
        verdicts: Of each draw in order, ``None`` where it could not be scored.
        target: The number of right ones that ended the drawing, if any could.

    Returns:
        (k − 1)/(n − 1) where the k-th right one was the n-th scored draw, else right/scored; null
        where nothing was scored. With k = 1 that is 1 where the first draw was right, else 0: of
        use in a mean over prompts only.

    Source:
        Haldane, On a method of estimating frequencies (1945): inverse sampling.
    """
    scored = [verdict for verdict in verdicts if verdict is not None]
    if target is not None and sum(scored) >= target:
        places = [n for n, verdict in enumerate(scored, start=1) if verdict]
        n = places[target - 1]
        return (target - 1) / (n - 1) if n > 1 else 1.0
    return sum(scored) / len(scored) if scored else None
