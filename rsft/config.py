"""``params.yaml`` as frozen models, one section per stage: the only source of settings.

An unknown key, a wrong type or a value out of range is an error that names the key, the value and
the remedy. ``set_values`` is what ``rsft run --set section.key=value`` does: it writes into the
file, comments kept, after the result was checked.
"""

import difflib
import io
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from rsft.errors import ConfigurationError

PARAMS = Path("params.yaml")
RAW = Path("data/raw")
"""What the user brings: prompt files and model folders. Stages depend on this folder."""
LEAST_TEMPERATURE = 1e-3
"""Logits divided by less may leave the range of a float."""
TRAINING = ("labelled", "train")
"""Splits that a policy may learn from; every other one is for measuring only."""


class Section(BaseModel):
    """Base of every section: frozen, strict about its keys, described by its docstrings."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", use_attribute_docstrings=True, protected_namespaces=()
    )


class RuntimeSection(Section):
    """The machine, as far as it changes results."""

    threads: int = Field(ge=1)
    """Threads of torch's CPU kernels. Another number gives other roundings, hence other draws."""
    memory_gib: float = Field(default=1.0, gt=0)
    """What decoding may take beside the weights: with the policy's shape it gives the rows decoded
    at once, the batch plan. Another plan gives other roundings too."""
    max_rows: int = Field(default=1024, ge=1)
    """At most so many rows decoded at once, whatever the memory."""


class RoundSection(Section):
    """One round's place in the chain."""

    prev: str
    """Folder of what the round starts from: ``data/base``, then ``data/rounds/<r-1>``."""


class EmbeddedSection(Section):
    """Sizes of the embedded set's splits, in prompts."""

    labelled: int = Field(ge=1)
    """With worked solutions."""
    train: int = Field(ge=1)
    """With answers only: what the policy is sampled on."""
    dev: int = Field(ge=0)
    """For choosing settings."""
    eval: int = Field(ge=1)
    """For the reported figures, never for choosing."""
    guard_paraphrases: int = Field(ge=0)
    """Known templates in wordings that appear nowhere else."""
    guard_templates: int = Field(ge=0)
    """Templates that appear nowhere else."""


class FilesSection(Section):
    """Prompts read from JSON Lines files below ``data/raw``, one object a line."""

    labelled: str | None = None
    """File of rows with worked solutions, if any."""
    train: str
    """File of rows to sample on."""
    eval: str
    """File of evaluation rows."""
    guards: dict[str, str] = {}
    """Further evaluation files by name of their split."""
    format: Literal["plain", "gsm8k"] = "plain"
    """``gsm8k`` turns the calculator notes before ``answer_marker`` into worked solutions."""
    max_calculations: int | None = Field(default=None, ge=1)
    """With ``gsm8k``: only problems of at most so many calculations."""
    labelled_count: int | None = Field(default=None, ge=1)
    """Without a ``labelled`` file: so many rows of ``train`` keep their solutions."""
    limit: int | None = Field(default=None, ge=1)
    """At most so many rows of each file, from its start."""
    id_field: str = "id"
    """Field of the prompt's id; rows without one are numbered by file and line."""
    prompt_field: str = "prompt"
    """Field of the prompt's text."""
    messages_field: str = "messages"
    """Field of a dialogue instead of it: a list of ``{"role": …, "content": …}``, ``system`` first
    if at all, then ``user`` and ``assistant``; the last is the user's."""
    answer_field: str = "answer"
    """Field of the gold answer, or of a list of them, any of which is right."""
    choices_field: str = "choices"
    """Field of a list of what may be chosen from, the first being choice A; a row may lack it."""
    answer_marker: str | None = None
    """Where set, the gold answer is what follows it, and the whole field is the solution."""
    solution_field: str = "solution"
    """Field of the worked solution."""
    family_field: str = "family"
    """Field of the family; a row without one is its own family."""
    licence: str = "unknown"
    """SPDX identifier of the files' licence, carried with every row."""

    @model_validator(mode="after")
    def _lies_in_raw(self) -> Self:
        for name in filter(None, (self.labelled, self.train, self.eval, *self.guards.values())):
            if Path(name).is_absolute() or ".." in Path(name).parts:
                raise ValueError(f"{name!r} must be a name below {RAW}, so that DVC sees it change")
        return self


