"""Which look at a set of prompts a judgement is.

A judgement looks at every question that its exam asks. Its number at a set is one more than the
different judgements before it that looked at any question of that set: of whatever model, under
whatever judge and policy, and for whichever set they were asked there. So each question is asked at
looks of growing numbers, and of all judgements that ask it the k-th is made at look k or later: for
every question, the chance that it ever takes part in a false verdict is at most the α that the
looks share (``evaluate.spending``; where policies differ, the largest of theirs). A set begins with
look 1 again only once all of its questions are new, writing aside.

The same judgement again is no new look, for it says the same: of the same answers, right or wrong
alike, by the same judges and the same policy. Where a table of prompts is gone, or the tag of a
verdict, what it looked at is not known: it counts as a look at anything.
"""

import hashlib
import json
from collections import defaultdict
from collections.abc import Callable, Sequence
from functools import cache, partial

from rsft.config import Policy
from rsft.errors import LedgerError, LineageError
from rsft.evaluate import paired
from rsft.lineage import Entry, Workspace, is_object
from rsft.promotion.exam import Answers, Exam, read_prompt_table
from rsft.prompts.forgotten import question_digests
from rsft.types import Answer

Comparison = tuple[str, int, int | None]
"""Model, version, and the version it is compared with, null for the base."""


def count_looks(
    workspace: Workspace, record: Sequence[Entry], exam: Exam, judgement: str
) -> dict[str, int]:
    """The number of the look at each set of an exam, from 1.

    Args:
        workspace: The checkout whose cache has the tables of prompts.
        record: All entries, the oldest first.
        exam: What is asked.
        judgement: Digest of what is judged.
    """
    questions = cache(partial(_questions, workspace))

    def shares(own: str, other: str) -> bool:
        ours, theirs = questions(own), questions(other)
        return own == other or ours is None or theirs is None or not ours.isdisjoint(theirs)

    return {
        name: number_of_look(record, judgement, partial(shares, md5))
        for name, md5 in exam.prompts.items()
    }


def number_of_look(record: Sequence[Entry], judgement: str, shares: Callable[[str], bool]) -> int:
    """The number of a look at a set, from 1.

    Args:
        record: All entries, the oldest first.
        judgement: Digest of what is judged.
        shares: Whether a table of prompts, by its hash, asks what the set does.
    """
    looks: list[str | None] = []
    verdicts: dict[tuple[str, int], int] = defaultdict(int)
    for entry in record:
        if entry.kind != "judged":
            continue
        before = verdicts[entry.name, entry.version]
        looks += [None] * (entry.number - before - 1)
        verdicts[entry.name, entry.version] = max(before, entry.number)
        made, prompts = entry.details.get("judgement"), _prompts_of(entry)
        if not isinstance(made, str) or not prompts:
            looks.append(None)
        elif made not in looks and any(map(shares, prompts)):
            looks.append(made)
    return looks.index(judgement) + 1 if judgement in looks else len(looks) + 1


def digest_judgement(
    exam: Exam, ours: Answers, theirs: Answers, policy: Policy, comparison: Comparison
) -> str:
    """SHA-256 of all that a judgement goes by.

    Args:
        exam: What was asked, and who judged.
        ours: The challenger's answers.
        theirs: Those that they are compared with.
        policy: What it is judged by.
        comparison: What is compared.

    Raises:
        LineageError: Where the two did not answer the same prompts, each once.
    """
    document = {
        "evaluation": exam.fingerprint,
        "seed": exam.config.seed,
        "policy": policy.model_dump(),
        "comparison": comparison,
        "right": {name: _right(ours.get(name, []), theirs.get(name, [])) for name in exam.prompts},
    }
    return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()


def _right(ours: Sequence[Answer], theirs: Sequence[Answer]) -> list[tuple[object, ...]]:
    return [
        (own.prompt_id, own.family, own.is_correct, their.is_correct)
        for own, their in paired(ours, theirs)
    ]


def _prompts_of(entry: Entry) -> list[str]:
    """Hashes of the tables that a verdict says it looked at; none where it says no such thing."""
    told = entry.details.get("prompts")
    found = list(told.values()) if isinstance(told, dict) else []
    return found if all(map(is_object, found)) else []


def _questions(workspace: Workspace, md5: str) -> frozenset[str] | None:
    """What a table of prompts asks, by hash and writing aside; null where it cannot be read."""
    try:
        prompts = read_prompt_table(workspace, md5)
    except (LineageError, LedgerError):
        return None
    return frozenset(question_digests(prompt.text, prompt.context)[-1] for prompt in prompts)
