import copy
import dataclasses
from collections.abc import Callable

import pytest
from tokenizers import pre_tokenizers, processors

from rsft.config import FinetuneSection, RenderingSection
from rsft.errors import PolicyError, PromptsError
from rsft.finetune import train
from rsft.policy import (
    Policy,
    answer,
    completion_logprobs,
    decode_completions,
    encode_completions,
    encode_prompts,
    refuse_too_long,
    render,
    special_texts,
)
from rsft.types import Prompt, TrainingRow, Turn
from tests.conftest import build_llama

CHAT = (
    "{{ bos_token }}{% for m in messages %} {{ m.role }} {{ m.content }}{% endfor %}"
    "{% if add_generation_prompt %} pens{% endif %}"
)

CHATML = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
TURNS = (
    Turn(role="system", content="has n0"),
    Turn(role="user", content="ann has more"),
    Turn(role="assistant", content="and buys pens"),
)


def chat_policy(chat_template: str, *, adds_bos: bool = True, **rendering: object) -> Policy:
    """The tiny Llama with ChatML's tokens; it stops at both ``</s>`` and ``<|im_end|>``."""
    policy = build_llama(RenderingSection(chat=True, **rendering))
    tokenizer = policy.tokenizer
    tokenizer.add_special_tokens({"additional_special_tokens": ["<|im_start|>", "<|im_end|>"]})
    tokenizer.add_tokens(["system", "user", "assistant"])
    tokenizer.chat_template = chat_template
    if not adds_bos:
        tokenizer.backend_tokenizer.post_processor = processors.TemplateProcessing(single="$A")
    policy.model.resize_token_embeddings(len(tokenizer), mean_resizing=False)
    ends = tokenizer.convert_tokens_to_ids(["</s>", "<|im_end|>"])
    policy.model.generation_config.eos_token_id = ends
    return policy


def tokens(policy: Policy, ids: list[int]) -> list[str]:
    return policy.tokenizer.convert_ids_to_tokens(ids)


def tokens_read(policy: Policy, act: Callable[[], object]) -> list[int]:
    """What the model looks up first while something is done with it: its input."""
    seen = []
    reader = policy.model.get_encoder() if policy.is_encoder_decoder else policy.model
    hook = reader.get_input_embeddings().register_forward_hook(
        lambda module, inputs, out: seen.append(inputs[0])
    )
    try:
        act()
    finally:
        hook.remove()
    return seen[0][0].tolist()


def reference(policy: Policy, prompt: Prompt) -> list[int]:
    """What transformers itself makes of a prompt."""
    if not policy.rendering.chat:
        return policy.tokenizer(prompt.text)["input_ids"]
    messages = [dataclasses.asdict(turn) for turn in prompt.context]
    messages.append({"role": "user", "content": prompt.text})
    return policy.tokenizer.apply_chat_template(
        messages, add_generation_prompt=True, return_dict=False
    )


@pytest.mark.parametrize(
    ("build", "context"),
    [
        (lambda t5: t5, ()),
        (lambda t5: build_llama(RenderingSection()), ()),
        (lambda t5: chat_policy(CHATML), ()),
        (lambda t5: chat_policy(CHATML), TURNS),
        (lambda t5: chat_policy("{{ bos_token }}" + CHATML), TURNS),
    ],
    ids=["T5", "Llama", "chat", "dialogue", "dialogue that begins with BOS"],
)
def test_sampling_scoring_and_training_read_the_same_tokens(build, context, tiny_t5):
    policy = build(tiny_t5)
    policy = dataclasses.replace(policy, model=copy.deepcopy(policy.model))
    prompt = Prompt(
        prompt_id="p", text="ann buys n1 pens", context=context, answers=(), solution=None,
        family="f", source="s", licence="MIT",
    )  # fmt: skip
    row = TrainingRow(
        prompt_id="p", prompt=prompt.text, context=prompt.context, family="p",
        completion="n0 + n1 = r0", weight=1.0, round=1, draw=0, source="s", licence="MIT",
    )  # fmt: skip
    expected = reference(policy, prompt)
    prompt_ids = encode_prompts(policy, [prompt.text], [prompt.context])
    completion_ids = encode_completions(policy, [row.completion])
    section = FinetuneSection(steps=1, batch_size=1, learning_rate=1e-3)
    sampled = tokens_read(
        policy, lambda: answer(policy, [prompt.text], 2, contexts=[prompt.context])
    )
    scored = tokens_read(
        policy, lambda: completion_logprobs(policy, prompt_ids, completion_ids, batch_rows=1)
    )
    trained = tokens_read(policy, lambda: train(policy, [row], section, seed=0))
    assert sampled == expected
    assert trained == scored
    end = len(expected)
    assert trained[:end] == expected
    assert trained[end:] == ([] if policy.is_encoder_decoder else completion_ids[0])


@pytest.mark.parametrize("adds_bos", [True, False])
@pytest.mark.parametrize("start", ["", "{{ bos_token }}"])
def test_a_chat_has_the_bos_of_its_template_and_no_other(adds_bos, start):
    policy = chat_policy(start + CHATML, adds_bos=adds_bos)
    (ids,) = encode_prompts(policy, ["ann has"], [TURNS])
    assert tokens(policy, ids).count("<s>") == (1 if start else 0)
    assert "<s>" not in tokens(policy, encode_completions(policy, ["ann"])[0])


