"""The embedded default: word problems that the project makes itself."""

from rsft.prompts.embedded.problems import Sizes, make_problems

__all__ = ["Sizes", "make_problems"]
