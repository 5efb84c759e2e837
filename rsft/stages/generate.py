"""Stage ``generate``: candidates for every training prompt, with their exact log-probabilities.

    prompts that fit ─► block by block: [ledger has them? else draw and append] in waves
                     ─► candidates/ in order, a part a block; draws.parquet: one row per prompt

Candidates are drawn into a ledger outside the stage's outputs, so that a killed run repeats one
wave of one block at most, and more draws per prompt add to those there are. With the section
``ray`` workers draw several blocks at a time, and this process alone writes the ledger. Of all
prompts memory holds a row of ``draws.parquet`` and a place in the ledger, their texts block by
block.
"""

import time
from collections.abc import Iterable, Iterator, Sequence
from itertools import compress, islice
from pathlib import Path

import numpy as np
import pyarrow as pa

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
from rsft.ledger import stream_rows, table_of, write_rows, write_table
from rsft.policy import Policy, encode_questions
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
    size = section.part_prompts
    lengths = [_lengths(loaded.policy, prompts) for prompts in _blocks(size)]
    drawn = _outcomes(config, key, loaded, model, ledger, lengths, progress)
    for number, (prompts, table) in enumerate(zip(_blocks(size), drawn, strict=True)):
        wanted = [
            Request(prompt=prompt, draws=range(draws))
            for prompt, draws in zip(prompts, table["draws"].to_pylist(), strict=True)
            if draws
        ]
        ledger.write(wanted, here(key) / "candidates" / f"part-{number:05d}.parquet")
    write_table(here(key) / "draws.parquet", pa.concat_tables(drawn))


def _outcomes(
    config: Config,
    key: str,
    loaded: Loaded,
    model: Path,
    ledger: CandidateLedger,
    lengths: Sequence[np.ndarray],
    progress: Progress,
) -> list[pa.Table]:
    """Has the ledger hold all draws; returns a table of ``PromptDraws`` for each block."""
    section = config.generate
    limit = loaded.policy.prompt_limit(section.max_new_tokens)
    meter = _Meter(progress, sum(map(len, lengths)))
    judge = _Judge(config, meter)
    target = section.adaptive.target_accepted if section.adaptive else None
    cap = section.adaptive.max_draws if section.adaptive else section.draws_per_prompt
    begun: dict[int, list[Prompt]] = {}

    def waves() -> Iterator[Waves]:
        for number, prompts in enumerate(_blocks(section.part_prompts)):
            begun[number] = prompts
            fits = (lengths[number] <= limit).tolist()
            yield waves_of(
                ledger,
                list(compress(prompts, fits)),
                wave=section.draws_per_prompt,
                target=target,
                max_draws=cap,
                are_right=judge,
            )

    outcomes: dict[int, pa.Table] = {}
    for number, verdicts in _drawn(config, key, loaded, model, waves(), meter):
        told, prompts = iter(verdicts), begun.pop(number)
        rows = [
            _outcome(prompt, length, next(told) if length <= limit else None, target)
            for prompt, length in zip(prompts, lengths[number].tolist(), strict=True)
        ]
        outcomes[number] = table_of(PromptDraws, rows)
        meter.prompts_done(len(prompts))
    return [outcomes[number] for number in range(len(lengths))]


def _blocks(size: int) -> Iterator[list[Prompt]]:
    """The training prompts, so many at a time; one block without any where there are none."""
    prompts = stream_rows(split_file("train"), Prompt)
    yield list(islice(prompts, size))
    while block := list(islice(prompts, size)):
        yield block


def _lengths(policy: Policy, prompts: Sequence[Prompt]) -> np.ndarray:
    """Tokens of each prompt, (P,); all are read before any is drawn for: none is to fail late."""
    return np.array([len(ids) for ids in encode_questions(policy, prompts)], dtype=np.int32)


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
