"""Whether a challenger becomes the champion: only if it is shown to be better.

Both answer the same evaluation prompts, and the lower end of the paired interval of their
difference, resampled by family, must lie above 0. Of a handful of families that all agree it would
at once, since their resamples agree too: so many are needed that chance alone would seldom make
them agree. McNemar's test is told beside it: it takes
prompts of one family for independent, and has no say; nor have the guard sets, whose differences
are told too. Without a champion the base stands in.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from rsft.config import Config, round_folder
from rsft.errors import VerifierError
from rsft.evaluate import Comparison, beats
from rsft.ledger import read_rows
from rsft.registry import (
    EVAL_PROMPTS_TAG,
    Decision,
    ModelVersion,
    Registry,
    champion,
    fetch,
    fetch_answers,
)
from rsft.runs.registration import evaluation_fingerprint
from rsft.runs.summary import compare_answers
from rsft.score import build_rewards
from rsft.stages.contract import BASE, read_greedy, split_file
from rsft.types import Answer, Prompt


def decide_promotion(registry: Registry, config: Config, code_changed: Sequence[str]) -> Decision:
    """Compares the last round's answers with the champion's.

    Args:
        registry: Where the champion is.
        config: The run's settings.
        code_changed: Files that changed while the run was under way; such a run is not promoted.

    Raises:
        VerifierError: Where there is no prompt on which both could be scored.
    """
    serving = champion(registry, config.register_.name)
    opponent = "the base" if serving is None else f"champion version {serving.version}"
    theirs = _answers_of(registry, config, serving)
    ours = read_greedy(Path(round_folder(config.round_count)) / "answers")
    compared = {name: compare_answers(config, ours[name], theirs[name]) for name in ours}
    found = compared.pop("eval")
    if found is None:
        raise VerifierError(
            f"there is no evaluation prompt on which both the last round and {opponent} could be "
            "scored; see score.rewards"
        )
    gain, interval = found.gain, f"{_told(found)} against {opponent}{_guards(compared)}"
    # Were all families to agree, a fair coin for each would have them do so with 2 · 2⁻ᶠ.
    chance = 2.0 ** (1 - found.resampled)
    is_shown = beats(gain) and chance <= 1 - config.promote.confidence
    if code_changed:
        reason = f"not promoted: {', '.join(code_changed)} changed during the run ({interval})"
    elif is_shown:
        reason = f"promoted: {interval}"
    elif beats(gain):
        reason = f"not shown to be better, by so few as {found.resampled} families: {interval}"
    else:
        reason = f"not shown to be better: {interval}"
    return Decision(
        is_promoted=is_shown and not code_changed,
        reason=reason,
        against=None if serving is None else serving.version,
        gain=100 * gain.estimate,
        gain_low=100 * gain.low,
        gain_high=100 * gain.high,
        better=found.better,
        worse=found.worse,
        p_value=found.p_value,
        decided_by="rsft",
    )


def _told(found: Comparison) -> str:
    return (
        f"{_points(found)}, {found.better} prompts won and {found.worse} lost "
        f"(p = {found.p_value:.2g})"
    )


def _guards(compared: Mapping[str, Comparison | None]) -> str:
    told = [f"{name} {_points(found)}" for name, found in compared.items() if found is not None]
    return f"; {', '.join(told)}" if told else ""


def _points(found: Comparison) -> str:
    gain = found.gain
    return f"{100 * gain.estimate:+.1f} points [{100 * gain.low:.1f}, {100 * gain.high:.1f}]"


def _answers_of(
    registry: Registry, config: Config, serving: ModelVersion | None
) -> dict[str, list[Answer]]:
    """The champion's answers by set: those it was registered with, or new ones to other prompts."""
    if serving is None:
        return read_greedy(BASE / "answers")
    if serving.tags.get(EVAL_PROMPTS_TAG) == evaluation_fingerprint(config):
        recorded = fetch_answers(registry, serving)
        if recorded is not None:
            return read_greedy(recorded)
    # Seconds to import, and seldom needed.
    from rsft.policy import load_policy, use_machine
    from rsft.stages.answering import answer_set, greedy_of

    device = use_machine(config.runtime)
    policy = load_policy(fetch(registry, serving))
    policy.model.to(device)
    rewards = build_rewards(config.score)
    prompts = {
        name: read_rows(split_file(split), Prompt) for name, split in config.evaluate.sets.items()
    }
    return {
        name: greedy_of(answer_set(policy, config, rewards, name, rows))
        for name, rows in prompts.items()
    }
