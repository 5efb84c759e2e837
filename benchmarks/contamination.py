"""The contamination check: its speed and memory as rows grow, and what GSM8K's splits share.

    python -m benchmarks.contamination [--rows 100000 1000000] [--evaluation 10000]

Made-up completions of 50 to 110 words from a vocabulary of 3,000, all different, are searched for
made-up questions of 30 to 60 words of the same vocabulary, in a process of its own for each number
of rows: the worst case, since every word is one to look for, yet hardly an n-gram is found. One row
in a thousand has a question planted in it, and all of those must be found. GSM8K is read where it
lies in ``../shared/data``: how many test prompts have a training prompt near them, by the share of
n-grams that counts as near.
"""

import argparse
import json
import multiprocessing
import resource
import time
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
import pyarrow as pa

from rsft.config import ContaminationSection
from rsft.prompts.contamination import KINDS, EvaluationText
from rsft.types import Prompt

GSM8K = Path(__file__).parents[2] / "shared" / "data" / "gsm8k"
WORDS = 3_000


def main() -> None:
    """Prints one line per number of rows, then GSM8K's."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--evaluation", type=int, default=10_000, help="evaluation prompts")
    arguments = parser.parse_args()
    print("     rows     CPU s    rows/s   planted   found   added memory", flush=True)
    for rows in arguments.rows:
        context = multiprocessing.get_context("spawn")
        receiver, sender = context.Pipe(duplex=False)
        worker = context.Process(target=measure, args=(rows, arguments.evaluation, sender))
        worker.start()
        seconds, planted, found, kib = receiver.recv()
        worker.join()
        print(
            f"{rows:9,}{seconds:10.1f}{rows / seconds:10,.0f}{planted:10,}{found:8,}"
            f"{kib / 2**20:11.2f} GiB",
            flush=True,
        )
    if GSM8K.exists():
        show_gsm8k()


def measure(rows: int, prompts: int, sender: Connection) -> None:
    """Searches rows; sends CPU seconds, planted and found rows, and what memory grew by."""
    random = np.random.default_rng(1)
    questions = [_text(random, 30, 60) for _ in range(prompts)]
    texts = [_text(random, 50, 110) for _ in range(rows)]
    planted = range(0, rows, 1000)
    for number in planted:
        texts[number] += f" {questions[number % prompts].upper()}"
    completions = pa.chunked_array([pa.array(texts)])
    held_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started = time.process_time()
    evaluation = EvaluationText({"eval": _prompts(questions)}, ContaminationSection())
    found = evaluation.in_completions(completions)
    seconds = time.process_time() - started
    exact = np.unique(found["text"][found["kind"] == KINDS.index("exact")])
    assert set(planted) <= set(exact.tolist()), "a planted question was not found"
    grown_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - held_kib
    sender.send((seconds, len(planted), len(exact), grown_kib))


def _text(random: np.random.Generator, least: int, most: int) -> str:
    return " ".join(
        f"w{word}" for word in random.integers(WORDS, size=random.integers(least, most))
    )


def _prompts(questions: list[str], solutions: list[str | None] | None = None) -> list[Prompt]:
    return [
        Prompt(
            prompt_id=f"p{number}",
            text=text,
            answers=(),
            solution=solutions[number] if solutions else None,
            family="f",
            source="s",
            licence="unknown",
        )
        for number, text in enumerate(questions)
    ]


def show_gsm8k() -> None:
    """How many test prompts are near a training prompt or solution, by what counts as near."""
    train, test = (_read(split) for split in ("train", "test"))
    print(f"\nGSM8K: of {len(test):,} test prompts, near one of {len(train):,} training rows")
    print("n-gram share       n  question  solution")
    for words in (6, 8, 10):
        for share in (0.2, 0.3, 0.4, 0.5, 0.6):
            section = ContaminationSection(ngram_words=words, ngram_share=share)
            evaluation = EvaluationText({"test": test}, section)
            near = evaluation.in_prompts(train)
            solved = evaluation.in_completions(pa.chunked_array([[p.solution for p in train]]))
            questions = np.unique(near["prompt"][near["kind"] == KINDS.index("ngram")])
            solutions = np.unique(solved["prompt"][solved["kind"] == KINDS.index("solution")])
            print(f"{share:12.1f}{words:8}{len(questions):10}{len(solutions):10}")


def _read(split: str) -> list[Prompt]:
    lines = (GSM8K / f"{split}.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    return _prompts([row["question"] for row in rows], [row["answer"] for row in rows])


if __name__ == "__main__":
    main()
