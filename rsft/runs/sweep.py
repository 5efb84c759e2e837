"""Replaying a round's decisions over a range of a setting, without drawing or scoring anew.

    recorded candidates ─► decide under each value ─► what each would keep ─► which to take, and why

It answers "how do I choose the threshold?", or beta, or the budget. Nothing is written.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.compute as pc

from rsft.config import Config, FilterSection, set_values
from rsft.errors import AcceptanceError, ConfigurationError, LedgerError
from rsft.filter import Candidates, columns_read, decide, diagnose
from rsft.ledger import count_rows, read_tables
from rsft.prompts.equations import equations
from rsft.stages.contract import here
from rsft.stages.filter import recorded_candidates
from rsft.types import Scored

WITHIN_PRECISION = 0.01
"""A value this much less precise than the best one is as precise."""
NEARLY_ALL = 0.95
"""A value that keeps this share of what the widest one keeps, keeps nearly all."""

_PLACEHOLDERS = ("filter.n=1", "filter.fraction=1.0", "filter.threshold=1.0", "filter.beta=1.0")
"""For settings that a rule needs and the sweep will vary."""
_BY_ACCEPT_PROB = ("filter.rule", ("coin", "soft", "threshold"))
_IMPLIED = {
    "filter.bound.acceptance_rate": (_BY_ACCEPT_PROB, ("filter.bound.method", ("budgeted",))),
    "filter.bound.quantile": (_BY_ACCEPT_PROB, ("filter.bound.method", ("global_quantile",))),
    "filter.bound.pilot_draws": (_BY_ACCEPT_PROB, ("filter.bound.method", ("pilot",))),
    "filter.bound.log_bound": (
        _BY_ACCEPT_PROB,
        ("filter.bound.method", ("per_prompt_maximum", "known", "pilot")),
    ),
    "filter.beta": (_BY_ACCEPT_PROB, ("filter.target", ("tilt",))),
    "filter.threshold": (("filter.rule", ("threshold",)),),
    "filter.n": (("filter.rule", ("top_n", "rso")),),
    "filter.fraction": (("filter.rule", ("top_fraction",)),),
}
"""What a setting has an effect with: other settings, and their values, the first of them by
default."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepPoint:
    """What one value would keep."""

    value: str
    """The value as it stands in ``params.yaml``."""
    note: str | None
    """Why it cannot be replayed, so that all figures are null, or what its bound could not do; null
    where there is nothing to say."""
    rows: int | None = None
    """Candidates kept in the end."""
    prompts: int | None = None
    """Prompts with at least one of them."""
    effective_sample_size: float | None = None
    """(ΣA)²/ΣA² over the target's support, with a threshold over those that reach it; for rules
    without a bound, how many they chose."""
    precision: float | None = None
    """Share of the kept that the verifier calls right; null where it judged none of them."""
    distinct_paths: int | None = None
    """Different ways among them: by the equations used, else by the text."""
    clipped_mass: float | None = None
    """Share of the target's mass above the envelope; null for rules without a bound."""
    kl_to_proposal: float | None = None
    """KL of what the rule keeps to the proposal, in nats; null where it keeps nothing."""
    mean_reward: float | None = None
    """Mean reward of the kept; null where there are none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sweep:
    """A range of one setting, replayed over one round."""

    round: int
    """The round."""
    setting: str
    """The setting that was varied."""
    settings: list[str]
    """What was set besides, as ``section.key=value``."""
    verifier: str
    """What the precision is measured against."""
    candidates: int
    """Candidates replayed."""
    points: list[SweepPoint]
    """One per value, in the order given."""
    recommended: str | None
    """The value to take; null where none keeps anything."""
    reason: str
    """Why that one."""

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def sweep_round(
    params: Path,
    key: str,
    *,
    vary: str | None = None,
    settings: Sequence[str] = (),
    verifier: str | None = None,
) -> Sweep:
    """Replays a round's decisions.

    Args:
        params: ``params.yaml``, which stays as it is.
        key: The round.
        vary: ``setting=v1,v2,…`` below ``filter``; null for what the present rule has to choose.
        settings: Further settings below ``filter``.
        verifier: Name of the part of the reward that says what is right (1); null for the whole
            reward, from ``filter.correct_reward`` on.

    Raises:
        ConfigurationError: Where a setting does not fit, or the verifier is unknown.
        LedgerError: Where the round was not scored yet, or not run.
    """
    if not count_rows(here(key) / "scored"):
        raise LedgerError(
            f"round {key} has no candidates to decide anew, for the rounds had ended before it; "
            "take one that was run"
        )
    given = [_below_filter(text) for text in settings]
    if vary is None:
        placed = set_values(params, [*_PLACEHOLDERS, *given], dry_run=True)
        setting, values = _choice_of(placed, key)
    else:
        setting, values = _varied(vary)
    check = partial(set_values, params, dry_run=True, option="the settings to be tried")
    config = check([*given, f"{setting}={values[0]}"])
    is_right_N = _is_right(key, verifier, config.filter.correct_reward)
    implied = [*given, *_implied(setting, config)]
    recorded = _Recorded(key)
    points = []
    for value in values:
        tried = check([*implied, f"{setting}={value}"])
        points.append(_replay(recorded, tried, value, is_right_N))
    recommended, reason = recommend(points)
    return Sweep(
        round=int(key),
        setting=setting,
        settings=implied,
        verifier=verifier or f"reward ≥ {config.filter.correct_reward:g}",
        candidates=len(is_right_N),
        points=points,
        recommended=recommended,
        reason=reason,
    )


def recommend(points: Sequence[SweepPoint]) -> tuple[str | None, str]:
    """The value to take, and why.

    Of the values as precise as the best, those that keep nearly all the prompts and nearly all the
    distinct paths that one can have: a model learns from different right answers, and more rows of
    the same are not that. Of these the truest to the target, then the most precise, then the one
    with the fewest rows.
    """
    left = [point for point in points if point.rows]
    if not left:
        return None, "no value keeps anything"
    best_precision = max(point.precision or 0.0 for point in left)
    left = [p for p in left if (p.precision or 0.0) >= best_precision - WITHIN_PRECISION]
    most_prompts = max(point.prompts or 0 for point in left)
    most_paths = max(point.distinct_paths or 0 for point in left)
    wide = [p for p in left if (p.prompts or 0) >= NEARLY_ALL * most_prompts]
    wide = [p for p in wide if (p.distinct_paths or 0) >= NEARLY_ALL * most_paths]
    best = min(
        wide or [max(left, key=lambda p: (p.distinct_paths or 0, p.prompts or 0))],
        key=lambda p: (p.clipped_mass or 0.0, -(p.precision or 0.0), p.rows or 0),
    )
    said = [
        f"{best.distinct_paths:,} distinct paths (at most {most_paths:,})",
        f"{best.prompts:,} prompts covered (at most {most_prompts:,})",
    ]
    if best.precision is not None:
        said.append(f"precision {best.precision:.1%} (at most {best_precision:.1%})")
    if best.clipped_mass is not None:
        said.append(f"clipped mass {best.clipped_mass:.1%}, the least of such values")
    return best.value, ", ".join(said)


class _Recorded:
    """The candidates of a round, read once for all settings that read the same of them."""

    def __init__(self, key: str) -> None:
        self.key = key
        self._read: dict[tuple[str, ...], Candidates] = {}
        self.path_N = np.array(list(_paths(key)))

    def candidates(self, config: Config) -> Candidates:
        section = config.filter
        reads = (
            *columns_read(section),
            section.density,
            section.quota,
            str(section.reads_texts),
        )
        if reads not in self._read:
            self._read[reads] = recorded_candidates(config, self.key)
        return self._read[reads]


def _replay(recorded: _Recorded, config: Config, value: str, is_right_N: np.ndarray) -> SweepPoint:
    section, number = config.filter, int(recorded.key)
    try:
        candidates = recorded.candidates(config)
        decisions = decide(candidates, section, seed=config.seed, round=number)
    except AcceptanceError as refusal:
        return SweepPoint(value=value, note=str(refusal))
    diagnostics, by_prompt = diagnose(candidates, decisions, section)
    is_kept_N = decisions.is_accepted_N
    verdicts = is_right_N[is_kept_N]
    verdicts = verdicts[~np.isnan(verdicts)]
    return SweepPoint(
        value=value,
        note=diagnostics.bound_note,
        rows=diagnostics.accepted,
        prompts=int((by_prompt["accepted"] > 0).sum()),
        effective_sample_size=diagnostics.effective_sample_size,
        precision=float(verdicts.mean()) if len(verdicts) else None,
        distinct_paths=len(np.unique(recorded.path_N[is_kept_N])),
        clipped_mass=diagnostics.clipped_mass,
        kl_to_proposal=diagnostics.kl_to_proposal,
        mean_reward=diagnostics.mean_reward_accepted,
    )


def _paths(key: str) -> Iterator[int]:
    """A number for each candidate's prompt and way: the equations it uses, else its text."""
    numbers: dict[tuple[str, object], int] = {}
    for table in read_tables(here(key) / "scored", Scored, ["prompt_id", "text"]):
        rows = zip(table["prompt_id"].to_pylist(), table["text"].to_pylist(), strict=True)
        for prompt_id, text in rows:
            yield numbers.setdefault((prompt_id, equations(text) or text), len(numbers))


