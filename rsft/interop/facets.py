"""What OpenLineage is told of a run and a job besides data sets."""

from collections.abc import Mapping
from typing import Any

from openlineage.client.event_v2 import Job, Run
from openlineage.client.facet_v2 import (
    error_message_run,
    job_type_job,
    parent_run,
    source_code_location_job,
    tags_run,
)

from rsft.lineage import Source


def describe_run(
    run_id: str,
    *,
    parent: tuple[str, str, str] | None,
    tags: Mapping[str, str],
    error: str | None,
) -> Run:
    """A run of OpenLineage's.

    Args:
        run_id: Its UUID.
        parent: UUID of the run that it is a part of, and its job's namespace and name.
        tags: Told beside it.
        error: Why it failed.
    """
    fields = [tags_run.TagsRunFacetFields(name, text, "RSFT") for name, text in tags.items()]
    facets: dict[str, Any] = {"tags": tags_run.TagsRunFacet(fields)}
    if parent is not None:
        own, namespace, name = parent
        facets["parent"] = parent_run.ParentRunFacet(
            run=parent_run.Run(own),
            job=parent_run.Job(namespace, name),
            root=parent_run.Root(
                run=parent_run.RootRun(own), job=parent_run.RootJob(namespace, name)
            ),
        )
    if error is not None:
        facets["errorMessage"] = error_message_run.ErrorMessageRunFacet(error, "python")
    return Run(runId=run_id, facets=facets)


def describe_job(namespace: str, name: str, *, kind: str, source: Source, tag: str) -> Job:
    """A job, and the code it runs.

    Args:
        namespace: Of the job.
        name: Of the job.
        kind: ``FLOW`` or ``STAGE``.
        source: Where its code comes from.
        tag: Git tag that holds the code as it ran, once the run has ended.
    """
    code = source_code_location_job.SourceCodeLocationJobFacet(
        type="git",
        url=source.url,
        repoUrl=source.url,
        path="flows/retrain.py" if kind == "FLOW" else "dvc.yaml",
        version=source.commit,
        tag=tag,
    )
    sort = job_type_job.JobTypeJobFacet(processingType="BATCH", integration="RSFT", jobType=kind)
    return Job(namespace=namespace, name=name, facets={"jobType": sort, "sourceCodeLocation": code})
