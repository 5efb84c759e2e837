"""Rewards: one per file, one protocol."""

from rsft.score.combine import Rewards, build_quick_rewards, build_rewards, score_candidates
from rsft.score.golds import prove_on_golds
from rsft.score.reward import Reward, Score

__all__ = [
    "Reward",
    "Rewards",
    "Score",
    "build_quick_rewards",
    "build_rewards",
    "prove_on_golds",
    "score_candidates",
]
