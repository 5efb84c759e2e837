"""The gate: whether a challenger becomes the champion, and the keeping of each verdict."""

from rsft.promotion.checks import Audit
from rsft.promotion.promoting import Judged, has_served, named_version, promote_version
from rsft.promotion.verdict import Approval, Check, GuardSet, Verdict

__all__ = [
    "Approval",
    "Audit",
    "Check",
    "GuardSet",
    "Judged",
    "Verdict",
    "has_served",
    "named_version",
    "promote_version",
]
