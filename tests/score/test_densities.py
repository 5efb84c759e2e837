import copy
import dataclasses

import pytest
import torch

from rsft.policy import decode_completions, encode_completions
from rsft.score.densities import is_canonical, reference_logprobs
from rsft.types import Candidate, Prompt
from tests.score.test_target_model import plain

PROMPTS = {
    text: Prompt(
        prompt_id=text,
        text=text,
        answers=(),
        solution=None,
        family="f",
        source="s",
        licence="unknown",
    )
    for text in ("ann has 4 pens", "ann", "pens " * 70)
}


@pytest.fixture(params=["tiny_t5", "tiny_llama"])
def base(request):
    return request.getfixturevalue(request.param)


def drawn(base, prompt_id: str, ids: tuple[int, ...] | None, **fields) -> Candidate:
    return Candidate(
        **{
            "prompt_id": prompt_id,
            "round": 1,
            "draw": 0,
            "policy_version": "another",
            "text": "" if ids is None else decode_completions(base, [ids])[0],
            "token_ids": ids,
            "token_count": None,
            "finish_reason": "stop",
            "proposal_logprob": -1.0,
            "policy_logprob": -1.0,
        }
        | fields
    )


def test_it_is_the_plain_forward_s_of_the_tokens_in_every_batch(base):
    stop = base.stop_id
    rows = [
        *(("ann has 4 pens", (6, 7, stop)), ("ann", (stop,)), ("ann", (8, 9, 10, 11, 6, stop))),
        *(("ann has 4 pens", (6, 7, stop)), ("ann has 4 pens", (9, 9, 9))),
    ]
    candidates = [drawn(base, prompt_id, ids) for prompt_id, ids in rows]
    expected = [plain(base, PROMPTS[prompt_id], list(ids)) for prompt_id, ids in rows]
    for batch_rows in (1, 2, 3, 100):
        for order in ((0, 1, 2, 3, 4), (4, 2, 0, 3, 1)):
            actual = reference_logprobs(
                base, base.version, PROMPTS, [candidates[n] for n in order], batch_rows=batch_rows
            )
            assert actual == pytest.approx([expected[n] for n in order], abs=1e-5)


def test_what_the_base_drew_itself_keeps_its_number_so_that_the_ratio_is_one(base):
    number = -3.123456789
    own = drawn(base, "ann", (6, base.stop_id), policy_version=base.version, policy_logprob=number)
    told = []
    (actual,) = reference_logprobs(
        base,
        base.version,
        PROMPTS,
        [own],
        batch_rows=2,
        progress=lambda done, total, note="": told.append((done, total)),
    )
    assert actual == number
    assert told == []
    untold = dataclasses.replace(own, policy_logprob=None)
    (actual,) = reference_logprobs(base, base.version, PROMPTS, [untold], batch_rows=2)
    assert actual == pytest.approx(plain(base, PROMPTS["ann"], [6, base.stop_id]), abs=1e-5)


def test_unknown_tokens_and_prompts_without_room_are_null(tiny_llama):
    candidates = [
        drawn(tiny_llama, "ann", None),
        drawn(tiny_llama, "pens " * 70, (6, 2)),
        drawn(tiny_llama, "ann", (6, 2)),
    ]
    told = []
    actual = reference_logprobs(
        tiny_llama,
        tiny_llama.version,
        PROMPTS,
        candidates,
        batch_rows=2,
        progress=lambda done, total, note="": told.append((done, total)),
    )
    assert actual[:2] == [None, None]
    assert actual[2] == pytest.approx(plain(tiny_llama, PROMPTS["ann"], [6, 2]), abs=1e-5)
    assert told == [(1, 1)]
    assert reference_logprobs(tiny_llama, tiny_llama.version, {}, [], batch_rows=2) == []


def test_a_trained_policy_is_not_its_base(tiny_llama):
    """The number is the base's, whatever the candidate's own."""
    trained = build_trained(tiny_llama)
    candidate = drawn(trained, "ann", (6, 2), policy_version=trained.version)
    (reference,) = reference_logprobs(
        tiny_llama, tiny_llama.version, PROMPTS, [candidate], batch_rows=1
    )
    assert reference == pytest.approx(plain(tiny_llama, PROMPTS["ann"], [6, 2]), abs=1e-5)
    assert reference != pytest.approx(plain(trained, PROMPTS["ann"], [6, 2]), abs=1e-3)


def build_trained(policy):
    trained = dataclasses.replace(policy, model=copy.deepcopy(policy.model))
    with torch.no_grad():
        trained.model.lm_head.weight.mul_(1.5)
    return trained


def test_tokens_are_canonical_where_training_would_read_the_same(base):
    stop = base.stop_id
    (ids,) = encode_completions(base, ["n0 + n1"])
    special = base.tokenizer.unk_token_id
    cases = [
        (drawn(base, "ann", tuple(ids)), True),
        (drawn(base, "ann", (ids[0], special, *ids[1:])), False),
        (drawn(base, "ann", tuple(ids[:-1]), finish_reason="length"), True),
        (drawn(base, "ann", tuple(ids), finish_reason="length"), False),
        (drawn(base, "ann", (stop,)), True),
        (drawn(base, "ann", tuple(ids), text="n0 +"), False),
        (drawn(base, "ann", None, text="n0 + n1"), None),
    ]
    assert is_canonical(base, [candidate for candidate, _ in cases]) == [
        expected for _, expected in cases
    ]
    assert is_canonical(base, []) == []
