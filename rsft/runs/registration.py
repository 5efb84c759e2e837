"""Registering what a run made: the last round's model, with everything it came from."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import pyarrow as pa

from rsft.config import RAW, Config, ScoreSection, is_own, round_folder
from rsft.ledger import read_rows, read_table, schema_of
from rsft.lineage import Snapshot, StageRun
from rsft.registry import Evaluation, ModelVersion, Provenance, Registry, Serving, register
from rsft.runs.summary import summarise_policy, summarise_round
from rsft.stages.contract import read_handed_on, split_file
from rsft.stages.pooling import describe_sources
from rsft.types import Answer, Prompt, SourceFigures, TrainingRow


def register_run(
    registry: Registry,
    config: Config,
    *,
    run_id: str,
    snapshot: Snapshot,
    stage_runs: Mapping[str, StageRun],
    flow_run_id: str | None,
) -> ModelVersion:
    """Registers the last round's model as the challenger, unless it is registered already.

    Args:
        registry: Where.
        config: The run's settings.
        run_id: The run.
        snapshot: The tag that pins it.
        stage_runs: Its stages, whose output hashes go with the model.
        flow_run_id: Prefect's id of the run.
    """
    last = Path(round_folder(config.round_count))
    hashes = {path: out.hash for run in stage_runs.values() for path, out in run.outs.items()}
    return register(
        registry,
        name=config.register_.name,
        policy=last / "model",
        provenance=Provenance(
            run_id=run_id,
            git_tag=snapshot.tag,
            git_commit=snapshot.commit,
            dvc_lock_sha256=snapshot.lock_sha256,
            dataset_hashes=hashes,
            sources=training_sources(config),
            model_md5=hashes[str(last / "model")],
            seed=config.seed,
            flow_run_id=flow_run_id,
        ),
        params=config.model_dump(by_alias=True),
        evaluation=Evaluation(
            metrics=_metrics(config),
            answers=next((last / "answers").glob("*.parquet")),
            prompts_md5=evaluation_fingerprint(config),
        ),
        serving=Serving(
            max_new_tokens=config.evaluate.max_new_tokens,
            is_worked="worked_solution" in config.score.rewards,
            answer_marker=config.score.answer_marker,
            example=read_rows(split_file(config.evaluate.sets["eval"]), Prompt)[0].text,
        ),
    )


def training_sources(config: Config) -> Sequence[SourceFigures]:
    """What the registered model was trained on.

    It is that of the round that the last one hands on: its pool, or where rounds start from one
    another, all pools up to that.
    """
    last: int = read_handed_on(Path(round_folder(config.round_count)))["round"]
    rounds = range(last if config.finetune.start == "base" else 0, last + 1)
    files = [Path(round_folder(number)) / "pool" / "kept.parquet" for number in rounds]
    named = ["prompt_id", "round", "draw", "family", "source", "licence"]
    rows = pa.concat_tables([read_table(file, TrainingRow).select(named) for file in files])
    return describe_sources(rows.group_by(named).aggregate([]))


def evaluation_fingerprint(config: Config) -> str:
    """MD5 of the prompts of all sets, and of the settings that decide which answers are right.

    Answers under one fingerprint are answers to the same questions, judged in the same way: by the
    same functions of the user's and models below ``data/raw`` too; and recorded in the same form.
    """
    judged_by = {
        "record": schema_of(Answer).to_string(),
        "score": config.score.model_dump(),
        "correct_reward": config.filter.correct_reward,
        "max_new_tokens": config.evaluate.max_new_tokens,
    }
    digest = hashlib.md5(usedforsecurity=False)
    for name, split in sorted(config.evaluate.sets.items()):
        digest.update(f"{name}\n".encode())
        digest.update(split_file(split).read_bytes())
    digest.update(json.dumps(judged_by, sort_keys=True).encode())
    for file in _judging_files(config.score):
        digest.update(f"{file} {file.stat().st_size}\n".encode())
        with file.open("rb") as content:
            while block := content.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()


def _judging_files(section: ScoreSection) -> list[Path]:
    """Files below ``data/raw`` that rewards are made of."""
    places = [RAW.rglob("*.py")] if any(map(is_own, section.rewards)) else []
    models = (section.reward_model, section.target_model)
    places += [Path(model.model).rglob("*") for model in models if model is not None]
    return sorted({file for place in places for file in place if file.is_file()})


def _metrics(config: Config) -> dict[int, dict[str, float]]:
    """Figures by round, the base as round 0; what is undefined is left out."""
    rounds = {0: summarise_policy(Path(round_folder(0)))}
    rounds |= {int(key): summarise_round(key) for key in config.rounds}
    return {number: _numbers(figures) for number, figures in rounds.items()}


def _numbers(figures: Mapping[str, object], prefix: str = "") -> dict[str, float]:
    numbers: dict[str, float] = {}
    for name, value in figures.items():
        if isinstance(value, Mapping):
            numbers |= _numbers(value, f"{prefix}{name}.")
        elif isinstance(value, int | float):
            numbers[f"{prefix}{name}"] = float(value)
    return numbers