class PromptsSection(Section):
    """Where prompts come from."""

    source: Literal["embedded", "files"]
    """``embedded``: word problems made here from the seed; ``files``: your own."""
    embedded: EmbeddedSection | None = None
    """Sizes of the embedded set."""
    files: FilesSection | None = None
    """Your files."""

    @model_validator(mode="after")
    def _has_its_source(self) -> Self:
        if getattr(self, self.source) is None:
            raise ValueError(
                f"source is {self.source!r}, so the section prompts.{self.source} is needed"
            )
        return self


class RenderingSection(Section):
    """How a prompt's text becomes the policy's input, the same wherever the policy reads one."""

    template: str = "{prompt}"
    """Text around the prompt; ``{prompt}`` stands for it."""
    number_slots: bool = False
    """Write the k-th number as ``n{k}`` (a policy trained from scratch cannot read digits)."""
    chat: bool = False
    """Pass the text as the user's message, after the turns before it, through the tokenizer's own
    chat template."""

    @model_validator(mode="after")
    def _has_a_place(self) -> Self:
        if "{prompt}" not in self.template:
            raise ValueError("template must contain {prompt}")
        return self


class TrainingSection(Section):
    """One training run."""

    steps: int = Field(ge=1)
    """Optimiser steps."""
    batch_size: int = Field(ge=1)
    """Rows per optimiser step."""
    learning_rate: float = Field(gt=0)
    """Peak of the schedule: linear warm-up, then linear decay to 0."""
    warmup_steps: int = Field(default=0, ge=0)
    """Steps of the warm-up."""
    weight_decay: float = Field(default=0.0, ge=0)
    """AdamW's decoupled weight decay."""
    max_grad_norm: float = Field(default=1.0, gt=0)
    """Gradients are clipped to this norm."""
    word_dropout: float = Field(default=0.0, ge=0, lt=1)
    """Share of input tokens replaced by the unknown token while training."""
    max_prompt_tokens: int = Field(default=512, ge=1)
    """A longer prompt is an error, never cut in silence."""
    max_completion_tokens: int = Field(default=512, ge=1)
    """A longer completion is an error, never cut in silence."""


class ScratchSection(Section):
    """A small T5 made here: its size, its tokenizer and its training on the labelled rows."""

    d_model: int = Field(ge=8)
    """Width."""
    d_ff: int = Field(ge=8)
    """Width of the feed-forward layers."""
    layers: int = Field(ge=1)
    """Layers of the encoder, and of the decoder."""
    heads: int = Field(ge=1)
    """Attention heads."""
    dropout: float = Field(default=0.1, ge=0, lt=1)
    """Dropout of the network; it is part of the saved model, so fine-tuning uses it too."""
    vocabulary: int = Field(ge=32)
    """At most so many words; the rest become the unknown token."""
    training: TrainingSection
    """Training on the labelled rows."""


class BaseSection(Section):
    """The policy that the first round samples from."""

    model: str
    """``scratch``, a Hugging Face folder below ``data/raw``, or a Hub id such as
    ``google-t5/t5-small``."""
    revision: str | None = None
    """Commit of the Hub model; pin it, or the Hub may change under you."""
    rendering: RenderingSection = RenderingSection()
    """How prompts are rendered for it; saved with every model trained from it."""
    scratch: ScratchSection | None = None
    """With ``model: scratch``: what to make."""

    @model_validator(mode="after")
    def _has_its_recipe(self) -> Self:
        if self.model == "scratch" and self.scratch is None:
            raise ValueError("model is 'scratch', so the section base.scratch is needed")
        path = Path(self.model)
        if path.is_absolute() or ".." in path.parts or (path.exists() and RAW not in path.parents):
            raise ValueError(f"a model folder must lie below {RAW}, so that DVC sees it change")
        return self


