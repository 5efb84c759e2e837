"""An origin as a tree for the terminal."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from rich.filesize import decimal
from rich.text import Text
from rich.tree import Tree

from rsft.report.plain import plain

_SHOWN = ("torch", "transformers", "numpy")
"""Packages that figures depend on most; all are in ``--json``."""


def lineage_tree(origin: Mapping[str, Any]) -> Tree:
    """What was named, its run, what became of it, and each stage that it came from.

    Args:
        origin: What ``rsft lineage --json`` prints.
    """
    root = Tree(_title(origin["subject"]))
    for lines in (_run(origin), _code(origin), _machine(origin), _rules(origin)):
        root.add(_text(*lines))
    _add(root, "trained on", _sources(origin))
    _add(root, "expectations", _expectations(origin))
    _add(root, "monitors", _monitors(origin))
    _add(root, "settings", _settings(origin["params"]))
    _add(root, "record", map(_event, origin["record"]))
    data = root.add(_text("came from, the last first"))
    for name, stage in reversed(origin["stages"].items()):
        if stage["is_origin"]:
            _add_stage(data, name, stage, origin)
    for path, out in origin["inputs"].items():
        data.add(_text(f"{path}  {_size(out)}, brought by the user", out["hash"]))
    return root


def _title(subject: Mapping[str, Any]) -> Text:
    title = Text()
    if "model" in subject:
        aliases = "".join(f" @{alias}" for alias in subject["aliases"])
        named = f"{subject['model']} version {subject['version']}"
        title.append(plain(named), "bold").append(f"{plain(aliases)}\n")
    return title.append_text(_text(f"{subject['path']}  {_size(subject)}", subject["hash"]))


def _run(origin: Mapping[str, Any]) -> Iterator[str]:
    yield f"run {origin['run_id']}, made at {origin['made_at']} by {origin['made_by']}"
    if origin["flow_run_id"]:
        yield f"Prefect flow run {origin['flow_run_id']}"


def _code(origin: Mapping[str, Any]) -> Iterator[str]:
    yield f"code, params.yaml and dvc.lock: git tag {origin['git_tag']}"
    yield f"commit {origin['git_commit']}"
    yield f"on     {origin['head']}"
    if origin["edited"]:
        yield f"edited since that commit: {', '.join(origin['edited'])}"
    if origin["changed"]:
        yield f"changed while it ran, so never promoted: {', '.join(origin['changed'])}"


def _machine(origin: Mapping[str, Any]) -> Iterator[str]:
    environment = origin["environment"]
    packages = environment["packages"]
    shown = "".join(f", {name} {packages[name]}" for name in _SHOWN if name in packages)
    yield f"seed {origin['seed']}, threads {environment['threads']}"
    yield f"Python {environment['python']}{shown}; {environment['platform']}"


def _rules(origin: Mapping[str, Any]) -> Iterator[str]:
    base, scorers = origin["base"], origin["scorers"]
    revision = f" at {base['revision']}" if base["revision"] else ""
    yield f"base from {base['source']}: {base['name']}{revision}"
    yield base["hash"]
    yield f"scored by {', '.join(map(_reward, scorers['rewards']))}"
    yield scorers["fingerprint"]
    if origin["policy"]:
        yield f"promoted by {origin['policy']['path']}"
        yield origin["policy"]["sha256"]


def _reward(reward: Mapping[str, Any]) -> str:
    model = f" ({reward['model']})" if reward["model"] else ""
    return f"{reward['name']}{model} × {reward['weight']:g}"


def _sources(origin: Mapping[str, Any]) -> Iterator[str]:
    for found in origin["sources"]:
        yield (
            f"{found['source']} ({found['licence']}): {found['rows']:,} rows of "
            f"{found['prompts']:,} prompts in {found['families']:,} families"
        )


def _expectations(origin: Mapping[str, Any]) -> Iterator[str]:
    for key, verdict in origin["expectations"].items():
        said = "passed" if verdict["success"] else "failed"
        yield f"round {key}: {said}, {verdict['evaluated']} expectations judged"
        yield from (f"failed: {line}" for line in verdict["failed"])
        yield from (f"warning: {line}" for line in verdict["warnings"])


def _monitors(origin: Mapping[str, Any]) -> Iterator[str]:
    for key, found in origin["monitors"].items():
        if found["stopped"]:
            yield f"round {key} hands on round {found['round']}: {found['stopped']}"


def _settings(params: Mapping[str, Any]) -> Iterator[str]:
    """A line a section; what is null is left out."""
    for section, values in params.items():
        if not isinstance(values, Mapping):
            yield f"{section} {values}"
        elif flat := [f"{key} {value}" for key, value in _flat(values) if value is not None]:
            yield f"{section}: {', '.join(flat)}"


def _flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _event(entry: Mapping[str, Any]) -> str:
    kind = entry["kind"].replace("_", " ")
    approved = f", approved by {entry['approved_by']}" if entry.get("approved_by") else ""
    reason = f": {entry['reason']}" if entry.get("reason") else ""
    who = f"{entry['name']} version {entry['version']} {kind} at {entry['at']} by {entry['by']}"
    return f"{who}{approved}{reason}"


def _add_stage(data: Tree, name: str, stage: Mapping[str, Any], origin: Mapping[str, Any]) -> None:
    branch = data.add(Text(plain(name), "bold"))
    for path, out in stage["outs"].items():
        branch.add(_text(f"{path}  {_size(out)}", out["hash"]))
    for path, dep in stage["data"].items():
        text = _text(f"from {path}", *_hash_where_it_is_news(path, dep, origin))
        text.stylize("dim")
        branch.add(text)


def _hash_where_it_is_news(
    path: str, dep: Mapping[str, Any], origin: Mapping[str, Any]
) -> Iterator[str]:
    """Its hash, unless it stands where the data set was made or brought."""
    known = origin["stages"][dep["of"]]["outs"] if dep["of"] else origin["inputs"]
    if path not in known:
        yield dep["hash"]
    elif known[path]["hash"] != dep["hash"]:
        yield f"{dep['hash']}, which is not what was made"


def _size(out: Mapping[str, Any]) -> str:
    files = f"{out['files']:,} files, " if out["files"] != 1 else ""
    rows = out.get("rows", {})
    if rows.keys() == {"."}:
        told = f", {rows['.']:,} rows"
    else:
        told = "".join(f", {table} {count:,} rows" for table, count in rows.items())
    return f"{files}{decimal(out['size'])}{told}"


def _add(root: Tree, title: str, lines: Iterable[str]) -> None:
    """A branch with a line each, where there are any."""
    found = list(lines)
    if found:
        branch = root.add(_text(title))
        for line in found:
            branch.add(_text(line))


def _text(*lines: str) -> Text:
    """Lines as they are: no markup, and no control characters."""
    return Text("\n".join(map(plain, lines)))
