"""The domain, as frozen records: one row of a table is one of these.

A candidate grows as it passes the stages, and each stage's table can be read alone:

    Prompt ─► Candidate (generate) ─► Scored (score) ─► Decided (filter) ─► TrainingRow (pool)
                                                                            Answer (evaluate)

Log-probabilities and log-ratios are natural logarithms (nats). ``None`` is "not known" or "does
not apply", never 0.
"""

from dataclasses import dataclass
from typing import Literal, Protocol

FinishReason = Literal["stop", "length"]
ScoreStatus = Literal["ok", "unscorable"]
Role = Literal["system", "user", "assistant"]
LeakKind = Literal["exact", "numbers_masked", "ngram", "solution"]
LeakAction = Literal["report", "drop", "stop"]


class Progress(Protocol):
    """Told now and then by whatever takes long."""

    def __call__(self, done: int, total: int, note: str = "") -> None:
        """Shows how far it is.

        Args:
            done: What is done, in whatever unit fits.
            total: Of how much.
            note: Rates and the like, in one line.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """What one side of a dialogue said."""

    role: Role
    """Whose turn it was; ``system``: what the policy was told beforehand."""
    content: str
    """What was said, in plain text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """One input to the policy, with what is known of its right answer."""

    prompt_id: str
    """Unique within all splits; the address of its draws."""
    text: str
    """What is asked, in plain text, before any rendering: the last user's turn."""
    context: tuple[Turn, ...] = ()
    """The turns before ``text``, the first of which may be the system's; empty where there are
    none."""
    answers: tuple[str, ...]
    """The gold answers a verifier compares with, any of which is right; empty where none is
    known."""
    choices: tuple[str, ...] = ()
    """What may be chosen from, in order: the first is choice A; empty where the answer is free."""
    solution: str | None
    """A worked solution ending in the answer, in the form the policy writes; null if unknown."""
    family: str
    """Prompts of one family are alike (one template): the unit of resampling."""
    source: str
    """Where the prompt came from: a data set's name or a file's."""
    licence: str
    """SPDX identifier of the source's licence, or ``unknown``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """One completion drawn for a prompt, awaiting a decision."""

    prompt_id: str
    """The prompt that was answered."""
    round: int
    """The round it was drawn in, from 1; 0 for draws made while evaluating."""
    draw: int
    """Number of the draw for this prompt, from 0; part of the address of its randomness."""
    policy_version: str
    """Fingerprint of the policy's weights, tokenizer and rendering."""
    text: str
    """The decoded completion, special tokens removed; what follows a stop string is left out."""
    token_ids: tuple[int, ...] | None
    """The tokens drawn, in order, the stop token included where one was drawn; null where a server
    does not tell them."""
    token_count: int | None
    """How many tokens were drawn; null where a server does not tell."""
    finish_reason: FinishReason
    """``stop``: the policy ended it; ``length``: the cap cut it, and it is only a prefix."""
    proposal_logprob: float | None
    """log M(y|x) in nats under the law drawn from: after temperature and truncation; null where a
    server does not tell it."""
    policy_logprob: float | None
    """log π(y|x) in nats under the policy at temperature 1, untruncated; null likewise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Completion:
    """One output as a reward reads it."""

    text: str
    """The decoded text: hostile input."""
    token_ids: tuple[int, ...] | None = None
    """The tokens drawn, the stop token included where one was drawn; null where not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptDraws:
    """What was drawn for one prompt of a round, and how many of its completions were right."""

    prompt_id: str
    """The prompt."""
    status: Literal["drawn", "too_long"]
    """``too_long``: it does not fit the policy together with a completion; nothing was drawn."""
    prompt_tokens: int
    """Tokens that the policy reads for it."""
    draws: int
    """Completions drawn."""
    scored: int
    """How many of them could be scored."""
    right: int
    """How many of those have the reward of a right answer."""
    success_rate: float | None
    """Estimate of the share of right completions, unbiased by when drawing stopped: right/scored,
    or (k − 1)/(n − 1) where it stopped for having k right ones, n being the number of scored draws
    up to the k-th; null where nothing was scored."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored(Candidate):
    """A candidate with its reward."""

    reward: float | None
    """The weighted mean of the parts, in [0, 1] for verifiers; null if unscorable."""
    reward_breakdown: dict[str, float]
    """Reward by name of each part, unweighted, and ``part.detail`` by what it was made of; of an
    unscorable one those parts that could judge."""
    score_status: ScoreStatus
    """``unscorable``: the scorer could not judge it; that is not a wrong answer."""
    score_note: str | None
    """Why it is unscorable, in one line that names the part; null where it was scored."""
    outcome: str | None
    """What the scorer read in the completion (its final answer); null if it found none."""
    reference_logprob: float | None
    """log π_ref(y|x) in nats under the frozen base at temperature 1, untruncated; null where it was
    not asked for, or the tokens are not known."""
    is_canonical: bool | None
    """Whether its tokens are those that its text is encoded as: where they are not, the probability
    of its text is not that of its tokens; null where the tokens are not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided(Scored):
    """A scored candidate with its decision and every number the decision used."""

    log_target: float | None
    """Unnormalised log P̃(y|x) in nats; null where P̃ = 0, it is unscorable, or it contains a log M
    not known; and for rules without a bound."""
    log_bound: float | None
    """log c in nats, the envelope constant of the prompt; null for rules that use none."""
    log_accept_ratio: float | None
    """log P̃ − log M − log c in nats, not clipped; null where P̃ = 0, it is unscorable, or there is
    no bound."""
    accept_prob: float | None
    """A = min(1, P̃/(cM)); null where it is unscorable, and for rules that use none."""
    coin: float | None
    """The uniform number in [0, 1) that was compared with A; null where none was tossed."""
    is_accepted: bool
    """Whether the candidate goes on to the pool."""
    reason: str
    """Why, in one word: ``accepted``, ``coin``, ``wrong``, ``truncated``, ``duplicate``…"""
    weight: float
    """Weight in the loss: 1 where a coin already applied A, else A; 0 if not accepted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptAcceptance:
    """How the decisions on one prompt's candidates came out; shares are fractions of 1."""

    prompt_id: str
    """The prompt."""
    candidates: int
    """Candidates."""
    unscorable: int
    """Those that no reward could judge."""
    supported: int
    """Those in the target's support."""
    chosen: int
    """Those that the rule accepted, before copies went and the cap was applied."""
    accepted: int
    """Those accepted in the end."""
    acceptance_rate: float
    """Accepted over candidates."""
    log_bound: float | None
    """log c in nats; null for rules that use none."""
    bound_violation_rate: float | None
    """Share of the supported whose ratio lies above the bound; null where there is none of
    either."""
    clipped_mass: float | None
    """Share of the target's mass above the envelope, Σ max(0, w − c) / Σ w; null likewise."""
    effective_sample_size: float
    """(ΣA)²/ΣA² of the supported, with a threshold of those that reach it; for rules without a
    bound, how many were chosen."""
    kl_to_proposal: float | None
    """KL of what the rule keeps to the proposal, in nats; null where it keeps nothing."""
    mean_reward: float | None
    """Mean reward of its candidates; null where none was scored."""
    mean_reward_accepted: float | None
    """Mean reward of the accepted ones; null where there are none."""
    mean_tokens: float | None
    """Mean tokens of its candidates; null where no server told them."""
    mean_tokens_accepted: float | None
    """Mean tokens of the accepted ones; null likewise, or where there are none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingRow:
    """One row that a policy is trained on."""

    prompt_id: str
    """The prompt."""
    prompt: str
    """Its text, before rendering."""
    context: tuple[Turn, ...]
    """The turns before it."""
    family: str
    """The prompt's family."""
    completion: str
    """The text to be learnt, without special tokens."""
    weight: float
    """Weight A in the loss −Σ A log M / Σ A."""
    round: int
    """The round whose candidates it came from; 0 for labelled rows."""
    draw: int
    """The candidate's draw number; 0 for labelled rows."""
    source: str
    """Source of the prompt, carried through to the model's metadata."""
    licence: str
    """Licence of that source."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Leak:
    """Text of an evaluation or guard prompt that was found in what is trained on."""

    prompt_id: str
    """The training prompt."""
    round: int | None
    """With ``draw``: the training row whose completion it was found in; 0 for labelled rows. Null
    where it was found in the prompt, and so in every row of it."""
    draw: int | None
    """The candidate's draw number; 0 for labelled rows; null likewise."""
    kind: LeakKind
    """How it was found: ``rsft.prompts.contamination`` says what each means."""
    evaluation_set: str
    """Name of the evaluation or guard set."""
    evaluation_prompt_id: str
    """The prompt of it that is shared most; of several, the first."""
    share: float
    """Share of that prompt's text, in n-grams; 1 where it is all of it."""
    action: LeakAction
    """``report``: it is trained on nevertheless. ``drop``: it is left out. ``stop``: an error."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceFigures:
    """How much of what is trained on came from one source under one licence."""

    source: str
    """A data set's name or a file's."""
    licence: str
    """SPDX identifier, or ``unknown``."""
    rows: int
    """Training rows."""
    prompts: int
    """Prompts that have such a row."""
    families: int
    """Families of those prompts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One completion of an evaluation prompt, and what was thought of it.

    Each prompt has one greedy answer, on which policies are compared, and several sampled ones.
    """

    split: str
    """Name of the evaluation or guard set."""
    prompt_id: str
    """The prompt."""
    family: str
    """Its family: the unit of resampling."""
    prompt: str
    """Its text."""
    context: tuple[Turn, ...]
    """The turns before it."""
    golds: tuple[str, ...]
    """The gold answers; empty where none is known."""
    seed: int | None
    """Which of ``evaluate.seeds`` it was sampled with, from 0; null for the greedy one."""
    draw: int | None
    """Number of the draw of that seed, from 0; null for the greedy one."""
    completion: str
    """What the policy wrote, special tokens removed."""
    finish_reason: FinishReason
    """``stop``: the policy ended it; ``length``: the cap cut it."""
    token_count: int
    """Tokens drawn, the stop token included."""
    policy_logprob: float
    """log π of it in nats at temperature 1, untruncated."""
    outcome: str | None
    """The answer read in it; null if none was found."""
    reward: float | None
    """What ``score.rewards`` give it; null where they cannot judge."""
    measured: dict[str, float]
    """By name what each reward gives, those of ``evaluate.metrics`` included, and as ``win`` how a
    greedy answer compares with the base's where ``evaluate.win_rate`` is set; what is not known is
    missing."""
    is_correct: bool | None
    """Whether the reward is that of a right answer; null where it cannot be scored."""
