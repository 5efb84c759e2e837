"""Candidates: drawn from a policy under a stated law, with their exact log-probabilities."""

from rsft.generate.engine import Engine, OnDrawn, Request
from rsft.generate.law import SamplingLaw
from rsft.generate.sampler import sample

__all__ = ["Engine", "OnDrawn", "Request", "SamplingLaw", "sample"]
