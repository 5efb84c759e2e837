"""One run of the flow: what it holds, and each of its steps as a Prefect task.

DVC's run-cache is the cache of the stages, so Prefect caches nothing. What passes between tasks
are small records, never tables.
"""

import importlib
import json
import logging
import re
import secrets
import shlex
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar
from uuid import UUID

import psutil
from prefect import task
from prefect.artifacts import (
    create_markdown_artifact,
    create_progress_artifact,
    update_progress_artifact,
)
from prefect.cache_policies import NO_CACHE
from prefect.runtime import flow_run
from rich.text import Text

from rsft.config import PARAMS, TRAINING, Config, load_config, set_values
from rsft.interop import RunEvents, open_events
from rsft.ledger import read_rows
from rsft.lineage import Pipeline, Snapshot, StageRun, Workspace, tag_run
from rsft.registry import CHAMPION, Decision, ModelVersion, Registry, promote
from rsft.report.display import current_display
from rsft.report.monitor import control_line, monitor_lines, stopped_line
from rsft.report.tables import filter_lines, pool_lines, result_markdown, round_table
from rsft.report.training import training_line
from rsft.runs.description import describe_versions
from rsft.runs.docs import render_data_docs
from rsft.runs.manifest import build_manifest
from rsft.runs.promotion import decide_promotion
from rsft.runs.readiness import require_control_rows
from rsft.runs.registration import register_run
from rsft.runs.summary import summarise_data, summarise_round
from rsft.score import build_rewards, prove_on_golds
from rsft.stages.contract import (
    BASE,
    PRIVATE,
    RUN_SUMMARY,
    control_folder,
    here,
    read_json,
    split_file,
    stopped_before,
)
from rsft.types import Progress, Prompt

logger = logging.getLogger("rsft")

Result = TypeVar("Result")


class PageProgress:
    """Passes progress on, and keeps Prefect's page up to date with it.

    An artifact is made for stages that take longer than the interval only: each call to the
    server costs tens of milliseconds.
    """

    def __init__(self, name: str, shown: Progress, *, interval: float = 5.0) -> None:
        self._name = name
        self._shown = shown
        self._interval = interval
        self._artifact: UUID | None = None
        self._told = time.monotonic()

    def __call__(self, done: int, total: int, note: str = "") -> None:
        """Tells how far the stage is."""
        self._shown(done, total, note)
        is_last = done == total and self._artifact is not None
        if time.monotonic() - self._told < self._interval and not is_last:
            return
        self._told = time.monotonic()
        try:
            self._tell(done, total, note)
        except Exception as error:  # noqa: BLE001  # whatever the server has, the stage goes on
            logger.warning("no progress on Prefect's page: %s", error)

    def _tell(self, done: int, total: int, note: str) -> None:
        percent = 100 * done / total if total else 0.0
        text = f"{self._name}: {done:,} of {total:,}" + (f", {note}" if note else "")
        if self._artifact is None:
            key = re.sub(r"[^a-z0-9]+", "-", self._name)
            made: Any = create_progress_artifact(percent, key=key, description=text)
            self._artifact = made
        else:
            update_progress_artifact(self._artifact, percent, description=text)


