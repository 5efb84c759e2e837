"""A judge: a model behind an OpenAI-compatible server that grades completions by a rubric.

    compare: none   a grade g of 1 … n; the reward is (g − 1)/(n − 1)
    compare: gold   completion against gold answer, asked in both orders: 1 where the completion
                    wins both, 0 where it loses both, else a tie, ½

What cannot be judged is unscorable, never a number: see ``judge_line``. Left out: several votes,
and the probabilities of the grades; one verdict is what every server gives.
"""

from collections.abc import Sequence

from rsft.config import JudgeSection
from rsft.errors import ConfigurationError
from rsft.score.judge_line import SETTING, JudgeLine
from rsft.score.reward import Asked, Score
from rsft.types import Completion, Progress, Prompt
from rsft.wire import Link, gather_all, run_coroutine


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
        pairs = [(prompt, completion.text) for prompt, several in asked for completion in several]
        scores = iter(run_coroutine(self._judge_all(pairs, progress)) if pairs else [])
        return [[next(scores) for _ in completions] for _, completions in asked]

    def gold(self, prompt: Prompt) -> str | None:
        """None: no completion has a known grade."""
        return None

    async def _judge_all(
        self, pairs: Sequence[tuple[Prompt, str]], progress: Progress | None
    ) -> list[Score]:
        scores: dict[int, Score] = {}
        left = iter(enumerate(pairs))
        async with Link(self._section.server, SETTING) as link:
            line = JudgeLine(link, self._section, self._model)
            if not self._is_proven:
                await line.prove()
                self._is_proven = True

            async def work() -> None:
                for number, (prompt, text) in left:
                    scores[number] = await line.judge(prompt, text)
                    if progress is not None:
                        progress(len(scores), len(pairs))

            await gather_all(work() for _ in range(self._section.server.concurrency))
        return [scores[number] for number in range(len(pairs))]
