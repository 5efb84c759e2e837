"""Stage ``score``: a reward for every candidate, and its density under the base where asked for.

Part by part, so that memory does not grow with the round. What was scored is kept besides, so that
a killed run repeats one part at most: a judge that was asked is asked no more.
"""

import shutil
from collections import Counter
from collections.abc import Sequence
from dataclasses import fields
from importlib.metadata import version
from pathlib import Path

from rsft.config import RAW, Config
from rsft.ledger import count_rows, read_rows, read_tables, write_rows
from rsft.policy import Policy, load_policy, use_machine
from rsft.score import Score, build_rewards, refuse_all_unscorable, score_candidates
from rsft.score.densities import is_canonical, reference_logprobs
from rsft.score.parts import ScoredParts, file_hash
from rsft.stages.command import run_as_command
from rsft.stages.contract import BASE, PRIVATE, here, split_file
from rsft.stages.fingerprint import code_fingerprint
from rsft.types import Candidate, Progress, Prompt, Scored

_CANDIDATE_FIELDS = [field.name for field in fields(Candidate)]
_ROWS_TOGETHER = 64
"""Of a teacher-forced batch."""
_LIBRARIES = ("jinja2", "math-verify", "numpy", "pyarrow", "tokenizers", "torch", "transformers")
_CODE = code_fingerprint(
    "config", "ledger.py", "policy", "prompts", "score", "stages/score.py", "types.py", "wire"
)
_REACHED_BY = {"base_url", "concurrency", "timeout_seconds", "api_key_variable"}
"""How a judge's server is reached: one that was started anew is the same."""


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
    parts = ScoredParts(PRIVATE / "scores", key, scoring_plan(config, key, base_version))
    total, done = count_rows(here(key) / "candidates"), 0
    notes: Counter[str | None] = Counter()
    for number, file in enumerate(sorted((here(key) / "candidates").glob("*.parquet"))):
        scored = here(key) / "scored" / f"part-{number:05}.parquet"
        if not parts.take(file, scored):
            candidates = read_rows(file, Candidate)
            scores = score_candidates(rewards, prompts, candidates)
            logprobs: Sequence[float | None] = [None] * len(candidates)
            if base is not None and config.score.reference_logprob:
                logprobs = reference_logprobs(
                    base, base_version, prompts, candidates, batch_rows=_ROWS_TOGETHER
                )
            canonical = _is_canonical(base, candidates)
            write_rows(scored, Scored, map(_scored, candidates, scores, logprobs, canonical))
            parts.keep(file, scored)
        for table in read_tables(scored, Scored, ["score_note"]):
            notes.update(table["score_note"].to_pylist())
        done += count_rows(file)
        progress(done, total, _share_unscorable(notes))
    if notes and not notes[None]:
        shutil.rmtree(here(key) / "scored")
        parts.clear()
    refuse_all_unscorable(notes, f"round {key}")


def scoring_plan(config: Config, key: str, base_version: str) -> dict[str, object]:
    """Everything that a score is a function of, beside the candidate."""
    return {
        "code": _CODE,
        "libraries": {name: version(name) for name in _LIBRARIES},
        "score": config.score.model_dump(exclude={"judge": {"server": _REACHED_BY}}),
        "runtime": config.runtime.model_dump(),
        "base": base_version,
        "prompts": file_hash(split_file("train")),
        "brought": sorted(map(_seen, filter(Path.is_file, RAW.rglob("*")))),
        "round": int(key),
    }


def _seen(file: Path) -> tuple[str, int, int, int]:
    """What tells that a file of the user's, which may be large, is the same still."""
    told = file.stat()
    return str(file), told.st_size, told.st_mtime_ns, told.st_ctime_ns


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
