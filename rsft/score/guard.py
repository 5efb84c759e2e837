"""Asking one reward, whatever it does: what it cannot judge becomes unscorable, with a note.

A reward that raises, or gives NaN or an infinity, says nothing of *that* completion, so that the
others of its prompt are judged on. One that gives the wrong number of scores is broken as such:
which score belongs to which completion is not known then, and the run stops.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

from rsft.errors import VerifierError
from rsft.score.reward import Asked, Reward, Score, unscorable
from rsft.types import Completion, Progress, Prompt

_LONGEST_NOTE = 200


def judge(
    name: str, reward: Reward, prompt: Prompt, completions: Sequence[Completion]
) -> list[Score]:
    """One score per completion.

    Args:
        name: The reward's name in the settings, for messages.
        reward: What is asked.
        prompt: The prompt.
        completions: Its completions.

    Raises:
        VerifierError: Where the reward gives more or fewer scores than it was given completions.
        MemoryError: Where memory runs out; what else is true of this process is not known then.
    """
    try:
        scores = reward.score(prompt, completions)
    except (VerifierError, MemoryError):
        raise
    except (Exception, SystemExit) as error:  # noqa: BLE001  # rewards of users raise what they like
        if len(completions) == 1:
            return [unscorable(one_line(f"{type(error).__name__}: {error}"))]
        return [score for one in completions for score in judge(name, reward, prompt, [one])]
    return checked(name, prompt, completions, scores)


def judge_here(
    rules: Mapping[str, Reward], asked: Sequence[Asked], progress: Progress | None = None
) -> dict[str, list[list[Score]]]:
    """Asks rewards in this process, where nothing stops one that hangs.

    Returns:
        By name of the reward, one list a prompt.
    """
    return {
        name: [judge(name, reward, prompt, completions) for prompt, completions in asked]
        for name, reward in rules.items()
    }


def checked(
    name: str, prompt: Prompt, completions: Sequence[Completion], scores: Sequence[Score]
) -> list[Score]:
    """The scores, those that are no finite number as unscorable.

    Raises:
        VerifierError: Where there are more or fewer than completions.
    """
    if len(scores) != len(completions):
        raise VerifierError(
            f"score.rewards.{name} gave {len(scores)} scores for the {len(completions)} "
            f"completions of prompt {prompt.prompt_id!r}; it must give one for each, in their order"
        )
    return [_finite(score) for score in scores]


def _finite(score: Score) -> Score:
    numbers = [*score.breakdown.values()]
    if score.reward is not None:
        numbers.append(score.reward)
    if not all(map(math.isfinite, numbers)):
        score = unscorable("its reward is not finite", score.outcome)
    if score.outcome is not None and not score.outcome.isascii():
        return replace(score, outcome=encodable(score.outcome))
    return score


def encodable(text: str) -> str:
    """Without halves of characters, which no file can hold."""
    return text.encode("utf-8", "replace").decode()


def one_line(text: str) -> str:
    """A note as one printable line, cut where it is long."""
    cut = text if len(text) <= _LONGEST_NOTE else f"{text[: _LONGEST_NOTE - 1]}…"
    return "".join(char if char.isprintable() else " " for char in cut).strip()
