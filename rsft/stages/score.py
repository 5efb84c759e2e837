"""Stage ``score``: a reward for every candidate, and its density under the base where asked for.

Part by part, so that memory does not grow with the round.
"""

import shutil
from collections import Counter
from collections.abc import Sequence
from dataclasses import fields

from rsft.config import Config
from rsft.ledger import count_rows, read_rows, read_tables, rows_of, write_rows
from rsft.policy import Policy, load_policy, use_machine
from rsft.score import Score, build_rewards, refuse_all_unscorable, score_candidates
from rsft.score.densities import is_canonical, reference_logprobs
from rsft.stages.command import run_as_command
from rsft.stages.contract import BASE, here, split_file
from rsft.types import Candidate, Progress, Prompt, Scored

_CANDIDATE_FIELDS = [field.name for field in fields(Candidate)]
_ROWS_TOGETHER = 64
"""Of a teacher-forced batch."""


def run(config: Config, key: str, progress: Progress) -> None:
    """Scores the candidates of a round.

    Raises:
        VerifierError: Where a reward is broken, or can score no candidate at all.
    """
    use_machine(config.runtime)
    prompts = {prompt.prompt_id: prompt for prompt in read_rows(split_file("train"), Prompt)}
    rewards = build_rewards(config.score)
    compared = config.score.reference_logprob or "target_model" in config.score.rewards
    base = load_policy(BASE / "model") if compared else None
    base_version = base.version if base is not None else ""
    total, done = count_rows(here(key) / "candidates"), 0
    notes: Counter[str | None] = Counter()
    for number, table in enumerate(read_tables(here(key) / "candidates", Candidate)):
        candidates = rows_of(table, Candidate)
        scores = score_candidates(rewards, prompts, candidates)
        logprobs: Sequence[float | None] = [None] * len(candidates)
        if base is not None and config.score.reference_logprob:
            logprobs = reference_logprobs(
                base, base_version, prompts, candidates, batch_rows=_ROWS_TOGETHER
            )
        canonical = _is_canonical(base, candidates)
        rows = map(_scored, candidates, scores, logprobs, canonical)
        write_rows(here(key) / "scored" / f"part-{number:05}.parquet", Scored, rows)
        notes.update(score.note for score in scores)
        done += len(candidates)
        progress(done, total, _share_unscorable(notes))
    if notes and not notes[None]:
        shutil.rmtree(here(key) / "scored")
    refuse_all_unscorable(notes, f"round {key}")


def _is_canonical(base: Policy | None, candidates: Sequence[Candidate]) -> Sequence[bool | None]:
    return [None] * len(candidates) if base is None else is_canonical(base, candidates)


def _share_unscorable(notes: Counter[str | None]) -> str:
    share = 1 - notes[None] / max(1, notes.total())
    return f"{share:.1%} unscorable" if share else ""


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
