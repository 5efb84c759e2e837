"""What the loop computes, to the digit, for every architecture."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoModelForSeq2SeqLM

from rsft.config import FinetuneSection
from rsft.finetune import train
from rsft.finetune.examples import encode_rows
from rsft.finetune.loss import token_loss
from rsft.policy import IGNORED, Policy, answer, batch_inputs, load_policy, save_policy
from tests.finetune.probes import Step, distance, family, rows_of, take_step, weighted

ROWS = rows_of()
KINDS = ["t5", "bart", "llama", "gpt2", "qwen2"]


@pytest.mark.parametrize("name", KINDS)
def test_equal_weights_and_token_mean_are_transformers_own_loss(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    policy = family(name)
    section = FinetuneSection(steps=1, batch_size=4, learning_rate=1.0)
    examples = encode_rows(policy, ROWS, section).kept
    batch = batch_inputs(
        policy, [one.prompt_ids for one in examples], [one.completion_ids for one in examples]
    )
    loss = policy.model(**batch).loss
    loss.backward()
    gradients = {
        key: parameter.grad
        for key, parameter in policy.model.named_parameters()
        if parameter.grad is not None
    }
    ours = take_step(monkeypatch, family(name), ROWS, mean="token")
    assert ours.loss == pytest.approx(loss.item(), rel=1e-6)
    assert distance(ours, Step(loss=0, gradients=gradients, calls=1)) < 1e-6


@pytest.mark.parametrize("mean", ["sequence", "token"])
@pytest.mark.parametrize("name", ["t5", "llama"])
def test_micro_batches_add_up_to_the_whole(
    name: str, mean: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of transformers #34191: weights normalised by each micro-batch for itself."""
    rows = weighted(ROWS, [1.0, 0.1, 0.5, 0.003])
    whole = take_step(monkeypatch, family(name), rows, mean=mean)
    parts = take_step(monkeypatch, family(name), rows, mean=mean, max_batch_tokens=1)
    assert (whole.calls, parts.calls) == (1, 4)
    assert parts.loss == pytest.approx(whole.loss, rel=1e-6)
    assert distance(whole, parts) < 1e-6


def test_a_row_of_twice_the_weight_counts_as_two(monkeypatch: pytest.MonkeyPatch) -> None:
    policy = family("t5")
    once = take_step(monkeypatch, policy, weighted(ROWS[:2], [1.0, 0.5]))
    twice = take_step(monkeypatch, policy, [ROWS[0], ROWS[0], ROWS[1]])
    assert once.loss == pytest.approx(twice.loss, rel=1e-6)
    assert distance(once, twice) < 1e-6


def test_the_divergence_pulls_back_to_the_base(monkeypatch: pytest.MonkeyPatch) -> None:
    """At the base it is 0 and flat; away from it, more than 0, packed or padded."""
    policy, base = family("llama"), family("llama")
    plain = take_step(monkeypatch, policy, ROWS)
    at_base = take_step(monkeypatch, policy, ROWS, beta=3.0, reference=base)
    assert at_base.loss == pytest.approx(plain.loss, rel=1e-6)
    assert distance(plain, at_base) < 1e-5
    away = family("llama")
    away.model.lm_head.weight.data.neg_()
    padded = take_step(monkeypatch, policy, ROWS, beta=3.0, reference=away)
    packed = take_step(monkeypatch, policy, ROWS, beta=3.0, reference=away, packing=True)
    assert padded.loss > plain.loss + 0.1
    assert packed.loss == pytest.approx(padded.loss, rel=1e-5)