@pytest.mark.parametrize(("adds_bos", "count"), [(True, 1), (False, 0)])
def test_plain_text_has_the_bos_of_its_tokenizer(adds_bos, count):
    policy = with_rendering(chat_policy(CHATML, adds_bos=adds_bos))
    (ids,) = encode_prompts(policy, ["ann has"])
    assert tokens(policy, ids) == ["<s>"] * count + ["ann", "has"]


def test_the_turns_before_are_left_as_they_are():
    policy = chat_policy(CHATML, template="{prompt} and more")
    turns = [Turn(role="user", content="ann"), Turn(role="assistant", content="has {prompt}")]
    text = render("buys", policy.rendering, policy.tokenizer, tuple(turns))
    assert text == (
        "<|im_start|>user\nann<|im_end|>\n<|im_start|>assistant\nhas {prompt}<|im_end|>\n"
        "<|im_start|>user\nbuys and more<|im_end|>\n<|im_start|>assistant\n"
    )


def test_a_dialogue_in_plain_text_is_refused(tiny_llama):
    with pytest.raises(PromptsError, match=r"prompt 'ann' has turns .*rendering\.chat = true"):
        encode_prompts(tiny_llama, ["pens", "ann"], [(), TURNS])


def test_a_dialogue_under_number_slots_is_refused():
    policy = chat_policy(CHATML, number_slots=True)
    encode_prompts(policy, ["ann has 3"])
    with pytest.raises(PromptsError, match=r"prompt 'ann has 3' .*number_slots = false"):
        encode_prompts(policy, ["ann has 3"], [TURNS])


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("{{ raise_exception('no system\nrole') }}", "turns system, user, assistant, user .no sys"),
        ("{{ messages[0].content + none }}", "can only concatenate str"),
        ("{{ ''.__class__.__mro__ }}", "unsafe"),
        ("{% for m in messages %}", "turns"),
        ("{{ open('/etc/passwd').read() }}", "'open' is undefined"),
    ],
)
def test_a_template_that_does_not_take_the_turns(template, message):
    with pytest.raises(PolicyError, match=message) as caught:
        encode_prompts(chat_policy(template), ["ann"], [TURNS])
    assert "\n" not in str(caught.value)


def test_a_template_that_writes_the_date_writes_one_date():
    policy = chat_policy("{{ strftime_now('%d %b %Y') }}" + CHATML)
    assert render("ann", policy.rendering, policy.tokenizer).startswith("26 Jul 2024<|im_start|>")


@pytest.mark.parametrize(
    ("template", "eos", "stop"),
    [
        (CHATML, ["</s>", "<|im_end|>"], "<|im_end|>"),
        (CHATML, ["</s>"], "</s>"),
        (CHATML.replace("<|im_end|>", " <|im_end|>"), ["</s>", "<|im_end|>"], "<|im_end|>"),
        (CHATML.replace("<|im_end|>", ""), ["</s>", "<|im_end|>"], "</s>"),
        ("{% if messages[1] %}{{ raise_exception('') }}{% endif %}", ["<|im_end|>"], "</s>"),
    ],
    ids=["template's", "one not sampled to", "after a space", "none written", "no such turn"],
)
def test_a_chat_s_completions_end_as_its_template_ends_a_turn(template, eos, stop):
    policy = chat_policy(template)
    # Unlike ``WhitespaceSplit``, this has white space be a token, as that of most models does.
    policy.tokenizer.backend_tokenizer.pre_tokenizer = pre_tokenizers.Split(" ", "isolated")
    policy.model.generation_config.eos_token_id = policy.tokenizer.convert_tokens_to_ids(eos)
    (ids, alone) = encode_completions(policy, ["ann has", ""])
    assert tokens(policy, ids) == ["ann", "<unk>", "has", stop]
    assert tokens(policy, alone) == [stop]
    assert ids[-1] in policy.eos_ids


def test_plain_text_ends_in_the_tokenizer_s_own_stop_token():
    policy = with_rendering(chat_policy(CHATML))
    assert tokens(policy, encode_completions(policy, ["ann"])[0]) == ["ann", "</s>"]


def test_a_prompt_of_no_tokens_is_refused():
    policy = with_rendering(chat_policy(CHATML, adds_bos=False))
    with pytest.raises(PromptsError, match="prompt '' has no tokens"):
        encode_prompts(policy, ["ann", ""])


def test_half_a_character_is_refused(tiny_t5):
    with pytest.raises(PromptsError, match=r"prompt 'ann .ud83d' holds half a character"):
        encode_prompts(tiny_t5, ["ann \ud83d"])


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
    with pytest.raises(PolicyError, match=r"rendering\.chat = true: .* no chat template"):
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


def test_special_tokens_that_a_text_might_spell(tiny_llama):
    tokenizer = copy.deepcopy(tiny_llama.tokenizer)
    tokenizer.add_special_tokens({"additional_special_tokens": ["<|im_end|>"]})
    tokenizer.add_tokens(["<think>"])
    assert special_texts(tokenizer) == ["</s>", "<s>", "<unk>", "<|im_end|>"]
