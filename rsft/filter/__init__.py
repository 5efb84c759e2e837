"""Acceptance: which candidates are kept, so that the kept ones follow a stated target.

Arrays are over N candidates. Everything is in nats until the final comparison.
"""

from rsft.filter.decide import decide
from rsft.filter.diagnostics import Diagnostics, diagnose

__all__ = ["Diagnostics", "decide", "diagnose"]
