"""Stage ``generate``: candidates for every training prompt, with their exact log-probabilities.

    prompts that fit ─► block by block: [ledger has them? else draw and append] in waves
                     ─► candidates/ in order, draws.parquet: one row per prompt

Candidates are drawn into a ledger outside the stage's outputs, so that a killed run repeats one
wave of one block at most, and more draws per prompt add to those there are. What other code or
other libraries drew is not taken for this code's: DVC would record it as such.
"""

import time
from collections.abc import Iterable, Sequence
from importlib.metadata import version
from pathlib import Path

import torch

from rsft.config import Config
from rsft.generate import (
    CandidateLedger,
    Engine,
    Request,
    SamplingLaw,
    draw_in_waves,
    local_engine,
    success_rate,
)
from rsft.ledger import read_rows, write_rows
from rsft.policy import Policy, encode_questions, load_policy, use_machine
from rsft.score import Score, build_quick_rewards, completion_of
from rsft.stages.command import run_as_command
from rsft.stages.contract import PRIVATE, before, here, split_file, stopped_before
from rsft.stages.fingerprint import code_fingerprint
from rsft.types import Candidate, Progress, Prompt, PromptDraws

_LIBRARIES = ("jinja2", "numpy", "tokenizers", "torch", "transformers")
_DRAWING_CODE = ("generate", "policy", "prompts/slots.py", "randomness.py", "types.py", "wire")
"""What a completion is a function of, below ``rsft``; the stage's other code only moves rows."""
_CODE = code_fingerprint(*_DRAWING_CODE)


def run(config: Config, key: str, progress: Progress) -> None:
    """Writes ``candidates/`` and ``draws.parquet`` of a round, empty once the rounds have ended.

    Raises:
        EngineError: Where the engine cannot draw as asked.
        LedgerError: Where a part of the ledger is corrupt, foreign, or cannot be written.
    """
    if stopped_before(config, key) is not None:
        write_rows(here(key) / "candidates" / "part-00000.parquet", Candidate, [])
        write_rows(here(key) / "draws.parquet", PromptDraws, [])
        return
    device = use_machine(config.runtime)
    section = config.generate
    model = before(config, key) / "model"
    policy = load_policy(model)
    policy_version = policy.version
    if section.dtype != "float32":  # not by a cast, which would take tables of angles along
        policy = load_policy(model, dtype=getattr(torch, section.dtype))
    policy.model.to(device)
    engine = build_engine(config, policy, policy_version, model)
    law = sampling_law(config)
    ledger = CandidateLedger(
        PRIVATE / "ledger", drawing_plan(config, key, policy_version, model), config.seed
    )
    prompts = read_rows(split_file("train"), Prompt)
    lengths = [len(ids) for ids in encode_questions(policy, prompts)]
    fits = [length <= policy.prompt_limit(section.max_new_tokens) for length in lengths]
    meter = _Meter(progress, len(prompts))
    judge = _Judge(config, meter)
    target = section.adaptive.target_accepted if section.adaptive else None
    cap = section.adaptive.max_draws if section.adaptive else section.draws_per_prompt
    drawn: list[PromptDraws] = []
    for start in range(0, len(prompts), section.part_prompts):
        block = range(start, min(start + section.part_prompts, len(prompts)))
        verdicts = iter(
            draw_in_waves(
                engine,
                ledger,
                [prompts[i] for i in block if fits[i]],
                law,
                seed=config.seed,
                round=int(key),
                wave=section.draws_per_prompt,
                target=target,
                max_draws=cap,
                are_right=judge,
                on_drawn=meter.drawn,
            )
        )
        drawn += [
            _outcome(prompts[i], lengths[i], next(verdicts) if fits[i] else None, target)
            for i in block
        ]
        meter.prompts_done(len(drawn))
    wanted = [
        Request(prompt=prompt, draws=range(row.draws))
        for prompt, row in zip(prompts, drawn, strict=True)
        if row.draws
    ]
    ledger.materialise(wanted, here(key) / "candidates", section.part_prompts)
    write_rows(here(key) / "draws.parquet", PromptDraws, drawn)


def sampling_law(config: Config) -> SamplingLaw:
    """The law of the settings."""
    section = config.generate
    return SamplingLaw(
        temperature=section.temperature,
        top_k=section.top_k,
        top_p=section.top_p,
        min_p=section.min_p,
        min_new_tokens=section.min_new_tokens,
        max_new_tokens=section.max_new_tokens,
        stop=tuple(section.stop),
    )


