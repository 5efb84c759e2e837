"""A reward of the user's own: ``package.module:function``, a module below ``data/raw``.

    def score(prompt, completions):
        return [1.0 if prompt.answers[0] in text else 0.0 for text in completions]

``prompt`` is an ``rsft.types.Prompt``, ``completions`` a list of texts of that prompt, and what is
given back a list with one entry a completion, each judged for itself:

    a number                       the reward
    None                           it cannot be judged: unscorable, which is not 0
    {"reward": 0.5, "length": 7}   the reward (or None), and numbers that go to the breakdown;
                                   "outcome" and "note" may say in words what was read, and why
                                   it cannot be judged

The function runs in a worker and may be asked in any order and again: it must be a function of its
arguments alone. What it prints goes to standard error. Its module is looked for in ``data/raw``
first, which the stages that score depend on, so that DVC sees it change; an installed package will
do too. Another folder of the workspace will not: nothing would notice that it changed.
"""

import importlib
import sys
from collections.abc import Callable, Sequence
from importlib.machinery import PathFinder
from numbers import Real
from pathlib import Path
from typing import Any

from rsft.config import RAW
from rsft.errors import VerifierError
from rsft.score.guard import encodable, one_line
from rsft.score.reward import Score, unscorable
from rsft.types import Completion, Prompt

_WORDS = ("reward", "outcome", "note")
"""Keys of a dict that are no part of the breakdown."""


class OwnReward:
    """A function of the user's, imported when it is first asked, which only workers do."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._function: Callable[[Prompt, list[str]], Any] | None = None

    def load(self) -> None:
        """Imports the function.

        Raises:
            VerifierError: Where there is none, it lies where DVC would not see it change, or its
                module cannot be imported.
        """
        self._function = _find(self._name)

    def score(self, prompt: Prompt, completions: Sequence[Completion]) -> list[Score]:
        """Asks the function.

        Raises:
            VerifierError: Where what it gives is not a list of numbers, dicts and None, one each.
        """
        if self._function is None:
            self.load()
        assert self._function is not None
        given = self._function(prompt, [completion.text for completion in completions])
        if not isinstance(given, list | tuple):
            raise self._defect(f"gave {_shown(given)}; it must give a list, one entry a completion")
        return [self._score(entry) for entry in given]

    def gold(self, prompt: Prompt) -> str | None:
        """None: in which form the function wants an answer is not known."""
        return None

    def _score(self, entry: object) -> Score:
        if entry is None:
            return unscorable("it gave None")
        if isinstance(entry, Real):
            return Score(reward=float(entry))
        if not isinstance(entry, dict) or "reward" not in entry:
            raise self._defect(f"gave {_shown(entry)}; an entry is a number, None or a dict")
        reward, outcome, note = (entry.get(word) for word in _WORDS)
        breakdown = {str(key): value for key, value in entry.items() if key not in _WORDS}
        for key, value in {"reward": reward or 0.0, **breakdown}.items():
            if not isinstance(value, Real):
                raise self._defect(f"gave {key!r}: {_shown(value)}; it must be a number")
        for key, value in {"outcome": outcome, "note": note}.items():
            if not isinstance(value, str | None):
                raise self._defect(f"gave {key!r}: {_shown(value)}; it must be a text")
        if reward is None:
            return unscorable(one_line(note or "it gave None"), outcome)
        numbers = {encodable(key): float(value) for key, value in breakdown.items()}
        return Score(reward=float(reward), outcome=outcome, breakdown=numbers)

    def _defect(self, problem: str) -> VerifierError:
        return VerifierError(f"score.rewards.{self._name} {problem}")


def search_raw_first() -> None:
    """Has this process look for modules in ``data/raw``, and nowhere else in the workspace.

    To be called once everything of this project's that is needed can be found without the path.
    """
    sys.path = [str(RAW.absolute()), *(place for place in sys.path if not _is_elsewhere(place))]
    sys.dont_write_bytecode = True  # into a folder that DVC hashes


def _find(name: str) -> Callable[[Prompt, list[str]], Any]:
    module_name, _, function_name = name.partition(":")
    top = module_name.partition(".")[0]
    try:
        module = importlib.import_module(module_name)
    except Exception as error:  # noqa: BLE001  # whatever a module does when it is imported
        spec = PathFinder.find_spec(top, [str(Path.cwd())])
        if isinstance(error, ModuleNotFoundError) and error.name == top and spec is not None:
            raise _unseen(
                name, spec.origin or next(iter(spec.submodule_search_locations or ()))
            ) from None
        problem = one_line(f"{type(error).__name__}: {error}")
        raise VerifierError(
            f"score.rewards: {name!r} cannot be imported ({problem}); its module must lie below "
            f"{RAW}, or be installed"
        ) from None
    place = getattr(module, "__file__", None)  # modules of Python's own, and folders, have none
    if place is not None and _is_elsewhere(place):
        raise _unseen(name, place)
    function = getattr(module, function_name, None)
    if not callable(function):
        raise VerifierError(
            f"score.rewards: {name!r} is no function; {place or module_name} has: "
            f"{', '.join(n for n in vars(module) if not n.startswith('_')) or 'nothing'}"
        )
    return function  # type: ignore[no-any-return]


def _unseen(name: str, place: str) -> VerifierError:
    return VerifierError(
        f"score.rewards: {name!r} lies in {place}, where no stage would see it change; move it "
        f"below {RAW}"
    )


def _is_elsewhere(place: str) -> bool:
    """Whether a path is in the workspace, but neither below ``data/raw`` nor installed."""
    path = Path(place).absolute()
    installed = (Path(sys.prefix), Path(sys.base_prefix), RAW.absolute())
    return path.is_relative_to(Path.cwd()) and not any(map(path.is_relative_to, installed))


def _shown(value: object) -> str:
    return one_line(f"{value!r} ({type(value).__name__})")
