"""A stage's data sets as OpenLineage knows them: by version, schema, size and what was judged.

They are named as ``dvc.yaml`` names them and versioned by DVC's hash, so that a data set has one
name in every worktree and on every machine. What is told of them is read from DVC's cache by hash,
never from files that may have changed since.
"""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from openlineage.client.event_v2 import InputDataset, OutputDataset
from openlineage.client.facet_v2 import (
    base_subset_dataset,
    data_quality_assertions_dataset,
    dataset_version_dataset,
    output_statistics_output_dataset,
    schema_dataset,
    symlinks_dataset,
)

from rsft.interop.meanings import column_meanings
from rsft.lineage import Cache, OutRecord, StageRun, Workspace

_DATA = "data/"
"""Where data sets lie; the other dependencies of a stage are code and settings."""
_SEVERITY = {"critical": "error", "warning": "warn"}
"""OpenLineage's word by Great Expectations'."""


class DataSets:
    """The data sets of one run."""

    def __init__(self, workspace: Workspace, namespace: str) -> None:
        self._cache = Cache(workspace)
        self._root = workspace.root
        self._namespace = namespace
        self._made: dict[str, OutRecord] = {}

    def read_and_made(self, run: StageRun) -> tuple[list[InputDataset], list[OutputDataset]]:
        """What a stage read and made; the stages are told in the order in which they ran."""
        files: dict[str, list[str]] = defaultdict(list)
        for path in run.deps:
            if path.startswith(_DATA):
                files[self._holder(path)].append(path)
        inputs = [self._input(name, paths, run) for name, paths in files.items()]
        self._made |= run.outs
        return inputs, [self._output(path, out) for path, out in run.outs.items()]

    def _holder(self, path: str) -> str:
        """The data set that a path is of: a stage may read one file of a folder."""
        places = (path, *map(str, Path(path).parents))
        return next((place for place in places if place in self._made), path)

    def _input(self, name: str, paths: Sequence[str], run: StageRun) -> InputDataset:
        made = self._made.get(name)
        md5 = made.hash if made is not None else run.deps[name]
        facets: dict[str, Any] = {
            "version": dataset_version_dataset.DatasetVersionDatasetFacet(md5)
        }
        if made is None:
            # What another's job may have brought, under the name that it knows it by.
            place = symlinks_dataset.Identifier("file", str(self._root / name), "LOCATION")
            facets["symlinks"] = symlinks_dataset.SymlinksDatasetFacet([place])
        told: dict[str, Any] = {}
        if name not in paths:
            told["subset"] = base_subset_dataset.InputSubsetInputDatasetFacet(
                base_subset_dataset.LocationSubsetCondition(locations=list(paths))
            )
        verdict = run.outs.get(str(Path(name).with_name("validation")))
        if verdict is not None and Path(name).name == "accepted":
            told["dataQualityAssertions"] = (
                data_quality_assertions_dataset.DataQualityAssertionsDatasetFacet(
                    self._assertions(verdict.hash)
                )
            )
        return InputDataset(namespace=self._namespace, name=name, facets=facets, inputFacets=told)

    def _output(self, path: str, out: OutRecord) -> OutputDataset:
        tables = self._tables(path, out.hash)
        facets: dict[str, Any] = {
            "version": dataset_version_dataset.DatasetVersionDatasetFacet(out.hash)
        }
        if tables:
            facets["schema"] = schema_dataset.SchemaDatasetFacet(_fields(tables))
        is_one = len({_key(table) for table in tables.values()}) == 1
        counted = output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet(
            rowCount=sum(table.num_rows for table in tables.values()) if is_one else None,
            size=out.size,
            fileCount=out.files,
        )
        return OutputDataset(
            namespace=self._namespace,
            name=path,
            facets=facets,
            outputFacets={"outputStatistics": counted},
        )

    def _tables(self, path: str, md5: str) -> dict[str, pq.FileMetaData]:
        """The tables in a data set, by their place in it."""
        members = {member.path: member.hash for member in self._cache.members(md5)}
        return {
            place or Path(path).name: pq.read_metadata(self._cache.object(found))
            for place, found in sorted(members.items())
            if (place or path).endswith(".parquet")
        }

    def _assertions(self, md5: str) -> list[data_quality_assertions_dataset.Assertion]:
        """What the expectations said, in counts: the values that fail are rows of the data."""
        members = {member.path: member.hash for member in self._cache.members(md5)}
        if "result.json" not in members:
            return []  # the rounds had ended: nothing was judged
        result = json.loads(self._cache.object(members["result.json"]).read_bytes())
        return [_assertion(found) for found in result["results"]]


def _fields(tables: Mapping[str, pq.FileMetaData]) -> list[schema_dataset.SchemaDatasetFacetFields]:
    """The columns; of a folder of different tables, each as a struct of its columns."""
    by_schema = {_key(table): table for table in tables.values()}
    if len(by_schema) == 1:
        (table,) = by_schema.values()
        return _columns(table)
    return [
        schema_dataset.SchemaDatasetFacetFields(
            name=place,
            type="struct",
            description=f"a table of {table.num_rows} rows",
            fields=_columns(table),
        )
        for place, table in tables.items()
    ]


def _columns(table: pq.FileMetaData) -> list[schema_dataset.SchemaDatasetFacetFields]:
    schema = table.schema.to_arrow_schema()
    meanings = column_meanings(schema.names)
    return [
        schema_dataset.SchemaDatasetFacetFields(
            name=field.name,
            type=str(field.type),
            description=meanings.get(field.name),
            ordinal_position=position,
        )
        for position, field in enumerate(schema, start=1)
    ]


def _assertion(found: Mapping[str, Any]) -> data_quality_assertions_dataset.Assertion:
    expected, result = found["expectation_config"], found["result"]
    limits = {k: v for k, v in expected["kwargs"].items() if k not in ("batch_id", "column")}
    return data_quality_assertions_dataset.Assertion(
        assertion=expected["type"],
        success=found["success"],
        column=expected["kwargs"].get("column"),
        severity=_SEVERITY[expected["severity"]],
        name=expected["meta"]["id"],
        description=expected["meta"].get("notes"),
        actual=_observed(result),
        params=limits,
    )


def _observed(result: Mapping[str, Any]) -> str | None:
    if "unexpected_count" in result:
        return f"{result['unexpected_count']} of {result['element_count']} rows do not meet it"
    value = result.get("observed_value")
    return str(value) if isinstance(value, int | float) else None


def _key(table: pq.FileMetaData) -> str:
    """Equal where two tables have the same columns."""
    return str(table.schema.to_arrow_schema().remove_metadata())
