"""Collapse monitors: figures of a policy's answers to held-out prompts, and how they have drifted.

    accuracy        share of greedy answers that are right, with its interval
    token entropy   −Σ log π(y) / Σ |y| over answers sampled at temperature 1. The numerator is
                    unbiased for the entropy of whole answers; the quotient is consistent
    distinct        share of distinct word n-grams, see ``distinct_ngrams``
    pass gap        pass@k − pass@1: what drawing again is still good for
    tokens          mean length of the sampled answers
    reward gap      (mean reward − the base's) − (mean gold reward − the base's), over the sampled
                    answers that both rewards can judge: more than 0 where a reward is gamed

All policies are asked the same prompts with the same number of draws, so that what depends on the
size of a sample depends on it alike. Left out: KL to the base, which early stopping and beta see.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from math import fsum, prod

from rsft.evaluate.metrics import pass_at_k
from rsft.evaluate.statistics import bootstrap_interval
from rsft.types import Answer


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What a policy's answers to the held-out prompts say of it; shares are fractions of 1."""

    prompts: int
    """Prompts asked."""
    too_long: int
    """Held-out prompts that the policy has no room for: not asked."""
    unscorable: int
    """Those whose greedy answer no reward could judge: not in ``accuracy``."""
    accuracy: float
    """Share of right greedy answers."""
    low: float
    """Lower end of its interval."""
    high: float
    """Upper end."""
    token_entropy: float
    """Of sampled answers, in nats a token."""
    distinct: float
    """Share of distinct word n-grams in them."""
    pass_at_1: float | None
    """Share of right sampled answers, a mean over prompts; null where no prompt has k scored."""
    pass_at_k: float | None
    """Mean pass@k over the same prompts; null likewise."""
    pass_gap: float | None
    """pass@k − pass@1; null likewise."""
    pass_prompts: int
    """Prompts with at least k scored draws."""
    mean_tokens: float
    """Mean tokens of sampled answers, the stop token included."""
    mean_reward: float | None
    """Mean reward of the sampled answers that it, and the gold reward if any, can judge; null where
    there is none."""
    mean_gold: float | None
    """Mean gold reward of the same answers; null where there is none, or no gold reward."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """How far a policy's figures are from the base's."""

    entropy_ratio: float | None
    """Its token entropy over the base's; null where the base has none."""
    distinct_ratio: float
    """Its share of distinct n-grams over the base's."""
    length_ratio: float
    """Its mean tokens over the base's."""
    reward_gain: float | None
    """Its mean reward less the base's; null where one is not known."""
    gold_gain: float | None
    """Its mean gold reward less the base's; null likewise."""
    reward_gap: float | None
    """What the reward gained beyond the gold reward; null likewise."""


def measure_answers(
    answers: Sequence[Answer],
    *,
    too_long: int,
    k: int,
    words: int,
    gold: str | None,
    resamples: int,
    confidence: float,
    seed: int,
) -> Figures:
    """The figures of a policy.

    Args:
        answers: Greedy and sampled answers to the held-out prompts, in any order; at least one
            greedy answer could be scored.
        too_long: How many held-out prompts were not asked.
        k: Of pass@k.
        words: The n of the n-grams.
        gold: Name of the reward that compares with gold answers; null for none.
        resamples: Of the bootstrap.
        confidence: Of the interval.
        seed: Of the bootstrap.
    """
    greedy = [answer for answer in answers if answer.draw is None]
    sampled = [answer for answer in answers if answer.draw is not None]
    scored = [answer for answer in greedy if answer.is_correct is not None]
    interval = bootstrap_interval(
        [float(bool(answer.is_correct)) for answer in scored],
        [answer.family for answer in scored],
        resamples=resamples,
        confidence=confidence,
        seed=seed,
    )
    at_1, at_k, pass_prompts = _passes(sampled, k)
    reward, gold_reward = _mean_rewards(sampled, gold)
    tokens = sum(answer.token_count for answer in sampled)
    return Figures(
        prompts=len(greedy),
        too_long=too_long,
        unscorable=len(greedy) - len(scored),
        accuracy=interval.estimate,
        low=interval.low,
        high=interval.high,
        token_entropy=-fsum(answer.policy_logprob for answer in sampled) / tokens,
        distinct=distinct_ngrams([answer.completion for answer in sampled], words),
        pass_at_1=at_1,
        pass_at_k=at_k,
        pass_gap=None if at_1 is None or at_k is None else at_k - at_1,
        pass_prompts=pass_prompts,
        mean_tokens=tokens / len(sampled),
        mean_reward=reward,
        mean_gold=gold_reward,
    )


