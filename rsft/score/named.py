"""Rewards by the names that ``score.rewards`` gives them.

A reward's module is imported when it is named: the workers would else wait for libraries that
nobody asked for, and torch is imported by none but those with a model.
"""

from rsft.config import MODEL_BASED, RULES, ScoreSection, is_own
from rsft.errors import ConfigurationError
from rsft.score.reward import Reward


def reward_named(name: str, section: ScoreSection, device: str = "cpu") -> Reward:
    """The reward of a name, with its settings.

    Args:
        name: The name.
        section: The settings.
        device: Where a model is computed.

    Raises:
        ConfigurationError: Where there is none of this name.
    """
    if is_own(name):
        from rsft.score.own import OwnReward

        return OwnReward(name)
    if name in MODEL_BASED:
        return _model_based(name, section, device)
    return _rule(name, section)


def _rule(name: str, section: ScoreSection) -> Reward:
    if name == "exact_match":
        from rsft.score.exact_match import ExactMatch

        return ExactMatch(section.answer_marker)
    if name == "f1":
        from rsft.score.f1 import F1

        return F1(section.answer_marker)
    if name == "numeric_answer":
        from rsft.score.numeric_answer import NumericAnswer

        return NumericAnswer(section.numeric_answer)
    if name == "choice":
        from rsft.score.choice import Choice

        return Choice(section.answer_marker)
    if name == "worked_solution":
        from rsft.score.worked_solution import WorkedSolution

        return WorkedSolution()
    raise ConfigurationError(
        f"score.rewards: unknown reward {name!r}; known: {', '.join((*RULES, *MODEL_BASED))}, or "
        "your own as package.module:function"
    )


def _model_based(name: str, section: ScoreSection, device: str) -> Reward:
    if name == "reward_model":
        from rsft.score.reward_model import RewardModel

        assert section.reward_model is not None
        return RewardModel(section.reward_model, device)
    if name == "target_model":
        from rsft.score.target_model import TargetModel

        assert section.target_model is not None
        return TargetModel(section.target_model, device)
    from rsft.score.judge import Judge

    assert section.judge is not None
    return Judge(section.judge)
