"""What a registered version says of itself besides its tags: its card, and its run's data sets.

Both are told from the manifest of the run that made it, which need not be the run at hand: what was
killed between registering and describing is made up for by whoever comes next.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from rsft.config import round_folder
from rsft.errors import LineageError
from rsft.lineage import Cache, RunRecord, Workspace, read_run
from rsft.registry import DataSet, Registry, attach_card, log_datasets, without_card
from rsft.report.card import card_summary, model_card

_FIGURES = ("accuracy", "low", "high", "pass_at_1", "pass_at_k")
"""Figures of a set that are linked with it."""


def describe_versions(registry: Registry, workspace: Workspace, name: str) -> None:
    """Attaches card and data sets to each version of a model that has no card yet.

    Args:
        registry: Where they are registered.
        workspace: The checkout.
        name: Of the registered model.

    Raises:
        RegistryError: Where the store cannot be used.
    """
    for version in without_card(registry, name):
        tag = version.tags.get("git_tag")
        if tag is None:
            continue  # somebody registered it by hand
        try:
            run = read_run(workspace, tag)
            found = list(data_sets(workspace, run))
        except LineageError:
            continue  # another checkout's, which has its tag; or its data was purged since
        number = run.manifest["figures"]["rounds"][-1]["round"]
        log_datasets(registry, version, found, step=number)
        card = model_card(run.manifest)
        attach_card(registry, version, card, card_summary(run.manifest))


def data_sets(workspace: Workspace, record: RunRecord) -> Iterator[DataSet]:
    """A run's data sets: its stages' outputs, and of these the tables trained and measured on."""
    manifest, outs = record.manifest, {}
    for name, stage in record.stages.items():
        for path, out in stage.outs.items():
            outs[path] = out.hash
            yield _data_set(manifest, path, out.hash, context=name.partition("@")[0])
    cache = Cache(workspace)
    measured = manifest["figures"]["rounds"][-1]["sets"]
    prompts = _members(cache, outs, "data/prompts")
    for name, split in manifest["params"]["evaluate"]["sets"].items():
        path = f"data/prompts/{split}.parquet"
        metrics = {
            f"{name}.{figure}": measured[name][figure]
            for figure in _FIGURES
            if measured[name][figure] is not None
        }
        yield _data_set(manifest, path, prompts[path], context="evaluation", metrics=metrics)
    for pool in _pools(manifest):
        path = f"{pool}/kept.parquet"
        yield _data_set(manifest, path, _members(cache, outs, pool)[path], context="training")


def _pools(manifest: Mapping[str, Any]) -> list[str]:
    """The pools that the model was trained on: with rounds that go on from one another, several."""
    last: int = manifest["figures"]["rounds"][-1]["monitor"]["handed_on"]
    first = last if manifest["params"]["finetune"]["start"] == "base" else 0
    return [f"{round_folder(number)}/pool" for number in range(first, last + 1)]


def _members(cache: Cache, outs: Mapping[str, str], folder: str) -> dict[str, str]:
    """Hash by path of each file of a folder."""
    return {f"{folder}/{member.path}": member.hash for member in cache.members(outs[folder])}


def _data_set(
    manifest: Mapping[str, Any],
    path: str,
    md5: str,
    *,
    context: str,
    metrics: Mapping[str, float] | None = None,
) -> DataSet:
    rows = manifest["rows"].get(path)
    return DataSet(path=path, md5=md5, context=context, rows=rows, metrics=metrics or {})
