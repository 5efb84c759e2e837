from functools import partial

import pytest
import torch

from rsft.config import FinetuneSection
from rsft.errors import ConfigurationError
from rsft.finetune import train
from tests.finetune.probes import distance, family, rows_of, take_step


@pytest.mark.parametrize("name", ["t5", "bart", "llama", "gpt2"])
def test_recomputed_activations_change_nothing(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    policy, rows = family(name), rows_of()
    kept = take_step(monkeypatch, policy, rows)
    recomputed = take_step(monkeypatch, policy, rows, gradient_checkpointing=True)
    assert recomputed.loss == pytest.approx(kept.loss, rel=1e-6)
    assert distance(kept, recomputed) < 1e-6


def test_recomputing_is_on_while_training_and_off_after() -> None:
    policy = family("llama")
    section = FinetuneSection(steps=1, batch_size=4, learning_rate=0.1, gradient_checkpointing=True)
    seen: list[bool] = []
    policy.model.register_forward_pre_hook(
        lambda module, inputs: seen.append(module.is_activation_checkpointing)
    )
    train(policy, rows_of(), section, seed=0)
    assert seen == [True]
    assert not policy.model.is_activation_checkpointing


@pytest.mark.parametrize("packing", [False, True])
@pytest.mark.parametrize("name", ["t5", "llama"])
def test_half_precision_is_near_single(
    name: str, packing: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Within what 8 bits of significand leave; weights, gradients and loss stay float32."""
    policy, rows = family(name), rows_of()
    single = take_step(monkeypatch, policy, rows)
    half = take_step(monkeypatch, policy, rows, precision="bfloat16", packing=packing)
    assert {gradient.dtype for gradient in half.gradients.values()} == {torch.float32}
    assert half.loss != single.loss
    assert half.loss == pytest.approx(single.loss, rel=0.02)
    assert distance(single, half) < 0.1


@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor")  # torch's own, in tracing
def test_compiled_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """By the whole of torch.compile but its code generator, which takes long."""
    policy, rows = family("llama"), rows_of()
    plain = take_step(monkeypatch, policy, rows)
    monkeypatch.setattr(torch, "compile", partial(torch.compile, backend="aot_eager"))
    compiled = take_step(monkeypatch, policy, rows, compile=True, packing=True)
    assert compiled.loss == pytest.approx(plain.loss, rel=1e-4)
    assert distance(plain, compiled) < 1e-4


def test_nothing_is_compiled_without_a_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*arguments: object, **named: object) -> None:
        raise RuntimeError("No working C++ compiler found\nand much else")

    monkeypatch.setattr(torch, "compile", fail)
    section = FinetuneSection(steps=1, batch_size=4, learning_rate=0.1, compile=True)
    message = r"compile = true: .*\(No working C\+\+ compiler found\); install.* set it to false$"
    with pytest.raises(ConfigurationError, match=message):
        train(family("t5"), rows_of(), section, seed=0)
