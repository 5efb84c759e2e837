"""The gate: whether a challenger becomes the champion, and the keeping of each verdict."""

from rsft.promotion.checks import Audit
from rsft.promotion.promoting import Judged, promote_version
from rsft.promotion.verdict import Approval, Check, GuardSet, Verdict

__all__ = [
    "Approval",
    "Audit",
    "Check",
    "GuardSet",
    "Judged",
    "Verdict",
    "promote_version",
]
