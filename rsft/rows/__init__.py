"""Rows, followed: back to every number of a decision, forward to every model, and out.

``explain_row`` says all that is recorded of one candidate, ``trace`` where a prompt went,
``forget`` keeps it out of every run to come, and ``plan_purge`` and ``purge`` delete what holds it.
"""

from rsft.rows.address import RowAddress
from rsft.rows.explaining import Explanation, explain_row
from rsft.rows.forgetting import forget
from rsft.rows.models import TrainedModel
from rsft.rows.naming import Wanted, name_prompt, name_value
from rsft.rows.purging import Purge, plan_purge, purge
from rsft.rows.records import RunTrace, Trace
from rsft.rows.tracing import trace

__all__ = [
    "Explanation",
    "Purge",
    "RowAddress",
    "RunTrace",
    "Trace",
    "TrainedModel",
    "Wanted",
    "explain_row",
    "forget",
    "name_prompt",
    "name_value",
    "plan_purge",
    "purge",
    "trace",
]
