"""Stage ``generate``: candidates for every training prompt, with their exact log-probabilities.

    prompts that fit ─► block by block: [ledger has them? else draw and append] in waves
                     ─► candidates/ in order, draws.parquet: one row per prompt

Candidates are drawn into a ledger outside the stage's outputs, so that a killed run repeats one
wave of one block at most, and more draws per prompt add to those there are. With the section
``ray`` workers draw several blocks at a time, and this process alone writes the ledger.
"""

import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from rsft.config import Config
from rsft.generate import (
    CandidateLedger,
    Request,
    Verdicts,
    Waves,
    draw_in_waves,
    success_rate,
    waves_of,
)
from rsft.ledger import read_rows, write_rows
from rsft.policy import encode_questions
from rsft.score import Score, build_quick_rewards, completion_of
from rsft.stages.command import run_as_command
from rsft.stages.contract import PRIVATE, before, here, split_file, stopped_before
from rsft.stages.drawing import Loaded, build_engine, drawing_plan, load, sampling_law
from rsft.stages.drawing_on_ray import draw_on_ray
from rsft.types import Candidate, Progress, Prompt, PromptDraws


def run(config: Config, key: str, progress: Progress) -> None:
    """Writes ``candidates/`` and ``draws.parquet`` of a round, empty once the rounds have ended.

    Raises:
        EngineError: Where the engine cannot draw as asked.
        LedgerError: Where a part of the ledger is corrupt, foreign, or cannot be written.
    """
    if stopped_before(config, key) is not None:
        write_rows(here(key) / "candidates" / "part-00000.parquet", Candidate, [])
        write_rows(here(key) / "draws.parquet", PromptDraws, [])
        return
    section = config.generate
    model = before(config, key) / "model"
    loaded = load(config, model)
    ledger = CandidateLedger(
        PRIVATE / "ledger", drawing_plan(config, key, loaded.version, model), config.seed
    )
    prompts = read_rows(split_file("train"), Prompt)
    starts = range(0, len(prompts), section.part_prompts)
    blocks = [range(start, min(start + section.part_prompts, len(prompts))) for start in starts]
    lengths = [
        len(ids)
        for block in blocks  # the tokens of all prompts would take more memory than their texts
        for ids in encode_questions(loaded.policy, [prompts[i] for i in block])
    ]
    limit = loaded.policy.prompt_limit(section.max_new_tokens)
    fits = [length <= limit for length in lengths]
    meter = _Meter(progress, len(prompts))
    judge = _Judge(config, meter)
    target = section.adaptive.target_accepted if section.adaptive else None
    cap = section.adaptive.max_draws if section.adaptive else section.draws_per_prompt
    waves = (
        waves_of(
            ledger,
            [prompts[i] for i in block if fits[i]],
            wave=section.draws_per_prompt,
            target=target,
            max_draws=cap,
            are_right=judge,
        )
        for block in blocks
    )
    outcomes: dict[int, list[PromptDraws]] = {}
    for number, verdicts in _drawn(config, key, loaded, model, waves, meter):
        told = iter(verdicts)
        outcomes[number] = [
            _outcome(prompts[i], lengths[i], next(told) if fits[i] else None, target)
            for i in blocks[number]
        ]
        meter.prompts_done(len(blocks[number]))
    drawn = [row for number in range(len(blocks)) for row in outcomes[number]]
    wanted = [
        Request(prompt=prompt, draws=range(row.draws))
        for prompt, row in zip(prompts, drawn, strict=True)
        if row.draws
    ]
    ledger.materialise(wanted, here(key) / "candidates", section.part_prompts)
    write_rows(here(key) / "draws.parquet", PromptDraws, drawn)


def _drawn(
    config: Config, key: str, loaded: Loaded, model: Path, blocks: Iterator[Waves], meter: "_Meter"
) -> Iterator[tuple[int, Verdicts]]:
    """Number and verdicts of each block, drawn here or by workers."""
    if config.ray is not None and config.generate.engine != "openai":
        yield from draw_on_ray(config, key, model, blocks, meter.drawn)
        return
    engine, law = build_engine(config, loaded, model), sampling_law(config)
    for number, waves in enumerate(blocks):
        yield (
            number,
            draw_in_waves(
                engine, waves, law, seed=config.seed, round=int(key), on_drawn=meter.drawn
            ),
        )


class _Judge:
    """Whether completions have the reward of a right answer, as far as rules can tell at once.

    Where a model has a say, nothing is known while drawing: it is asked in the stage ``score``.
    """

    def __init__(self, config: Config, meter: "_Meter") -> None:
        self._rewards = build_quick_rewards(config.score)
        self._correct_reward = config.filter.correct_reward
        self._meter = meter

    def __call__(
        self, drawn: Sequence[tuple[Prompt, Sequence[Candidate]]]
    ) -> list[list[bool | None]]:
        """Judges completions; one that the cap cut is not right, whatever it says."""
        if self._rewards is None:
            return [[None] * len(candidates) for _, candidates in drawn]
        finished = [
            (prompt, [completion_of(row) for row in rows if row.finish_reason == "stop"])
            for prompt, rows in drawn
        ]
        verdicts = []
        for (_, rows), scores in zip(drawn, self._rewards.score_all(finished), strict=True):
            told = iter(scores)
            verdicts.append(
                [
                    False if row.finish_reason == "length" else self._is_right(next(told))
                    for row in rows
                ]
            )
        self._meter.judged(verdicts)
        return verdicts

    def _is_right(self, score: Score) -> bool | None:
        return None if score.reward is None else score.reward >= self._correct_reward


def _outcome(
    prompt: Prompt, tokens: int, verdicts: Sequence[bool | None] | None, target: int | None
) -> PromptDraws:
    known = [verdict for verdict in verdicts or () if verdict is not None]
    return PromptDraws(
        prompt_id=prompt.prompt_id,
        status="too_long" if verdicts is None else "drawn",
        prompt_tokens=tokens,
        draws=len(verdicts or ()),
        scored=len(known),
        right=sum(known),
        success_rate=success_rate(verdicts or (), target),
    )


class _Meter:
    """Tells how the drawing goes: prompts done, rates of this process, and the share of right."""

    def __init__(self, progress: Progress, prompts: int) -> None:
        self._progress = progress
        self._prompts = prompts
        self._done = 0
        self._candidates = self._tokens = self._scored = self._right = 0
        self._started = time.perf_counter()

    def drawn(self, candidates: Iterable[Candidate]) -> None:
        """Counts candidates as they are drawn."""
        for candidate in candidates:
            self._candidates += 1
            self._tokens += candidate.token_count or 0
        self._tell()

    def judged(self, verdicts: Iterable[Iterable[bool | None]]) -> None:
        """Counts the right ones of a wave, among those that could be scored."""
        known = [verdict for row in verdicts for verdict in row if verdict is not None]
        self._scored += len(known)
        self._right += sum(known)

    def prompts_done(self, done: int) -> None:
        """Says that so many more prompts have all of their draws."""
        self._done += done
        self._tell()

    def _tell(self) -> None:
        seconds = time.perf_counter() - self._started
        notes = []
        if self._candidates:
            notes.append(f"{self._candidates / seconds:,.0f} candidates/s")
            notes.append(f"{self._tokens / seconds:,.0f} tokens/s")
        if self._scored:
            notes.append(f"{self._right / self._scored:.0%} right")
        self._progress(self._done, self._prompts, ", ".join(notes))


if __name__ == "__main__":
    run_as_command(run)
