"""Kill-and-resume: SIGKILL at random steps of a training, and whether it ends in the same weights.

    python -m benchmarks.resume [--kills 20] [--processes 1] [--json]

A T5 with dropout learns made-up sums, with words dropped, early stopping and a checkpoint every
other step. Each time it is killed while it takes a random step, at a random moment of it, and
started again; weights and record must be those of the run that nobody disturbed, to the bit.
"""

import hashlib
import json
import multiprocessing
import os
import random
import signal
import tempfile
import time
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import torch

from benchmarks.killing import conclude, parser
from rsft.config import FinetuneSection, RenderingSection, ScratchSection, TrainingSection
from rsft.finetune import Checkpoints, train
from rsft.policy import Policy, build_scratch
from rsft.types import TrainingRow

STEPS = 40
EVERY = 2
SEED = 0
_FORK = multiprocessing.get_context("fork")


def main() -> None:
    """Prints one line per kill; exits with 1 where one ended otherwise."""
    asked = parser(__doc__, kills=20)
    asked.add_argument("--processes", type=int, default=1)
    arguments = asked.parse_args()
    torch.set_num_threads(arguments.processes)  # one each: more gain nothing at this size
    chosen = random.Random(SEED)
    results: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder:
        undisturbed = run(Path(folder) / "undisturbed", arguments.processes)
        expected, step_seconds = undisturbed["fingerprint"], undisturbed["seconds"] / STEPS
        print(f"undisturbed: {expected}", flush=True)
        for number in range(arguments.kills):
            place, step = Path(folder) / str(number), chosen.randrange(1, STEPS)
            delay = chosen.uniform(0, step_seconds)
            run(place, arguments.processes, kill=(step, delay))
            resumed = run(place, arguments.processes)
            results.append(
                {
                    "killed_in_step": step + 1,
                    "gone_on_from": resumed["gone_on_from"],
                    "is_same": resumed["fingerprint"] == expected,
                }
            )
            print(line(results[-1]), flush=True)
    conclude(
        results,
        "the same weights and record",
        as_json=arguments.json,
        processes=arguments.processes,
        steps=STEPS,
    )


def line(result: dict[str, Any]) -> str:
    """One kill for people."""
    verdict = "the same weights" if result["is_same"] else "OTHER WEIGHTS"
    return (
        f"killed in step {result['killed_in_step']:2}, gone on from "
        f"{result['gone_on_from']:2}: {verdict}"
    )


def run(folder: Path, processes: int, kill: tuple[int, float] | None = None) -> dict[str, Any]:
    """Trains in a child of this process.

    Args:
        folder: Where its checkpoints are.
        processes: Processes that it trains in.
        kill: After which step it is killed, and how many seconds after.

    Returns:
        Fingerprint, step gone on from, and seconds of the steps; of a killed one nothing.
    """
    heard, told = _FORK.Pipe(duplex=False)
    child = _FORK.Process(target=_train, args=(folder, processes, told))
    child.start()
    told.close()
    assert child.pid is not None
    result: dict[str, Any] = {}
    first = started = 0.0
    while True:
        try:
            message = heard.recv()
        except EOFError:
            break
        if isinstance(message, str):
            gone_on_from = int(first) - 1 if first else STEPS
            result = {"fingerprint": message, "gone_on_from": gone_on_from}
            result["seconds"] = time.perf_counter() - started
        elif not first:
            first, started = message, time.perf_counter()
        if kill is not None and message == kill[0]:
            time.sleep(kill[1])
            os.kill(child.pid, signal.SIGKILL)
            break
    child.join()
    return result


def _train(folder: Path, processes: int, told: Connection) -> None:
    section = FinetuneSection.model_validate(
        {
            "steps": STEPS,
            "batch_size": 16,
            "learning_rate": 0.003,
            "word_dropout": 0.15,
            "early_stopping": {"every": 5, "patience": 3},
            "checkpoint_steps": EVERY,
            "processes": processes,
        }
    )
    learnt, policy = rows(), untrained()
    training = train(
        policy,
        learnt[20:],
        section,
        seed=SEED,
        heldout=learnt[:20],
        checkpoints=Checkpoints(folder, {}),
        on_progress=lambda done, _total, _note="": told.send(done),
    )
    record = hashlib.sha256(json.dumps(training.as_dict()).encode()).hexdigest()
    told.send(f"weights {policy.version}, record {record[:16]}")


def untrained() -> Policy:
    """A T5 of half a million weights with dropout."""
    training = TrainingSection(steps=1, batch_size=1, learning_rate=1e-3)
    section = ScratchSection(
        d_model=96, d_ff=256, layers=2, heads=4, dropout=0.1, vocabulary=64, training=training
    )
    texts, completions = zip(*((row.prompt, row.completion) for row in rows()), strict=True)
    return build_scratch(section, RenderingSection(number_slots=True), texts, completions, SEED)


def rows() -> list[TrainingRow]:
    """Sums of two to six numbers, of several weights."""
    made = random.Random(SEED)
    found = []
    for number in range(200):
        count = made.randint(2, 6)
        found.append(
            TrainingRow(
                prompt_id=f"sum-{number}",
                prompt="add " + " and ".join(str(made.randint(1, 99)) for _ in range(count)),
                context=(),
                family=f"sums of {count}",
                completion=" + ".join(f"n{k}" for k in range(count)),
                weight=made.uniform(0.1, 1),
                round=1,
                draw=0,
                source="benchmark",
                licence="CC0-1.0",
            )
        )
    return found


if __name__ == "__main__":
    main()
