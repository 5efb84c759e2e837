"""Metrics and statistics of answers: pure NumPy, no model."""

from rsft.evaluate.comparison import Comparison, Pairs, compare, pair, paired
from rsft.evaluate.gain import Gain, measure_gain
from rsft.evaluate.guard import Guard, measure_guard
from rsft.evaluate.majority import maj_at_k
from rsft.evaluate.metrics import pass_at_k, perplexity
from rsft.evaluate.significance import mcnemar
from rsft.evaluate.spending import level_of_look
from rsft.evaluate.statistics import Interval, beats, bootstrap_interval
from rsft.evaluate.summary import WIN, summarise, win_rate

__all__ = [
    "WIN",
    "Comparison",
    "Gain",
    "Guard",
    "Interval",
    "Pairs",
    "beats",
    "bootstrap_interval",
    "compare",
    "level_of_look",
    "maj_at_k",
    "mcnemar",
    "measure_gain",
    "measure_guard",
    "pair",
    "paired",
    "pass_at_k",
    "perplexity",
    "summarise",
    "win_rate",
]
