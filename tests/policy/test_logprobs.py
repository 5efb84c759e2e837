import copy
import dataclasses

import numpy as np
import pytest
import torch

from rsft.policy import batch_inputs, completion_logprobs, logprobs, token_logprobs
from rsft.policy.logprobs import IGNORED

PROMPTS = [[3, 4, 5], [6], [7, 8, 9, 10, 11]]
COMPLETIONS = [[4, 2, 5, 2], [9, 8, 7, 6, 5, 4, 2], [2]]


@pytest.fixture(params=["tiny_t5", "tiny_llama"])
def policy(request):
    return request.getfixturevalue(request.param)


def one_by_one(policy, prompt: list[int], completion: list[int]) -> list[float]:
    """Each token's log-probability from a forward of its own, unbatched and unpadded."""
    logprobs = []
    for step, token in enumerate(completion):
        if policy.is_encoder_decoder:
            start = policy.model.config.decoder_start_token_id
            logits = policy.model(
                input_ids=torch.tensor([prompt]),
                decoder_input_ids=torch.tensor([[start, *completion[:step]]]),
            ).logits
        else:
            logits = policy.model(input_ids=torch.tensor([prompt + completion[:step]])).logits
        logprobs.append(float(logits[0, -1].log_softmax(dim=0)[token]))
    return logprobs


@torch.inference_mode()
def test_padding_and_batching_do_not_change_them(policy):
    logprob_RT, mask_RT = token_logprobs(policy, batch_inputs(policy, PROMPTS, COMPLETIONS))
    for row, (prompt, completion) in enumerate(zip(PROMPTS, COMPLETIONS, strict=True)):
        expected = one_by_one(policy, prompt, completion)
        assert logprob_RT[row][mask_RT[row]].tolist() == pytest.approx(expected, abs=1e-5)
        assert logprob_RT[row][~mask_RT[row]].abs().sum() == 0


@torch.inference_mode()
def test_sums_are_in_the_order_given(policy):
    expected = [sum(one_by_one(policy, p, c)) for p, c in zip(PROMPTS, COMPLETIONS, strict=True)]
    for batch_rows in (1, 2, 3):
        actual = completion_logprobs(policy, PROMPTS, COMPLETIONS, batch_rows=batch_rows)
        np.testing.assert_allclose(actual, expected, atol=1e-5)


@torch.inference_mode()
@pytest.mark.parametrize("tokens", [1, 20, 40])
def test_logits_of_a_batch_are_bounded(policy, tokens, monkeypatch):
    """64 rows of 500 tokens, in a vocabulary of 150,000, would take 18 GiB."""
    words = policy.model.config.vocab_size
    expected = completion_logprobs(policy, PROMPTS, COMPLETIONS, batch_rows=3)
    sizes = []
    forward = policy.model.forward

    def measured(*arguments, **inputs):
        told = forward(*arguments, **inputs)
        sizes.append((len(told.logits), told.logits.numel() // words))
        return told

    monkeypatch.setattr(logprobs, "MOST_LOGITS", tokens * words)
    monkeypatch.setattr(policy.model, "forward", measured)
    actual = completion_logprobs(policy, PROMPTS, COMPLETIONS, batch_rows=3)
    np.testing.assert_allclose(actual, expected, atol=1e-5)
    assert all(size <= tokens for rows, size in sizes if rows > 1)
    assert sum(rows for rows, _ in sizes) == 3
    assert max(rows for rows, _ in sizes) == {1: 1, 40: 3}.get(tokens, 2)


def test_labels_are_the_completion_alone(policy):
    batch = batch_inputs(policy, PROMPTS, COMPLETIONS)
    learnt = [row[row != IGNORED].tolist() for row in batch["labels"]]
    assert learnt == COMPLETIONS
    if not policy.is_encoder_decoder:
        for prompt, labels in zip(PROMPTS, batch["labels"].tolist(), strict=True):
            assert labels[: len(prompt)] == [IGNORED] * len(prompt)
    assert batch["attention_mask"].sum(dim=1).tolist() == [
        len(p) + (0 if policy.is_encoder_decoder else len(c))
        for p, c in zip(PROMPTS, COMPLETIONS, strict=True)
    ]


def test_stop_token_is_learnt_even_where_padding_is_the_stop_token(policy):
    """Training on an empty completion raises the probability of stopping: TRL #976."""
    tokenizer = copy.deepcopy(policy.tokenizer)
    tokenizer.pad_token = tokenizer.eos_token
    student = dataclasses.replace(policy, model=copy.deepcopy(policy.model), tokenizer=tokenizer)
    stop = [[student.stop_id], [4, student.stop_id]]
    before = completion_logprobs(student, PROMPTS[:2], stop, batch_rows=2)
    optimiser = torch.optim.SGD(student.model.parameters(), lr=0.01)
    logprob_RT, mask_RT = token_logprobs(student, batch_inputs(student, PROMPTS[:2], stop))
    (-logprob_RT[mask_RT].sum()).backward()
    optimiser.step()
    after = completion_logprobs(student, PROMPTS[:2], stop, batch_rows=2)
    assert mask_RT.sum().item() == 3
    assert after.sum() > before.sum()
