"""The wire to servers with OpenAI's interface: what draws from one, and what judges by one."""

from rsft.wire.answers import Choice
from rsft.wire.link import DeclinedError, Link, RefusedError, UnansweredError
from rsft.wire.running import gather_all, run_coroutine

__all__ = [
    "Choice",
    "DeclinedError",
    "Link",
    "RefusedError",
    "UnansweredError",
    "gather_all",
    "run_coroutine",
]
