"""Number slots: the k-th number of a text, written ``n{k}``.

A small policy that reads literal digits learns nothing about them (docs/log.md), so its prompts
are rendered with their numbers replaced by slots, and its completions name the slots.

    >>> number_slots("Ann has 12 pens and buys 1,050 more at $2.50.")[0]
    'Ann has n0 pens and buys n1 more at $n2.'
"""

import re
from fractions import Fraction

_LONGEST = 100
"""Characters of a number; longer is no quantity, and Python refuses to read digits by thousands."""

_NUMBER = re.compile(r"(?<![\w.])(?:[0-9]{1,3}(?:,[0-9]{3})+|[0-9]+)(?:\.[0-9]+)?(?!\w)")


def parse_number(text: str) -> Fraction | None:
    """The exact value of a plain decimal number such as ``1,050.5`` or ``-3``, else None."""
    bare = text.strip().removeprefix("-")
    bare = f"0{bare}" if bare.startswith(".") else bare
    if len(bare) > _LONGEST or not _NUMBER.fullmatch(bare):
        return None
    value = Fraction(bare.replace(",", ""))
    return -value if text.strip().startswith("-") else value


def format_number(value: Fraction) -> str:
    """``12``, ``2.5``, or ``1/3`` where no finite decimal exists."""
    places = next((n for n in range(_LONGEST) if 10**n % value.denominator == 0), None)
    if places is None:
        return str(value)
    whole, part = divmod(abs(value.numerator) * 10**places // value.denominator, 10**places)
    sign = "-" if value < 0 else ""
    return f"{sign}{whole}.{part:0{places}}" if places else f"{sign}{whole}"


def number_slots(text: str) -> tuple[str, list[Fraction]]:
    """Replaces the k-th number of a text by ``n{k}``.

    Args:
        text: Plain text; thousands separators and decimals are read as part of a number, signs
            and units are left in the text.

    Returns:
        The text with slots, and the numbers in order.
    """
    values: list[Fraction] = []

    def slot(match: re.Match[str]) -> str:
        if len(match.group()) > _LONGEST:
            return match.group()
        values.append(Fraction(match.group().replace(",", "")))
        return f"n{len(values) - 1}"

    return _NUMBER.sub(slot, text), values
