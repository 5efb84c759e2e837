"""Metrics and statistics of answers: pure NumPy, no model."""

from rsft.evaluate.metrics import pass_at_k
from rsft.evaluate.statistics import Interval, beats, bootstrap_interval
from rsft.evaluate.summary import compare, summarise

__all__ = ["Interval", "beats", "bootstrap_interval", "compare", "pass_at_k", "summarise"]