class OpenAISection(Section):
    """A server with OpenAI's interface: vLLM, SGLang, ``transformers serve``."""

    base_url: str = Field(pattern=r"^https?://\S+$")
    """Address of its interface, such as ``http://127.0.0.1:8000/v1``."""
    model: str | None = None
    """Name that the server gives the policy; by default the folder of the round's policy, which
    is what ``vllm serve data/base/model`` calls it."""
    send: Literal["tokens", "text", "messages"] = "tokens"
    """What a prompt is sent as: the very tokens that training reads, the rendered text, or chat
    messages, which the server renders by its own template."""
    concurrency: int = Field(default=16, ge=1)
    """Requests under way at once; each asks for all draws of one prompt."""
    timeout_seconds: float = Field(default=300, gt=0)
    """Of one request."""
    max_retries: int = Field(default=5, ge=0)
    """Of one request, with exponential back-off; then the run stops."""
    api_key_variable: str | None = None
    """Environment variable that holds the key, where the server wants one."""


class AdaptiveSection(Section):
    """Draws in waves, so that easy prompts leave their draws to hard ones."""

    target_accepted: int = Field(ge=1)
    """A prompt is done when so many of its completions have the reward of a right answer."""
    max_draws: int = Field(ge=1)
    """At most so many draws of a prompt; each wave asks for ``draws_per_prompt`` more."""


class GenerateSection(Section):
    """The sampling law, the engine that draws by it, and the batch plan."""

    engine: Literal["native", "transformers", "openai"]
    """``native``: the sampler of this project; ``transformers``: ``model.generate``, for
    architectures that it does not know; ``openai``: a server."""
    draws_per_prompt: int = Field(ge=1)
    """K: completions drawn per prompt."""
    temperature: float = Field(default=1.0, ge=0)
    """Divides the logits; 0 takes the likeliest token."""
    top_k: int | None = Field(default=None, ge=1)
    """Draw among the k likeliest tokens only; the proposal is renormalised over them."""
    top_p: float | None = Field(default=None, gt=0, le=1)
    """Draw among the fewest tokens that hold this probability; renormalised likewise."""
    min_p: float | None = Field(default=None, gt=0, le=1)
    """Draw among the tokens at least so likely as this share of the likeliest; likewise."""
    min_new_tokens: int = Field(default=0, ge=0)
    """No stop token is drawn before so many tokens."""
    max_new_tokens: int = Field(ge=1)
    """Cap on a completion's tokens; one that it cuts is marked ``length``."""
    stop: list[str] = []
    """Strings that end a completion; the text ends before them."""
    dtype: Literal["float32", "bfloat16"] = "float32"
    """Precision that the policy draws in; log-probabilities are of the law in this precision."""
    device: Literal["cpu", "cuda"] = "cpu"
    """Where the policy draws; it is trained and evaluated on the CPU either way."""
    part_prompts: int = Field(ge=1)
    """Prompts per part of the ledger: what a killed run repeats at most."""
    adaptive: AdaptiveSection | None = None
    """Where set, prompts are drawn for until they have enough right completions."""
    openai: OpenAISection | None = None
    """With ``engine: openai``: the server."""

    @model_validator(mode="after")
    def _can_be_drawn(self) -> Self:
        if self.temperature == 0 and self.draws_per_prompt > 1:
            raise ValueError("temperature 0 gives equal draws; set draws_per_prompt to 1")
        if self.temperature == 0 and self.adaptive:
            raise ValueError("temperature 0 gives equal draws; set adaptive to null")
        if 0 < self.temperature < LEAST_TEMPERATURE:
            raise ValueError(
                f"temperature {self.temperature} is too small to divide by; 0 takes the likeliest"
            )
        if self.min_new_tokens > self.max_new_tokens:
            raise ValueError("min_new_tokens is more than max_new_tokens")
        if "" in self.stop:
            raise ValueError("stop holds an empty string, which every completion has")
        if self.engine == "openai" and self.openai is None:
            raise ValueError("engine is 'openai', so the section generate.openai is needed")
        if self.adaptive and self.adaptive.max_draws < self.draws_per_prompt:
            raise ValueError("adaptive.max_draws is less than draws_per_prompt, a wave's draws")
        if self.adaptive and self.adaptive.max_draws < self.adaptive.target_accepted:
            raise ValueError("adaptive.target_accepted is more than max_draws")
        return self


