"""Drawing in workers on Ray: a wave of a part is one piece of work, this process keeps the ledger.

A part is drawn whole by one worker, under the batch plan of one machine; so its rows are those
that one machine draws, whoever draws it and however often it was lost. That is, on machines of the
same kind: a worker with other code, libraries or another processor is refused.
"""

import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from rsft.cluster import Workers
from rsft.config import Config
from rsft.generate import OnDrawn, Request, Verdicts, Waves
from rsft.stages.drawing import CODE, LIBRARIES, build_engine, load, sampling_law
from rsft.stages.fingerprint import machine_of
from rsft.stages.nodes import Files, read_files, refuse_unlike, write_files
from rsft.types import Candidate

_Work = tuple[Request, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Job:
    """What a worker is told once."""

    config: Config
    """All settings."""
    round: int
    """The round."""
    files: Files
    """The policy's folder."""
    machine: Mapping[str, str]
    """What the worker must be like."""


def draw_on_ray(
    config: Config, key: str, model: Path, blocks: Iterable[Waves], on_drawn: OnDrawn
) -> Iterator[tuple[int, Verdicts]]:
    """Draws blocks of prompts, several at a time.

    Args:
        config: All settings, the section ``ray`` among them.
        key: The round.
        model: The policy's folder.
        blocks: The waves of each block.
        on_drawn: Told of a wave's candidates when they are here.

    Returns:
        Number and verdicts of each block, in the order of finishing.

    Raises:
        EngineError: Where an engine cannot draw as asked, or the workers cannot be had.
    """
    assert config.ray is not None
    numbered = enumerate(blocks)
    begun: dict[int, Waves] = {}
    with Workers(
        config.ray,
        cpus=config.runtime.threads,
        gpus=int(config.runtime.device == "cuda"),
        build=_engine_of,
        job=lambda: _Job(
            config=config,
            round=int(key),
            files=read_files(model, model),
            machine=machine_of(CODE, LIBRARIES, config.runtime.device),
        ),
    ) as workers:
        drawn: list[Candidate] | None = None
        while True:
            if workers.have_room and (block := next(numbered, None)) is not None:
                number, begun[block[0]] = block
                drawn = None
            elif workers.are_at_work:
                number, drawn = workers.next_result()
                on_drawn(drawn)
            else:
                return
            try:
                missing = next(begun[number]) if drawn is None else begun[number].send(drawn)
            except StopIteration as ended:
                del begun[number]
                yield number, ended.value
            else:
                workers.submit(number, tuple(missing))


def _engine_of(job: _Job) -> Callable[[_Work], list[Candidate]]:
    """What a worker does: it keeps the policy that it was sent."""
    machine = machine_of(CODE, LIBRARIES, job.config.runtime.device)
    refuse_unlike(job.machine, machine, "draw other rows")
    with tempfile.TemporaryDirectory() as folder:
        write_files(job.files, Path(folder))
        engine = build_engine(job.config, load(job.config, Path(folder)), Path(folder))
    law, seed = sampling_law(job.config), job.config.seed
    return lambda requests: engine.draw(requests, law, seed=seed, round=job.round)
