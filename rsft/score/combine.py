"""Several rewards as one: the weighted mean, its parts kept."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import fields

from rsft.config import ScoreSection
from rsft.errors import ConfigurationError
from rsft.score.exact_match import ExactMatch
from rsft.score.reward import Reward, Score
from rsft.score.worked_solution import WorkedSolution
from rsft.types import Candidate, Prompt, Scored

_CANDIDATE_FIELDS = [field.name for field in fields(Candidate)]


class Rewards:
    """The rewards of ``score.rewards`` with their weights."""

    def __init__(self, parts: Mapping[str, tuple[Reward, float]]) -> None:
        self.parts = parts
        self._total = sum(weight for _, weight in parts.values())

    def score(self, prompt: Prompt, completion: str) -> Score:
        """The weighted mean Σ weight·reward / Σ weight, with the first part's outcome."""
        return self.score_parts(prompt, completion)[0]

    def score_parts(self, prompt: Prompt, completion: str) -> tuple[Score, dict[str, float]]:
        """The weighted mean, and the reward of each part by name.

        One part that cannot judge makes the whole unscorable: a mean over the others would be a
        mean over other things.
        """
        scores = {name: part.score(prompt, completion) for name, (part, _) in self.parts.items()}
        breakdown: dict[str, float] = {}
        for name, score in scores.items():
            if score.reward is None:
                return score, {}
            breakdown[name] = score.reward
        total = sum(weight * breakdown[name] for name, (_, weight) in self.parts.items())
        outcome = next(iter(scores.values())).outcome
        return Score(reward=total / self._total, outcome=outcome), breakdown


def build_rewards(section: ScoreSection) -> Rewards:
    """The rewards that the settings name.

    Raises:
        ConfigurationError: Where a name is unknown, a weight is not positive or the marker is
            empty.
    """
    if section.answer_marker == "":
        raise ConfigurationError(
            "score.answer_marker = '': must not be empty; null takes the whole completion"
        )
    known: dict[str, Reward] = {
        "exact_match": ExactMatch(section.answer_marker),
        "worked_solution": WorkedSolution(),
    }
    for name, weight in section.rewards.items():
        if name not in known:
            raise ConfigurationError(
                f"score.rewards: unknown reward {name!r}; known: {', '.join(known)}"
            )
        if not 0 < weight < math.inf:
            raise ConfigurationError(f"score.rewards.{name} = {weight}: must be greater than 0")
    return Rewards({name: (known[name], weight) for name, weight in section.rewards.items()})


def score_candidates(
    rewards: Rewards, prompts: Mapping[str, Prompt], candidates: Sequence[Candidate]
) -> list[Scored]:
    """Scores candidates, in their order; equal completions of a prompt are judged once."""
    judged: dict[tuple[str, str], tuple[Score, dict[str, float]]] = {}
    scored = []
    for candidate in candidates:
        key = candidate.prompt_id, candidate.text
        if key not in judged:
            judged[key] = rewards.score_parts(prompts[candidate.prompt_id], candidate.text)
        score, breakdown = judged[key]
        scored.append(
            Scored(
                **{name: getattr(candidate, name) for name in _CANDIDATE_FIELDS},
                reward=score.reward,
                reward_breakdown=breakdown,
                score_status=score.status,
                outcome=score.outcome,
            )
        )
    return scored
