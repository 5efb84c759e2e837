"""Stage ``score``: a reward for every candidate, and its density under the base where asked for."""

from collections.abc import Mapping, Sequence
from dataclasses import fields

from rsft.config import Config
from rsft.ledger import read_rows, write_rows
from rsft.score import Score, build_rewards, refuse_all_unscorable, score_candidates
from rsft.stages.command import run_as_command
from rsft.stages.contract import here, split_file
from rsft.types import Candidate, Progress, Prompt, Scored

_CANDIDATE_FIELDS = [field.name for field in fields(Candidate)]


def run(config: Config, key: str, progress: Progress) -> None:
    """Scores the candidates of a round.

    Raises:
        VerifierError: Where a reward is broken, or can score no candidate at all.
    """
    prompts = {prompt.prompt_id: prompt for prompt in read_rows(split_file("train"), Prompt)}
    candidates = read_rows(here(key) / "candidates", Candidate)
    scores = score_candidates(build_rewards(config.score), prompts, candidates, progress)
    refuse_all_unscorable(scores, f"round {key}")
    logprobs, canonical = _under_the_base(config, candidates, prompts, progress)
    rows = map(_scored, candidates, scores, logprobs, canonical)
    write_rows(here(key) / "scored" / "part-00000.parquet", Scored, rows)


def _under_the_base(
    config: Config,
    candidates: Sequence[Candidate],
    prompts: Mapping[str, Prompt],
    progress: Progress,
) -> tuple[Sequence[float | None], Sequence[bool | None]]:
    """Of each candidate, log π_ref and whether its tokens are those that its text is encoded as."""
    return [None] * len(candidates), [None] * len(candidates)


def _scored(
    candidate: Candidate, score: Score, logprob: float | None, is_canonical: bool | None
) -> Scored:
    return Scored(
        **{name: getattr(candidate, name) for name in _CANDIDATE_FIELDS},
        reward=score.reward,
        reward_breakdown=dict(score.breakdown),
        score_status=score.status,
        score_note=score.note,
        outcome=score.outcome,
        reference_logprob=logprob,
        is_canonical=is_canonical,
    )


if __name__ == "__main__":
    run_as_command(run)
