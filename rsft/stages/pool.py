"""Stage ``pool``: the rows of all rounds so far, those kept and those merely seen.

Training on the last round alone has made models worse (Llama 2's V3), so every round trains on
all of them. ``seen`` holds every finished candidate, unfiltered: what the controls are drawn from.
"""

from collections import defaultdict

from rsft.config import Config
from rsft.ledger import read_rows, write_rows
from rsft.randomness import generator
from rsft.stages.command import run_as_command
from rsft.stages.contract import before, here, split_file
from rsft.types import Decided, Progress, Prompt, TrainingRow


def run(config: Config, key: str, progress: Progress) -> None:
    """Adds a round's accepted rows, each (prompt, completion) once, at most so many a prompt."""
    prompts = {prompt.prompt_id: prompt for prompt in read_rows(split_file("train"), Prompt)}
    earlier = before(config, key) / "pool"
    decided = read_rows(here(key) / "decisions", Decided)
    accepted = [_row(row, prompts, row.weight) for row in decided if row.is_accepted]
    finished = [_row(row, prompts, 1.0) for row in decided if row.finish_reason == "stop"]
    kept = read_rows(earlier / "kept.parquet", TrainingRow)
    kept = kept + _new_rows(kept, accepted, config.pool.max_per_prompt, seed=config.seed)
    seen = read_rows(earlier / "seen.parquet", TrainingRow) + finished
    write_rows(here(key) / "pool" / "kept.parquet", TrainingRow, kept)
    write_rows(here(key) / "pool" / "seen.parquet", TrainingRow, seen)


def _row(decided: Decided, prompts: dict[str, Prompt], weight: float) -> TrainingRow:
    prompt = prompts[decided.prompt_id]
    return TrainingRow(
        prompt_id=prompt.prompt_id,
        prompt=prompt.text,
        context=prompt.context,
        completion=decided.text,
        weight=weight,
        round=decided.round,
        draw=decided.draw,
        source=prompt.source,
        licence=prompt.licence,
    )


def _new_rows(
    kept: list[TrainingRow], accepted: list[TrainingRow], max_per_prompt: int | None, *, seed: int
) -> list[TrainingRow]:
    """The accepted rows that the pool does not hold yet and that its cap leaves room for.

    Where there is not room for all of a prompt's, which ones are taken is a shuffle with an address
    of its own: neither other prompts nor the order of a table may decide it.
    """
    held: dict[str, set[str]] = defaultdict(set)
    for row in kept:
        held[row.prompt_id].add(row.completion)
    fresh: dict[str, dict[str, TrainingRow]] = defaultdict(dict)
    for row in sorted(accepted, key=lambda row: row.draw):
        if row.completion not in held[row.prompt_id]:
            fresh[row.prompt_id].setdefault(row.completion, row)
    chosen = []
    for prompt_id, by_completion in fresh.items():
        rows = list(by_completion.values())
        order = generator("pool", seed, rows[0].round, prompt_id).permutation(len(rows)).tolist()
        room = None if max_per_prompt is None else max(0, max_per_prompt - len(held[prompt_id]))
        chosen += [rows[place] for place in order[:room]]
    return sorted(chosen, key=lambda row: (row.prompt_id, row.draw))


if __name__ == "__main__":
    run_as_command(run)
