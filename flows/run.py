"""One run of the flow: what it holds, and each of its steps as a Prefect task.

DVC's run-cache is the cache of the stages, so Prefect caches nothing. What passes between tasks
are small records, never tables.
"""

import importlib
import json
import logging
import secrets
import shlex
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar

import psutil
from prefect import task
from prefect.artifacts import create_markdown_artifact
from prefect.cache_policies import NO_CACHE
from prefect.runtime import deployment, flow_run
from prefect.settings import PREFECT_API_URL, PREFECT_HOME
from rich.text import Text

from flows.progress import PageProgress
from flows.promote import announce, judge
from flows.server import server_problem
from flows.stranded import settle_predecessor
from rsft.config import PARAMS, TRAINING, Config, load_config, load_policy, set_values
from rsft.errors import RegistryError, RsftError, WorkspaceError
from rsft.interop import RunEvents, open_events
from rsft.ledger import read_rows
from rsft.lineage import (
    Pipeline,
    Snapshot,
    StageRun,
    Workspace,
    in_service,
    owe_push,
    push_owed,
    read_purged,
    read_record,
    read_run,
    tag_run,
)
from rsft.promotion import has_served
from rsft.registry import ModelVersion, Registry, get_version
from rsft.report.display import current_display, reporting
from rsft.report.history import difference_line, left_line, unregistered_line
from rsft.report.monitor import control_line, monitor_lines, stopped_line
from rsft.report.rows import forgotten_line
from rsft.report.tables import filter_lines, pool_lines, result_markdown, round_table
from rsft.report.training import training_line
from rsft.runs.description import describe_versions
from rsft.runs.docs import are_docs_old, render_data_docs
from rsft.runs.manifest import build_manifest
from rsft.runs.news import count_new
from rsft.runs.readiness import require_control_rows
from rsft.runs.record import find_differences
from rsft.runs.registration import register_patiently, registered_version
from rsft.runs.summary import summarise_data, summarise_round
from rsft.score import build_rewards, prove_on_golds
from rsft.stages.contract import (
    BASE,
    FORGOTTEN_COUNTS,
    PRIVATE,
    RUN_SUMMARY,
    control_folder,
    here,
    read_json,
    split_file,
    stopped_before,
)
from rsft.types import Prompt

logger = logging.getLogger("rsft")

Result = TypeVar("Result")


