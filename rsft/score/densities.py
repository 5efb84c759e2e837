"""log π_ref of candidates, and whether their tokens are those that their text is encoded as.

A policy draws tokens, and several ways to write a text have the same text. Every probability of a
candidate is that of its tokens; where they are not canonical, it is not that of its text, which
training and a target with another tokenizer read.
"""

from collections.abc import Mapping, Sequence

from rsft.policy import Policy, completion_logprobs, encode_completions, encode_questions
from rsft.types import Candidate, Progress, Prompt


def reference_logprobs(
    base: Policy,
    base_version: str,
    prompts: Mapping[str, Prompt],
    candidates: Sequence[Candidate],
    *,
    batch_rows: int,
    progress: Progress | None = None,
) -> list[float | None]:
    """The log-probability of each candidate's tokens at temperature 1, untruncated: log π_ref(y|x).

    What the base drew itself keeps the number it was drawn with, so that π_ref/π is 1 to the bit.

    Args:
        base: The frozen base.
        base_version: Its version, as candidates are marked with it.
        prompts: The candidates' prompts by id.
        candidates: R candidates, of any policy with the base's tokenizer.
        batch_rows: Rows computed together; rows of like length are.
        progress: Told of the rows done.

    Returns:
        R numbers in nats; null where the tokens are not known, or the base has no room for them.
    """
    asked = {candidate.prompt_id: prompts[candidate.prompt_id] for candidate in candidates}
    ids = dict(zip(asked, encode_questions(base, list(asked.values())), strict=True))
    rows = {
        _row(candidate)
        for candidate in candidates
        if candidate.token_ids
        and not _is_own(candidate, base_version)
        and base.has_room(len(ids[candidate.prompt_id]), len(candidate.token_ids))
    }
    ordered = sorted(rows)
    logprob_R = completion_logprobs(
        base,
        [ids[prompt_id] for prompt_id, _ in ordered],
        [token_ids for _, token_ids in ordered],
        batch_rows=batch_rows,
        progress=progress,
    )
    known = dict(zip(ordered, logprob_R.tolist(), strict=True))
    return [
        candidate.policy_logprob if _is_own(candidate, base_version) else known.get(_row(candidate))
        for candidate in candidates
    ]


def _row(candidate: Candidate) -> tuple[str, tuple[int, ...]]:
    return candidate.prompt_id, candidate.token_ids or ()


def _is_own(candidate: Candidate, version: str) -> bool:
    return candidate.policy_version == version and candidate.policy_logprob is not None


def is_canonical(policy: Policy, candidates: Sequence[Candidate]) -> list[bool | None]:
    """Whether each candidate's tokens are those that training would read for its text.

    Args:
        policy: Any with the tokenizer that the candidates were drawn with.
        candidates: R candidates.

    Returns:
        R answers; null where the tokens are not known. Of a completion that the cap cut, there is
        no stop token on either side.
    """
    encoded = encode_completions(policy, [candidate.text for candidate in candidates])
    return [
        None
        if candidate.token_ids is None
        else list(candidate.token_ids) == (ids if candidate.finish_reason == "stop" else ids[:-1])
        for candidate, ids in zip(candidates, encoded, strict=True)
    ]
