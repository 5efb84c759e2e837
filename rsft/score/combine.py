"""Several rewards as one: the weighted mean, its parts kept.

    reward = Σ w·r / Σ w over the parts with a weight

One such part that cannot judge makes the whole unscorable: a mean over the others would be a mean
over other things. A part of weight 0 is recorded in the breakdown and has no say: where it cannot
judge, it is missing from the breakdown, and the whole has its reward.
"""

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from rsft.config import MODEL_BASED, ScoreSection
from rsft.score.guard import checked, judge_here
from rsft.score.named import reward_named
from rsft.score.reward import Asked, BatchedReward, Reward, Score, unscorable
from rsft.score.workers import WORKERS, judge_in_workers
from rsft.types import Candidate, Completion, Progress, Prompt

JudgeRules = Callable[
    [Mapping[str, Reward], Sequence[Asked], Progress | None], Mapping[str, list[list[Score]]]
]
"""Asks rule-based rewards: gives, by name, one list of scores a prompt."""


class Rewards:
    """The rewards of ``score.rewards`` with their weights."""

    def __init__(
        self, parts: Mapping[str, tuple[Reward, float]], judge_rules: JudgeRules = judge_here
    ) -> None:
        """Takes the parts.

        Args:
            parts: Reward and weight by name; at least one weight is greater than 0.
            judge_rules: Asks those that judge prompt by prompt; by default in this process.
        """
        self.parts = parts
        self.rules = {
            name: part for name, (part, _) in parts.items() if not isinstance(part, BatchedReward)
        }
        self._judge_rules = judge_rules
        self._weights = {name: weight for name, (_, weight) in parts.items() if weight > 0}
        self._total = sum(self._weights.values())

    def score(self, prompt: Prompt, completions: Sequence[Completion]) -> list[Score]:
        """Judges completions of one prompt; see ``score_all``."""
        return self.score_all([(prompt, completions)])[0]

    def score_all(
        self, asked: Sequence[Asked], progress: Progress | None = None
    ) -> list[list[Score]]:
        """Judges the completions of many prompts, equal ones of a prompt once.

        Args:
            asked: Prompts with their completions.
            progress: Told of completions; each part that judges for itself counts once more.

        Returns:
            One list a prompt, in order. The reward is the weighted mean, the outcome that of the
            first part with a say that has one, the breakdown each part's reward by name,
            unweighted, and ``part.detail`` by what it was made of. A note names the part that could
            not judge.

        Raises:
            VerifierError: Where a reward is broken as such.
        """
        distinct = [(prompt, list(dict.fromkeys(texts))) for prompt, texts in asked]
        scores = self._by_part(distinct, progress)
        told = []
        for place, ((_, texts), (_, once)) in enumerate(zip(asked, distinct, strict=True)):
            rows = zip(*(scores[name][place] for name in self.parts), strict=True)
            combined = [self._combined(dict(zip(self.parts, row, strict=True))) for row in rows]
            by_completion = dict(zip(once, combined, strict=True))
            told.append([by_completion[text] for text in texts])
        return told

    def judge_rule(self, name: str, asked: Sequence[Asked]) -> list[list[Score]]:
        """Judges by one rule-based part alone; with nothing to judge, it is only imported."""
        return self._judge_rules({name: self.rules[name]}, asked, None)[name]

    def _by_part(
        self, asked: Sequence[Asked], progress: Progress | None
    ) -> dict[str, list[list[Score]]]:
        batched = [name for name in self.parts if name not in self.rules]
        steps = len(batched) + bool(self.rules)
        completions = sum(len(texts) for _, texts in asked)
        scores: dict[str, list[list[Score]]] = {}
        if self.rules:
            tell = _part_of(progress, 0, steps, completions)
            scores |= self._judge_rules(self.rules, asked, tell)
        for step, name in enumerate(batched, start=bool(self.rules)):
            part = self.parts[name][0]
            assert isinstance(part, BatchedReward)
            told = part.score_all(asked, _part_of(progress, step, steps, completions))
            scores[name] = [
                checked(name, prompt, texts, row)
                for (prompt, texts), row in zip(asked, told, strict=True)
            ]
        return scores

    def _combined(self, scores: Mapping[str, Score]) -> Score:
        breakdown: dict[str, float] = {}
        outcome = None
        for name, score in scores.items():
            if outcome is None and name in self._weights:
                outcome = score.outcome
            if score.reward is not None:
                breakdown[name] = score.reward
                for detail, value in score.breakdown.items():
                    breakdown[f"{name}.{detail}"] = value
        total, note = 0.0, None
        for name, weight in self._weights.items():
            reward = scores[name].reward
            if reward is None:
                note = f"{name}: {scores[name].note}"
                break
            total += weight * reward
        # The same sum as Σ w where every part is 1, so that all of them right is exactly 1.
        mean = total / self._total
        if note is None and not math.isfinite(mean):
            note = "the weighted mean of the rewards is not finite"
        if note is None:
            return Score(reward=mean, outcome=outcome, breakdown=breakdown)
        return replace(unscorable(note, outcome), breakdown=breakdown)


