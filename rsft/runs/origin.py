"""What a registered version came from: its run's tag, and the data sets of that run by hash."""

from typing import Any

from rsft.config import Config
from rsft.lineage import Workspace, read_run
from rsft.registry import Registry, find_version


def trace_origin(config: Config, workspace: Workspace, model: str) -> dict[str, Any]:
    """The origin of a version, as one JSON document.

    Args:
        config: The settings, for the registry's address.
        workspace: The checkout that holds the run's tag.
        model: ``NAME@ALIAS`` or ``NAME/VERSION``.

    Raises:
        RegistryError: Where there is no such version.
        LineageError: Where its run's tag is not in this checkout.
    """
    registry = Registry.open(workspace.home, config.register_.tracking_uri)
    version = find_version(registry, model)
    record = read_run(workspace, version.tags["git_tag"])
    return {
        "model": version.name,
        "version": version.version,
        "aliases": list(version.aliases),
        "run_id": version.tags["run_id"],
        "git_tag": version.tags["git_tag"],
        "git_commit": version.tags["git_commit"],
        "dvc_lock_sha256": version.tags["dvc_lock_sha256"],
        "seed": int(version.tags["seed"]),
        "flow_run_id": version.tags.get("flow_run_id"),
        "promotion": {
            key.removeprefix("promotion."): value
            for key, value in version.tags.items()
            if key.startswith("promotion.")
        },
        "made_at": record.tagged_at,
        "stages": {
            name: {
                "data": {path: dep for path, dep in stage.deps.items() if path.startswith("data/")},
                "outs": {
                    path: {"hash": out.hash, "size": out.size, "files": out.files}
                    for path, out in stage.outs.items()
                },
            }
            for name, stage in record.stages.items()
        },
    }
