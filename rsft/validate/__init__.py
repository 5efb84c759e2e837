"""The gate before training: Great Expectations over the accepted rows of a round."""

from rsft.validate.docs import build_data_docs
from rsft.validate.gate import Verdict, validate_accepted, write_validation

__all__ = ["Verdict", "build_data_docs", "validate_accepted", "write_validation"]