class NumericAnswerSection(Section):
    """Where the number is that answers the question."""

    markers: list[str] = ["####", "A:", "\\boxed{}"]
    """The answer is what follows the last such marker, tried in this order; of ``\\boxed{}``, what
    lies between the braces."""
    last_number: bool = True
    """Where no marker is found, the last number is the answer; else there is none."""
    relative_tolerance: float = Field(default=0.0, ge=0, lt=1)
    """Numbers that differ by no more than this share of the gold one are equal."""
    symbolic: bool = True
    """Compare what is no number, such as ``\\frac{x}{2}``, by Math-Verify."""


class RewardModelSection(Section):
    """A sequence-classification model with one output, whose logit is the reward."""

    model: str
    """A Hugging Face folder below ``data/raw``, or a Hub id."""
    revision: str | None = None
    """Commit of the Hub model; pin it, or the Hub may change under you."""
    max_tokens: int | None = Field(default=None, ge=1)
    """Longer dialogues are unscorable; by default what the model has room for."""
    batch_rows: int = Field(default=32, ge=1)
    """Dialogues computed together; those of like length are."""


class TargetModelSection(Section):
    """The model that gives log P(y|x), the target of the first statement."""

    model: str
    """A Hugging Face folder below ``data/raw``, or a Hub id."""
    revision: str | None = None
    """Commit of the Hub model; pin it, or the Hub may change under you."""
    rendering: RenderingSection | None = None
    """How prompts are rendered for it; by default as its ``rendering.json`` says, else as they
    are."""
    batch_rows: int = Field(default=32, ge=1)
    """Rows computed together at most; those of like length are."""


class JudgeSection(Section):
    """A model behind an OpenAI-compatible server that grades completions by a rubric."""

    server: OpenAISection
    """The server; ``model`` must be named."""
    rubric: str
    """What makes a completion good, in plain language."""
    compare: Literal["none", "gold"] = "none"
    """``gold``: which of completion and gold answer is better, asked in both orders; verdicts that
    change with the order are a tie."""
    grades: int = Field(default=5, ge=2, le=10)
    """With ``compare: none``: the best grade; 1 is the worst, and the reward is (g − 1)/(n − 1)."""
    max_tokens: int = Field(default=512, ge=16)
    """Cap on a verdict's tokens."""


MODEL_BASED = ("reward_model", "target_model", "judge")
"""Rewards that take a model or a server; they judge many completions at once."""


class ScoreSection(Section):
    """The reward."""

    rewards: dict[str, float] = Field(min_length=1)
    """Weight by name of each reward: ``exact_match``, ``f1``, ``numeric_answer``, ``choice``,
    ``worked_solution``, ``reward_model``, ``target_model``, ``judge``, or your own as
    ``package.module:function``. One of weight 0 is recorded, and has no say."""
    answer_marker: str | None = None
    """With ``exact_match``, ``f1`` and ``choice``: the answer is what follows the last such marker;
    null takes the whole completion."""
    numeric_answer: NumericAnswerSection = NumericAnswerSection()
    """With ``numeric_answer``: where the number is."""
    reward_model: RewardModelSection | None = None
    """With ``reward_model``: the model."""
    target_model: TargetModelSection | None = None
    """With ``target_model``: the model."""
    judge: JudgeSection | None = None
    """With ``judge``: the server and the rubric."""
    timeout_seconds: float = Field(default=5.0, gt=0)
    """A rule or function of your own that takes longer over one completion is killed; the
    completion is unscorable."""
    reference_logprob: bool = False
    """Record log π_ref of each candidate, under the base: what ``filter.base_measure: reference``
    needs."""

    @model_validator(mode="after")
    def _can_be_weighed(self) -> Self:
        for name, weight in self.rewards.items():
            if not 0 <= weight < math.inf:
                raise ValueError(f"rewards.{name} = {weight}: must be a number from 0 on")
        if not any(self.rewards.values()):
            raise ValueError("rewards: at least one needs a weight greater than 0")
        for name in MODEL_BASED:
            if name in self.rewards and getattr(self, name) is None:
                raise ValueError(f"rewards names {name!r}, so the section score.{name} is needed")
        if self.answer_marker == "":
            raise ValueError("answer_marker must not be empty; null takes the whole completion")
        return self


