"""Whether what a stage read is what another wrote: the edges of the graph."""

from rsft.audit.case import SETTINGS, Case
from rsft.audit.findings import Findings
from rsft.errors import LineageError


def check_edges(case: Case, findings: Findings) -> None:
    """Holds the hash of each dependency that a stage of the run made against what it made."""
    for name, stage in case.stages.items():
        for path, md5 in stage.deps.items():
            if path.startswith(SETTINGS) or case.maker(path) is None:
                continue
            try:
                made = case.hash(path)
            except LineageError:
                continue  # that the list of its files is lost is a finding of the objects
            findings.compare(
                "edge",
                f"{case.run.tag}: stage {name} read {path}",
                expected=made,
                found=md5,
                remedy="the stage read something else than what was made; run again",
            )
    model = case.run.manifest.get("model", {})
    findings.compare(
        "edge",
        f"{case.run.tag}: the model {model.get('path')} that it registers",
        expected=case.outs.get(str(model.get("path"))),
        found=model.get("hash"),
        remedy="the manifest names another model than the stages made; run again",
    )
