"""The sampler against exact laws: every completion of a tiny vocabulary is enumerated."""

import dataclasses
import math

import numpy as np
import pytest
import torch
from scipy import stats

from rsft.errors import PromptsError
from rsft.generate import SamplingLaw, sample
from rsft.policy import Policy, completion_logprobs, encode_prompts
from rsft.types import Prompt

TEXTS = ["ann has 3 pens", "ann", "ann has 3 more and buys 4 more", "buys 7", "and more pens"]
LAWS = [
    SamplingLaw(max_new_tokens=3),
    SamplingLaw(max_new_tokens=3, temperature=0.6),
    SamplingLaw(max_new_tokens=3, top_k=4),
    SamplingLaw(max_new_tokens=3, top_p=0.7),
    SamplingLaw(max_new_tokens=3, temperature=1.5, top_k=8, top_p=0.8),
]


@pytest.fixture(params=["tiny_t5", "tiny_llama"])
def policy(request):
    return request.getfixturevalue(request.param)


def ask(text: str, prompt_id: str | None = None) -> Prompt:
    return Prompt(
        prompt_id=prompt_id or text,
        text=text,
        answer=None,
        solution=None,
        family="f",
        source="s",
        licence="unknown",
    )


def draw(policy: Policy, texts: list[str], law: SamplingLaw, **settings: object):
    settings = {"draws": 4, "seed": 0, "round": 1, "batch_prompts": 2} | settings
    return sample(policy, [ask(text) for text in texts], law, **settings)


def law_of_next(policy: Policy, prompt: list[int], before: tuple[int, ...], law: SamplingLaw):
    """The law of the next token, worked out by hand from an uncached forward."""
    if policy.is_encoder_decoder:
        begin = policy.model.config.decoder_start_token_id
        inputs = {
            "input_ids": torch.tensor([prompt]),
            "decoder_input_ids": torch.tensor([[begin, *before]]),
        }
    else:
        inputs = {"input_ids": torch.tensor([[*prompt, *before]])}
    logits = policy.model(**inputs).logits[0, -1].double().numpy() / law.temperature
    prob = np.exp(logits - logits.max())
    ranked = sorted(range(len(prob)), key=lambda token: -prob[token])[: law.top_k]
    kept, held = [], 0.0
    for token in ranked:
        if law.top_p is None or held < law.top_p:
            kept.append(token)
        held += prob[token] / prob[ranked].sum()
    return {token: prob[token] / prob[kept].sum() for token in kept}


@torch.inference_mode()
def enumerate_law(policy: Policy, prompt: list[int], law: SamplingLaw) -> dict[tuple, float]:
    """The probability of every completion."""
    finished, growing = {}, {(): 1.0}
    for _ in range(law.max_new_tokens):
        longer = {}
        for before, prob in growing.items():
            for token, share in law_of_next(policy, prompt, before, law).items():
                target = finished if token in policy.eos_ids else longer
                target[(*before, token)] = prob * share
        growing = longer
    return finished | growing


@pytest.mark.parametrize("law", LAWS, ids=str)
def test_draws_follow_the_enumerated_law(policy, law):
    """Chi-square at 1e-4 for each of the ten cases: one false alarm in a thousand seeds."""
    text, count = TEXTS[0], 6000
    exact = enumerate_law(policy, encode_prompts(policy, [text])[0], law)
    assert sum(exact.values()) == pytest.approx(1)
    drawn = draw(policy, [text], law, draws=count)
    counts = dict.fromkeys(exact, 0)
    for candidate in drawn:
        counts[candidate.token_ids] += 1  # a KeyError is a draw outside the support
        assert candidate.proposal_logprob == pytest.approx(
            math.log(exact[candidate.token_ids]), abs=1e-4
        )
    common = [outcome for outcome, prob in exact.items() if prob * count >= 5]
    observed = [counts[outcome] for outcome in common]
    expected = [exact[outcome] * count for outcome in common]
    if count - sum(expected) >= 5:
        observed.append(count - sum(observed))
        expected.append(count - sum(expected))
    expected[-1] += count - sum(expected)
    assert len(expected) >= 10
    assert stats.chisquare(observed, expected).pvalue > 1e-4


