"""Rewards: one per file, one protocol."""

from rsft.score.combine import (
    Rewards,
    build_quick_rewards,
    build_rewards,
    completion_of,
    score_candidates,
)
from rsft.score.golds import prove_on_golds
from rsft.score.reward import Reward, Score
from rsft.score.unscorable import refuse_all_unscorable

__all__ = [
    "Reward",
    "Rewards",
    "Score",
    "build_quick_rewards",
    "build_rewards",
    "completion_of",
    "prove_on_golds",
    "refuse_all_unscorable",
    "score_candidates",
]
