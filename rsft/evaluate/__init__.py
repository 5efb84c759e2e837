"""Metrics and statistics of answers: pure NumPy, no model."""

from rsft.evaluate.comparison import Comparison, compare, paired
from rsft.evaluate.majority import maj_at_k
from rsft.evaluate.metrics import pass_at_k, perplexity
from rsft.evaluate.significance import mcnemar
from rsft.evaluate.statistics import Interval, beats, bootstrap_interval
from rsft.evaluate.summary import WIN, summarise, win_rate

__all__ = [
    "WIN",
    "Comparison",
    "Interval",
    "beats",
    "bootstrap_interval",
    "compare",
    "maj_at_k",
    "mcnemar",
    "paired",
    "pass_at_k",
    "perplexity",
    "summarise",
    "win_rate",
]