@pytest.mark.parametrize("law", LAWS, ids=str)
def test_policy_logprob_is_that_of_teacher_forcing(policy, law):
    law = dataclasses.replace(law, max_new_tokens=9)
    candidates = draw(policy, TEXTS, law)
    prompt_ids = encode_prompts(policy, [candidate.prompt_id for candidate in candidates])
    completion_ids = [candidate.token_ids for candidate in candidates]
    expected = completion_logprobs(policy, prompt_ids, completion_ids, batch_rows=7)
    actual = [candidate.policy_logprob for candidate in candidates]
    np.testing.assert_allclose(actual, expected, atol=1e-4)
    if law.is_policy:
        assert actual == [candidate.proposal_logprob for candidate in candidates]


def test_batching_order_and_draw_count_do_not_change_a_draw(policy):
    """Exact for these seeds; rounding flipped FLIP at 32k."""
    law = SamplingLaw(max_new_tokens=9)
    texts = [f"{text} {more}" for text in TEXTS for more in ("ann", "and", "has", "buys 9 pens")]

    def by_address(texts, **settings):
        return {
            (c.prompt_id, c.draw): (c.token_ids, c.text, c.finish_reason)
            for c in draw(policy, texts, law, **settings)
        }

    reference = by_address(texts, draws=6, batch_prompts=len(texts))
    for batch_prompts in (1, 3, 7):
        assert by_address(texts, draws=6, batch_prompts=batch_prompts) == reference
    assert by_address(texts[::-1], draws=6) == reference
    fewer = by_address(texts[5:12], draws=2)
    assert fewer == {key: reference[key] for key in fewer}


def test_candidates_come_by_prompt_then_draw_and_none_is_lost(policy):
    """Five prompts in batches of two: the tail is a batch like any other (open-instruct)."""
    done = []
    candidates = draw(
        policy, TEXTS, SamplingLaw(max_new_tokens=4), draws=3, on_progress=done.append
    )
    assert [(c.prompt_id, c.draw) for c in candidates] == [(t, d) for t in TEXTS for d in range(3)]
    assert done == [2, 4, 5]


def test_a_cut_completion_has_no_stop_token_and_is_marked(policy):
    cap = 4
    for candidate in draw(policy, TEXTS, SamplingLaw(max_new_tokens=cap), draws=50):
        stops = [token in policy.eos_ids for token in candidate.token_ids]
        assert candidate.token_count == len(candidate.token_ids) <= cap
        if candidate.finish_reason == "length":
            assert len(stops) == cap
            assert not any(stops)
        else:
            assert stops == [False] * (len(stops) - 1) + [True]


def test_both_ends_occur(policy):
    reasons = {
        c.finish_reason for c in draw(policy, TEXTS, SamplingLaw(max_new_tokens=4), draws=50)
    }
    assert reasons == {"stop", "length"}


def test_one_seed_one_result_and_rounds_differ(policy):
    law = SamplingLaw(max_new_tokens=6)
    first = draw(policy, TEXTS, law)
    assert draw(policy, TEXTS, law) == first
    for other in ({"seed": 1}, {"round": 2}):
        tokens = [candidate.token_ids for candidate in draw(policy, TEXTS, law, **other)]
        assert tokens != [candidate.token_ids for candidate in first]


def test_the_policy_is_named(policy):
    candidate = draw(policy, TEXTS[:1], SamplingLaw(max_new_tokens=2), round=3)[0]
    assert (candidate.policy_version, candidate.round) == (policy.version, 3)


def test_a_prompt_that_does_not_fit_is_refused_by_name(tiny_llama):
    """Filtered out and zipped with the whole list, it shifts its neighbours (open-instruct)."""
    prompts = [ask("ann", "short"), ask("pens " * 61, "long"), ask("has", "other")]
    with pytest.raises(PromptsError, match="prompt 'long' has 62 tokens"):
        sample(
            tiny_llama,
            prompts,
            SamplingLaw(max_new_tokens=3),
            draws=1,
            seed=0,
            round=1,
            batch_prompts=2,
        )


def test_no_prompts(policy):
    assert draw(policy, [], SamplingLaw(max_new_tokens=3)) == []
