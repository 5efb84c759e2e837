"""F1 between the words of the answer and those of a gold answer, the best over the golds.

With n words in common, counted as often as both have them: F1 = 2n / (words of the answer + words
of the gold). A gold answer that is blank says that there is no answer: then 1 for none, else 0.

Source: SQuAD 2.0's evaluation script (Rajpurkar et al., 2018), ``compute_f1``. Left out: its
threshold on a probability of there being no answer.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from rsft.score.markers import mark, read_answer
from rsft.score.reward import Score, unscorable
from rsft.score.words import tokens
from rsft.types import Completion, Prompt


@dataclass(frozen=True, slots=True)
class F1:
    """The largest F1 of the answer's words with those of a gold answer."""

    marker: str | None = None
    """The answer is what follows the last such marker; null: it is the whole completion."""

    def score(self, prompt: Prompt, completions: Sequence[Completion]) -> list[Score]:
        """Compares each answer with the prompt's gold answers."""
        if not prompt.answers:
            return [unscorable("the prompt has no gold answer")] * len(completions)
        golds = [Counter(tokens(gold)) for gold in prompt.answers]
        return [self._judge(completion.text, golds) for completion in completions]

    def gold(self, prompt: Prompt) -> str | None:
        """The first gold answer, behind the marker where there is one."""
        return mark(prompt.answers[0], self.marker) if prompt.answers else None

    def _judge(self, completion: str, golds: Sequence[Counter[str | Fraction]]) -> Score:
        answer = read_answer(completion, self.marker)
        said = Counter(tokens(answer or ""))
        return Score(reward=max(_f1(said, gold) for gold in golds), outcome=answer or None)


def _f1(answer: Counter[str | Fraction], gold: Counter[str | Fraction]) -> float:
    if not answer or not gold:
        return float(answer == gold)
    common = (answer & gold).total()
    return 2 * common / (answer.total() + gold.total())
