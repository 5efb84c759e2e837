"""What the gate found, each in one line."""

from collections.abc import Sequence

from rsft.evaluate import Gain, Guard
from rsft.promotion.verdict import Approval, Check, Outcome
from rsft.report.sheet import p_text


def told_gain(gain: Gain) -> str:
    """What is gained, and how sure that is."""
    interval = gain.gain
    return (
        f"{100 * interval.estimate:+.1f} points [{100 * interval.low:.1f}, "
        f"{100 * interval.high:.1f}], {gain.better} won and {gain.worse} lost of {gain.prompts} "
        f"(p {_told_p(gain.p_prompts)}, {_told_families(gain)})"
    )


def _told_p(p_value: float) -> str:
    text = p_text(p_value)
    return text if text.startswith("<") else f"= {text}"


def _told_families(gain: Gain) -> str:
    if gain.families == 1:
        return "all of one family, of which alone it speaks"
    return f"by {gain.families} families {p_text(gain.p_families)}"


def told_lack(gain: Gain, least: float) -> str:
    """Which of the tests of a gain say no."""
    found = {
        "the interval reaches 0": gain.gain.low <= 0,
        "McNemar's p is above the level": gain.p_prompts > gain.level,
        "p by family is above the level": gain.p_families > gain.level,
        f"it is less than {100 * least:g} points": gain.gain.estimate < least,
    }
    return ", ".join(text for text, is_so in found.items() if is_so)


def told_guard(figures: Guard, look: int) -> str:
    """What may be lost, and what the guard set can tell."""
    return (
        f"{100 * figures.gain:+.1f} points, at least {100 * figures.low:.1f}, may lose "
        f"{100 * figures.margin:g}; look {look}, level {figures.level:.2g}; an equal model would "
        f"pass these {figures.prompts} prompts with a probability of {figures.power:.0%}"
    )


def told_opponent(against: int | None) -> str:
    """What it is compared with."""
    return "the base" if against is None else f"champion version {against}"


def told_approval(approval: Approval) -> str:
    """What a person said."""
    said = f"{'approved' if approval.is_approved else 'declined'} by {approval.by}"
    return f"{said}: {approval.reason}" if approval.reason else said


def told_outcome(
    outcome: Outcome,
    checks: Sequence[Check],
    gain: Gain | None,
    against: int | None,
    approval: Approval | None,
) -> str:
    """What becomes of it, and why."""
    if outcome == "not promoted":
        failed = "; ".join(f"{check.name}: {check.told}" for check in checks if not check.passed)
        return f"not promoted against {told_opponent(against)}: {failed}"
    assert gain is not None
    by = "" if approval is None else f", {told_approval(approval)}"
    return f"{outcome}: {told_gain(gain)} against {told_opponent(against)}{by}"
