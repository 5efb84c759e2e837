"""Before a run, each verifier must give its own gold answers 1.

A prompt with several golds must pass with each. Rewards that know of no gold, a model's or a
function of the user's, have nothing to prove; a function is imported, so that a name that does not
lead to one stops the run here.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path

from rsft.config import is_own
from rsft.errors import VerifierError
from rsft.score.combine import Rewards
from rsft.score.guard import one_line
from rsft.score.reward import Reward, Score
from rsft.types import Completion, Prompt

_SHOWN = 3


def prove_on_golds(rewards: Rewards, prompts: Iterable[Prompt], listing: Path) -> None:
    """Scores each prompt's golds with each verifier.

    Args:
        rewards: Whose rule-based parts are the verifiers, whatever their weight.
        prompts: Every prompt that they will be asked about.
        listing: File for the failing golds, all of them; it is removed where there are none.

    Raises:
        VerifierError: Naming the verifier, how many prompts fail, the first of them with what it
            read, and the file.
    """
    held = list(prompts)
    failed = [
        (name, *failure) for name in rewards.rules for failure in _failures(rewards, name, held)
    ]
    listing.unlink(missing_ok=True)
    if not failed:
        return
    listing.parent.mkdir(parents=True, exist_ok=True)
    rows = "".join(f"{name}\t{prompt_id}\t{why}\n" for name, prompt_id, why in failed)
    listing.write_text(rows, encoding="utf-8")
    first = failed[0][0]
    why_by_id: dict[str, str] = {}
    for name, prompt_id, why in failed:
        if name == first:
            why_by_id.setdefault(prompt_id, why)
    shown = [f"{prompt_id!r} ({why})" for prompt_id, why in islice(why_by_id.items(), _SHOWN)]
    more = f" and {len(why_by_id) - _SHOWN} more" if len(why_by_id) > _SHOWN else ""
    raise VerifierError(
        f"score.rewards.{first} does not give 1 to the golds of {len(why_by_id)} of {len(held)} "
        f"prompts: {', '.join(shown)}{more}; all of them are listed in {listing}: correct these "
        "prompts, or choose another reward"
    )


def _failures(rewards: Rewards, name: str, prompts: Sequence[Prompt]) -> Iterator[tuple[str, str]]:
    """Ids of prompts with a gold that does not get 1, and why, once a gold."""
    if is_own(name):
        rewards.judge_rule(name, [])
        return
    golds = [golds_of(rewards.rules[name], prompt) for prompt in prompts]
    # A prompt without a gold completion may still be judged, unless it has no answer either.
    asked = [
        (prompt, [Completion(text=text) for text in texts.values() or ("",)])
        for prompt, texts in zip(prompts, golds, strict=True)
    ]
    told = rewards.judge_rule(name, asked)
    for prompt, texts, scores in zip(prompts, golds, told, strict=True):
        for answer, score in zip(texts or {None: ""}, scores, strict=True):
            if score.status == "unscorable" or (texts and score.reward != 1.0):
                yield one_line(prompt.prompt_id), _why(answer or prompt.answers, score)


def golds_of(reward: Reward, prompt: Prompt) -> dict[str | None, str]:
    """A reward's gold completions by the answer that each gives, equal ones once."""
    by_text: dict[str, str | None] = {}
    for answer in prompt.answers or (None,):
        answers = () if answer is None else (answer,)
        text = reward.gold(replace(prompt, answers=answers))
        if text is not None:
            by_text.setdefault(text, answer)
    return {answer: text for text, answer in by_text.items()}


def _why(answer: str | tuple[str, ...], score: Score) -> str:
    gold = one_line(f"gold {answer!r}") if answer else "no gold answer"
    return f"{gold}, {score.note}" if score.note else one_line(f"{gold}, read {score.outcome!r}")