@dataclass(kw_only=True)
class Run:
    """A run that holds its workspace."""

    run_id: str
    """Unique, and by the clock: ``20261124T031500-5f0c``."""
    began_at: datetime
    """When it began."""
    age: float
    """Seconds that its process was old then."""
    started: float
    """The same moment by a clock that nobody sets, in seconds."""
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

    def show_prompts(self) -> None:
        """Shows how many prompts were left out because they are to be forgotten, if any."""
        line = forgotten_line(read_json(FORGOTTEN_COUNTS))
        if line:
            current_display().show(line)

    def not_worth_it(self) -> str | None:
        """Why there is too little new to train on; null where there is enough, or nobody knows."""
        least = self.config.retrain.min_new_prompts
        new = count_new(self.workspace)
        if new is None or new >= least:
            return None
        return f"not worth it: {new:,} new of {least:,} (retrain.min_new_prompts)"

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
            warmup = self.config.finetune.warmup_steps
            current_display().show(training_line(figures["training"], warmup))
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
        root, home = self.workspace.root, self.workspace.home
        has_judged = any(name.startswith("validate@") for name in self.stage_runs)
        if has_judged and are_docs_old(root, home):
            render_data_docs(root, home)

    def snapshot(self) -> Snapshot:
        """Pins code, settings and ``dvc.lock`` by the tag ``run/<run_id>``."""
        self.pipeline.write_lock()
        inputs = self.pipeline.keep_inputs()
        manifest = build_manifest(
            self.config,
            run_id=self.run_id,
            flow_run_id=flow_run.id,
            began_at=self.began_at,
            stage_runs=self.stage_runs,
            inputs=inputs,
        )
        owe_push(self.workspace, self.run_id)
        what = (self.workspace, self.run_id, manifest, inputs, self.pipeline.changed)
        return _as_task("snapshot", lambda: tag_run(*what))

    def push(self) -> None:
        """Pushes what it made to DVC's remote; where that fails, the next run does."""
        done = _as_task("push", lambda: push_owed(self.workspace))
        if done.line is not None:
            current_display().show(Text(done.line))

    def register(self, snapshot: Snapshot) -> ModelVersion | None:
        """Registers the last round's model, and those that earlier runs left unregistered.

        Returns:
            The version; null where it could not be registered: the run is complete without, and
            the next one, or ``rsft register``, makes up for it, or says why it cannot.
        """
        return _as_task("register", lambda: self._register(snapshot))

    def _register(self, snapshot: Snapshot) -> ModelVersion | None:
        name = self.config.register_.name
        try:
            left = register_patiently(self.workspace, self.registry, name).left
            describe_versions(self.registry, self.workspace, name)
            if left:
                tag = snapshot.tag if snapshot.tag in left else next(iter(left))
                current_display().show(left_line(tag, left[tag], more=len(left) - 1))
            if snapshot.tag in left:
                return None
            run = read_run(self.workspace, snapshot.tag)
            version = registered_version(self.workspace, self.registry, run)
            moved = find_differences(self.workspace, self.registry, name)
        except RegistryError as error:
            current_display().show(unregistered_line(str(error)))
            return None
        except RsftError as error:
            current_display().show(left_line(snapshot.tag, str(error)))
            return None
        for difference in moved:
            current_display().show(difference_line(str(difference)))
        return version

    def promote(self, version: ModelVersion) -> tuple[ModelVersion, str]:
        """Makes the challenger champion if it is shown to be better.

        A deployed run leaves that to the flow ``promote``, which may wait for a person.

        Returns:
            The version as it then is, and what was decided; the run is complete without a verdict.
        """
        serving = in_service(read_record(self.workspace), version.name)
        if serving is not None and serving.version == version.version:
            return version, "the same model is the champion already"
        named = f"{version.name}/{version.version}"
        if has_served(self.workspace, version.name, version.version):
            return version, f"it served before; `rsft promote {named}` judges it again"
        if deployment.id is not None:
            announce(version.name, version.version)
            return version, f"left to the deployment promote; or judge it by `rsft promote {named}`"
        try:
            reason = self._judge(version, named)
            return get_version(self.registry, version.name, version.version), reason
        except RsftError as error:
            return version, f"not judged: {error}; `rsft promote {named}` does it"

    def _judge(self, version: ModelVersion, named: str) -> str:
        judged = judge(self.workspace, self.registry, version.name, named)
        if judged is None:
            return "not judged: it was promoted by somebody else meanwhile"
        verdict = judged.verdict
        how = f"; `rsft promote {named} --approve NAME` says yes"
        return verdict.reason + (how if verdict.outcome == "awaits approval" else "")

    def summarise(
        self, snapshot: Snapshot, version: ModelVersion | None, reason: str
    ) -> dict[str, Any]:
        """Writes ``data/run.json``, and a table for Prefect's page of the run."""
        data = summarise_data(self.config)
        markdown = result_markdown(data)
        _as_task("report", lambda: create_markdown_artifact(markdown, key="retrain"))
        total = self.age + time.monotonic() - self.started
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
                "name": self.config.register_.name,
                "version": version.version if version else None,
                "alias": version.aliases[0] if version and version.aliases else None,
                "reason": reason,
            },
        }
        temporary = RUN_SUMMARY.with_suffix(".tmp")
        temporary.write_text(json.dumps(summary, indent=2) + "\n", encoding="utf-8")
        temporary.replace(RUN_SUMMARY)
        return summary


def require_server() -> None:
    """Makes sure that Prefect's server is there: that of an address, else one for this run.

    Raises:
        WorkspaceError: Where it does not answer, or does not start.
    """
    if PREFECT_API_URL.value() is None:
        _start_server()
        return
    problem = server_problem()
    if problem is not None:
        raise WorkspaceError(problem)


def _start_server() -> None:
    """Has Prefect start a server for this process, which the flow would only meet with a trace."""
    from prefect.server.api.server import SubprocessASGIServer  # seconds, at the first start alone

    try:
        SubprocessASGIServer().start()
    except RuntimeError:
        raise WorkspaceError(
            "Prefect's server for this run does not start; look whether the disk of "
            f"{PREFECT_HOME.value()} has room, and what `prefect server start` says"
        ) from None


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
    began_at, started = datetime.now(UTC), time.monotonic()
    age = max(0.0, began_at.timestamp() - psutil.Process().create_time())
    run_id = f"{began_at:%Y%m%dT%H%M%S}-{secrets.token_hex(2)}"
    with reporting(), workspace.hold(run_id, on_wait=_say_whom if wait else None):
        settle_predecessor(workspace.private, str(flow_run.id))
        if settings:
            set_values(PARAMS, settings)
        with Pipeline(workspace) as pipeline:
            pipeline.require_unpurged(read_purged(workspace))
            config = load_config()  # now, so that a later edit is seen to differ from what ran
            load_policy()  # now, so that a mistake in it is not told at the end
            registry = Registry.open(workspace.home, config.register_.tracking_uri)
            name = config.register_.name
            with open_events(workspace, run_id=run_id, model=name, warn=_warner()) as events:
                run = Run(
                    run_id=run_id,
                    began_at=began_at,
                    age=age,
                    started=started,
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
