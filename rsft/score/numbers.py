r"""Numbers as answers state them, read to exact fractions.

``$1,050.00``, ``-$3``, ``18 eggs``, ``x = 5 km/h``, ``3/4``, ``1 1/2``, ``1.5e3``,
``2 \times 10^{6}``, ``\frac{3}{4}``, ``3 million``. Digits are ASCII's, as in prompts: others
are no number. What holds two numbers or a calculation (``6:30``, ``12-5``, ``2\sqrt{3}``), or a
number times a variable (``3x``), has no value here; nor has a number of more than 100 characters.

A per cent sign is read both ways: ``25%`` equals ``25``, as in the answer to "what percentage",
and ``0.25``, its value; two that both carry the sign are compared as they stand.
"""

import re
from dataclasses import dataclass
from fractions import Fraction

LONGEST = 200
"""Characters of an answer; a longer one does not state a number but goes on writing."""

_LONGEST_NUMBER = 100
_NEAR = _LONGEST_NUMBER + 20
_PLAIN = r"(?:[0-9]{1,3}(?:,[0-9]{3})+|[0-9]+)(?:\.[0-9]+)?|\.[0-9]+"
_NUMBER = rf"""
    (?=[-−+$€£¥₹.0-9])
    (?<![\w.,/^])(?<!\^\{{)(?<!\^[-−])(?<!\^\{{[-−])
    (?P<sign> (?<![)\]}}])[-−](?=[$€£¥₹.0-9]) | \+ )? (?:[$€£¥₹]\ ?)? (?P<minus>[-−](?=[.0-9]))?
    (?:(?P<whole>[0-9]+)\ +(?=[0-9]+/))?
    (?P<above>{_PLAIN})
    (?: / (?P<below>[0-9]+(?:\.[0-9]+)?)
      | [eE](?P<exponent>[-+]?[0-9]{{1,3}})
      | \ ?(?:[x×*]|\\times|\\cdot)\ ?10\^\{{?(?P<power>-?[0-9]{{1,3}})\}}?
    )?
    (?![0-9]|[.,/:^][0-9])
    (?:\ (?P<scale>thousand|million|billion|trillion)\b)?
    (?P<percent>\ ?%|\ percent\b|\ per\ cent\b)?
"""
"""Sign and currency, mixed or plain number, fraction or power of ten, scale and per cent sign; not
part of a name, a time, a version, a longer fraction or a power."""
_FOUND = re.compile(_NUMBER, re.VERBOSE)
_VARIABLE = r"(?<![^\W\d_])[b-fi-kn-rt-z](?![^\W\d_])"
"""A single letter that is rather a variable than a unit (m, g, s, l, h) or an article."""
_UNIT = rf"(?:(?!{_VARIABLE})[^\W\d_](?:\^?[23](?![0-9]))?|[\s·.,;:!?'\"`°²³$€£*)\]]|/(?=[^\W\d_]))"
"""A piece of what may follow a number that is the whole answer: units, words, closing marks."""
_ANSWER = re.compile(
    rf"(?:.*=|[^0-9=]*(?:\b(?:is|are)\b|:))? [\s*_`'\"(\[≈~]* {_NUMBER} {_UNIT}*", re.VERBOSE
)
_INTEGER = re.compile(r"-?[0-9]{1,18}")
_DIGIT_FROM_BEHIND = re.compile(r"(?![23](?:m|\^[mnt]))[0-9]")
"""In a reversed text, the first digit that is not the power of a unit."""
_RUN_FROM_BEHIND = re.compile(r"(?:[-−+0-9.,/:^{}×*xeE $€£¥₹]|semit\\|todc\\)*")
"""In a reversed text, what a number may be made of."""
_LATEX = [
    (re.compile(r"\\(?:text|textbf|mathrm|mbox)\{([^{}]*)\}"), r"\1"),
    (re.compile(r"(?<=[0-9])\\[dt]?frac"), r" \\frac"),
    (re.compile(r"\\[dt]?frac\{([0-9]+)\}\{([0-9]+)\}"), r"\1/\2"),
    (re.compile(r"\\([$%])"), r"\1"),
    (re.compile(r"\\[,!;: ]|\\[()]|~"), ""),
    (re.compile(r"\{,\}"), ","),
    (re.compile(r"\^\{?\\circ\}?"), "°"),
]
_SCALES = {"thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12}


@dataclass(frozen=True, slots=True)
class Number:
    """A number that an answer states."""

    value: Fraction
    """Its exact value, a per cent sign left aside."""
    is_percent: bool = False
    """Whether a per cent sign follows it."""


def read_number(answer: str) -> Number | None:
    """The number that an answer consists of, with what may stand around one; else None."""
    if _INTEGER.fullmatch(answer):
        return Number(Fraction(int(answer)))
    if len(answer) > LONGEST:
        return None
    match = _ANSWER.fullmatch(_without_latex(answer))
    return None if match is None else _number(match)


def last_number(text: str) -> tuple[str, Number] | None:
    """The last number of a text as it is written, and its value; None where it cannot be read."""
    end = _end_of_digits(text)
    near = _without_latex(text[max(0, end - _NEAR) : end + _NEAR])
    end = _end_of_digits(near)
    found = list(_FOUND.finditer(near, _start_of_run(near, end)))
    if not found or found[-1].end() < end:
        return None
    number = _number(found[-1])
    return None if number is None else (found[-1][0].strip(), number)


def is_equal(answer: Number, gold: Number, tolerance: Fraction) -> bool:
    """Whether they differ by no more than this share of the gold one."""
    value = answer.value
    if answer.is_percent == gold.is_percent:
        return _is_near(value, gold.value, tolerance)
    as_share = value / 100 if answer.is_percent else value * 100
    return _is_near(value, gold.value, tolerance) or _is_near(as_share, gold.value, tolerance)


def _end_of_digits(text: str) -> int:
    """The index behind the last digit, powers of units left aside; 0 where there is none."""
    digit = _DIGIT_FROM_BEHIND.search(text[::-1])
    return 0 if digit is None else len(text) - digit.start()


def _start_of_run(text: str, end: int) -> int:
    """The index from which on there is nothing up to ``end`` but what numbers are made of."""
    run = _RUN_FROM_BEHIND.match(text[:end][::-1])
    assert run is not None
    return end - run.end()


def _without_latex(text: str) -> str:
    if "\\" in text or "{," in text:
        for pattern, replacement in _LATEX:
            text = pattern.sub(replacement, text)
    return text.strip().strip("$") if text.count("$") > 1 else text


def _is_near(value: Fraction, gold: Fraction, tolerance: Fraction) -> bool:
    return value == gold if not tolerance else abs(value - gold) <= tolerance * abs(gold)


def _number(match: re.Match[str]) -> Number | None:
    parts = match.groupdict()
    if match.end() - match.start() > _LONGEST_NUMBER:
        return None
    value = _decimal(parts["above"])
    if parts["below"] is not None:
        below = _decimal(parts["below"])
        if below == 0 or (parts["whole"] is not None and value >= below):
            return None
        value = value / below + int(parts["whole"] or 0)
    exponent = parts["exponent"] or parts["power"]
    if exponent is not None:
        value *= Fraction(10) ** int(exponent)
    if parts["scale"] is not None:
        value *= _SCALES[parts["scale"]]
    is_negative = (parts["sign"] or "+")[0] != "+" or parts["minus"] is not None
    return Number(-value if is_negative else value, parts["percent"] is not None)


def _decimal(digits: str) -> Fraction:
    whole, _, part = digits.replace(",", "").partition(".")
    return Fraction(int(whole + part), 10 ** len(part)) if part else Fraction(int(whole))
