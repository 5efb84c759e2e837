"""``filter`` and ``pool``: which candidates are kept, and which of them are trained on."""

from typing import Literal, Self

from pydantic import Field, model_validator

from rsft.config.section import Section
from rsft.types import LeakAction


class BoundSection(Section):
    """The envelope constant c."""

    method: Literal["known", "per_prompt_maximum", "global_quantile", "pilot", "budgeted"]
    """``known``: ``log_bound`` as given. ``per_prompt_maximum``: the largest ratio seen for the
    prompt (biased low), at least ``log_bound``. ``global_quantile``: one c for all, the
    ``quantile`` of the ratios in the target's support. ``pilot``: as ``per_prompt_maximum``, but
    over each prompt's first ``pilot_draws`` draws alone, which are spent on it. ``budgeted``: the
    one c at which the mean accept probability of all candidates is ``acceptance_rate``."""
    log_bound: float | None = None
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
    beta: float | None = Field(default=None, gt=0)
    """With ``tilt`` and ``rso``: KL strength."""
    temper: float = Field(default=1.0, gt=0, le=1)
    """Exponent on P̃/M: less than 1 tames the ratios of long completions, and changes the target
    to M·(P̃/M)^temper."""
    correct_reward: float
    """Reward from which a completion counts as right."""
    bound: BoundSection
    """The envelope constant, with ``coin``, ``soft`` and ``threshold``."""
    threshold: float | None = None
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
    def decides_by_prompt(self) -> bool:
        """Whether no decision on a prompt's candidates depends on those of other prompts."""
        has_common_bound = self.bound.method in ("global_quantile", "budgeted")
        has_common_rank = self.rule == "top_fraction" and self.within == "round"
        return not (
            (self.uses_a_bound and has_common_bound)
            or has_common_rank
            or self.quota == "difficulty"
        )

    @property
    def reads_texts(self) -> bool:
        """Whether decisions read the texts themselves, not only whether they are equal."""
        return self.near_duplicates is not None or self.distinct_paths


class ContaminationSection(Section):
    """Training prompts and rows that share text with an evaluation or guard prompt.

    ``report``: counted and listed. ``drop``: left out of what is trained on too. ``stop``: an
    error. Each kind is looked for on its own: an exact copy is of the other kinds too.
    """

    exact: LeakAction = "drop"
    """The same question after case, white space and punctuation are folded; or all of a question of
    at least ``ngram_words`` within a prompt or completion."""
    numbers_masked: LeakAction = "report"
    """The same question but for its numbers, as of two problems from one template."""
    ngram: LeakAction = "report"
    """At least ``ngram_share`` of a question's word n-grams, in a prompt or completion."""
    solution: LeakAction = "report"
    """As much of its worked solution or of a gold answer, n-grams of numbers and signs aside."""
    ngram_words: int = Field(default=8, ge=2)
    """Words of an n-gram."""
    ngram_share: float = Field(default=0.4, gt=0, le=1)
    """Share of a question's or solution's n-grams from which a text is near it. Between GSM8K's own
    splits two questions have that much in common, and no two solutions."""


class PoolSection(Section):
    """The rows of all rounds that a round trains on."""

    max_per_prompt: int | None = Field(default=None, ge=1)
    """Keep at most so many rows per prompt over all rounds."""
    balance: bool = False
    """Where a prompt has more rows than that, take them from the rounds in turn, the last round
    first; else those of earlier rounds stay."""
    heldout_share: float = Field(default=0.0, ge=0, lt=1)
    """Share of the training prompts that are sampled and scored, but never trained on: what
    training and rounds are stopped by. Which ones follows from the seed and the prompt's id."""
    contamination: ContaminationSection = ContaminationSection()
    """What becomes of rows that evaluation prompts are found in."""