def _part_of(progress: Progress | None, step: int, steps: int, completions: int) -> Progress | None:
    """Progress of one of several steps, each of all the completions."""
    if progress is None:
        return None
    tell = progress

    def told(done: int, total: int, note: str = "") -> None:
        share = done / total if total else 1.0
        tell(round((step + share) * completions), steps * completions, note)

    return told


def build_rewards(
    section: ScoreSection,
    measured: Iterable[str] = (),
    *,
    processes: int = WORKERS,
    device: str = "cpu",
) -> Rewards:
    """The rewards that the settings name; rules are asked in workers.

    Args:
        section: The settings.
        measured: Names of rewards that are recorded besides, with weight 0; those of the settings
            keep theirs.
        processes: How many of these workers judge at once.
        device: Where models of rewards are computed.

    Raises:
        ConfigurationError: Where a name is unknown.
    """
    weights = dict(section.rewards)
    for name in measured:
        weights.setdefault(name, 0.0)
    parts = {
        name: (reward_named(name, section, device), weight) for name, weight in weights.items()
    }
    return Rewards(parts, partial(_in_workers, section, processes))


def build_quick_rewards(section: ScoreSection) -> Rewards | None:
    """The rewards that have a say, where all are rules; they can be asked while drawing.

    Null where a model has a say. Parts of weight 0 are left out.
    """
    weighted = {name: weight for name, weight in section.rewards.items() if weight > 0}
    if any(name in MODEL_BASED for name in weighted):
        return None
    return build_rewards(section.model_copy(update={"rewards": weighted}))


def _in_workers(
    section: ScoreSection,
    processes: int,
    rules: Mapping[str, Reward],
    asked: Sequence[Asked],
    progress: Progress | None,
) -> Mapping[str, list[list[Score]]]:
    return judge_in_workers(section, list(rules), asked, progress, count=processes)


def score_candidates(
    rewards: Rewards,
    prompts: Mapping[str, Prompt],
    candidates: Sequence[Candidate],
    progress: Progress | None = None,
) -> list[Score]:
    """Scores candidates, in their order."""
    places: dict[str, list[int]] = defaultdict(list)
    for place, candidate in enumerate(candidates):
        places[candidate.prompt_id].append(place)
    asked = [
        (prompts[prompt_id], [completion_of(candidates[place]) for place in own])
        for prompt_id, own in places.items()
    ]
    scores: list[Any] = [None] * len(candidates)
    for own, told in zip(places.values(), rewards.score_all(asked, progress), strict=True):
        for place, score in zip(own, told, strict=True):
            scores[place] = score
    return scores


def completion_of(candidate: Candidate) -> Completion:
    """A candidate as a reward reads it."""
    return Completion(text=candidate.text, token_ids=candidate.token_ids)
