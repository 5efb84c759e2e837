import dataclasses

import pytest

from rsft.config import RenderingSection
from rsft.errors import PolicyError, PromptsError
from rsft.policy import (
    Policy,
    decode_completions,
    encode_completions,
    encode_prompts,
    refuse_too_long,
    render,
)
from tests.conftest import build_llama

CHAT = (
    "{{ bos_token }}{% for m in messages %} {{ m.role }} {{ m.content }}{% endfor %}"
    "{% if add_generation_prompt %} pens{% endif %}"
)


def with_rendering(policy: Policy, **settings: object) -> Policy:
    return dataclasses.replace(policy, rendering=RenderingSection(**settings))


def test_slots_come_before_the_template(tiny_t5):
    rendering = RenderingSection(number_slots=True, template="solve 3: {prompt} {x}")
    assert render("Ann has 12 pens", rendering, tiny_t5.tokenizer) == "solve 3: Ann has n0 pens {x}"


def test_an_encoder_reads_a_stop_token_at_the_end(tiny_t5):
    ids = encode_prompts(tiny_t5, ["Ann has 12 pens"])[0]
    assert tiny_t5.tokenizer.convert_ids_to_tokens(ids) == ["ann", "has", "n0", "pens", "</s>"]


def test_a_decoder_reads_one_bos_and_no_stop_token(tiny_llama):
    ids = encode_prompts(tiny_llama, ["ann has 12 pens"])[0]
    assert tiny_llama.tokenizer.convert_ids_to_tokens(ids) == ["<s>", "ann", "has", "n0", "pens"]


def test_a_template_that_writes_bos_leaves_one(tiny_llama):
    policy = with_rendering(tiny_llama, template="<s> {prompt}")
    ids = encode_prompts(policy, ["ann has"])[0]
    assert policy.tokenizer.convert_ids_to_tokens(ids) == ["<s>", "ann", "has"]


def test_a_chat_template_writes_the_only_bos():
    policy = build_llama(RenderingSection(chat=True))
    policy.tokenizer.chat_template = CHAT
    ids = encode_prompts(policy, ["ann has"])[0]
    expected = ["<s>", "<unk>", "ann", "has", "pens"]
    assert policy.tokenizer.convert_ids_to_tokens(ids) == expected
    own = policy.tokenizer.apply_chat_template(
        [{"role": "user", "content": "ann has"}], add_generation_prompt=True, return_dict=False
    )
    assert ids == own


def test_chat_without_a_chat_template_is_refused(tiny_llama):
    with pytest.raises(PolicyError, match=r"base\.rendering\.chat = true: .* no chat template"):
        encode_prompts(with_rendering(tiny_llama, chat=True), ["ann"])


@pytest.mark.parametrize("name", ["tiny_t5", "tiny_llama"])
def test_completions_end_in_the_stop_token_and_come_back_as_text(name, request):
    policy = request.getfixturevalue(name)
    text = "n0 + n1 = r0 ; r0 + n1 = r0"
    ids = encode_completions(policy, [text])
    assert len(ids[0]) == len(text.split()) + 1
    assert ids[0][-1] == policy.tokenizer.eos_token_id
    assert policy.tokenizer.bos_token_id not in ids[0]
    assert decode_completions(policy, ids) == [text]


def test_a_prompt_that_does_not_fit_is_named(tiny_llama):
    limit = 64 - 10
    refuse_too_long(tiny_llama, [[3] * limit], ["fits"], max_new_tokens=10)
    with pytest.raises(PromptsError, match=r"prompt 'long' has 55 tokens, .* at most 54"):
        refuse_too_long(tiny_llama, [[3], [3] * 55], ["short", "long"], max_new_tokens=10)


def test_nothing_to_encode(tiny_t5):
    assert encode_prompts(tiny_t5, []) == []
    assert encode_completions(tiny_t5, []) == []
    assert decode_completions(tiny_t5, []) == []
