"""A judge with an open line: one completion at a time, to a score.

A verdict that cannot be read is asked for again, with another seed, a bounded number of times; then
the completion is unscorable, as it is where the judge declines, the server will not take it (it is
too long for the judge) or gives no whole answer. What is not about one completion is raised: a
server that cannot be reached, serves another model, wants a key, or refuses to judge at all, which
one request for a trivial verdict shows beforehand.
"""

import contextlib
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from rsft.config import JudgeSection
from rsft.randomness import generator
from rsft.score.reward import Score, unscorable
from rsft.score.verdicts import Place, comparing, grading, read_grade, read_preference
from rsft.types import Prompt
from rsft.wire import DeclinedError, Link, RefusedError, UnansweredError

_T = TypeVar("_T")

SETTING = "score.judge.server"
"""Where in ``params.yaml`` the server is named."""
_TIE = 0.5
_TRIES = 3
"""At most so many verdicts are asked for until one can be read."""
_SHOWN = 80
"""At most so many characters of what is no verdict are shown."""
_NOT_OF_ONE = (401, 403, 404)
"""Refusals that have nothing to do with what is judged: no key, or no such address."""

_TRIVIAL = Prompt(
    prompt_id="trivial",
    text="What is 1 + 1?",
    answers=("2",),
    solution=None,
    family="trivial",
    source="rsft",
    licence="CC0-1.0",
)


class _NoVerdictError(Exception):
    """Why a completion has no verdict."""


@dataclass(frozen=True, slots=True)
class JudgeLine:
    """A judge with an open line."""

    link: Link
    section: JudgeSection
    model: str

    async def prove(self) -> None:
        """Refuses a server that does not judge: a run would find that out a completion at a time.

        Raises:
            EngineError: Saying what the server said.
        """
        await self.link.check_model(self.model)
        trivial = grading(self.section.rubric, self.section.grades, _TRIVIAL, "2")
        with contextlib.suppress(DeclinedError):
            await self._ask(trivial, 0, f"{SETTING}, for a trivial verdict")

    async def judge(self, prompt: Prompt, text: str) -> Score:
        """The score of one completion.

        Raises:
            EngineError: Where no other completion would fare better.
        """
        if self.section.compare == "gold":
            return await self._judged(self._compare_with_gold(prompt, text))
        return await self._judged(self._grade(prompt, text))

    async def compare(self, prompt: Prompt, text: str, other: str) -> Score:
        """1 where the one completion is better than the other, 0 where it is worse, ½ for a tie.

        Raises:
            EngineError: Where no other pair would fare better.
        """
        return await self._judged(self._compare(prompt, text, other))

    async def _judged(self, verdict: Awaitable[Score]) -> Score:
        """The verdict's score; where there is none, an unscorable one that says why."""
        try:
            return await verdict
        except (_NoVerdictError, DeclinedError) as error:
            return unscorable(str(error))
        except RefusedError as error:
            if error.status in _NOT_OF_ONE:
                raise
            return unscorable(str(error))
        except UnansweredError as error:
            await self.link.check_model(self.model)  # one that is gone answers no other either
            return unscorable(str(error))

    async def _grade(self, prompt: Prompt, text: str) -> Score:
        best = self.section.grades
        request = grading(self.section.rubric, best, prompt, text)
        grade = await self._verdict(prompt, request, partial(read_grade, grades=best))
        return Score(
            reward=(grade - 1) / (best - 1), outcome=str(grade), breakdown={"grade": float(grade)}
        )

    async def _compare_with_gold(self, prompt: Prompt, text: str) -> Score:
        golds = [prompt.solution] if prompt.solution is not None else prompt.answers
        if not golds:
            return unscorable("the prompt has no gold answer to compare with")
        assert golds[0] is not None
        return await self._compare(prompt, text, golds[0])

    async def _compare(self, prompt: Prompt, text: str, other: str) -> Score:
        rubric = self.section.rubric
        requests = comparing(rubric, prompt, text, other), comparing(rubric, prompt, other, text)
        places: list[Place] = [
            await self._verdict(prompt, request, read_preference) for request in requests
        ]
        as_first, as_second = _won(places[0], "first"), _won(places[1], "second")
        reward = as_first if as_first == as_second else _TIE
        return Score(
            reward=reward,
            outcome={0.0: "worse", _TIE: "tie", 1.0: "better"}[reward],
            breakdown={"as_first": as_first, "as_second": as_second},
        )

    async def _verdict(
        self, prompt: Prompt, request: dict[str, Any], read: Callable[[str], _T | None]
    ) -> _T:
        said = ""
        for attempt in range(_TRIES):
            said = await self._ask(request, attempt, f"prompt {prompt.prompt_id!r}")
            verdict = read(said)
            if verdict is not None:
                return verdict
        shown = said if len(said) <= _SHOWN else said[:_SHOWN] + "…"
        raise _NoVerdictError(f"the judge gave no verdict in {_TRIES} tries, at last {shown!r}")

    async def _ask(self, request: dict[str, Any], attempt: int, what: str) -> str:
        address = generator("judge", json.dumps(request["messages"]), attempt)
        body = {
            "model": self.model,
            "temperature": 0.0,
            "max_tokens": self.section.max_tokens,
            "seed": int(address.integers(2**31)),
            **request,
        }
        (choice,) = await self.link.ask(body, 1, what)
        return choice.text


def _won(verdict: Place, own: Place) -> float:
    """What a completion got that stood in its ``own`` place."""
    return _TIE if verdict == "tie" else float(verdict == own)