def _is_right(key: str, verifier: str | None, correct_reward: float) -> np.ndarray:
    """Whether each candidate is right: 1 or 0, NaN where that is not known."""
    column, least = ("reward", correct_reward) if verifier is None else ("reward_breakdown", 1.0)
    parts, recorded = [], set[str]()
    for table in read_tables(here(key) / "scored", Scored, [column]):
        given = table[column]
        if verifier is not None:
            recorded.update(*(chunk.keys.unique().to_pylist() for chunk in given.chunks))
            given = pc.map_lookup(given, verifier, "first")
        reward = given.cast("float64").to_numpy()
        parts.append(np.where(np.isnan(reward), np.nan, reward >= least))
    is_right_N = np.concatenate(parts)
    if verifier is not None and np.isnan(is_right_N).all():
        raise ConfigurationError(
            f"--verifier {verifier}: no candidate of round {key} was scored by it; name one that "
            f"is recorded ({', '.join(sorted(recorded)) or 'none is'}), or add it to "
            "score.rewards with weight 0 and `rsft run`"
        )
    return is_right_N


def _varied(vary: str) -> tuple[str, list[str]]:
    setting, _, listed = _below_filter(vary).partition("=")
    values = [value.strip() for value in listed.split(",") if value.strip()]
    if not values:
        raise ConfigurationError(f"--vary {vary}: no values; write them as {setting}=0.1,0.2,0.5")
    return setting, values


