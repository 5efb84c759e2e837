import pytest
import torch

from rsft.finetune import packing
from rsft.finetune.packing import inputs_on
from rsft.finetune.rows_apart import rows_apart
from tests.finetune.probes import distance, family, rows_of, take_step

BIASED = ["t5", "umt5"]
"""T5 hands one bias from layer to layer; UMT5 has one in each."""


@pytest.mark.parametrize("name", BIASED)
def test_rows_on_several_lines_and_what_fills_them_up(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    policy, rows = family(name), rows_of()
    padded = take_step(monkeypatch, policy, rows)
    monkeypatch.setattr(packing, "_APART", 20)
    lines = []
    monkeypatch.setattr(packing, "inputs_on", lambda *a: lines.append(a[0]) or inputs_on(*a))
    packed = take_step(monkeypatch, policy, rows, packing=True)
    assert max(map(len, lines)) > 1  # of several rows, on several lines
    assert packed.loss == pytest.approx(padded.loss, rel=1e-5)
    assert distance(padded, packed) < 1e-5


@pytest.mark.parametrize("name", BIASED)
def test_layers_that_are_called_anew_attend_to_the_same_rows(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    policy, rows = family(name), rows_of()
    kept = take_step(monkeypatch, policy, rows, packing=True)
    recomputed = take_step(monkeypatch, policy, rows, packing=True, gradient_checkpointing=True)
    assert recomputed.loss == pytest.approx(kept.loss, rel=1e-6)
    assert distance(kept, recomputed) < 1e-6


def test_attention_drops_what_the_model_says() -> None:
    """Half of the weights, and what is left doubled: another result, the same on average."""
    policy = family("t5")
    for module in policy.model.modules():
        if hasattr(module, "has_relative_attention_bias"):
            module.dropout = 0.5
    batch = inputs_on([[0, 1]], policy, [[5, 6, 7], [8]], [[9, 2], [10, 11, 2]])
    inputs = {k: v for k, v in batch.items() if k not in ("labels", "target_N")}

    def states() -> torch.Tensor:
        with torch.no_grad(), rows_apart(policy):
            return policy.model(**inputs, use_cache=False).logits

    torch.manual_seed(0)
    plain = states()
    policy.model.train()
    dropped = torch.stack([states() for _ in range(300)])
    assert not torch.allclose(dropped[0], plain, atol=1e-3)
    assert (dropped.mean(0) - plain).abs().max() < dropped.std(0).max()


def test_a_model_is_left_as_it_was() -> None:
    policy = family("t5")
    with rows_apart(policy):
        assert policy.model.config._attn_implementation != "sdpa"
    assert policy.model.config._attn_implementation == "sdpa"
    assert not any("compute_bias" in vars(module) for module in policy.model.modules())
    assert not policy.model._forward_pre_hooks
