"""Before a run, each verifier must give its own gold answers 1."""

from collections.abc import Iterable

from rsft.errors import VerifierError
from rsft.score.combine import Rewards
from rsft.types import Prompt

_SHOWN = 3


def prove_on_golds(rewards: Rewards, prompts: Iterable[Prompt]) -> None:
    """Scores each prompt's gold with each reward.

    Raises:
        VerifierError: Naming the reward, how many golds it fails, and the first of them with what
            it read.
    """
    golds = list(prompts)
    for name, (reward, _) in rewards.parts.items():
        failed = []
        for prompt in golds:
            gold = reward.gold(prompt)
            score = reward.score(prompt, gold if gold is not None else "")
            if score.status == "unscorable" or (gold is not None and score.reward != 1.0):
                failed.append(
                    f"{prompt.prompt_id!r} (gold {prompt.answer!r}, read {score.outcome!r})"
                )
        if failed:
            more = f" and {len(failed) - _SHOWN} more" if len(failed) > _SHOWN else ""
            raise VerifierError(
                f"score.rewards.{name} does not give 1 to the gold of {', '.join(failed[:_SHOWN])}"
                f"{more}; correct these prompts, or choose another reward"
            )
