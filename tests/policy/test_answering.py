import pytest
import torch

from rsft.errors import PromptsError
from rsft.policy import answer, encode_prompts

TEXTS = ["ann has 3 pens", "ann", "ann has 3 more and buys 4 more", "buys 7", "and more pens"]


@pytest.mark.parametrize("name", ["tiny_t5", "tiny_llama"])
def test_answers_are_those_of_generate_in_the_order_asked(name, request):
    policy = request.getfixturevalue(name)
    expected = []
    for ids in encode_prompts(policy, TEXTS):
        tokens = policy.model.generate(
            torch.tensor([ids]),
            attention_mask=torch.ones(1, len(ids), dtype=torch.long),
            do_sample=False,
            max_new_tokens=6,
            pad_token_id=policy.pad_id,
        )[0]
        new = tokens[1:] if policy.is_encoder_decoder else tokens[len(ids) :]
        expected.append(policy.tokenizer.decode(new, skip_special_tokens=True))
    for max_rows in (1, 2, 5):
        assert answer(policy, TEXTS, max_new_tokens=6, max_rows=max_rows) == expected


def test_a_text_that_does_not_fit_is_refused(tiny_llama):
    with pytest.raises(PromptsError, match="has 101 tokens"):
        answer(tiny_llama, ["pens " * 100], max_new_tokens=4)
