"""What ``rsft gc`` says."""

from collections.abc import Iterator, Mapping, Sequence

_UNITS = ("B", "kB", "MB", "GB", "TB")


def unused_lines(found: Sequence[Mapping[str, object]]) -> Iterator[str]:
    """A line for each kind of what nothing names."""
    for kind in found:
        count = kind["count"]
        named = f"{kind['kind']}:"
        yield f"  {named:<26}{count:>9,}  {size_text(int(str(kind['bytes']))):>9}"


def size_text(size: int) -> str:
    """Bytes for people, in steps of a thousand."""
    amount, unit = float(size), 0
    while amount >= 1000 and unit < len(_UNITS) - 1:
        amount, unit = amount / 1000, unit + 1
    return f"{amount:,.0f} {_UNITS[unit]}" if unit == 0 else f"{amount:,.1f} {_UNITS[unit]}"
