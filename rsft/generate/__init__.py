"""Candidates: drawn from a policy under a stated law, with their exact log-probabilities."""

from rsft.generate.engine import Engine, OnDrawn, Request
from rsft.generate.law import SamplingLaw
from rsft.generate.native import NativeEngine

__all__ = ["Engine", "NativeEngine", "OnDrawn", "Request", "SamplingLaw"]