def build_engine(config: Config, policy: Policy, policy_version: str, model: Path) -> Engine:
    """The engine of the settings, over a policy that lies in a folder."""
    section = config.generate
    if section.engine == "openai":
        from rsft.generate.openai import OpenAIEngine

        assert section.openai is not None
        return OpenAIEngine(policy, policy_version, section.openai, str(model))
    return local_engine(section.engine, policy, policy_version, config.runtime)


def drawing_plan(config: Config, key: str, policy_version: str, model: Path) -> dict[str, object]:
    """Everything that a candidate is a function of, beside its prompt and its draw."""
    section = config.generate
    not_drawn_by = {"draws_per_prompt", "part_prompts", "adaptive", "openai"}
    if section.engine == "openai":
        assert section.openai is not None
        # Not the address, time-outs and retries: a server that was started anew is the same.
        drawn_in = {"model": section.openai.model or str(model), "send": section.openai.send}
    else:
        drawn_in = config.runtime.model_dump()
    return {
        "code": _CODE,
        "libraries": {name: version(name) for name in _LIBRARIES},
        "policy": policy_version,
        "law_and_engine": section.model_dump(exclude=not_drawn_by),
        "drawn_in": drawn_in,
        "seed": config.seed,
        "round": int(key),
    }


class _Judge:
    """Whether completions have the reward of a right answer, as far as rules can tell at once.

    Where a model has a say, nothing is known while drawing: it is asked in the stage ``score``.
    """

    def __init__(self, config: Config, meter: "_Meter") -> None:
        self._rewards = build_quick_rewards(config.score)
        self._correct_reward = config.filter.correct_reward
        self._meter = meter

    def __call__(
        self, drawn: Sequence[tuple[Prompt, Sequence[Candidate]]]
    ) -> list[list[bool | None]]:
        """Judges completions; one that the cap cut is not right, whatever it says."""
        if self._rewards is None:
            return [[None] * len(candidates) for _, candidates in drawn]
        finished = [
            (prompt, [completion_of(row) for row in rows if row.finish_reason == "stop"])
            for prompt, rows in drawn
        ]
        verdicts = []
        for (_, rows), scores in zip(drawn, self._rewards.score_all(finished), strict=True):
            told = iter(scores)
            verdicts.append(
                [
                    False if row.finish_reason == "length" else self._is_right(next(told))
                    for row in rows
                ]
            )
        self._meter.judged(verdicts)
        return verdicts

    def _is_right(self, score: Score) -> bool | None:
        return None if score.reward is None else score.reward >= self._correct_reward


def _outcome(
    prompt: Prompt, tokens: int, verdicts: Sequence[bool | None] | None, target: int | None
) -> PromptDraws:
    known = [verdict for verdict in verdicts or () if verdict is not None]
    return PromptDraws(
        prompt_id=prompt.prompt_id,
        status="too_long" if verdicts is None else "drawn",
        prompt_tokens=tokens,
        draws=len(verdicts or ()),
        scored=len(known),
        right=sum(known),
        success_rate=success_rate(verdicts or (), target),
    )


class _Meter:
    """Tells how the drawing goes: prompts done, rates of this process, and the share of right."""

    def __init__(self, progress: Progress, prompts: int) -> None:
        self._progress = progress
        self._prompts = prompts
        self._done = 0
        self._candidates = self._tokens = self._scored = self._right = 0
        self._started = time.perf_counter()

    def drawn(self, candidates: Iterable[Candidate]) -> None:
        """Counts candidates as they are drawn."""
        for candidate in candidates:
            self._candidates += 1
            self._tokens += candidate.token_count or 0
        self._tell()

    def judged(self, verdicts: Iterable[Iterable[bool | None]]) -> None:
        """Counts the right ones of a wave, among those that could be scored."""
        known = [verdict for row in verdicts for verdict in row if verdict is not None]
        self._scored += len(known)
        self._right += sum(known)

    def prompts_done(self, done: int) -> None:
        """Says how many prompts have all of their draws."""
        self._done = done
        self._tell()

    def _tell(self) -> None:
        seconds = time.perf_counter() - self._started
        notes = []
        if self._candidates:
            notes.append(f"{self._candidates / seconds:,.0f} candidates/s")
            notes.append(f"{self._tokens / seconds:,.0f} tokens/s")
        if self._scored:
            notes.append(f"{self._right / self._scored:.0%} right")
        self._progress(self._done, self._prompts, ", ".join(notes))


if __name__ == "__main__":
    run_as_command(run)
