"""Which look at an evaluation set a comparison is.

Counted in the record, over all models: the same prompts are the same prompts. The same comparison
again is no new look, for it gives the same answer. A verdict whose tag was deleted leaves a gap in
the numbers of its version's; what it looked at is not known, so it counts as a look at anything.
"""

from collections import defaultdict
from collections.abc import Sequence

from rsft.lineage import Entry

Comparison = tuple[str, int, int | None]
"""Model, version, and the version it is compared with, null for the base."""


def number_of_look(record: Sequence[Entry], evaluation: str, comparison: Comparison) -> int:
    """The number of a look, from 1.

    Args:
        record: All entries, the oldest first.
        evaluation: Hash of the evaluation prompts.
        comparison: What is compared.
    """
    looks: list[Comparison | None] = []
    verdicts: dict[tuple[str, int], int] = defaultdict(int)
    for entry in record:
        if entry.kind != "judged":
            continue
        before = verdicts[entry.name, entry.version]
        looks += [None] * (entry.number - before - 1)
        verdicts[entry.name, entry.version] = max(before, entry.number)
        if entry.details.get("evaluation") != evaluation:
            continue
        seen = (entry.name, entry.version, entry.details["against"])
        if entry.details.get("look") is not None and seen not in looks:
            looks.append(seen)
    return looks.index(comparison) + 1 if comparison in looks else len(looks) + 1
