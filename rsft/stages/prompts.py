"""Stage ``prompts``: makes or reads the prompts, checks their splits, and what training ones leak.

Everything a run trains on comes from these prompts. So one that is excluded (``prompts.exclude``),
forgotten (``rsft forget``), or dropped for what it shares with evaluation (``pool.contamination``),
is in no pool and no model. How many of each split were forgotten stands in ``forgotten.json``.
Labelled solutions are searched here too, before a base learns from them; drawn completions are
searched where they enter, in the stage ``pool``.
"""

import pyarrow as pa

from rsft.config import TRAINING, Config
from rsft.ledger import write_rows, write_table
from rsft.prompts.contamination import EvaluationText
from rsft.prompts.forgotten import read_forgotten
from rsft.prompts.leaks import leaks_in_prompts, leaks_in_rows, refuse_leaks
from rsft.prompts.splits import load_splits, require_prompts
from rsft.stages.command import run_as_command
from rsft.stages.contract import FORGOTTEN_COUNTS, PROMPT_LEAKS, split_file, write_json
from rsft.types import Progress, Prompt


def run(config: Config, key: str, progress: Progress) -> None:
    """Writes one table per split, and what was found in the training ones.

    Raises:
        ConfigurationError: Where no prompts are left to sample on or to evaluate a set on.
        PromptsError: Where ``pool.contamination`` says to stop at what was found, or the list of
            what is to be forgotten cannot be read.
    """
    splits, forgotten = load_splits(config.prompts, seed=config.seed, forgotten=read_forgotten())
    sets = config.evaluate.sets
    require_prompts(splits, sets)
    evaluation = EvaluationText(
        {name: splits[split] for name, split in sets.items()}, config.pool.contamination
    )
    tables = []
    for split in TRAINING:
        splits[split], table = _without_leaks(splits.get(split, []), evaluation)
        tables.append(table)
    require_prompts(splits, sets)
    for split, rows in splits.items():
        write_rows(split_file(split), Prompt, rows)
    write_table(PROMPT_LEAKS, pa.concat_tables(tables))
    write_json(FORGOTTEN_COUNTS, forgotten)


def _without_leaks(
    prompts: list[Prompt], evaluation: EvaluationText
) -> tuple[list[Prompt], pa.Table]:
    """The prompts that are not dropped, and all that was found."""
    in_prompts = leaks_in_prompts(evaluation, prompts)
    refuse_leaks(in_prompts.table)
    in_solutions = leaks_in_rows(evaluation, _solutions(prompts))
    refuse_leaks(in_solutions.table)
    is_clean = (in_prompts.is_clean_N & in_solutions.is_clean_N).tolist()
    kept = [prompt for prompt, clean in zip(prompts, is_clean, strict=True) if clean]
    return kept, pa.concat_tables([in_prompts.table, in_solutions.table])


def _solutions(prompts: list[Prompt]) -> pa.Table:
    """The rows of round 0, one a prompt; empty where there is no solution to learn from."""
    zeros = pa.array([0] * len(prompts), pa.int64())
    return pa.table(
        {
            "prompt_id": pa.array([prompt.prompt_id for prompt in prompts], pa.string()),
            "round": zeros,
            "draw": zeros,
            "completion": pa.array([prompt.solution or "" for prompt in prompts], pa.string()),
        }
    )


if __name__ == "__main__":
    run_as_command(run)
