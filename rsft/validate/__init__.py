"""The gate before training: Great Expectations over the accepted rows of a round."""

from rsft.validate.docs import build_data_docs
from rsft.validate.gate import Failure, Verdict, validate_accepted, write_unjudged
from rsft.validate.held_out import held_out_ids

__all__ = [
    "Failure",
    "Verdict",
    "build_data_docs",
    "held_out_ids",
    "validate_accepted",
    "write_unjudged",
]
