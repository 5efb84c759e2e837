import pytest
import torch
from transformers import masking_utils

from rsft.errors import ConfigurationError
from rsft.finetune.batches import Limits
from rsft.finetune.packing import inputs_on, packed_inputs, packed_micro_batches
from rsft.finetune.packing_proof import refuse_unpackable
from rsft.finetune.rows_apart import Rows
from rsft.policy import IGNORED, Policy
from tests.finetune.probes import distance, family, rows_of, take_step
from tests.policy.families import FAMILIES

PROMPTS, COMPLETIONS = [[5, 6], [7], [8, 9, 10]], [[3, 2], [4, 2], [2]]
_ = IGNORED


def test_a_decoder_only_model_reads_rows_end_to_end(tiny_llama: Policy) -> None:
    batch = inputs_on([[0, 1], [2]], tiny_llama, PROMPTS, COMPLETIONS)
    assert batch["input_ids"].tolist() == [[5, 6, 3, 2, 7, 4, 2], [8, 9, 10, 2, 0, 0, 0]]
    assert batch["position_ids"].tolist() == [[0, 1, 2, 3, 0, 1, 2], [0, 1, 2, 3, 0, 1, 2]]
    assert batch["labels"].tolist() == [[_, _, 3, 2, _, 4, 2], [_, _, _, 2, _, _, _]]
    assert batch["target_N"].tolist() == [2, 3, 5, 6, 10]
    assert "attention_mask" not in batch


def test_an_encoder_decoder_is_told_whose_each_token_is(tiny_t5: Policy) -> None:
    batch = inputs_on([[1, 0], [2]], tiny_t5, PROMPTS, COMPLETIONS)
    start = tiny_t5.model.config.decoder_start_token_id
    assert batch["input_ids"].tolist() == [[7, 5, 6], [8, 9, 10]]
    assert batch["decoder_input_ids"][0].tolist() == [start, 4, start, 3]
    assert batch["labels"].tolist() == [[4, 2, 3, 2], [2, _, _, _]]
    assert batch["target_N"].tolist() == [2, 3, 0, 1, 4]  # row by row, in the order given
    assert batch["rows"] == Rows(prompts=((1, 2), (3,)), completions=((2, 2), (1,)))


def test_lines_are_as_many_as_cost_least(tiny_llama: Policy) -> None:
    """Rows of 30 and 10 × 3: two full lines, not four that are half empty or one that is long."""
    prompts, completions = [[5] * 29] + [[5] * 9] * 3, [[2]] * 4
    assert packed_inputs(tiny_llama, prompts, completions)["labels"].shape == (2, 30)


def test_micro_batches_are_few_and_within_their_limits() -> None:
    limits = Limits(tokens=22, targets=1000, call_tokens=0)
    parts = packed_micro_batches([9, 4, 4, 9, 4, 4], [1] * 6, limits, is_encoder_decoder=False)
    assert sorted(map(sorted, parts)) == [[0, 1, 4], [2, 3, 5]]  # of 20 tokens each
    limits = Limits(tokens=1000, targets=2, call_tokens=0)
    parts = packed_micro_batches([5] * 5, [1] * 5, limits, is_encoder_decoder=True)
    assert sorted(map(len, parts)) == [1, 2, 2]
    limits = Limits(tokens=3, targets=1, call_tokens=0)
    assert len(packed_micro_batches([5] * 3, [5] * 3, limits, is_encoder_decoder=True)) == 3


@pytest.mark.parametrize("name", [name for name in FAMILIES if name != "bart"])
def test_padded_unpadded_and_packed_are_one(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """In loss and gradient (TRL #1230: packed rows that see each other)."""
    policy, rows = family(name), rows_of()
    padded = take_step(monkeypatch, policy, rows)
    alone = take_step(monkeypatch, policy, rows, max_batch_tokens=1)
    packed = take_step(monkeypatch, policy, rows, packing=True)
    assert (padded.calls, alone.calls) == (1, 4)
    for other in (alone, packed):
        assert other.loss == pytest.approx(padded.loss, rel=1e-5)
        assert distance(padded, other) < 1e-5


def test_positions_that_cannot_start_anew_are_refused() -> None:
    message = "packing = true.*BartForConditionalGeneration: their log-probabilities are off.*false"
    with pytest.raises(ConfigurationError, match=message):
        refuse_unpackable(family("bart"))


def test_rows_that_see_each_other_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(masking_utils, "find_packed_sequence_indices", lambda position_ids: None)
    for name in ("llama", "gpt2"):
        with pytest.raises(ConfigurationError, match="log-probabilities are off by"):
            refuse_unpackable(family(name))


def test_a_forward_without_positions_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    policy = family("llama")
    forward = policy.model.forward

    def old(input_ids: torch.Tensor, use_cache: bool, attention_mask: torch.Tensor | None = None):
        return forward(input_ids, attention_mask, use_cache=use_cache)

    monkeypatch.setattr(policy.model, "forward", old)
    with pytest.raises(ConfigurationError, match=r"its forward fails \(TypeError\)"):
        refuse_unpackable(policy)
