"""What a run says of itself: the document that goes into its tag (``rsft.lineage.runs.MANIFEST``).

Everything that is told of a run later, without its files at hand, is told from here: the lineage,
the model's card, the events for other tools. It may hold times and ids, for no stage reads it.

    run_id, flow_run_id    the run, and Prefect's id of it (null without one)
    seed                   root of its randomness
    began_at, ended_at     in ISO 8601
    head, edited           the commit that the checkout was at, and the paths that differed from it
                           (``rsft.lineage.tag_run`` adds them)
    changed                files of code, settings and inputs that changed while it ran: such a run
                           is not promoted (added there, too)
    params                 its settings, with what ``params.yaml`` leaves to defaults
    environment            python, platform, packages (version by name), threads
    base                   source (scratch, folder, hub), name, revision (or null), hash
    scorers                rewards ({name, weight, model or null}), and fingerprint: the same as
                           long as they judge in the same way
    policy                 {path, sha256} of what promotion goes by; null where there is none
    evaluation             hash of the evaluation prompts and of who judges: answers under the same
                           can be compared in pairs
    model                  {path, hash} of what it registers
    stages                 by name: state, seconds, deps (hash by path), outs ({hash, size, files}
                           by path), as ``dvc.lock`` has them
    inputs                 what the user brought ({hash, size, files} by path), which is kept in the
                           cache too; the hashes are those of the deps
    rows                   rows by path of each table among the outputs and the files in them; a
                           folder of parts is one table
    expectations           by round: success, evaluated, failed and warnings (a line each), path and
                           hash of the verdict
    monitors               by round: stopped (why the rounds ended, or null), round (whose policy is
                           handed on), tripped (a line for each monitor that stopped them)
    sources                what the model was trained on: ``rsft.types.SourceFigures``
    figures                base, rounds, controls and gain, as in ``data/run.json``
"""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rsft.config import Config, round_folder
from rsft.lineage import OutRecord, StageRun
from rsft.runs.facts import (
    base_facts,
    environment_facts,
    evaluation_fingerprint,
    expectation_facts,
    monitor_facts,
    policy_facts,
    scorer_facts,
    table_rows,
)
from rsft.runs.registration import training_sources
from rsft.runs.summary import summarise_data


def build_manifest(
    config: Config,
    *,
    run_id: str,
    flow_run_id: str | None,
    began_at: datetime,
    stage_runs: Mapping[str, StageRun],
    inputs: Mapping[str, OutRecord],
) -> dict[str, Any]:
    """The manifest of the run whose outputs are in ``data/``.

    Args:
        config: Its settings.
        run_id: The run.
        flow_run_id: Prefect's id of it.
        began_at: When it began.
        stage_runs: What became of its stages.
        inputs: What the user brought, by path, as it is in the cache.
    """
    model = str(Path(round_folder(config.round_count)) / "model")
    scorers = scorer_facts(config, stage_runs)
    outs = {path: out for run in stage_runs.values() for path, out in run.outs.items()}
    return {
        "run_id": run_id,
        "flow_run_id": flow_run_id,
        "seed": config.seed,
        "began_at": began_at.isoformat(timespec="seconds"),
        "ended_at": max(began_at, datetime.now(UTC)).isoformat(timespec="seconds"),
        "params": config.model_dump(mode="json", by_alias=True),
        "environment": environment_facts(config),
        "base": base_facts(config, outs),
        "scorers": scorers,
        "policy": policy_facts(),
        "evaluation": evaluation_fingerprint(config, scorers["fingerprint"]),
        "model": {"path": model, "hash": outs[model].hash},
        "stages": {name: _stage(run) for name, run in stage_runs.items()},
        "inputs": {path: asdict(out) for path, out in inputs.items()},
        "rows": table_rows(outs),
        "expectations": expectation_facts(config, outs),
        "monitors": monitor_facts(config),
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
