"""Data Docs: Great Expectations' own pages of the stored results, made to work offline.

The pages are rendered from ``result.json`` alone, so that they can be made at any time and the
hashed outputs stay functions of their inputs. References to other hosts are taken out: nothing is
fetched when a page is looked at, and what a model wrote stays on this machine.
"""

import html
import json
import os
import re
from collections.abc import Mapping
from pathlib import Path

_EXTERNAL = re.compile(
    r"<(script)\b[^>]*\bsrc=\"https?://[^>]*>\s*</script>|<(?:link|img)\b[^>]*\"https?://[^>]*>",
    re.IGNORECASE,
)
_STYLE = """<style>
body { font-family: system-ui, sans-serif; margin: 2rem auto; max-width: 70rem; color: #222; }
table { border-collapse: collapse; margin: .5rem 0 1.5rem; }
th, td { border: 1px solid #ddd; padding: .3rem .6rem; text-align: left; vertical-align: top; }
.badge { background: #eee; border-radius: .3rem; padding: 0 .4rem; }
.modal, .ge-walkthrough-button, #cooltip, .navbar, form { display: none; }
</style>"""


def build_data_docs(results: Mapping[str, Path], folder: Path) -> Path:
    """Renders a page per stored result, and an index of them.

    Args:
        results: ``result.json`` by what people call it, such as ``Round 1``.
        folder: Where to.

    Returns:
        The index page.
    """
    folder.mkdir(parents=True, exist_ok=True)
    entries = []
    for number, (name, file) in enumerate(results.items(), start=1):
        result = json.loads(file.read_text(encoding="utf-8"))
        page = folder / f"{number}.html"
        page.write_text(_page(result), encoding="utf-8")
        outcome = "met" if result["success"] else "not met"
        statistics = result["statistics"]
        entries.append(
            f'<li><a href="{page.name}">{html.escape(name)}</a>: {outcome}, '
            f"{statistics['successful_expectations']} of "
            f"{statistics['evaluated_expectations']}</li>"
        )
    index = folder / "index.html"
    index.write_text(
        f"<!doctype html><meta charset=utf-8><title>Data Docs</title>{_STYLE}"
        f"<h1>Expectations of the accepted rows</h1><ul>{''.join(entries)}</ul>\n",
        encoding="utf-8",
    )
    return index


def _page(result: Mapping[str, object]) -> str:
    os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
    from great_expectations.core.expectation_validation_result import (
        ExpectationSuiteValidationResultSchema,
    )
    from great_expectations.render.renderer import ValidationResultsPageRenderer
    from great_expectations.render.view import DefaultJinjaPageView

    loaded = ExpectationSuiteValidationResultSchema().load(dict(result))
    rendered = DefaultJinjaPageView().render(ValidationResultsPageRenderer().render(loaded))
    return _EXTERNAL.sub("", rendered).replace("</head>", f"{_STYLE}</head>", 1)