@pytest.mark.parametrize("name", ["t5", "llama", "gpt2"])
def test_the_stop_token_is_learnt(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The gradient of a logit is softmax − target: below 0 for the target alone."""
    policy = family(name)
    layer = policy.model.get_output_embeddings()
    found: list[torch.Tensor] = []

    def keep(module: torch.nn.Module, inputs: object, output: torch.Tensor) -> None:
        output.register_hook(lambda gradient: found.append(gradient[0]))

    layer.register_forward_hook(keep)
    section = FinetuneSection(steps=1, batch_size=4, learning_rate=1e-9)
    examples = encode_rows(policy, ROWS, section).kept
    train(policy, ROWS, section, seed=0)
    targets = sum(len(one.completion_ids) for one in examples)
    gradient_NV = found[0]
    assert len(gradient_NV) == targets  # neither prompt nor padding has any
    is_stop_N = gradient_NV[:, policy.stop_id] < 0
    assert int(is_stop_N.sum()) == len(ROWS)


@pytest.mark.parametrize("name", ["t5", "llama"])
def test_prompt_and_padding_have_no_gradient(name: str) -> None:
    """At the places before them: only what leads to a completion's token is learnt from."""
    policy = family(name)
    prompts, completions = [[1, 5, 6, 7], [1, 8]], [[4, 2], [7, 8, 9, 2]]
    batch = batch_inputs(policy, prompts, completions)
    logits_RTV = policy.model(**batch).logits
    labels_RT = batch["labels"]
    if not policy.is_encoder_decoder:
        logits_RTV, labels_RT = logits_RTV[:, :-1], labels_RT[:, 1:]
    is_target_RT = labels_RT != IGNORED
    logits_RTV.retain_grad()
    token_loss(logits_RTV[is_target_RT], labels_RT[is_target_RT]).sum().backward()
    assert logits_RTV.grad is not None
    assert (logits_RTV.grad.abs().sum(dim=2) > 0).equal(is_target_RT)


def test_padding_that_is_the_stop_token_hides_no_stop() -> None:
    """Of LMFlow, TRL #976 and #1623: where pad = EOS, stopping is learnt all the same."""
    policy = family("llama")
    policy.tokenizer.pad_token = policy.tokenizer.eos_token
    try:
        assert policy.pad_id == policy.stop_id
        section = FinetuneSection(
            steps=70, batch_size=4, learning_rate=0.03, schedule="constant", warmup_steps=5
        )
        train(policy, ROWS, section, seed=0)
        answers = answer(policy, [row.prompt for row in ROWS], max_new_tokens=20)
        assert answers == [row.completion for row in ROWS]
    finally:
        policy.tokenizer.pad_token = None


def test_soft_weights_have_the_expectation_of_coin_flips(monkeypatch: pytest.MonkeyPatch) -> None:
    """The unnormalised gradient under A is the mean of that of rows kept by coin, P(keep) = A.

    20,000 flips a row, fixed seed. A weight's deviation is over six of its standard errors with
    probability under 2e-9, so that any of the policy's 3,000 weights is with one under 6e-6.
    """
    accept_prob_R = torch.tensor([0.9, 0.5, 0.2, 0.05], dtype=torch.float64)
    policy = family("t5")

    def unnormalised(rows: list, total: float) -> torch.Tensor:
        step = take_step(monkeypatch, policy, rows)
        return total * torch.cat([g.double().flatten() for g in step.gradients.values()])

    soft = unnormalised(weighted(ROWS, accept_prob_R.tolist()), float(accept_prob_R.sum()))
    alone_RW = torch.stack([unnormalised([row], 1.0) for row in ROWS])
    generator = torch.Generator().manual_seed(0)
    coins = torch.rand(20_000, 4, generator=generator, dtype=torch.float64) < accept_prob_R
    by_coin = coins.double().mean(dim=0) @ alone_RW
    variance_R = accept_prob_R * (1 - accept_prob_R) / len(coins)
    error = (variance_R @ alone_RW.square()).sqrt()
    assert alone_RW.shape[1] < 3000
    assert ((by_coin - soft).abs() <= 6 * error + 1e-6).all()
    assert (error > 1e-6).any()


@pytest.mark.parametrize("name", ["t5", "bart", "llama", "qwen2", "gemma", "gpt2"])
def test_one_batch_is_learnt_by_heart(name: str) -> None:
    policy = family(name)
    steps = 150 if name == "t5" else 60  # its logits are divided by the root of its width
    section = FinetuneSection(
        steps=steps, batch_size=2, learning_rate=0.03, schedule="constant", warmup_steps=5
    )
    loss = train(policy, ROWS[:2], section, seed=0).loss
    assert loss[0] > 1
    assert min(loss[-10:]) < 0.01


@pytest.mark.parametrize("name", ["t5", "bart", "llama", "gpt2"])
def test_a_trained_model_is_read_back_by_anyone(name: str, tmp_path: Path) -> None:
    policy = family(name)
    section = FinetuneSection(steps=5, batch_size=4, learning_rate=0.01)
    train(policy, ROWS, section, seed=0)
    save_policy(policy, tmp_path)
    loaded = load_policy(tmp_path)
    kind = AutoModelForSeq2SeqLM if policy.is_encoder_decoder else AutoModelForCausalLM
    plain: Policy = replace(policy, model=kind.from_pretrained(tmp_path).eval())
    asked = [row.prompt for row in ROWS]
    answers = answer(policy, asked, max_new_tokens=8)
    assert answer(loaded, asked, max_new_tokens=8) == answers
    assert answer(plain, asked, max_new_tokens=8) == answers
    assert loaded.version == policy.version