def _below_filter(assignment: str) -> str:
    name = assignment.partition("=")[0]
    sections: Mapping[str, Any] = Config.model_fields
    if "." not in name or name.split(".")[0] not in sections:
        return f"filter.{assignment}"
    if not name.startswith("filter."):
        raise ConfigurationError(
            f"{name}: a sweep replays decisions, so that only settings below filter can be tried"
        )
    return assignment


def _implied(setting: str, config: Config) -> list[str]:
    """What must be set for the setting to have an effect."""
    if setting == "filter.beta" and config.filter.rule == "rso":
        return []
    others = _IMPLIED.get(setting, ())
    return [f"{other}={values[0]}" for other, values in others if _at(config, other) not in values]


def _at(config: Config, setting: str) -> Any:
    """The value of a setting below ``filter``."""
    value: Any = config.filter
    for name in setting.split(".")[1:]:
        value = getattr(value, name)
    return value


def _choice_of(config: Config, key: str) -> tuple[str, list[str]]:
    """The setting that the present rule leaves to be chosen, with a range for it."""
    section = config.filter
    if section.rule == "threshold":
        return "filter.threshold", _thresholds(section, key)
    if section.rule == "rso" or (section.rule in ("coin", "soft") and section.target == "tilt"):
        spread = _rewards(key).std() or 1.0
        return "filter.beta", [f"{spread * share:.3g}" for share in (0.1, 0.2, 0.5, 1, 2, 5, 10)]
    if section.rule in ("coin", "soft"):
        rates = (0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5)
        return "filter.bound.acceptance_rate", [str(rate) for rate in rates]
    if section.rule == "top_fraction":
        return "filter.fraction", [str(share) for share in (0.02, 0.05, 0.1, 0.2, 0.3, 0.5)]
    return "filter.n", ["1", "2", "3", "4", "6", "8"]


def _thresholds(section: FilterSection, key: str) -> list[str]:
    if section.threshold_on == "accept_prob":
        return [str(share) for share in (0.01, 0.05, 0.1, 0.2, 0.35, 0.5, 0.75, 1.0)]
    quantiles = np.quantile(_rewards(key), [0, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95])
    return list(dict.fromkeys(f"{reward:.4g}" for reward in quantiles.tolist()))


def _rewards(key: str) -> np.ndarray:
    """The rewards that are known."""
    tables = read_tables(here(key) / "scored", Scored, ["reward"])
    reward_N = np.concatenate([table["reward"].to_numpy() for table in tables])
    known_N: np.ndarray = reward_N[~np.isnan(reward_N)]
    return known_N
