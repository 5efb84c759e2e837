"""Stage ``score``: a reward for every candidate, and its density under the base where asked for.

Part by part, so that memory does not grow with the round. What was scored is kept besides, so that
a killed run repeats one part at most: a judge that was asked is asked no more. With the section
``ray`` workers score several parts at a time, and this process alone writes them.
"""

import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from rsft.config import Config
from rsft.ledger import count_rows, files_of, read_table, read_tables, rows_of, write_rows
from rsft.score import refuse_all_unscorable
from rsft.score.parts import ScoredParts
from rsft.stages.command import run_as_command
from rsft.stages.contract import PRIVATE, here, split_file
from rsft.stages.prompts_in_step import PromptsInStep
from rsft.stages.scoring import Scorer, Work, load_scorer, scoring_plan
from rsft.stages.scoring_on_ray import gains_on_ray, score_on_ray
from rsft.types import Candidate, Progress, Prompt, Scored


def run(config: Config, key: str, progress: Progress) -> None:
    """Scores the candidates of a round.

    Raises:
        VerifierError: Where a reward is broken, or can score no candidate at all.
        EngineError: Where the workers on Ray cannot be had.
    """
    scorer = load_scorer(config)
    parts = ScoredParts(PRIVATE / "scores", key, scoring_plan(config, key, scorer.base_version))
    files = files_of(here(key) / "candidates")
    names = (f"part-{number:05}.parquet" for number in range(len(files)))
    targets = {file: here(key) / "scored" / name for file, name in zip(files, names, strict=True)}
    meter = _Meter(progress, count_rows(here(key) / "candidates"))
    missing = []
    for file, target in targets.items():
        if parts.take(file, target):
            meter.scored(target)
        else:
            missing.append(file)
    for file, rows in _scored(config, scorer, _works(missing)):
        write_rows(targets[file], Scored, rows)
        parts.keep(file, targets[file])
        meter.scored(targets[file])
    if meter.is_all_unscorable:
        shutil.rmtree(here(key) / "scored")
        parts.clear()
    refuse_all_unscorable(meter.notes, f"round {key}")


def _works(parts: Sequence[Path]) -> Iterator[tuple[Path, Work]]:
    """Each part with its candidates and their prompts."""
    prompts = PromptsInStep(split_file("train"))
    for file in parts:
        table = read_table(file, Candidate)
        asked = {prompt.prompt_id: prompt for prompt in rows_of(prompts.of(table), Prompt)}
        yield file, (asked, rows_of(table, Candidate))


def _scored(
    config: Config, scorer: Scorer, works: Iterator[tuple[Path, Work]]
) -> Iterator[tuple[Path, list[Scored]]]:
    """Each part and its rows, scored here or by workers."""
    if config.ray is not None and gains_on_ray(config.score):
        yield from score_on_ray(config, works)
        return
    for file, work in works:
        yield file, scorer.score(*work)


class _Meter:
    """Tells how the scoring goes: candidates done, and the share that could not be scored."""

    def __init__(self, progress: Progress, candidates: int) -> None:
        self.notes: Counter[str | None] = Counter()
        self._progress = progress
        self._candidates = candidates

    @property
    def is_all_unscorable(self) -> bool:
        """Whether there are scores, and none of them is one."""
        return bool(self.notes) and not self.notes[None]

    def scored(self, part: Path) -> None:
        """Counts a part that is written."""
        for table in read_tables(part, Scored, ["score_note"]):
            self.notes.update(table["score_note"].to_pylist())
        share = 1 - self.notes[None] / max(1, self.notes.total())
        note = f"{share:.1%} unscorable" if share else ""
        self._progress(self.notes.total(), self._candidates, note)


if __name__ == "__main__":
    run_as_command(run)