@dataclass(kw_only=True)
class Run:
    """A run that holds its workspace."""

    run_id: str
    """Unique, and in order of time: ``20261124T031500-5f0c``."""
    began_at: datetime
    """When it began."""
    config: Config
    """``params.yaml`` as it was when the run began."""
    workspace: Workspace
    """The checkout it works in."""
    pipeline: Pipeline
    """Its stages."""
    registry: Registry
    """Where the model goes."""
    events: RunEvents
    """What other tools are told of it."""
    stage_runs: dict[str, StageRun] = field(default_factory=dict)
    """What became of each stage so far, by name."""
    stage_seconds: float = 0.0
    """Time spent in stage functions."""

    def stage(self, name: str) -> None:
        """Runs a stage of ``dvc.yaml``, or reuses its outputs."""
        _, _, module, *key = shlex.split(self.pipeline.command(name))
        display = current_display()

        def work() -> StageRun:
            with display.stage(name) as shown:
                progress = PageProgress(name, shown)

                def call() -> None:
                    # The function is looked up in the command that DVC records, so the two agree.
                    function = importlib.import_module(module).run
                    started = time.perf_counter()
                    function(self.config, "".join(key), progress)
                    self.stage_seconds += time.perf_counter() - started

                return self.pipeline.run(name, call)

        with self.events.told(name) as told:
            done = _as_task(name, work)
            told(done)
        self.stage_runs[name] = done
        display.done(name, done.state, done.seconds)

    def prove_verifiers(self) -> None:
        """Stops the run where a verifier does not give its own golds a reward of 1."""
        gold = self.config.monitor.gold
        rewards = build_rewards(self.config.score, [gold] if gold else [])
        splits = {*TRAINING, *self.config.evaluate.sets.values()}
        files = [file for split in sorted(splits) if (file := split_file(split)).exists()]
        prompts = [prompt for file in files for prompt in read_rows(file, Prompt)]
        _as_task("prove_verifiers", lambda: prove_on_golds(rewards, prompts, PRIVATE / "golds.txt"))

    def require_control_rows(self) -> None:
        """Stops the run where a control is known to have nothing to train on."""
        require_control_rows(self.config)

    def show_base(self) -> None:
        """Shows what the base is like on the held-out prompts."""
        self._show_monitor(read_json(BASE / "monitor.json"))

    def show_round(self, key: str) -> None:
        """Shows what a round drew, kept, trained on and reached, or why it is not run."""
        monitor = read_json(here(key) / "monitor.json")
        if stopped_before(self.config, key) is not None:
            current_display().show(stopped_line(monitor))
            return
        figures = summarise_round(key)
        current_display().show(round_table(figures, self.config.evaluate.k))
        current_display().show(filter_lines(figures))
        current_display().show(pool_lines(figures))
        if figures["training"] is not None:
            current_display().show(training_line(figures["training"]))
        self._show_monitor(monitor)

    def show_control(self, number: int, name: str) -> None:
        """Shows what a control was trained on."""
        figures = read_json(control_folder(number, name) / "model" / "control.json")
        current_display().show(control_line(name, figures))

    def _show_monitor(self, monitor: Mapping[str, Any]) -> None:
        section, k = self.config.monitor, self.config.evaluate.k
        lines = monitor_lines(monitor, k=k, words=section.distinct_words, gold=section.gold)
        if lines:
            current_display().show(lines)

    def render_docs(self) -> None:
        """Renders the Data Docs where rows were judged, above all where they did not pass."""
        stages = self.stage_runs.items()
        if any(name.startswith("validate@") and run.state == "ran" for name, run in stages):
            render_data_docs(self.workspace.root, self.workspace.home)

    def snapshot(self) -> Snapshot:
        """Pins code, settings and ``dvc.lock`` by the tag ``run/<run_id>``."""
        self.pipeline.write_lock()
        manifest = build_manifest(
            self.config,
            run_id=self.run_id,
            flow_run_id=flow_run.id,
            began_at=self.began_at,
            stage_runs=self.stage_runs,
            changed=self.pipeline.code_changed(),
        )
        return _as_task("snapshot", lambda: tag_run(self.workspace, self.run_id, manifest))

    def register(self, snapshot: Snapshot) -> ModelVersion:
        """Registers the last round's model as the challenger."""
        return _as_task("register", lambda: self._register(snapshot))

    def _register(self, snapshot: Snapshot) -> ModelVersion:
        version = register_run(
            self.registry,
            self.config,
            run_id=self.run_id,
            snapshot=snapshot,
            stage_runs=self.stage_runs,
            flow_run_id=flow_run.id,
        )
        describe_versions(self.registry, self.workspace, version.name)
        return version

    def promote(self, version: ModelVersion) -> tuple[ModelVersion, Decision | None]:
        """Makes the challenger champion if it is shown to be better, and records why or why not."""
        return _as_task("promote", lambda: self._promote(version))

    def _promote(self, version: ModelVersion) -> tuple[ModelVersion, Decision | None]:
        if CHAMPION in version.aliases:
            return version, None
        decision = decide_promotion(self.registry, self.config, self.pipeline.code_changed())
        return promote(self.registry, version, decision), decision

    def summarise(
        self, snapshot: Snapshot, version: ModelVersion, decision: Decision | None
    ) -> dict[str, Any]:
        """Writes ``data/run.json``, and a table for Prefect's page of the run."""
        data = summarise_data(self.config)
        markdown = result_markdown(data)
        _as_task("report", lambda: create_markdown_artifact(markdown, key="retrain"))
        reason = decision.reason if decision else "the same model is the champion already"
        total = time.time() - psutil.Process().create_time()
        summary = {
            "run_id": self.run_id,
            "tag": snapshot.tag,
            "seconds": {
                "total": total,
                "orchestration": total - self.stage_seconds,
                "stages": self.stage_seconds,
            },
            **data,
            "model": {
                "name": version.name,
                "version": version.version,
                "alias": version.aliases[0] if version.aliases else None,
                "reason": reason,
            },
        }
        temporary = RUN_SUMMARY.with_suffix(".tmp")
        temporary.write_text(json.dumps(summary, indent=2) + "\n", encoding="utf-8")
        temporary.replace(RUN_SUMMARY)
        return summary


@contextmanager
def open_run(settings: Sequence[str], *, wait: bool) -> Iterator[Run]:
    """Takes the workspace that the current folder is in, and everything a run needs.

    Args:
        settings: Written into ``params.yaml`` once the workspace is held.
        wait: Wait where another run holds it.

    Raises:
        RsftError: Where there is no workspace, it is held, its settings do not fit, or the
            registry cannot be reached: all of it before the first stage starts.
    """
    workspace = Workspace.open()
    workspace.enter()
    began_at = datetime.now(UTC)
    run_id = f"{began_at:%Y%m%dT%H%M%S}-{secrets.token_hex(2)}"
    with workspace.hold(run_id, on_wait=_say_whom if wait else None):
        if settings:
            set_values(PARAMS, settings)
        with Pipeline(workspace) as pipeline:
            config = load_config()  # now, so that a later edit is seen to differ from what ran
            registry = Registry.open(workspace.home, config.register_.tracking_uri)
            name = config.register_.name
            with open_events(workspace, run_id=run_id, model=name, warn=_warner()) as events:
                run = Run(
                    run_id=run_id,
                    began_at=began_at,
                    config=config,
                    workspace=workspace,
                    pipeline=pipeline,
                    registry=registry,
                    events=events,
                )
                try:
                    yield run
                finally:
                    run.render_docs()


def _say_whom(holder: str) -> None:
    current_display().show(f"waiting for {holder}")


def _warner() -> Callable[[str], None]:
    """Shows a warning on this context's display, from any thread."""
    display = current_display()
    return lambda what: display.show(Text(f"warning: {what}", style="yellow"))


def _as_task(name: str, function: Callable[[], Result]) -> Result:
    """Runs a function as a Prefect task: named, timed and seen on the run's page."""
    as_task: Callable[[], Result] = task(name=name, cache_policy=NO_CACHE)(function)
    return as_task()
