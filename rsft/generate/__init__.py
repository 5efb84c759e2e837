"""Candidates: drawn from a policy under a stated law, with their exact log-probabilities."""

from rsft.generate.budget import AreRight, Verdicts, Waves, draw_in_waves, success_rate, waves_of
from rsft.generate.engine import Engine, OnDrawn, Request
from rsft.generate.law import SamplingLaw
from rsft.generate.ledger import CandidateLedger
from rsft.generate.local import local_engine
from rsft.generate.native import NativeEngine

__all__ = [
    "AreRight",
    "CandidateLedger",
    "Engine",
    "NativeEngine",
    "OnDrawn",
    "Request",
    "SamplingLaw",
    "Verdicts",
    "Waves",
    "draw_in_waves",
    "local_engine",
    "success_rate",
    "waves_of",
]
