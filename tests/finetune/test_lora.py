import copy
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoModelForSeq2SeqLM

from rsft.config import FinetuneSection, LoraSection
from rsft.errors import ConfigurationError
from rsft.finetune import train
from rsft.finetune.lora import Adapters, trainable_parameters
from rsft.policy import Policy, batch_inputs, load_policy, save_policy
from tests.finetune.probes import family, rows_of, take_step
from tests.policy.families import FAMILIES

LORA = LoraSection(rank=2, alpha=4.0)
SECTION = FinetuneSection(steps=4, batch_size=4, learning_rate=0.01, lora=LORA)


def logits(policy: Policy) -> torch.Tensor:
    batch = batch_inputs(policy, [[1, 5, 6, 7, 3], [1, 8]], [[4, 2], [7, 8, 9, 2]])
    with torch.no_grad():
        return policy.model(**batch).logits


@pytest.mark.parametrize("name", FAMILIES)
def test_merged_weights_give_the_logits_of_the_adapters(name: str) -> None:
    policy = family(name)
    model, names, config = (
        policy.model,
        set(policy.model.state_dict()),
        policy.model.config.to_dict(),
    )
    before = logits(policy)
    adapters = Adapters(model, LORA, seed=0)
    torch.testing.assert_close(logits(policy), before, rtol=1e-5, atol=1e-5)
    trained = trainable_parameters(model)
    assert {key.split(".")[-3] for key in trained} == {"lora_A", "lora_B"}
    assert not any("lm_head" in key or "embed_out" in key for key in trained)
    for parameter in trained.values():
        torch.nn.init.normal_(parameter, std=0.1)
    adapted = logits(policy)
    assert not torch.allclose(adapted, before, atol=0.01)
    adapters.merge()
    torch.testing.assert_close(logits(policy), adapted, rtol=1e-5, atol=1e-5)
    assert set(model.state_dict()) == names
    assert model.config.to_dict() == config
    assert all(parameter.requires_grad for parameter in model.parameters())


@pytest.mark.parametrize("name", ["t5", "flan_t5", "umt5", "gpt2"])
def test_an_output_layer_of_its_own_stays_one(name: str, tmp_path: Path) -> None:
    """As in Flan-T5's folders, whose configuration says that it is the embedding."""
    policy = family(name)
    model = policy.model
    assert model.config.tie_word_embeddings
    output = torch.nn.Linear(8, model.config.vocab_size, bias=False)
    torch.nn.init.normal_(output.weight, std=0.25)
    model.set_output_embeddings(output)
    adapters = Adapters(model, LORA, seed=0)
    for parameter in trainable_parameters(model).values():
        torch.nn.init.normal_(parameter, std=0.1)
    adapted = logits(policy)
    adapters.merge()
    torch.testing.assert_close(logits(policy), adapted, rtol=1e-5, atol=1e-5)
    save_policy(policy, tmp_path)
    loaded = load_policy(tmp_path)
    torch.testing.assert_close(logits(loaded), logits(policy), rtol=0, atol=0)
    assert loaded.version == policy.version


@pytest.mark.parametrize("name", ["t5", "gpt2", "llama"])
def test_only_adapters_are_trained(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    step = take_step(monkeypatch, family(name), rows_of(), lora=LORA)
    assert step.gradients
    assert all("lora_" in key for key in step.gradients)


@pytest.mark.parametrize("name", ["t5", "llama"])
def test_what_is_saved_is_an_ordinary_model(name: str, tmp_path: Path) -> None:
    policy = family(name)
    before = copy.deepcopy(policy.model.state_dict())
    train(policy, rows_of(), SECTION, seed=0)
    changed = {k for k, v in policy.model.state_dict().items() if not torch.equal(v, before[k])}
    assert changed
    assert all(any(part in key for part in ("q", "k", "v", "o", "w", "_proj")) for key in changed)
    assert policy.model.get_input_embeddings().weight.equal(
        before[next(key for key in before if "embed_tokens" in key or "shared" in key)]
    )
    save_policy(policy, tmp_path)
    assert not list(tmp_path.glob("adapter*"))
    kind = AutoModelForSeq2SeqLM if policy.is_encoder_decoder else AutoModelForCausalLM
    plain = replace(policy, model=kind.from_pretrained(tmp_path).eval())
    for loaded in (plain, load_policy(tmp_path)):
        torch.testing.assert_close(logits(loaded), logits(policy), rtol=0, atol=0)


def test_targets_are_the_layers_of_a_name() -> None:
    model = family("llama").model
    Adapters(model, LoraSection(rank=2, alpha=4, targets=["q_proj", "mlp.up_proj"]), seed=0)
    assert {key.split(".lora_")[0].split(".", 3)[3] for key in trainable_parameters(model)} == {
        "self_attn.q_proj", "mlp.up_proj"
    }  # fmt: skip


@pytest.mark.parametrize("target", ["query", "lm_head", "embed_tokens"])
def test_a_target_that_names_no_layer_is_told_their_names(target: str) -> None:
    section = LoraSection(rank=2, alpha=4, targets=["q_proj", target])
    known = "down_proj, gate_proj, k_proj, o_proj, q_proj, up_proj, v_proj$"
    with pytest.raises(ConfigurationError, match=f"'{target}' names no linear layer.*{known}"):
        Adapters(family("llama").model, section, seed=0)


def test_the_seed_alone_says_where_adapters_start() -> None:
    runs = []
    for seed in (1, 1, 2):
        policy = family("t5")
        torch.rand(3)
        train(policy, rows_of(), SECTION.model_copy(update={"steps": 2}), seed=seed)
        runs.append(logits(policy))
    assert runs[0].equal(runs[1])
    assert not runs[0].equal(runs[2])


def test_the_base_is_the_reference_of_adapters(monkeypatch: pytest.MonkeyPatch) -> None:
    """Which are nothing at first: the divergence is 0, and the loss that without it."""
    policy = family("llama")
    plain = take_step(monkeypatch, policy, rows_of(), lora=LORA)
    held = take_step(monkeypatch, policy, rows_of(), lora=LORA, beta=5.0, reference=family("llama"))
    assert held.loss == pytest.approx(plain.loss, rel=1e-6)
