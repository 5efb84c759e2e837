"""The choice that a completion makes among the prompt's.

Read, in this order: the whole answer (``B``, ``(B)``, ``b. 12 km``, or the option's text); what is
said to be the answer (``The answer is B``, ``Answer: 12 km``); a letter in brackets. What one of
these finds is the answer; where it finds two different choices the completion has made none: that
is wrong, and the outcome shows both. A bare ``a`` or ``I`` within a sentence is a word.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from string import ascii_uppercase

from rsft.score.markers import mark, read_answer
from rsft.score.reward import Score, unscorable
from rsft.score.words import as_number
from rsft.types import Completion, Prompt

_LONGEST = 20_000
_AROUND = " \t\r\n*_`\"'"
_OWN_LETTER = re.compile(r"\s*\(?([A-Za-z])\s*[).:]\s*")
_WHOLE = re.compile(r"[(\[{]?([A-Za-z])[)\]}]?")
_LABELLED = re.compile(r"(?:[(\[]([A-Za-z])[)\]]|([A-Za-z])\s?[).:])\s*(?=\S)")
_IS = r"(?:is|are|was|be|[-–](?=\s)|[:=])[:\s*_`\"']*"
_SAID = re.compile(
    rf"\b(?:answer\b\s*(?:{_IS}|(?=[(\[]?(?-i:[A-Z])\b))|(?:option|choice)\s*{_IS})"
    r"(?:(?:option|choice)\s+)?(?=([^\n]{1,200}))",
    re.IGNORECASE,
)
_LETTER_FIRST = re.compile(r"[(\[{]?(?:([A-Z])(?![\w'’])|([a-z])(?=\s*(?:[)\]}.,;:*]|$)))")
_ALSO = re.compile(r"[)\]}\s]*(?:or|and|[/&])\s*[(\[]?([A-Z])(?![\w'’])")
_BRACKETED = re.compile(r"\(([A-Z])\)")


@dataclass(frozen=True, slots=True)
class Choice:
    """1 where the choice made is a gold one."""

    marker: str | None = None
    """The answer is what follows the last such marker; null: it is the whole completion."""

    def score(self, prompt: Prompt, completions: Sequence[Completion]) -> list[Score]:
        """Reads the choice of each completion, and compares it with the gold ones."""
        if not prompt.choices or not prompt.answers:
            missing = "gold answer" if prompt.choices else "choices"
            return [unscorable(f"the prompt has no {missing}")] * len(completions)
        options = _Options(prompt.choices)
        golds = {letter for gold in prompt.answers for letter in options.whole(gold)}
        if not golds:
            return [unscorable("no gold answer is one of the choices")] * len(completions)
        return [self._judge(completion.text, options, golds) for completion in completions]

    def gold(self, prompt: Prompt) -> str | None:
        """The first gold answer, behind the marker where there is one."""
        return mark(prompt.answers[0], self.marker) if prompt.answers else None

    def _judge(self, completion: str, options: "_Options", golds: set[str]) -> Score:
        answer = read_answer(completion[-_LONGEST:], self.marker)
        chosen = options.chosen(answer) if answer else set()
        is_gold = len(chosen) == 1 and chosen <= golds
        return Score(reward=float(is_gold), outcome=", ".join(sorted(chosen)) or None)


class _Options:
    """A prompt's choices, by letter; those of the same text go by the first one's letter."""

    def __init__(self, choices: Sequence[str]) -> None:
        texts = [_without_letter(text, i) for i, text in enumerate(choices)]
        self._texts = dict(zip(ascii_uppercase, map(_bare, texts), strict=False))
        first = {text: letter for letter, text in reversed(self._texts.items())}
        self._letters = {letter: first[text] for letter, text in self._texts.items()}
        self._numbers = dict(zip(ascii_uppercase, map(as_number, texts), strict=False))

    def chosen(self, answer: str) -> set[str]:
        """The letters that an answer names: none, one, or contradicting ones."""
        said = (self._first(match[1]) for match in _SAID.finditer(answer))
        return (
            self.whole(answer)
            or set().union(*said)
            or self._known(match[1] for match in _BRACKETED.finditer(answer))
        )

    def whole(self, answer: str) -> set[str]:
        """The letters of an answer that is nothing but a choice."""
        bare = _bare(answer)
        letter = _WHOLE.fullmatch(bare)
        if letter is not None and self._known([letter[1]]):
            return self._known([letter[1]])
        return self._with_text(bare) or self._labelled(answer.strip(_AROUND))

    def _labelled(self, answer: str) -> set[str]:
        """Of ``b. 12 km``: both the letter's and the text's choice, which should be one."""
        label = _LABELLED.match(answer)
        if label is None:
            return set()
        return self._named(label, answer) | self._with_text(answer[label.end() :])

    def _first(self, said: str) -> set[str]:
        """The choice that begins what is said to be the answer."""
        letter = _LETTER_FIRST.match(said)
        named = self._named(letter, said) if letter is not None else set()
        return named | self._labelled(said) or self.whole(said)

    def _named(self, letter: re.Match[str], text: str) -> set[str]:
        """A letter, and the one that the text adds to it: ``A or B``."""
        also = _ALSO.match(text, letter.end())
        return self._known([letter[1] or letter[2], *(also.groups() if also else ())])

    def _with_text(self, text: str) -> set[str]:
        """The first choice of this text, else the first of this number."""
        bare, number = _bare(text), as_number(text)
        same = [letter for letter, option in self._texts.items() if option == bare]
        equal = [letter for letter, n in self._numbers.items() if n is not None and n == number]
        return set((same or equal)[:1])

    def _known(self, letters: Iterable[str]) -> set[str]:
        """The letters in capitals that are choices, each as the first of the same text."""
        capitals = (letter.upper() for letter in letters)
        return {self._letters[letter] for letter in capitals if letter in self._letters}


def _bare(text: str) -> str:
    """A text without what may stand around it, in lower case, white space as one."""
    return " ".join(text.strip(_AROUND).rstrip(".,:;").rstrip(_AROUND).casefold().split())


def _without_letter(option: str, index: int) -> str:
    """An option's text without the letter some data sets write before it (``A)32400``)."""
    label = _OWN_LETTER.match(option)
    if label is None or label[1].upper() != ascii_uppercase[index : index + 1]:
        return option
    return option[label.end() :] or option
