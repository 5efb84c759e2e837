"""Worked solutions: computed in exact fractions, and compared with the gold answer.

A completion that is no worked solution is wrong: it has no result to compare.
"""

from dataclasses import dataclass

from rsft.prompts.slots import format_number, number_slots
from rsft.prompts.worked import work_out
from rsft.score.exact_match import as_number
from rsft.score.reward import UNSCORABLE, Score
from rsft.types import Prompt


@dataclass(frozen=True, slots=True)
class WorkedSolution:
    """1 where the last step's result is the gold answer."""

    def score(self, prompt: Prompt, completion: str) -> Score:
        """Works the completion out over the prompt's numbers."""
        gold = None if prompt.answer is None else as_number(prompt.answer)
        if gold is None:
            return UNSCORABLE
        try:
            result = work_out(completion, number_slots(prompt.text)[1])[-1].result
        except ValueError:
            return Score(reward=0.0, outcome=None)
        return Score(reward=float(result == gold), outcome=format_number(result))

    def gold(self, prompt: Prompt) -> str | None:
        """The prompt's worked solution."""
        return prompt.solution