class BoundSection(Section):
    """The envelope constant c."""

    method: Literal["known", "per_prompt_maximum", "global_quantile", "pilot", "budgeted"]
    """``known``: ``log_bound`` as given. ``per_prompt_maximum``: the largest ratio seen for the
    prompt (biased low), at least ``log_bound``. ``global_quantile``: one c for all, the
    ``quantile`` of the ratios in the target's support. ``pilot``: as ``per_prompt_maximum``, but
    over each prompt's first ``pilot_draws`` draws alone, which are spent on it. ``budgeted``: the
    one c at which the mean accept probability of all candidates is ``acceptance_rate``."""
    log_bound: float | None = Field(default=None, allow_inf_nan=False)
    """log c, or its floor, in nats."""
    quantile: float | None = Field(default=None, gt=0, le=1)
    """With ``global_quantile``: which; 1 is the largest ratio of all."""
    pilot_draws: int | None = Field(default=None, ge=1)
    """With ``pilot``: so many draws of each prompt find c and are never accepted."""
    acceptance_rate: float | None = Field(default=None, gt=0, le=1)
    """With ``budgeted``: the mean accept probability wanted."""

    @model_validator(mode="after")
    def _has_its_numbers(self) -> Self:
        needed = {
            "global_quantile": ("quantile",),
            "pilot": ("pilot_draws", "log_bound"),
            "budgeted": ("acceptance_rate",),
        }
        for name in needed.get(self.method, ("log_bound",)):
            if getattr(self, name) is None:
                raise ValueError(f"method is {self.method!r}, so {name} is needed")
        return self


