"""A version's origin as a tree for the terminal."""

from collections.abc import Mapping
from typing import Any

from rich.filesize import decimal
from rich.markup import escape
from rich.tree import Tree


def lineage_tree(origin: Mapping[str, Any]) -> Tree:
    """The version, its run, and each stage's outputs with what they were made from.

    Args:
        origin: What ``rsft lineage --json`` prints.
    """
    aliases = "".join(f" @{alias}" for alias in origin["aliases"])
    version = escape(f"{origin['model']} version {origin['version']}")
    root = Tree(f"[bold]{version}[/]{escape(aliases)}")
    for line in (
        f"run {origin['run_id']}, made at {origin['made_at']}, seed {origin['seed']}",
        f"code, params.yaml and dvc.lock: git tag {origin['git_tag']}",
        f"  commit {origin['git_commit']}, dvc.lock sha256 {origin['dvc_lock_sha256'][:16]}…",
    ):
        root.add(escape(line))
    if origin["flow_run_id"]:
        root.add(escape(f"Prefect flow run {origin['flow_run_id']}"))
    if origin["promotion"]:
        decision = origin["promotion"]
        root.add(escape(f"{decision['reason']} (by {decision['by']}, {decision['at']})"))
    data = root.add("data sets, each with the hashes it was made from")
    for name, stage in origin["stages"].items():
        branch = data.add(f"[bold]{escape(name)}[/]")
        for path, out in stage["outs"].items():
            branch.add(escape(f"{path}  {out['hash']}  {decimal(out['size'])}"))
        for path, md5 in stage["data"].items():
            branch.add(f"[dim]{escape(f'from {path}  {md5}')}[/]")
    return root
