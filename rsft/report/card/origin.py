"""The card's title, what the model was trained on, and what it came from."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rsft.report.markdown import code, escape_markdown
from rsft.report.sheet import UNKNOWN, Sheet

_PACKAGES = ("torch", "transformers", "tokenizers", "numpy")
"""Those that a model's bits depend on."""


def title_section(manifest: Mapping[str, Any]) -> str:
    """What it is, in two sentences."""
    number = manifest["figures"]["rounds"][-1]["monitor"]["handed_on"]
    policy = f"round {number}'s policy" if number else "the base policy, as no round's was better"
    name = escape_markdown(manifest["params"]["register"]["name"])
    return (
        f"# {name}\n\nA question-answering policy, fine-tuned by rejection sampling: it is "
        f"{policy} of run {code(manifest['run_id'])}, which ended on {manifest['ended_at'][:10]}. "
        "This card was written from what that run recorded of itself."
    )


def data_section(manifest: Mapping[str, Any]) -> str:
    """Sources with their licences, and the data sets by hash."""
    sources = manifest["sources"]
    header = ("source", "licence", "rows", "prompts", "families")
    counted = ("rows", "prompts", "families")
    rows = [
        (
            escape_markdown(found["source"]),
            escape_markdown(found["licence"]),
            *(f"{found[name]:,}" for name in counted),
        )
        for found in sources
    ]
    total = sum(found["rows"] for found in sources)
    return (
        f"## Data\n\nIt was trained on {total:,} rows:\n\n{_table(header, rows)}\n"
        "The data sets of the run, by the MD5 that DVC knows them by:\n\n"
        f"{_table(('data set', 'hash', 'rows'), list(_data_sets(manifest)))}"
    )


def _data_sets(manifest: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Those that the model was made from and measured on."""
    number = manifest["figures"]["rounds"][-1]["monitor"]["handed_on"]
    pool = f"data/rounds/{number}/pool" if number else "data/base/pool"
    outs = {
        path: out for stage in manifest["stages"].values() for path, out in stage["outs"].items()
    }
    for path, told in (
        ("data/prompts", ""),
        (pool, "kept.parquet"),
        (manifest["model"]["path"], ""),
    ):
        rows = manifest["rows"].get(f"{path}/{told}") if told else None
        yield code(path), code(outs[path]["hash"]), UNKNOWN if rows is None else f"{rows:,}"


def origin_section(manifest: Mapping[str, Any]) -> str:
    """Where all of it can be looked up, and what it takes to make it again."""
    found = manifest["environment"]
    packages = [f"{name} {found['packages'][name]}" for name in _PACKAGES]
    lines = [
        f"Git tag {code('run/' + manifest['run_id'])} holds code, settings and dvc.lock as they "
        f"ran; the checkout was at {code(manifest['head'])}.",
        f"Seed {manifest['seed']}; Python {found['python']}, {', '.join(packages)}; "
        f"{found['threads']} threads on {escape_markdown(found['platform'])}. Another processor or "
        "number of threads gives other roundings, and so other figures.",
    ]
    if manifest["edited"]:
        lines.append(f"Edited since that commit: {_paths(manifest['edited'])}.")
    if manifest["changed"]:
        lines.append(f"**Changed while it ran**: {_paths(manifest['changed'])}.")
    return "## Where it came from\n\n" + "\n".join(f"- {line}" for line in lines)


def _paths(paths: Sequence[str]) -> str:
    return ", ".join(map(code, paths))


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    return Sheet(title="", header=header, rows=rows).as_markdown()
