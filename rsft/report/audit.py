"""What an audit says, for the terminal and for pages."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from rich.filesize import decimal
from rich.text import Text

from rsft.report.plain import plain

_MEANINGS = {
    "object": "objects hashed again",
    "lock": "entries of manifests against dvc.lock",
    "edge": "inputs against the outputs they are",
    "settings": "settings against params.yaml",
    "code": "code and inputs against the tag's tree",
    "marked": "runs, for changes under way",
    "rows": "tables' rows counted again",
    "expectations": "figures of verdicts against the rows",
    "registration": "registrations in MLflow and on record",
    "artifact": "files of the policy that MLflow would serve",
    "alias": "aliases against the promotions",
    "record": "entries of the record",
    "checkout": "files and entries of the checkout",
}


def audit_lines(audit: Mapping[str, Any]) -> Text:
    """The checks with how much each compared, then each finding, then the outcome.

    Args:
        audit: What ``rsft audit --json`` prints.
    """
    text = Text()
    for kind, meaning in _MEANINGS.items():
        wrong = sum(finding["kind"] == kind for finding in audit["findings"])
        if audit["checked"].get(kind) or wrong:
            told = f"{wrong} differ" if wrong else "ok"
            text.append(f"  {audit['checked'].get(kind, 0):>9,} {meaning:<44}")
            text.append(f"{told}\n", style="bold red" if wrong else "green")
    for heading, found in (("note", audit["notes"]), ("differs", audit["findings"])):
        for finding in found:
            text.append(f"\n{heading}", style="yellow" if heading == "note" else "bold red")
            text.append(f" {finding['kind']}: {plain(finding['what'])}\n")
            for part in ("expected", "found", "remedy"):
                text.append(f"  {part:<9}{plain(finding[part])}\n")
    text.append(f"\n{outcome_line(audit)}", style="bold")
    return text


def outcome_line(audit: Mapping[str, Any]) -> str:
    """The outcome in one line."""
    count, runs = len(audit["findings"]), len(audit["runs"])
    size = decimal(sum(hashed["bytes"] for hashed in audit["hashed"]))
    files = sum(hashed["objects"] for hashed in audit["hashed"])
    what = f"{runs:,} run{'s' * (runs != 1)}, {files:,} files hashed ({size})"
    verdict = f"audit failed: {count} differ{'s' * (count == 1)}" if count else "audit passed"
    return f"{verdict}; {what} in {audit['seconds']:.1f} s"


def audit_markdown(audit: Mapping[str, Any]) -> str:
    """The same for a page; what was found may hold anything, so it stands in a code block."""
    compared = {_MEANINGS[kind]: count for kind, count in audit["checked"].items()}
    rows = [f"| {meaning} | {count:,} |" for meaning, count in compared.items()]
    table = "\n".join(["| compared | how many |", "| --- | ---: |", *rows])
    sections = [f"**{outcome_line(audit)}**", table]
    sections += _blocks("Differs", audit["findings"]) + _blocks("Notes", audit["notes"])
    return "\n\n".join(sections) + "\n"


def _blocks(title: str, found: Sequence[Mapping[str, Any]]) -> list[str]:
    if not found:
        return []
    # Indented, not fenced: no text can end it.
    texts = [json.dumps(finding, indent=1, ensure_ascii=False) for finding in found]
    lines = "\n".join(texts).splitlines()
    return [f"### {title}", "\n".join(f"    {line}" for line in lines)]
