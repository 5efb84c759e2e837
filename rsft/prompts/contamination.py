"""Contamination: what training texts share with the prompts of evaluation and guard sets.

    exact            the question of an evaluation prompt, writing aside (``folding``): it is all of
                     a training prompt, or stands whole in a prompt or completion and has n words
    numbers_masked   a training prompt that is an evaluation prompt but for its numbers, as two
                     problems from one template are
    ngram            so many of a question's word n-grams that a prompt or completion is near it; a
                     question of fewer words than n, but at least five, as a whole
    solution         so many of the n-grams of a worked solution or gold answer that has at least n
                     of them; those that are mostly numbers and signs do not count, since two
                     calculations may be the same: a gold ``7`` or ``n0 + n1 = r0`` is no leak

A question is all turns of a dialogue. The system's turn counts where questions are compared whole,
and training prompts' are searched, but it is not looked for: most often it is the same for all. Not
found are numbers written as words, translations, and paraphrases that keep fewer n-grams.

    python -m benchmarks.contamination      its speed, and what GSM8K's own splits share
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np
import pyarrow as pa

from rsft.config import ContaminationSection
from rsft.prompts.folding import fold, mask_numbers
from rsft.prompts.ngrams import Sought, build_index, search
from rsft.types import LeakKind, Prompt

KINDS: tuple[LeakKind, ...] = ("exact", "numbers_masked", "ngram", "solution")
_EXACT, _NUMBERS_MASKED, _NGRAM, _SOLUTION = range(len(KINDS))
_LEAST_WORDS = 5
"""A question of fewer words is no leak within another text: people say ``who is he``."""

_SLICE = 1 << 14
"""Texts that are folded at once."""
FINDING = np.dtype(
    [("text", np.int64), ("kind", np.int64), ("prompt", np.int64), ("share", np.float64)]
)
"""Numbers of a training text, of a kind in ``KINDS`` and of an evaluation prompt, and the share of
the latter that the text has, in n-grams; 1 where it is all of it."""


class EvaluationText:
    """Evaluation and guard prompts, indexed for being found in training texts."""

    def __init__(self, sets: Mapping[str, Sequence[Prompt]], section: ContaminationSection) -> None:
        """Indexes P prompts.

        Args:
            sets: Prompts by name of their set.
            section: How long n-grams are, and which share of them is near.
        """
        self.section = section
        self.names = tuple(sets)
        self.prompts = [prompt for prompts in sets.values() for prompt in prompts]
        sizes = [len(prompts) for prompts in sets.values()]
        self.set_P = np.repeat(np.arange(len(sizes)), sizes)
        """(P,) number of each prompt's set."""
        questions = [_question(prompt) for prompt in self.prompts]
        self._sought = [_question(prompt, with_system=False) for prompt in self.prompts]
        self._same = self._firsts(questions)
        self._same_but_numbers = self._firsts(map(mask_numbers, questions))
        sought = [*_questions(self._sought), *_solutions(self.prompts, section.ngram_words)]
        self._prompt_I = np.array([prompt for prompt, _, _ in sought], np.int64)
        self._kind_I = np.array([kind for _, kind, _ in sought], np.int64)
        texts = [
            Sought(text=text, group=int(self.set_P[prompt]), is_calculation=kind == _SOLUTION)
            for prompt, kind, text in sought
        ]
        self._index = build_index(texts, section.ngram_words)
        is_question_I = self._kind_I == _NGRAM
        self._all_wording = self._by_rarest_word(
            self._prompt_I[is_question_I & (self._index.total_I == 0)].tolist()
        )
        """By its rarest word, each question whose n-grams are all wording, so that none counts."""
        self._is_long_I = is_question_I | (self._index.total_I >= section.ngram_words)

    def in_prompts(self, prompts: Sequence[Prompt]) -> np.ndarray:
        """What training prompts share with them.

        Returns:
            (F,) of ``FINDING``: of each text, kind and set the prompt with the largest share, the
            first of several. A text has the number of its prompt.
        """
        found = [np.empty(0, FINDING)]
        for start in range(0, len(prompts), _SLICE):
            texts = [_question(prompt) for prompt in prompts[start : start + _SLICE]]
            found.append(_moved(self._largest([self._whole(texts), *self._near(texts)]), start))
        return np.concatenate(found)

    def in_completions(self, texts: pa.ChunkedArray) -> np.ndarray:
        """What completions share with them, as ``in_prompts``; equal ones are compared once."""
        distinct = texts.combine_chunks().dictionary_encode()
        found = [np.empty(0, FINDING)]
        for start in range(0, len(distinct.dictionary), _SLICE):
            folded = list(map(fold, distinct.dictionary.slice(start, _SLICE).to_pylist()))
            found.append(_moved(self._largest([found[0], *self._near(folded)]), start))
        return _spread(np.concatenate(found), distinct.indices.to_numpy())

    def _firsts(self, keys: Iterable[str]) -> dict[str, list[int]]:
        """By key the first prompt of each set that has it; the empty key is nobody's."""
        firsts: dict[str, dict[int, int]] = {}
        for number, key in enumerate(keys):
            firsts.setdefault(key, {}).setdefault(int(self.set_P[number]), number)
        return {key: list(by_set.values()) for key, by_set in firsts.items() if key}

    def _by_rarest_word(self, prompts: Sequence[int]) -> dict[str, list[int]]:
        often = Counter(word for sought in self._sought for word in sought.split())
        by_word: dict[str, list[int]] = defaultdict(list)
        for prompt in prompts:
            by_word[min(self._sought[prompt].split(), key=lambda w: (often[w], w))].append(prompt)
        return by_word

    def _whole(self, texts: Sequence[str]) -> np.ndarray:
        """Which folded texts are a question, and which one but for its numbers."""
        found = []
        for number, text in enumerate(texts):
            found += [(number, _EXACT, p, 1.0) for p in self._same.get(text, ())]
            others = self._same_but_numbers.get(mask_numbers(text), ())
            found += [(number, _NUMBERS_MASKED, p, 1.0) for p in others]
        return np.array(found, FINDING)

    def _near(self, texts: Sequence[str]) -> Iterator[np.ndarray]:
        """What folded texts share in n-grams, batch by batch, and what stands in them whole."""
        yield self._holding_wording(texts)
        for text_M, item_M, share_M in search(self._index, texts):
            is_long_M = self._is_long_I[item_M]
            near = np.flatnonzero(is_long_M & (share_M >= self.section.ngram_share))
            found_F = np.empty(len(near), FINDING)
            found_F["text"], found_F["share"] = text_M[near], share_M[near]
            found_F["kind"] = self._kind_I[item_M[near]]
            found_F["prompt"] = self._prompt_I[item_M[near]]
            yield self._largest([found_F])
            complete = found_F[(found_F["share"] == 1) & (found_F["kind"] == _NGRAM)]
            pairs = zip(complete["text"].tolist(), complete["prompt"].tolist(), strict=True)
            whole = [(t, _EXACT, p, 1.0) for t, p in pairs if self._stands_in(p, texts[t])]
            yield np.array(whole, FINDING)

    def _holding_wording(self, texts: Sequence[str]) -> np.ndarray:
        """Which folded texts a question stands in whole that has no n-gram to be found by."""
        found = [
            (number, _EXACT, prompt, 1.0)
            for number, text in enumerate(texts if self._all_wording else ())
            for word in self._all_wording.keys() & set(text.split())
            for prompt in self._all_wording[word]
            if self._stands_in(prompt, text)
        ]
        return np.array(found, FINDING)

    def _stands_in(self, prompt: int, text: str) -> bool:
        """Whether all a prompt's words, the system's aside, stand in a text in a row."""
        sought = self._sought[prompt]
        is_long = sought.count(" ") + 1 >= self.section.ngram_words
        return is_long and f" {sought} " in f" {text} "

    def _largest(self, parts: Sequence[np.ndarray]) -> np.ndarray:
        """Of each text, kind and set the finding with the largest share."""
        found_F = np.concatenate(parts)
        set_F = self.set_P[found_F["prompt"]]
        keys = (found_F["prompt"], -found_F["share"], set_F, found_F["kind"], found_F["text"])
        order = np.lexsort(keys)
        found_F, set_F = found_F[order], set_F[order]
        is_first_F = np.ones(len(found_F), bool)
        columns = (found_F["text"], found_F["kind"], set_F)
        is_first_F[1:] = np.any([column[1:] != column[:-1] for column in columns], axis=0)
        return found_F[is_first_F]


