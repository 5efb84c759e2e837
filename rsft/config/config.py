"""All of ``params.yaml``, and what one section asks of another."""

from typing import Self

from pydantic import Field, model_validator

from rsft.config.alerts import AlertsSection
from rsft.config.base import BaseSection
from rsft.config.filter import FilterSection, PoolSection
from rsft.config.generate import GenerateSection, RuntimeSection
from rsft.config.hosts import HostsSection
from rsft.config.measure import (
    ON_HELD_OUT,
    ControlsSection,
    EvaluateSection,
    MonitorSection,
    RegisterSection,
    ValidateSection,
)
from rsft.config.prompts import PromptsSection
from rsft.config.ray import RaySection
from rsft.config.retrain import RetrainSection
from rsft.config.score import MODEL_BASED, RULES, ScoreSection, is_own
from rsft.config.section import Section
from rsft.config.training import FinetuneSection, TrainingSection


class RoundSection(Section):
    """One round's place in the chain."""

    prev: str
    """Folder of what the round starts from: ``data/base``, then ``data/rounds/<r-1>``."""


class Config(Section):
    """All of ``params.yaml``."""

    seed: int = Field(ge=0, lt=2**63)
    """Root of every random number; tables hold 64 bits of it."""
    runtime: RuntimeSection
    ray: RaySection | None = None
    """Where set, drawing is shared out to workers."""
    hosts: HostsSection | None = None
    """Where the hosts of a training meet that has several."""
    rounds: dict[str, RoundSection] = Field(min_length=1)
    """One entry a round, in order; ``--set rounds=N`` writes the chain."""
    prompts: PromptsSection
    base: BaseSection
    generate: GenerateSection
    score: ScoreSection
    filter: FilterSection
    pool: PoolSection
    validate_: ValidateSection = Field(alias="validate")
    finetune: FinetuneSection
    monitor: MonitorSection
    evaluate: EvaluateSection
    controls: ControlsSection
    register_: RegisterSection = Field(alias="register")
    retrain: RetrainSection = RetrainSection()
    alerts: AlertsSection = AlertsSection()

    @model_validator(mode="after")
    def _rounds_are_a_chain(self) -> Self:
        chain = round_chain(len(self.rounds))
        if {key: {"prev": value.prev} for key, value in self.rounds.items()} != chain:
            raise ValueError(f"rounds must be the chain {chain}; write it with --set rounds=N")
        for number in self.controls.rounds:
            if str(number) not in self.rounds:
                known = ", ".join(self.rounds)
                raise ValueError(f"controls.rounds: there is no round {number}; there are {known}")
        return self

    @model_validator(mode="after")
    def _a_server_reads_what_is_trained_on(self) -> Self:
        server = self.generate.openai
        if server is not None and server.send == "messages" and not self.base.rendering.chat:
            raise ValueError(
                "generate.openai.send is 'messages', so the server renders a chat, and training "
                "would not: set base.rendering.chat to true, or send tokens"
            )
        return self

    @model_validator(mode="after")
    def _stops_by_rows_that_are_held_out(self) -> Self:
        if self.finetune.early_stopping is not None and not self.pool.heldout_share:
            raise ValueError(
                "finetune.early_stopping stops by the rows of held-out training prompts, and there "
                "are none: raise pool.heldout_share above 0, or set early_stopping to null"
            )
        return self

    @model_validator(mode="after")
    def _hosts_know_where_to_meet(self) -> Self:
        scratch = self.base.scratch
        trainings: dict[str, TrainingSection] = {"finetune": self.finetune}
        if scratch is not None:
            trainings["base.scratch.training"] = scratch.training
        for name, training in trainings.items():
            if training.hosts > 1 and self.hosts is None:
                raise ValueError(
                    f"{name}.hosts is {training.hosts}, so the section hosts is needed: set "
                    "hosts.address to where they meet"
                )
        return self

    @model_validator(mode="after")
    def _waves_are_judged_by_rules(self) -> Self:
        slow = [name for name in MODEL_BASED if self.score.rewards.get(name)]
        if self.generate.adaptive and slow:
            raise ValueError(
                f"generate.adaptive judges completions while it draws, and score.rewards gives "
                f"{slow[0]!r} a weight, which only the score stage asks: set generate.adaptive to "
                "null, or its weight to 0"
            )
        return self

    @model_validator(mode="after")
    def _what_stops_the_rounds_is_measured(self) -> Self:
        asked = [name for name in ON_HELD_OUT if getattr(self.monitor, name) is not None]
        if asked and not self.pool.heldout_share:
            raise ValueError(
                f"monitor.{asked[0]} is held against answers to held-out training prompts, and "
                f"pool.heldout_share holds none out: set it to 0.05, say, or monitor.{asked[0]} to "
                "null"
            )
        if self.monitor.gold is not None:
            self._require_reward(self.monitor.gold, "monitor.gold")
        return self

    @model_validator(mode="after")
    def _a_pilot_leaves_draws(self) -> Self:
        adaptive, pilot = self.generate.adaptive, self.filter.bound.pilot_draws
        cap = "adaptive.max_draws" if adaptive else "draws_per_prompt"
        draws = adaptive.max_draws if adaptive else self.generate.draws_per_prompt
        is_asked = self.filter.uses_a_bound and self.filter.bound.method == "pilot"
        if is_asked and pilot is not None and pilot >= draws:
            raise ValueError(
                f"filter.bound.pilot_draws is {pilot}, and generate.{cap} is {draws}, so that no "
                "draw would be left to accept: lower the one, or raise the other"
            )
        return self

    @model_validator(mode="after")
    def _what_the_filter_reads_is_recorded(self) -> Self:
        measure = self.filter.base_measure
        if measure == "reference" and not self.score.reference_logprob:
            raise ValueError(
                "filter.base_measure is 'reference', which needs log π_ref of each candidate: set "
                "score.reference_logprob to true"
            )
        if measure == "density" and self.filter.density not in self.score.rewards:
            raise ValueError(
                f"filter.base_measure is 'density', and score.rewards has no "
                f"{self.filter.density!r} that would give log P; add it there, with weight 0 if it "
                "is to have no say in the reward"
            )
        return self

    @model_validator(mode="after")
    def _what_is_measured_can_be(self) -> Self:
        for name in self.score.rewards:
            self._require_reward(name, "score.rewards")
        for name in self.evaluate.metrics:
            self._require_reward(name, "evaluate.metrics")
        judge = self.evaluate.win_rate
        if judge == "judge" and self.score.judge is None:
            raise ValueError("evaluate.win_rate is 'judge', so the section score.judge is needed")
        measured = [*self.score.rewards, *self.evaluate.metrics]
        if judge not in (None, "judge", *measured):
            raise ValueError(
                f"evaluate.win_rate = {judge!r} is not measured; name 'judge' or one of "
                f"{', '.join(measured)}, or add it to evaluate.metrics"
            )
        return self

    def _require_reward(self, name: str, setting: str) -> None:
        """Refuses a name that no reward has, or one whose section is not there."""
        if name in MODEL_BASED:
            if getattr(self.score, name) is None:
                raise ValueError(f"{setting} names {name!r}, so the section score.{name} is needed")
        elif name not in RULES and not is_own(name):
            raise ValueError(
                f"{setting}: unknown reward {name!r}; known: "
                f"{', '.join((*RULES, *MODEL_BASED))}, or your own as package.module:function"
            )

    @property
    def round_count(self) -> int:
        """Number of rounds."""
        return len(self.rounds)


def round_folder(number: int) -> str:
    """Folder of a round; the base is round 0."""
    return f"data/rounds/{number}" if number else "data/base"


def round_chain(count: int) -> dict[str, dict[str, str]]:
    """The ``rounds`` section for a number of rounds."""
    return {str(r): {"prev": round_folder(r - 1)} for r in range(1, count + 1)}
