"""A judge: a model behind an OpenAI-compatible server that grades completions by a rubric.

    compare: none   a grade g of 1 … n; the reward is (g − 1)/(n − 1)
    compare: gold   completion against gold answer, asked in both orders: 1 where the completion
                    wins both, 0 where it loses both, else a tie, ½

Two completions of a prompt are compared in the same way, whatever ``compare`` says.

What cannot be judged is unscorable, never a number: see ``judge_line``. Left out: several votes,
and the probabilities of the grades; one verdict is what every server gives.
"""

from collections.abc import Awaitable, Callable, Sequence
from functools import partial

from rsft.config import JudgeSection
from rsft.errors import ConfigurationError
from rsft.score.judge_line import SETTING, JudgeLine
from rsft.score.reward import Asked, Score
from rsft.types import Completion, Progress, Prompt
from rsft.wire import Link, gather_all, run_coroutine

_Request = Callable[[JudgeLine], Awaitable[Score]]
"""What is asked over an open line."""


class Judge:
    """The reward of a completion in a judge's eyes; asked of a server when first used."""

    def __init__(self, section: JudgeSection) -> None:
        """Takes the settings.

        Raises:
            ConfigurationError: Where the judge's model is not named.
        """
        if section.server.model is None:
            raise ConfigurationError(f"{SETTING}.model = null: name the model that judges")
        self._section = section
        self._model = section.server.model
        self._is_proven = False

    def score(self, prompt: Prompt, completions: Sequence[Completion]) -> list[Score]:
        """Judges completions of one prompt, each for itself."""
        return self.score_all([(prompt, completions)], None)[0]

    def score_all(self, asked: Sequence[Asked], progress: Progress | None) -> list[list[Score]]:
        """Judges the completions of many prompts, so many at once as the server takes.

        Raises:
            EngineError: Where the server cannot be reached, serves another model, or judges
                nothing at all.
        """
        requests = [
            partial(JudgeLine.judge, prompt=prompt, text=completion.text)
            for prompt, several in asked
            for completion in several
        ]
        scores = iter(self._ask(requests, progress))
        return [[next(scores) for _ in completions] for _, completions in asked]

    def compare(
        self, asked: Sequence[tuple[Prompt, str, str]], progress: Progress | None
    ) -> list[Score]:
        """Compares two completions of each of many prompts, each pair in both orders.

        Args:
            asked: Prompts with the one completion and the other.
            progress: Told of the pairs.

        Returns:
            1 where the one is better, 0 where the other is, ½ where the verdicts change with the
            order, in the order given.

        Raises:
            EngineError: As ``score_all``.
        """
        requests = [
            partial(JudgeLine.compare, prompt=prompt, text=text, other=other)
            for prompt, text, other in asked
        ]
        return self._ask(requests, progress)

    def gold(self, prompt: Prompt) -> str | None:
        """None: no completion has a known grade."""
        return None

    def _ask(self, requests: Sequence[_Request], progress: Progress | None) -> list[Score]:
        return run_coroutine(self._ask_all(requests, progress)) if requests else []

    async def _ask_all(
        self, requests: Sequence[_Request], progress: Progress | None
    ) -> list[Score]:
        scores: dict[int, Score] = {}
        left = iter(enumerate(requests))
        async with Link(self._section.server, SETTING) as link:
            line = JudgeLine(link, self._section, self._model)
            if not self._is_proven:
                await line.prove()
                self._is_proven = True

            async def work() -> None:
                for number, request in left:
                    scores[number] = await request(line)
                    if progress is not None:
                        progress(len(scores), len(requests))

            await gather_all(work() for _ in range(self._section.server.concurrency))
        return [scores[number] for number in range(len(requests))]