def drift_from(base: Figures, figures: Figures) -> Drift:
    """How far a policy's figures are from the base's."""
    reward = _less(figures.mean_reward, base.mean_reward)
    gold = _less(figures.mean_gold, base.mean_gold)
    entropy = base.token_entropy
    return Drift(
        entropy_ratio=figures.token_entropy / entropy if entropy > 0 else None,
        distinct_ratio=figures.distinct / base.distinct,
        length_ratio=figures.mean_tokens / base.mean_tokens,
        reward_gain=reward,
        gold_gain=gold,
        reward_gap=_less(reward, gold),
    )


def distinct_ngrams(texts: Sequence[str], n: int) -> float:
    """Share of distinct word n-grams, among as many n-grams as there are texts.

    Distinct over all falls as there is more text: a policy that writes more would look narrower.
    So the number of n-grams is held fixed at D, that of the texts: of the N there are, D are drawn
    without replacement, and the expected number of distinct ones is taken. A text's n-grams reach
    over its start and its end, so that even an empty one has an n-gram, and N ≥ D.

    Args:
        texts: D texts, in any order; at least one.
        n: Words of an n-gram.

    Returns:
        Σ_g (1 − C(N − c_g, D) / C(N, D)) / D, c_g being how often g occurs: 1 where all differ.

    Source:
        Li et al., A diversity-promoting objective function (2016), for distinct-n; Hurlbert, The
        nonconcept of species diversity (1971), equation 13, for the expectation.
    """
    counts = Counter(gram for text in texts for gram in _ngrams(text, n))
    total, drawn = counts.total(), len(texts)
    often = Counter(counts.values())
    return fsum(times * _is_drawn(c, total, drawn) for c, times in often.items()) / drawn


def _ngrams(text: str, n: int) -> list[tuple[str | None, ...]]:
    """A text's n-grams; null stands for what is before its start, and for its end."""
    words = [*[None] * (n - 1), *text.split(), None]
    return [tuple(words[start : start + n]) for start in range(len(words) - n + 1)]


def _is_drawn(count: int, total: int, drawn: int) -> float:
    """Probability that one of ``count`` among ``total`` is drawn: 1 − C(N − c, D) / C(N, D)."""
    return 1.0 - prod(
        (total - drawn - i) / (total - i) for i in range(min(count, total - drawn + 1))
    )


def _passes(sampled: Sequence[Answer], k: int) -> tuple[float | None, float | None, int]:
    """Mean pass@1 and pass@k over the prompts that have k scored draws, and how many these are."""
    verdicts: dict[str, list[bool]] = defaultdict(list)
    for answer in sampled:
        if answer.is_correct is not None:
            verdicts[answer.prompt_id].append(answer.is_correct)
    asked = [own for own in verdicts.values() if len(own) >= k]
    if not asked:
        return None, None, 0
    at_1, at_k = (
        fsum(pass_at_k(sum(own), len(own), size) or 0.0 for own in asked) / len(asked)
        for size in (1, k)
    )
    return at_1, at_k, len(asked)


def _mean_rewards(sampled: Sequence[Answer], gold: str | None) -> tuple[float | None, float | None]:
    """Mean reward, and mean gold reward, of the answers that both can judge."""
    judged = [
        (answer.reward, answer.measured.get(gold, 0.0) if gold else 0.0)
        for answer in sampled
        if answer.reward is not None and (gold is None or gold in answer.measured)
    ]
    if not judged:
        return None, None
    reward, own = (fsum(values) / len(judged) for values in zip(*judged, strict=True))
    return reward, own if gold else None


def _less(value: float | None, other: float | None) -> float | None:
    return None if value is None or other is None else value - other
