"""The gate: what must hold for a challenger to become the champion.

    the run    audit passes ─ nothing changed underneath it ─ expectations met ─ monitors quiet
    eval       nearly all scored ─ shown to be better, at the level of this look (``evaluate.gain``)
    guards     each shown to be no worse, but for a margin, at the level of the look at it
               (``evaluate.guard``)
    a person   where the policy asks for one

Both answer the same prompts, and greedy answers are compared in pairs. Without a champion the base
stands in. All of it is looked at, also where one thing fails already: the report is to say all.
"""

from collections.abc import Iterator, Mapping, Sequence

from rsft.config import Policy
from rsft.evaluate import Gain, Pairs, level_of_look, measure_gain, measure_guard, pair
from rsft.promotion.exam import Answers, Exam
from rsft.promotion.told import told_approval, told_gain, told_guard, told_lack, told_outcome
from rsft.promotion.verdict import Approval, Check, GuardSet, Outcome, Verdict

_UNKNOWN = "no prompt was scored for both"


def judge(
    exam: Exam,
    ours: Answers,
    theirs: Answers,
    *,
    name: str,
    version: int,
    against: int | None,
    policy: Policy,
    judgement: str,
    looks: Mapping[str, int],
    run_checks: Sequence[Check],
    approval: Approval | None,
) -> Verdict:
    """What the gate says.

    Args:
        exam: What the challenger was asked.
        ours: Its answers.
        theirs: Those of what it is compared with, to the same prompts.
        name: The registered model.
        version: The challenger.
        against: Version of the champion; null where the base stands in.
        policy: What it is judged by.
        judgement: Digest of all this.
        looks: The number of the look at each set.
        run_checks: What was found of its run.
        approval: What a person said; null where nobody did.

    Raises:
        LineageError: Where the two did not answer the same prompts, each once.
    """
    pairs = {found: pair(ours.get(found, []), theirs.get(found, [])) for found in exam.prompts}
    seed = exam.config.seed
    gain = _gain(pairs["eval"], policy, looks["eval"], seed)
    guards = {n: _guard(found, policy, looks[n], seed) for n, found in pairs.items() if n != "eval"}
    counted = {n: p for n, p in pairs.items() if n == "eval" or guards[n].has_say}
    checks = [
        *run_checks,
        _scorable_check(counted, policy.max_unscorable),
        _gain_check(gain, looks["eval"], policy.gain.least),
        *_guard_checks(guards, looks),
        *_approval_checks(approval),
    ]
    outcome = _outcome(checks, is_awaited=policy.approval.required and approval is None)
    return Verdict(
        name=name,
        version=version,
        run_id=exam.run.run_id,
        outcome=outcome,
        reason=told_outcome(outcome, checks, gain, against, approval),
        against=against,
        evaluation=exam.fingerprint,
        prompts=exam.prompts,
        judgement=judgement,
        looks=looks,
        checks=checks,
        gain=gain,
        guards=guards,
        policy=policy.model_dump(),
        approval=approval,
    )


def _gain(pairs: Pairs, policy: Policy, look: int, seed: int) -> Gain | None:
    if not pairs.gain_N:
        return None
    return measure_gain(
        pairs.gain_N,
        pairs.families,
        level=level_of_look(policy.gain.alpha, look),
        resamples=policy.resamples,
        seed=seed,
        least=policy.gain.least,
    )


def _guard(pairs: Pairs, policy: Policy, look: int, seed: int) -> GuardSet:
    section = policy.guards
    figures = None
    if pairs.gain_N:
        figures = measure_guard(
            pairs.gain_N,
            pairs.families,
            margin=section.margin,
            level=level_of_look(section.alpha, look),
            resamples=policy.resamples,
            seed=seed,
        )
    has_say = pairs.share is None or pairs.share >= section.solved_from
    return GuardSet(has_say=has_say, share=pairs.share, figures=figures)


def _scorable_check(pairs: Mapping[str, Pairs], most: float) -> Check:
    """Whether nearly all prompts say something of the difference."""
    of = {name: len(found.gain_N) + found.unscored for name, found in pairs.items()}
    told = ", ".join(f"{name} {found.unscored} of {of[name]}" for name, found in pairs.items())
    return Check(
        name="scorable",
        passed=all(found.unscored <= most * of[name] for name, found in pairs.items()),
        told=f"not scored for both: {told}; at most {most:.1%}",
    )


def _gain_check(gain: Gain | None, look: int, least: float) -> Check:
    if gain is None:
        return Check(name="gain", passed=False, told=_UNKNOWN)
    told = f"{told_gain(gain)}; look {look}, level {gain.level:.2g}"
    is_shown = gain.is_shown(least)
    lack = "" if is_shown else f"; not shown to be better: {told_lack(gain, least)}"
    return Check(name="gain", passed=is_shown, told=told + lack)


def _guard_checks(guards: Mapping[str, GuardSet], looks: Mapping[str, int]) -> Iterator[Check]:
    for name, found in guards.items():
        figures = found.figures
        if found.has_say:
            told = _UNKNOWN if figures is None else told_guard(figures, looks[name])
            is_held = figures is not None and figures.is_held
            yield Check(name=f"guard {name}", passed=is_held, told=told)


def _approval_checks(approval: Approval | None) -> Iterator[Check]:
    if approval is not None:
        yield Check(name="approval", passed=approval.is_approved, told=told_approval(approval))


def _outcome(checks: Sequence[Check], *, is_awaited: bool) -> Outcome:
    if not all(check.passed for check in checks):
        return "not promoted"
    return "awaits approval" if is_awaited else "promoted"
