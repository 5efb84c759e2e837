"""Stage ``score``: a reward for every candidate."""

from rsft.config import Config
from rsft.ledger import read_rows, write_rows
from rsft.score import build_rewards, score_candidates
from rsft.stages.command import run_as_command
from rsft.stages.contract import here, split_file
from rsft.types import Candidate, Progress, Prompt, Scored


def run(config: Config, key: str, progress: Progress) -> None:
    """Scores the candidates of a round."""
    prompts = {prompt.prompt_id: prompt for prompt in read_rows(split_file("train"), Prompt)}
    candidates = read_rows(here(key) / "candidates", Candidate)
    scored = score_candidates(build_rewards(config.score), prompts, candidates)
    write_rows(here(key) / "scored" / "part-00000.parquet", Scored, scored)


if __name__ == "__main__":
    run_as_command(run)
