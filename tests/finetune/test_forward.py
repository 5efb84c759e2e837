import pytest
import torch

from rsft.finetune.forward import target_logits
from rsft.policy import IGNORED, batch_inputs
from tests.finetune.probes import family

PROMPTS = [[1, 5, 6, 7, 3], [1, 8]]
COMPLETIONS = [[4, 2], [7, 8, 9, 2]]


@pytest.mark.parametrize("name", ["t5", "bart", "llama", "gpt2", "gemma2_softcap"])
def test_logits_are_those_of_the_whole_model_at_the_targets(name: str) -> None:
    policy = family(name)
    batch = batch_inputs(policy, PROMPTS, COMPLETIONS)
    logits_NV, target_N = target_logits(policy, policy.model, batch)
    assert target_N.tolist() == [4, 2, 7, 8, 9, 2]
    inputs = {key: value for key, value in batch.items() if key != "labels"}
    whole_RTV = policy.model(**inputs).logits  # the hook is gone again
    if policy.is_encoder_decoder:
        expected = [whole_RTV[0, :2], whole_RTV[1, :4]]
    else:
        expected = [whole_RTV[0, 4:6], whole_RTV[1, 1:5]]
    torch.testing.assert_close(logits_NV, torch.cat(expected), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", ["t5", "llama"])
def test_what_fills_a_batch_up_changes_nothing(name: str) -> None:
    policy = family(name)
    batch = batch_inputs(policy, PROMPTS, COMPLETIONS)
    before, _ = target_logits(policy, policy.model, batch)
    batch["input_ids"][1, -1] = 9
    if policy.is_encoder_decoder:
        batch["decoder_input_ids"][0, -1] = 9
    after, _ = target_logits(policy, policy.model, batch)
    torch.testing.assert_close(before, after, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("name", ["t5", "llama"])
def test_neither_prompt_nor_padding_is_a_target(name: str) -> None:
    """Of LMFlow, and TRL #1623: labels that hold the prompt or the padding."""
    policy = family(name)
    labels = batch_inputs(policy, PROMPTS, COMPLETIONS)["labels"]
    assert [row[row != IGNORED].tolist() for row in labels] == COMPLETIONS
