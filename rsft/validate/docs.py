"""Data Docs: Great Expectations' own pages of the stored results, made safe and whole offline.

The pages are rendered from ``result.json`` alone, so that they can be made at any time and the
hashed outputs stay functions of their inputs. Great Expectations (1.24) prints failing values into
its pages unescaped, and model text is hostile: values are escaped here before it sees them, scripts
are taken out, and each page's policy lets a browser run and fetch nothing at all. What its pages
then lack, icons and layout, a small style sheet gives.
"""

import html
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rsft.validate.engine import Json, load_great_expectations

_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; "
    "base-uri 'none'; form-action 'none'"
)
_ACTIVE = re.compile(r"<script\b.*?</script\s*>|<(?:link|img)\b[^>]*>", re.DOTALL | re.IGNORECASE)
_DEAD_LINK = re.compile(r"<a\b[^>]*\bhref=\"(?:\.\./|https?:)[^>]*>(.*?)</a>", re.DOTALL)
_STYLE = """<style>
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 78rem; color: #222;
  padding: 0 1.5rem; }
table { border-collapse: collapse; margin: .5rem 0 1.5rem; }
th, td { border: 1px solid #ddd; padding: .3rem .6rem; text-align: left; vertical-align: top; }
th { white-space: nowrap; } td { overflow-wrap: anywhere; }
.show-scrollbars span + span { margin-left: .5rem; }
.row { display: flex; gap: 2rem; } .row .row { display: block; }
.col-lg-2 { flex: 0 0 13rem; } .sticky { position: sticky; top: 1rem; }
.nav { list-style: none; padding: 0; line-height: 1.8; }
h1, h2, h3, h4, h5, h6, .h1, .h2, .h3, .h4, .h5, .h6 { font-size: 1.05rem; font-weight: 600; }
a { color: #0b57a4; text-decoration: none; }
.badge { background: #eee; border-radius: .3rem; padding: 0 .4rem; }
.fa-check-circle::before { content: "✓"; } .text-success { color: #18794e; }
.fa-times::before { content: "✗"; } .text-danger { color: #c62828; }
.fa-exclamation-triangle::before { content: "⚠"; } .text-warning { color: #a15c00; }
i { font-style: normal; }
body > .navbar, .modal, .collapse, a[data-toggle], footer, .mb-4, .sticky > .mb-3, .cooltip > span,
.ge-walkthrough-button { display: none; }
</style>"""


def build_data_docs(results: Mapping[str, Path], folder: Path) -> Path:
    """Renders a page per stored result, and an index of them.

    Args:
        results: ``result.json`` by what people call it, such as ``Round 1``.
        folder: Where to; pages of an earlier call are replaced.

    Returns:
        The index page.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lines = []
    for number, (name, file) in enumerate(results.items(), start=1):
        result = json.loads(file.read_text(encoding="utf-8"))
        page = folder / f"{number}.html"
        page.write_text(_page(name, result), encoding="utf-8")
        lines.append(_index_line(name, page.name, result))
    index = folder / "index.html"
    index.write_text(_index_page(lines), encoding="utf-8")
    return index


def _index_line(name: str, page: str, result: Json) -> str:
    failed = [r["expectation_config"] for r in result["results"] if not r["success"]]
    ids = {
        severity: ", ".join(c["meta"]["id"] for c in failed if c["severity"] == severity) or "none"
        for severity in ("critical", "warning")
    }
    statistics = result["statistics"]
    cells = [
        f'<a href="{page}">{html.escape(name)}</a>',
        "passed" if ids["critical"] == "none" else "stopped before training",
        f"{statistics['successful_expectations']} of {statistics['evaluated_expectations']}",
        html.escape(ids["critical"]),
        html.escape(ids["warning"]),
    ]
    return "<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>"


def _index_page(lines: list[str]) -> str:
    head = "".join(
        f"<th>{title}</th>"
        for title in ("Round", "Gate", "Expectations met", "Critical failures", "Warnings")
    )
    body = f'<table class="summary"><tr>{head}</tr>{"".join(lines)}</table>' if lines else ""
    empty = "" if lines else "<p>No round has been judged yet.</p>"
    return (
        f"<!DOCTYPE html>\n<html><head>{_head('Data Docs')}</head>\n"
        f"<body><h1>Expectations of the accepted rows</h1>{body}{empty}</body></html>\n"
    )


def _page(name: str, result: Json) -> str:
    load_great_expectations()
    from great_expectations.core.expectation_validation_result import (
        ExpectationSuiteValidationResultSchema,
    )
    from great_expectations.render.renderer import ValidationResultsPageRenderer
    from great_expectations.render.view import DefaultJinjaPageView

    found = ("result", "exception_info")
    escaped = [r | {part: _escape(r[part]) for part in found} for r in result["results"]]
    meta = result["meta"] | {"batch_kwargs": {"data_asset_name": html.escape(name)}}
    document = result | {"results": escaped, "meta": meta}
    loaded = ExpectationSuiteValidationResultSchema().load(document)
    rendered = DefaultJinjaPageView().render(ValidationResultsPageRenderer().render(loaded))
    inert = _DEAD_LINK.sub(r"\1", _ACTIVE.sub("", rendered))
    title = re.compile(r"<title>.*?</title>", re.DOTALL)
    above = f'<p><a href="index.html">All rounds</a></p><h1>{html.escape(name)}</h1>'
    headed = title.sub("", inert).replace("<head>", f"<head>{_head(name)}", 1)
    return headed.replace("<body>", f"<body>{above}", 1)


def _head(title: str) -> str:
    return (
        f'<meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        f"<title>{html.escape(title)}</title>{_STYLE}"
    )


def _escape(value: Any) -> Any:
    if isinstance(value, str):
        return html.escape(value)
    if isinstance(value, list):
        return [_escape(item) for item in value]
    if isinstance(value, dict):
        return {key: _escape(item) for key, item in value.items()}
    return value
