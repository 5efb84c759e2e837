"""What of a text's writing does not matter when two texts are compared.

Folded are Unicode's compatible forms (NFKC), case, white space, punctuation, currency signs,
thousands separators, and what cannot be seen (marks of direction, soft hyphens, joiners). Kept are
letters with their accents, digits, and signs that do arithmetic: ``12 - 5`` is not ``12 + 5``, but
``ten-year-old`` is ``ten year old``.

Scripts that set no spaces between words (Chinese, Japanese, Thai, Lao, Khmer, Burmese, Tibetan) are
cut into characters, each of which then counts as a word.

    >>> fold("Ann’s  10-year-old DOG costs $1,050.")
    'anns 10 year old dog costs 1050'
    >>> mask_numbers("ann has 12 pens")
    'ann has 0 pens'
"""

import re
import unicodedata

_UNSPACED = (
    (0x0E00, 0x0FFF),  # Thai, Lao, Tibetan
    (0x1000, 0x109F),  # Burmese
    (0x1780, 0x17FF),  # Khmer
    (0x3040, 0x30FF),  # Hiragana, Katakana
    (0x31F0, 0x31FF),
    (0x3400, 0x4DBF),  # Han
    (0x4E00, 0x9FFF),
    (0xF900, 0xFAFF),
    (0x20000, 0x3FFFF),
)
_THOUSANDS = re.compile(r",(?<=[0-9],)(?=[0-9]{3}(?![0-9]))")
_ARITHMETIC = re.compile(r"[-‐–*/^](?=\s*[0-9])")
"""Signs that are punctuation anywhere but before a number."""
_KEPT = {"-": "−", "‐": "−", "–": "−", "*": "×", "/": "÷", "^": "↑"}
"""As which of the signs that are never punctuation they are kept."""
_NUMBER = re.compile(r"\d+(?: \d+)*")


class _Writing(dict[int, str]):
    """For ``str.translate``: what each character is folded to, found out as it is met."""

    def __missing__(self, code: int) -> str:
        self[code] = _folded(chr(code))
        return self[code]


def _folded(character: str) -> str:
    category = unicodedata.category(character)
    if category == "Cf" or character in "'’`ʼ":
        return ""
    if category in ("So", "Sm") or any(a <= ord(character) <= b for a, b in _UNSPACED):
        return f" {character} " if category[0] in "LMNS" else " "
    return character if category[0] in "LMN" else " "


_WRITING = _Writing()


def fold(text: str) -> str:
    """The words of a text, folded, with one space between them; empty where it has none."""
    plain = unicodedata.normalize("NFKC", text)
    plain = unicodedata.normalize("NFKC", plain.casefold())
    plain = _THOUSANDS.sub("", plain)
    plain = _ARITHMETIC.sub(lambda sign: _KEPT[sign.group()], plain)
    words = " ".join(plain.translate(_WRITING).split())
    return unicodedata.normalize("NFKC", words)  # what stood between a letter and a mark is gone


def mask_numbers(folded: str) -> str:
    """A folded text with each number, and each row of numbers, as ``0``."""
    return _NUMBER.sub("0", folded)