def _question(prompt: Prompt, *, with_system: bool = True) -> str:
    said = [turn.content for turn in prompt.context if with_system or turn.role != "system"]
    return fold(" ".join([*said, prompt.text]))


def _questions(questions: Sequence[str]) -> Iterator[tuple[int, int, str]]:
    for number, text in enumerate(questions):
        if text.count(" ") + 1 >= _LEAST_WORDS:
            yield number, _NGRAM, text


def _solutions(prompts: Sequence[Prompt], words: int) -> Iterator[tuple[int, int, str]]:
    for number, prompt in enumerate(prompts):
        for text in dict.fromkeys(map(fold, (*prompt.answers, prompt.solution or ""))):
            if text.count(" ") + 1 >= words:  # no shorter one counts, and ``7`` is everywhere
                yield number, _SOLUTION, text


def _moved(found_F: np.ndarray, start: int) -> np.ndarray:
    """Findings in a slice of texts, with the texts' numbers in the whole."""
    found_F["text"] += start
    return found_F


def _spread(found_F: np.ndarray, distinct_N: np.ndarray) -> np.ndarray:
    """Findings in distinct texts, as findings in N texts that are each one of those."""
    rows = np.argsort(distinct_N, kind="stable")
    low_F = np.searchsorted(distinct_N[rows], found_F["text"])
    high_F = np.searchsorted(distinct_N[rows], found_F["text"], side="right")
    runs = [np.arange(low, high) for low, high in zip(low_F.tolist(), high_F.tolist(), strict=True)]
    spread = np.repeat(found_F, high_F - low_F)
    spread["text"] = rows[np.concatenate([rows[:0], *runs])]
    return spread[np.lexsort((spread["prompt"], spread["kind"], spread["text"]))]
