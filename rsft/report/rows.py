"""A row explained, and where a prompt went, for the terminal. All texts are hostile: escaped."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.markup import escape

from rsft.report.plain import plain
from rsft.report.sheet import UNKNOWN, number_text

Json = Mapping[str, Any]

_MARGIN = 12
_MOST_LISTED = 20
"""Rows listed by name; all are in ``--json``."""

_WHY = {
    "accepted": "the rule took it, and nothing after it left it out",
    "unscorable": "not accepted: no reward could judge it",
    "truncated": "not accepted: the length cap cut it, so it is only a prefix",
    "wrong": "not accepted: it lies outside the target's support",
    "pilot": "not accepted: it was spent on finding the bound",
    "coin": "not accepted: the coin did not fall below A",
    "threshold": "not accepted: it does not reach the threshold",
    "no_mass": "not accepted: A is 0",
    "outranked": "not accepted: others of its prompt or round are better, or luckier",
    "duplicate": "accepted by the rule, but a copy of another accepted one",
    "near_duplicate": "accepted by the rule, but nearly a copy of another accepted one",
    "same_path": "accepted by the rule, but it reasons as another accepted one does",
    "capped": "accepted by the rule, but its prompt has rows enough in this round",
}
_NUMBERS = (
    *("correct_reward", "threshold", "beta", "temper", "n", "fraction"),
    *("near_duplicates", "max_per_prompt"),
)
"""Settings of the filter that a decision may turn on."""
_FATES = {
    "kept": "kept",
    "held_out": "held out: its prompt is never trained on",
    "contaminated": "left out: it holds text of an evaluation prompt",
    "repeated": "left out: the pool has this completion already",
    "over_cap": "left out: its prompt has rows enough",
}
_HOW = {
    "trained": "trained on {rows}",
    "perhaps": "may have drawn from its candidates",
    "descended": "came of a model that was trained on it",
}
_STATES = {
    "holds": "has it",
    "none": "is not among its prompts",
    "free": "FREE of it",
    "not_free": "NOT FREE of it",
    "purged": "had it; it was purged by record",
    "unproven": "NOT PROVEN to be free of it",
    "unknown": "cannot tell",
}
_PROOFS = {"free": "bold green", "not_free": "bold red", "unproven": "bold red"}
"""States of a run that was told to forget, and their style."""


def explanation_lines(found: Json) -> Iterator[str]:
    """A row, explained, as lines of markup.

    Args:
        found: What ``rsft explain --json`` prints.
    """
    prompt, candidate = found["prompt"], found["candidate"]
    yield f"[bold]{_shown(found['row'])}[/] in run {_shown(found['run_id'])}"
    for turn in prompt["context"]:
        yield _line(turn["role"], turn["content"])
    yield _line("prompt", prompt["text"])
    yield _line(
        "",
        f"split {found['split']}, family {prompt['family']}, source {prompt['source']}, "
        f"licence {prompt['licence']}",
    )
    yield _line("completion", found["completion"])
    if candidate is None:
        yield _line("", "labelled: the worked solution that came with the prompt")
    else:
        yield from _candidate_lines(candidate, found)
    for fate in found["pool"]:
        yield _line("pool", f"round {fate['round']}: {_FATES[fate['fate']]}")
    yield from _model_lines(found["models"])


def _candidate_lines(candidate: Json, found: Json) -> Iterator[str]:
    read = UNKNOWN if candidate["outcome"] is None else repr(candidate["outcome"])
    ended = "ended by itself" if candidate["finish_reason"] == "stop" else "cut by the cap"
    yield _line("", f"read as {read}; {candidate['token_count'] or UNKNOWN} tokens, {ended}")
    yield _line("drawn", f"by policy {candidate['policy_version']}{_law_text(found['law'])}")
    yield _line(
        "",
        f"log M {_nats(candidate['proposal_logprob'])} under the law drawn from, "
        f"log π {_nats(candidate['policy_logprob'])} at temperature 1 untruncated, "
        f"log π_ref {_nats(candidate['reference_logprob'])}",
    )
    parts = ", ".join(f"{name} {value:g}" for name, value in candidate["reward_breakdown"].items())
    noted = f"; {candidate['score_note']}" if candidate["score_note"] else ""
    yield _line("reward", f"{number_text(candidate['reward'], 'g')} ({parts or 'no parts'}){noted}")
    rule = found["rule"]
    bound = "no bound" if rule["bound"] is None else f"bound {rule['bound']}"
    yield _line("rule", f"{rule['rule']}; {rule['target']} over {rule['base_measure']}; {bound}")
    if rule["bound_note"]:
        yield _line("", rule["bound_note"])
    if found["settings"] is not None:
        told = [(name, found["settings"][name]) for name in _NUMBERS]
        yield _line("", ", ".join(f"{name} {value:g}" for name, value in told if value is not None))
    yield _line(
        "",
        f"log P̃ {_nats(candidate['log_target'])}, log c {_nats(candidate['log_bound'])}, "
        f"log P̃ − log M − log c {_nats(candidate['log_accept_ratio'])}",
    )
    yield _line(
        "",
        f"A = {number_text(candidate['accept_prob'], '.6f')}, "
        f"coin {number_text(candidate['coin'], '.6f')}, weight {candidate['weight']:g}",
    )
    yield _line("decision", f"{candidate['reason']}: {_WHY[candidate['reason']]}")


def _law_text(law: Json | None) -> str:
    if law is None:
        return ""
    settings = ("temperature", "top_k", "top_p", "min_p", "min_new_tokens", "max_new_tokens")
    told = [f"{name} {law[name]:g}" for name in settings if law[name]]
    return f" ({law['engine']}, {law['dtype']}; {', '.join(told)})"


def _nats(value: float | None) -> str:
    return number_text(value, ".4f")


def _line(name: str, text: str) -> str:
    """A line, and further ones beneath, after the name in the margin."""
    first, *more = text.splitlines() or [""]
    margin = _shown(f"{name:<{_MARGIN}}")
    return "\n".join(
        [f"[dim]{margin}[/]{_shown(first)}", *(f"{'':<{_MARGIN}}{_shown(m)}" for m in more)]
    )


def _shown(text: str) -> str:
    return escape(plain(text))


def _model_lines(models: Sequence[Json], indent: str = "") -> Iterator[str]:
    for model in models:
        rows = "it" if model["rows"] is None else _count(model["rows"], "row")
        how = _HOW[model["how"]].format(rows=rows)
        yield f"{indent}{_line('model', model['path'] + '  ' + model['hash'])}"
        versions = f": {', '.join(model['versions'])}" if model["versions"] else ""
        versions += ", in service" if model["is_champion"] else ""
        yield f"{indent}{_line('', how + versions)}"
    if not models:
        yield f"{indent}{_line('model', 'none learnt from it')}"


def trace_lines(found: Json) -> Iterator[str]:
    """Where a prompt or a source went, as lines of markup.

    Args:
        found: What ``rsft trace --json`` prints.
    """
    yield f"[bold]{found['kind']} {_shown(found['name'])}[/]"
    if found["text"] is not None:
        yield _line("text", found["text"])
    yield _line("hash", found["hash"])
    since = found["forgotten_at"]
    yield _line("forgotten", f"since {since}" if since else "no")
    absent = [run["run_id"] for run in found["runs"] if run["state"] == "none"]
    for run in found["runs"]:
        if run["state"] != "none":
            yield ""
            yield from _run_lines(run)
    if absent:
        yield ""
        yield f"{_count(len(absent), 'run')} without it, the last {_shown(absent[-1])}"
    for problem in found["spoilt"]:
        yield f"[yellow]not read:[/] {_shown(problem)}"


def _run_lines(run: Json) -> Iterator[str]:
    style = _PROOFS.get(run["state"], "bold")
    yield f"run {_shown(run['run_id'])} [{style}]{_STATES[run['state']]}[/]"
    if run["state"] in _PROOFS:
        yield f"  {run['looked_through']:,} tables and documents looked through by hash"
    for named in run["prompts"][:_MOST_LISTED]:
        yield f"  prompt {_shown(named['prompt_id'])} of {_shown(named['split'])}"
    yield from _rest(len(run["prompts"]))
    for file in run["files"]:
        traces = f" ({', '.join(file['traces'])})" if run["state"] == "not_free" else ""
        named = _shown(f"{file['path']}  {file['hash']}")
        yield f"  {named}  {_count(file['rows'], 'row')}{traces}"
    for row in run["accepted"][:_MOST_LISTED]:
        yield f"  accepted {_shown(row)}"
    yield from _rest(len(run["accepted"]))
    if run["state"] in ("holds", "purged"):
        yield from _model_lines(run["models"], "  ")
    for problem in run["unread"]:
        yield f"  [yellow]not read:[/] {_shown(problem)}"


def _rest(count: int) -> Iterator[str]:
    if count > _MOST_LISTED:
        yield f"  and {count - _MOST_LISTED:,} more (--json)"


def affected_lines(found: Json) -> Iterator[str]:
    """Which models and data sets are affected by forgetting, as lines of markup.

    Args:
        found: What ``rsft trace --json`` prints.
    """
    runs = [run for run in found["runs"] if run["state"] in ("holds", "purged")]
    objects = {file["hash"] for run in runs for file in run["files"]}
    models = {(m["hash"], m["how"]): m for run in runs for m in run["models"]}
    yield (
        f"[bold]{found['kind']} {_shown(found['name'])}[/] is in {_count(len(runs), 'run')}, "
        f"{_count(len(objects), 'object')}"
    )
    held = {(file["path"], file["hash"]) for run in runs for file in run["files"]}
    versions = Counter(path for path, _ in held)
    for path, md5 in dict(sorted(held)).items():
        yield _line("data", f"{path}  {md5 if versions[path] == 1 else _versions(versions[path])}")
    yield from _model_lines(list(models.values()))
    unread = dict.fromkeys(line for run in found["runs"] for line in run["unread"])
    for problem in (*unread, *found["spoilt"]):
        yield f"[yellow]not read:[/] {_shown(problem)}"


def _versions(count: int) -> str:
    return f"in {count:,} versions"


def forgotten_line(counts: Mapping[str, int]) -> str:
    """How many prompts a run left out because they are to be forgotten; empty where none."""
    told = ", ".join(f"{count:,} of {_shown(split)}" for split, count in counts.items() if count)
    return f"  prompts left out, to be forgotten: {told}" if told else ""


def purge_lines(
    objects: int,
    copies: int,
    sources: Sequence[str],
    run_ids: Sequence[str],
    unread: Sequence[str],
    *,
    is_evaluated: bool,
) -> Iterator[str]:
    """What a purge would delete and what it leaves, as lines of markup."""
    yield (
        f"{_count(objects, 'object')} in cache and remote, and {copies:,} copies of them and of "
        "drawn candidates in the checkouts"
    )
    for source in sources:
        yield f"  {_shown(source)} is yours and stays: take it out of there, too"
    if is_evaluated:
        yield "  what MLflow keeps of answers to evaluation prompts stays: delete those runs there"
    for run_id in run_ids:
        yield f"  run {_shown(run_id)} can then no longer be replayed, nor those rows explained"
    for problem in unread:
        yield f"[yellow]not looked through:[/] {_shown(problem)}"


def _count(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"