class FilterSection(Section):
    """Which candidates are kept."""

    rule: Literal["coin", "soft", "threshold", "best_of_n", "top_n", "top_fraction", "rso"]
    """``coin``: accept with probability A = min(1, P̃/(cM)), weight 1. ``soft``: accept all with
    A > 0, weight A. ``threshold``: accept where ``threshold_on`` reaches ``threshold``; weight A.
    ``best_of_n``: the best reward of each prompt. ``top_n``: the ``n`` best. ``top_fraction``: the
    best ``fraction`` (RAFT). ``rso``: ``n`` of each prompt by statistical rejection sampling
    without replacement. All of them choose within the target's support."""
    target: Literal["density", "indicator", "tilt"]
    """P̃: the ``base_measure`` itself, restricted to right completions (``1[ok]``), or tilted by
    ``exp(reward/beta)``."""
    base_measure: Literal["uniform", "proposal", "reference", "density"]
    """``proposal``: M, the law drawn from, so that ``indicator`` accepts every right completion.
    ``uniform``: 1, so that A ∝ 1/M favours the rare ones. ``reference``: the base policy,
    π_ref/M. ``density``: what the reward ``density`` gives as log P."""
    density: str = "target_model"
    """With ``base_measure: density``: name of the reward that is log P in nats, of
    ``target_model`` or a function of your own."""
    beta: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    """With ``tilt`` and ``rso``: KL strength."""
    temper: float = Field(default=1.0, gt=0, le=1)
    """Exponent on P̃/M: less than 1 tames the ratios of long completions, and changes the target
    to M·(P̃/M)^temper."""
    correct_reward: float
    """Reward from which a completion counts as right."""
    bound: BoundSection
    """The envelope constant, with ``coin``, ``soft`` and ``threshold``."""
    threshold: float | None = Field(default=None, allow_inf_nan=False)
    """With ``threshold``: the least accept probability or reward."""
    threshold_on: Literal["accept_prob", "reward"] = "accept_prob"
    """With ``threshold``: what is held against it; by reward, every weight is 1."""
    n: int | None = Field(default=None, ge=1)
    """With ``top_n`` and ``rso``: how many of each prompt."""
    fraction: float | None = Field(default=None, gt=0, le=1)
    """With ``top_fraction``: which share of the candidates."""
    within: Literal["round", "prompt"] = "round"
    """With ``top_fraction``: the share of all candidates, or of each prompt's."""
    deduplicate: bool = True
    """Keep one of several equal completions of a prompt."""
    near_duplicates: float | None = Field(default=None, gt=0, le=1)
    """Keep one of several completions of a prompt whose word 3-grams have at least this Jaccard
    similarity; null for all."""
    distinct_paths: bool = False
    """Keep one of several completions of a prompt that use the same equations, those farthest from
    each other in edit distance first (RFT)."""
    max_per_prompt: int | None = Field(ge=1)
    """Keep at most so many per prompt, chosen by a seeded shuffle; null for all."""
    quota: Literal["uniform", "difficulty"] = "uniform"
    """``uniform``: ``max_per_prompt`` of every prompt. ``difficulty``: of the hardest, and fewer
    of the others in proportion to their share of wrong completions, but one (DART)."""

    @model_validator(mode="after")
    def _has_its_numbers(self) -> Self:
        needed = {
            "threshold": ("threshold",),
            "top_n": ("n",),
            "top_fraction": ("fraction",),
            "rso": ("n", "beta"),
        }
        for name in needed.get(self.rule, ()):
            if getattr(self, name) is None:
                raise ValueError(f"rule is {self.rule!r}, so filter.{name} is needed")
        if self.target == "tilt" and self.beta is None:
            raise ValueError("target is 'tilt', so filter.beta is needed")
        if self.target == "density" and self.base_measure != "density":
            raise ValueError("target is 'density', so filter.base_measure must be density too")
        if self.rule == "threshold" and self.threshold_on == "accept_prob":
            assert self.threshold is not None
            if not 0 <= self.threshold <= 1:
                raise ValueError(
                    f"threshold = {self.threshold}: an accept probability lies in [0, 1]; "
                    "to hold it against the reward, set filter.threshold_on to reward"
                )
        if self.quota == "difficulty" and self.max_per_prompt is None:
            raise ValueError("quota is 'difficulty', so filter.max_per_prompt is needed")
        return self

    @property
    def uses_a_bound(self) -> bool:
        """Whether the rule decides by A = min(1, P̃/(cM)); else it ranks or compares rewards."""
        if self.rule == "threshold":
            return self.threshold_on == "accept_prob"
        return self.rule in ("coin", "soft")

    @property
    def reads_texts(self) -> bool:
        """Whether decisions read the texts themselves, not only whether they are equal."""
        return self.near_duplicates is not None or self.distinct_paths


class PoolSection(Section):
    """The rows of all rounds that a round trains on."""

    max_per_prompt: int | None = Field(default=None, ge=1)
    """Keep at most so many rows per prompt over all rounds."""
    balance: bool = False
    """Where a prompt has more rows than that, take them from the rounds in turn, the last round
    first; else those of earlier rounds stay."""


class ValidateSection(Section):
    """Bands that the accepted rows of a round must lie in."""

    min_rows: int = Field(ge=1)
    """Fewer accepted rows are critical."""
    max_rows: int = Field(ge=1)
    """More accepted rows are critical."""
    min_acceptance_rate: float = Field(ge=0, le=1)
    """Accepted rows over candidates, at least: a warning below."""
    max_acceptance_rate: float = Field(ge=0, le=1)
    """Accepted rows over candidates, at most: a warning above."""
    min_reward: float = 0.0
    """Least reward of a row."""
    max_reward: float = 1.0
    """Largest reward of a row."""


