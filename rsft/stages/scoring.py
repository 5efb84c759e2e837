"""How a part of candidates is scored: the rewards, the base, and all that a score is a function of.

What other code or other libraries scored is not taken for this code's: DVC would record it as such.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from importlib.metadata import version
from pathlib import Path

from rsft.config import RAW, Config, ScoreSection
from rsft.policy import Policy, load_policy, use_machine
from rsft.score import Rewards, Score, build_rewards, score_candidates
from rsft.score.densities import is_canonical, reference_logprobs
from rsft.score.parts import file_hash
from rsft.score.workers import WORKERS
from rsft.stages.contract import BASE, split_file
from rsft.stages.fingerprint import code_fingerprint
from rsft.types import Candidate, Prompt, Scored

Work = tuple[Mapping[str, Prompt], Sequence[Candidate]]
"""A part of candidates, and their prompts by id."""
LIBRARIES = ("jinja2", "math-verify", "numpy", "pyarrow", "tokenizers", "torch", "transformers")
CODE = code_fingerprint(
    "config", "ledger.py", "policy", "prompts", "score", "stages/scoring.py", "types.py", "wire"
)
_CANDIDATE_FIELDS = [field.name for field in fields(Candidate)]
_ROWS_TOGETHER = 64
"""Of a teacher-forced batch."""
_REACHED_BY = {"base_url", "concurrency", "timeout_seconds", "api_key_variable"}
"""How a judge's server is reached: one that was started anew is the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scorer:
    """What scores candidates; models of rewards are loaded when first asked."""

    rewards: Rewards
    """The rewards."""
    base: Policy | None
    """The base, where a candidate's tokens are compared with its; else null."""
    base_version: str
    """Its version; empty without one."""
    records_reference: bool
    """Whether log π_ref is recorded."""

    def score(self, prompts: Mapping[str, Prompt], candidates: Sequence[Candidate]) -> list[Scored]:
        """Scores candidates, in their order.

        Args:
            prompts: Theirs by id.
            candidates: A part, whole: how a model rounds hangs on what is computed together.

        Raises:
            VerifierError: Where a reward is broken as such.
        """
        scores = score_candidates(self.rewards, prompts, candidates)
        logprobs: Sequence[float | None] = [None] * len(candidates)
        canonical: Sequence[bool | None] = [None] * len(candidates)
        if self.base is not None:
            canonical = is_canonical(self.base, candidates)
            if self.records_reference:
                logprobs = reference_logprobs(
                    self.base, self.base_version, prompts, candidates, batch_rows=_ROWS_TOGETHER
                )
        return list(map(_scored, candidates, scores, logprobs, canonical))


def load_scorer(config: Config, *, processes: int = WORKERS) -> Scorer:
    """The scorer of the settings, in the workspace that this process is in.

    Args:
        config: All settings.
        processes: How many ask rules and functions of the user's at once.

    Raises:
        RsftError: Where a reward or the base cannot be had.
    """
    device = use_machine(config.runtime)
    section = config.score
    base = load_policy(BASE / "model") if needs_base(section) else None
    base_version = ""
    if base is not None:
        base_version = base.version
        base.model.to(device)
    return Scorer(
        rewards=build_rewards(section, processes=processes, device=device.type),
        base=base,
        base_version=base_version,
        records_reference=section.reference_logprob,
    )


def needs_base(section: ScoreSection) -> bool:
    """Whether a candidate's tokens are compared with those of the base."""
    return section.reference_logprob or "target_model" in section.rewards


def scoring_plan(config: Config, key: str, base_version: str) -> dict[str, object]:
    """Everything that a score is a function of, beside the candidate."""
    return {
        "code": CODE,
        "libraries": {name: version(name) for name in LIBRARIES},
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
