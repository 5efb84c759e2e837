"""Worked solutions: computed in exact fractions, and compared with the gold answer.

A completion that is no worked solution is wrong: it has no result to compare.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from rsft.prompts.slots import format_number, number_slots
from rsft.prompts.worked import work_out
from rsft.score.exact_match import as_number
from rsft.score.reward import Score, unscorable
from rsft.types import Completion, Prompt


@dataclass(frozen=True, slots=True)
class WorkedSolution:
    """1 where the last step's result is the gold answer."""

    def score(self, prompt: Prompt, completions: Sequence[Completion]) -> list[Score]:
        """Works each completion out over the prompt's numbers."""
        return [self._score(prompt, completion.text) for completion in completions]

    def _score(self, prompt: Prompt, completion: str) -> Score:
        gold = as_number(prompt.answers[0]) if prompt.answers else None
        if gold is None:
            return unscorable("the prompt has no gold number")
        try:
            result = work_out(completion, number_slots(prompt.text)[1])[-1].result
        except ValueError:
            return Score(reward=0.0, outcome=None)
        return Score(reward=float(result == gold), outcome=format_number(result))

    def gold(self, prompt: Prompt) -> str | None:
        """The prompt's worked solution."""
        return prompt.solution
