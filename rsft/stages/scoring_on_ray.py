"""Scoring in workers on Ray: a part of candidates is one piece of work, this process writes.

A worker scores a part whole, as this process would: its models read the same batches, and rules and
functions of the user's are asked in processes that it can kill. It keeps its models between parts.
What gains nothing is scored here: rules alone (85,000 completions a second), and whatever a judge
grades, whose server takes so many requests at once and no more.
"""

import os
import weakref
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from rsft.cluster import Workers
from rsft.config import MODEL_BASED, RAW, Config, ScoreSection, is_own
from rsft.stages.contract import BASE
from rsft.stages.fingerprint import machine_of
from rsft.stages.nodes import Files, read_files, refuse_unlike, write_files
from rsft.stages.scoring import CODE, LIBRARIES, Work, load_scorer, needs_base
from rsft.types import Scored


@dataclass(frozen=True, slots=True, kw_only=True)
class _Job:
    """What a worker is told once."""

    config: Config
    """All settings."""
    files: Files
    """What of the workspace it reads."""
    machine: Mapping[str, str]
    """What the worker must be like."""


def gains_on_ray(section: ScoreSection) -> bool:
    """Whether workers would be faster: a model or a function of the user's is asked, no judge."""
    if "judge" in section.rewards:
        return False
    slow = (name in MODEL_BASED or is_own(name) for name in section.rewards)
    return section.reference_logprob or any(slow)


def score_on_ray(
    config: Config, works: Iterator[tuple[Path, Work]]
) -> Iterator[tuple[Path, list[Scored]]]:
    """Scores parts of candidates, several at a time.

    Args:
        config: All settings, the section ``ray`` among them.
        works: Tables of ``Candidate``, with what is to be scored.

    Returns:
        Each part and its rows, in the order of finishing.

    Raises:
        RsftError: Where a reward is broken as such, or the workers cannot be had.
    """
    assert config.ray is not None
    files: list[Path] = []
    with Workers(
        config.ray,
        cpus=config.runtime.threads,
        gpus=int(config.runtime.device == "cuda"),
        build=_scorer_of,
        job=lambda: _Job(
            config=config,
            files=_files_for(config.score),
            machine=machine_of(CODE, LIBRARIES, config.runtime.device),
        ),
    ) as workers:
        while True:
            if workers.have_room and (next_work := next(works, None)) is not None:
                file, work = next_work
                workers.submit(len(files), work)
                files.append(file)
            elif workers.are_at_work:
                number, rows = workers.next_result()
                yield files[number], rows
            else:
                return


def _files_for(section: ScoreSection) -> Files:
    """The folders of models; where a function of the user's may read it, all that was brought."""
    folders = [BASE / "model"] if needs_base(section) else []
    models = [s.model for s in (section.reward_model, section.target_model) if s is not None]
    folders += [path for path in map(Path, models) if not path.is_absolute() | (".." in path.parts)]
    folders += [RAW] if any(map(is_own, section.rewards)) else []
    return {path: file for folder in folders for path, file in read_files(folder, Path()).items()}


def _scorer_of(job: _Job) -> Callable[[Work], list[Scored]]:
    """What a worker does, in a folder that holds what it was sent."""
    machine = machine_of(CODE, LIBRARIES, job.config.runtime.device)
    refuse_unlike(job.machine, machine, "score otherwise")
    folder = TemporaryDirectory()
    write_files(job.files, Path(folder.name))
    os.chdir(folder.name)
    scorer = load_scorer(job.config, processes=job.config.runtime.threads)
    scorer.rewards.score_all([])  # their models are loaded, and functions imported

    def score(work: Work) -> list[Scored]:
        return scorer.score(*work)

    weakref.finalize(score, folder.cleanup)
    return score
