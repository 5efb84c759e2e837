"""What a run says of itself: the document that goes into its tag (``rsft.lineage.runs.MANIFEST``).

Everything that is told of a run later, without its files at hand, is told from here: the lineage,
the model's card, the events for other tools. It may hold times and ids, for no stage reads it.

    run_id, flow_run_id    the run, and Prefect's id of it (null without one)
    seed                   root of its randomness
    began_at, ended_at     in ISO 8601
    changed                files of code, settings and inputs that changed while it ran: such a run
                           is not promoted
    params                 its settings, with what ``params.yaml`` leaves to defaults
    evaluation             hash of the evaluation prompts and of who judges: answers under the same
                           can be compared in pairs
    model                  {path, hash} of what it registers
    stages                 by name: state, seconds, deps (hash by path), outs ({hash, size, files}
                           by path), as ``dvc.lock`` has them
    rows                   rows by path of each table among the outputs and the files in them
    sources                what the model was trained on: ``rsft.types.SourceFigures``
    figures                base, rounds, controls and gain, as in ``data/run.json``
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rsft.config import Config, round_folder
from rsft.lineage import StageRun
from rsft.runs.registration import evaluation_fingerprint, training_sources
from rsft.runs.summary import summarise_data


def build_manifest(
    config: Config,
    *,
    run_id: str,
    flow_run_id: str | None,
    began_at: datetime,
    stage_runs: Mapping[str, StageRun],
    changed: Sequence[str],
) -> dict[str, Any]:
    """The manifest of the run whose outputs are in ``data/``.

    Args:
        config: Its settings.
        run_id: The run.
        flow_run_id: Prefect's id of it.
        began_at: When it began.
        stage_runs: What became of its stages.
        changed: Files that changed while it ran.
    """
    model = str(Path(round_folder(config.round_count)) / "model")
    outs = {path: out for run in stage_runs.values() for path, out in run.outs.items()}
    return {
        "run_id": run_id,
        "flow_run_id": flow_run_id,
        "seed": config.seed,
        "began_at": began_at.isoformat(timespec="seconds"),
        "ended_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "changed": list(changed),
        "params": config.model_dump(mode="json", by_alias=True),
        "evaluation": evaluation_fingerprint(config),
        "model": {"path": model, "hash": outs[model].hash},
        "stages": {name: _stage(run) for name, run in stage_runs.items()},
        "sources": [asdict(figures) for figures in training_sources(config)],
        "figures": summarise_data(config),
    }


def _stage(run: StageRun) -> dict[str, Any]:
    return {
        "state": run.state,
        "seconds": round(run.seconds, 3),
        "deps": dict(run.deps),
        "outs": {path: asdict(out) for path, out in run.outs.items()},
    }
