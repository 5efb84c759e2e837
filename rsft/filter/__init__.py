"""Acceptance: which candidates are kept, so that the kept ones follow a stated target.

Arrays are over N candidates (``_N``) or P prompts (``_P``). Everything is in nats until the final
comparison.
"""

from rsft.filter.columns import Candidates, columns_read, read_candidates
from rsft.filter.decide import Decisions, decide, decided_tables
from rsft.filter.diagnostics import Diagnostics, Tally, diagnose

__all__ = [
    "Candidates",
    "Decisions",
    "Diagnostics",
    "Tally",
    "columns_read",
    "decide",
    "decided_tables",
    "diagnose",
    "read_candidates",
]