class FinetuneSection(TrainingSection):
    """Training on the pool: the labelled rows and every round's accepted rows."""

    start: Literal["base", "previous"] = "base"
    """Weights that a round starts from."""


class EvaluateSection(Section):
    """What is measured, and on which prompts."""

    sets: dict[str, str]
    """Split by name in the report; ``eval`` must be among them."""
    draws: int = Field(ge=1)
    """Completions sampled per prompt, for pass@k."""
    k: int = Field(ge=1)
    """The k of pass@k; at most ``draws``."""
    max_new_tokens: int = Field(ge=1)
    """Cap on an answer's tokens."""
    resamples: int = Field(default=2000, ge=100)
    """Bootstrap resamples."""
    confidence: float = Field(default=0.95, gt=0, lt=1)
    """Level of the intervals."""

    @model_validator(mode="after")
    def _can_be_measured(self) -> Self:
        if "eval" not in self.sets:
            raise ValueError("sets needs an entry named 'eval'")
        for name, split in self.sets.items():
            if split in TRAINING:
                raise ValueError(f"sets.{name} is {split!r}, which policies are trained on")
        if self.k > self.draws:
            raise ValueError(f"pass@{self.k} is undefined for {self.draws} draws")
        return self


ControlName = Literal["random", "random_all_rounds", "no_filter", "supervised"]


class ControlsSection(Section):
    """Matched controls: the same training on rows that were not filtered."""

    after: str
    """Folder of the last round, whose pool is matched."""
    names: list[ControlName]
    """Which to train."""


class RegisterSection(Section):
    """The model registry."""

    name: str = Field(pattern=r"^[A-Za-z0-9_.-]+$")
    """Name of the registered model."""
    tracking_uri: str | None = None
    """MLflow's address; by default ``MLFLOW_TRACKING_URI``, else the store in ``mlflow/``."""


class PromoteSection(Section):
    """When a challenger becomes champion."""

    confidence: float = Field(default=0.95, gt=0, lt=1)
    """Level of the paired interval whose lower end must lie above 0."""


class Config(Section):
    """All of ``params.yaml``."""

    seed: int = Field(ge=0)
    """Root of every random number."""
    runtime: RuntimeSection
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
    evaluate: EvaluateSection
    controls: ControlsSection
    register_: RegisterSection = Field(alias="register")
    promote: PromoteSection

    @model_validator(mode="after")
    def _rounds_are_a_chain(self) -> Self:
        chain = round_chain(len(self.rounds))
        if {key: {"prev": value.prev} for key, value in self.rounds.items()} != chain:
            raise ValueError(f"rounds must be the chain {chain}; write it with --set rounds=N")
        if self.controls.after != round_folder(len(self.rounds)):
            raise ValueError(
                f"controls.after must be the last round, {round_folder(len(self.rounds))}"
            )
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


