"""Lines about what rounds are watched by and controls are trained on, from the files they leave."""

from collections.abc import Mapping
from typing import Any

from rich.markup import escape


def monitor_lines(monitor: Mapping[str, Any], *, k: int, words: int, gold: str | None) -> str:
    """What the held-out prompts say after a round, and what follows from it.

    Args:
        monitor: A round's ``monitor.json``; round 0 is the base's.
        k: Of pass@k.
        words: Words of the n-grams.
        gold: Name of the reward that the reward is held against; null for none.
    """
    figures, lines = monitor["figures"], []
    if figures is not None:
        lines += _figure_lines(figures, monitor["drift"], k=k, words=words, gold=gold)
    if figures is not None and monitor["round"]:
        share = monitor["best_accuracy"]
        lines.append(f"best so far {share:.1%}, {_policy(monitor['best_round'])}")
    stop = monitor["stopped"]
    if stop is not None:
        lines.append(
            f"stopped: {stop['kind']} in round {stop['round']}: {stop['reason']}; "
            f"{_policy(monitor['handed_on'])} is handed on"
        )
    return escape("\n".join(f"  {line}" for line in lines))


def stopped_line(monitor: Mapping[str, Any]) -> str:
    """The one line of a round that is not run."""
    stop = monitor["stopped"]
    return escape(
        f"Round {monitor['round']} is not run, stopped: {stop['kind']} in round {stop['round']}: "
        f"{stop['reason']}; {_policy(monitor['handed_on'])} is handed on"
    )


def control_line(name: str, figures: Mapping[str, Any]) -> str:
    """What a control was trained on.

    Args:
        name: Its name.
        figures: Its ``control.json``.
    """
    missing = f"; {figures['missing']:,} fewer than the pool" if figures["missing"] else ""
    return (
        f"  {name}: trained on {figures['rows']:,} rows ({figures['labelled']:,} labelled), "
        f"{figures['steps']:,} steps{missing}"
    )


def _policy(number: int) -> str:
    return f"round {number}'s policy" if number else "the base"


def _figure_lines(
    figures: Mapping[str, Any],
    drift: Mapping[str, Any] | None,
    *,
    k: int,
    words: int,
    gold: str | None,
) -> list[str]:
    """The figures of a policy, each with how far it is from the base's where there is a drift."""
    ratio = dict.fromkeys(("entropy_ratio", "distinct_ratio", "length_ratio"), "")
    if drift is not None:
        ratio = {name: f" ({_number(drift[name], '.2f')} of the base's)" for name in ratio}
    low, high = 100 * figures["low"], 100 * figures["high"]
    counts = [
        f"{figures[name]:,} {what}"
        for name, what in (("too_long", "too long"), ("unscorable", "unscorable"))
        if figures[name]
    ]
    lines = [
        f"held out: {figures['prompts']:,} prompts{''.join(f', {text}' for text in counts)}; "
        f"{figures['accuracy']:.1%} right [{low:.1f}, {high:.1f}], "
        f"pass@1 {_number(figures['pass_at_1'], '.1%')}, "
        f"pass@{k} {_number(figures['pass_at_k'], '.1%')}, "
        f"gap {_number(figures['pass_gap'], '.1%')}",
        f"token entropy {figures['token_entropy']:.3f} nats{ratio['entropy_ratio']}, "
        f"distinct {words}-grams {figures['distinct']:.1%}{ratio['distinct_ratio']}, "
        f"tokens {figures['mean_tokens']:.1f}{ratio['length_ratio']}",
    ]
    if drift is not None and gold is not None:
        lines.append(
            f"mean reward {_number(drift['reward_gain'], '+.3f')} and {gold} "
            f"{_number(drift['gold_gain'], '+.3f')} since the base: "
            f"gap {_number(drift['reward_gap'], '+.3f')}"
        )
    return lines


def _number(value: float | None, form: str) -> str:
    return "–" if value is None else format(value, form)