def load_config(path: Path = PARAMS) -> Config:
    """Reads and checks ``params.yaml``.

    Raises:
        ConfigurationError: Where the file is missing, is no YAML mapping, or holds an unknown key
            or a value that does not fit. The message names the first such key.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be read ({error.strerror})") from None
    return parse_config(text, name=str(path))


def parse_config(text: str, *, name: str) -> Config:
    """Checks the text of a ``params.yaml``; ``name`` is what messages call it."""
    return _check(_parse(text, name=name, kind="safe"), name=name)


def set_values(path: Path, assignments: Sequence[str], *, dry_run: bool = False) -> Config:
    """Writes ``section.key=value`` settings into ``params.yaml``, all or none.

    Args:
        path: The file.
        assignments: Each ``section.key=value``, the value in YAML; ``rounds=N`` writes the chain.
        dry_run: Only check them.

    Returns:
        The checked result.

    Raises:
        ConfigurationError: Where an assignment is malformed or its result does not fit; the file
            is then as it was.
    """
    document = _parse(path.read_text(encoding="utf-8"), name=str(path), kind="rt")
    for assignment in assignments:
        _assign(document, assignment)
    config = _check(document, name="--set")
    if dry_run:
        return config
    buffer = io.StringIO()
    _yaml("rt").dump(document, buffer)
    temporary = path.with_suffix(".tmp")
    temporary.write_text(buffer.getvalue(), encoding="utf-8")
    temporary.replace(path)
    return config


def _assign(document: Any, assignment: str) -> None:
    key, equals, text = assignment.partition("=")
    if not equals or not key:
        raise ConfigurationError(f"--set {assignment}: write it as section.key=value")
    value = _parse(text, name=f"--set {assignment}", kind="safe", mapping=False)
    if key == "rounds" and isinstance(value, int) and value > 0:
        document["rounds"] = round_chain(value)
        document["controls"]["after"] = round_folder(value)
        return
    *sections, leaf = key.split(".")
    place = document
    for section in sections:
        if not isinstance(place, dict) or not isinstance(place.get(section), dict):
            known = ", ".join(map(str, place)) if isinstance(place, dict) else "none"
            raise ConfigurationError(f"--set {key}: no section {section!r}; there are: {known}")
        place = place[section]
    place[leaf] = value


def _yaml(kind: str) -> YAML:
    yaml = YAML(typ=kind)
    yaml.width = 100
    yaml.preserve_quotes = True
    if kind == "rt":
        yaml.representer.add_representer(type(None), _represent_null)
    return yaml


def _represent_null(representer: Any, value: None) -> Any:
    """``null`` as people write it; ruamel.yaml would leave the place empty."""
    return representer.represent_scalar("tag:yaml.org,2002:null", "null")


def _parse(text: str, *, name: str, kind: str, mapping: bool = True) -> Any:
    try:
        document = _yaml(kind).load(text)
    except YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f":{mark.line + 1}" if mark else ""
        raise ConfigurationError(
            f"{name}{line}: not YAML ({getattr(error, 'problem', error)})"
        ) from None
    if mapping and not isinstance(document, dict):
        raise ConfigurationError(f"{name}: must be a mapping of sections, as in the README")
    return document


def _check(document: Any, *, name: str) -> Config:
    try:
        return Config.model_validate(document)
    except ValidationError as failure:
        raise ConfigurationError(f"{name}: {_explain(failure)}") from None


def _explain(failure: ValidationError) -> str:
    """One line for the first problem: the key, the value, and what would fit."""
    errors = failure.errors(include_url=False)
    unknown = [error for error in errors if error["type"] == "extra_forbidden"]
    error = (unknown or errors)[0]
    key = ".".join(map(str, error["loc"])) or "the file"
    more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
    if error["type"] == "extra_forbidden":
        close = difflib.get_close_matches(str(error["loc"][-1]), _keys_at(error["loc"][:-1]), n=1)
        hint = (
            f"did you mean {close[0]!r}?"
            if close
            else f"known: {', '.join(_keys_at(error['loc'][:-1]))}"
        )
        return f"unknown key {key!r}; {hint}{more}"
    if error["type"] == "missing":
        return f"{key} is missing{more}"
    message = error["msg"].removeprefix("Value error, ")
    shown = "" if isinstance(error["input"], dict | BaseModel) else f" = {error['input']!r}"
    return f"{key}{shown}: {message[:1].lower() + message[1:]}{more}"


def _keys_at(location: Sequence[int | str]) -> list[str]:
    """The keys a section knows, found by walking the models along an error's location."""
    model: type[BaseModel] = Config
    for part in location:
        by_alias = {field.alias or name: field for name, field in model.model_fields.items()}
        annotation = by_alias[str(part)].annotation if str(part) in by_alias else None
        arguments = getattr(annotation, "__args__", (annotation,))
        models = [a for a in arguments if isinstance(a, type) and issubclass(a, BaseModel)]
        if models:
            model = models[0]
    return [field.alias or name for name, field in model.model_fields.items()]
