"""From a prompt to the policy's tokens, and from its tokens back to text.

    text ─► number slots ─► template ─► [the turns before it ─► chat template] ─► tokens

Sampling, log-probabilities and training all come through here, so that a policy is trained on the
very tokens it was sampled with (vLLM #9519 and TRL #3853 are what happens else).
"""

from collections.abc import Sequence

from transformers import PreTrainedTokenizerBase

from rsft.config import RenderingSection
from rsft.errors import PromptsError
from rsft.policy.chat import render_chat
from rsft.policy.loading import Policy
from rsft.prompts.slots import number_slots
from rsft.types import Prompt, Turn


def render(
    prompt_text: str,
    rendering: RenderingSection,
    tokenizer: PreTrainedTokenizerBase,
    context: tuple[Turn, ...] = (),
) -> str:
    """The text that the policy reads for a prompt.

    Args:
        prompt_text: What is asked.
        rendering: Number slots, then the template around it, then the chat template.
        tokenizer: Whose chat template is used, where ``rendering.chat`` says so.
        context: The turns before it, which go into the chat template as they are.

    Raises:
        PolicyError: Where a chat template is asked for and the tokenizer has none, or it does not
            take the turns.
        PromptsError: Where the rendering has no place for the turns before, or the text cannot be
            read.
    """
    if context:
        _refuse_lost_turns(prompt_text, rendering)
    text = number_slots(prompt_text)[0] if rendering.number_slots else prompt_text
    text = rendering.template.replace("{prompt}", text)
    if rendering.chat:
        text = render_chat(tokenizer, [*context, Turn(role="user", content=text)])
    try:
        text.encode()
    except UnicodeEncodeError:
        raise PromptsError(
            f"prompt {prompt_text[:60]!r} holds half a character, which UTF-8 cannot write; "
            "remove it"
        ) from None
    return text


def _refuse_lost_turns(prompt_text: str, rendering: RenderingSection) -> None:
    problem = f"prompt {prompt_text[:60]!r} has turns before it"
    if not rendering.chat:
        raise PromptsError(
            f"{problem}, and plain text has no place for them; set rendering.chat = true, "
            "with a model that has a chat template"
        )
    if rendering.number_slots:
        raise PromptsError(
            f"{problem}, whose numbers would have no slots; set rendering.number_slots = false"
        )


def encode_prompts(
    policy: Policy,
    texts: Sequence[str],
    contexts: Sequence[tuple[Turn, ...]] | None = None,
) -> list[list[int]]:
    """The tokens that the policy reads for each prompt.

    The tokenizer adds its special tokens, but not to a chat, whose template wrote them; a template
    that wrote a BOS which the tokenizer adds too leaves one.

    Args:
        policy: The policy.
        texts: What is asked.
        contexts: The turns before each; null where no prompt has any.

    Raises:
        PolicyError: As ``render``.
        PromptsError: As ``render``; or where nothing is left for the policy to read.
    """
    if not texts:
        return []
    if contexts is None:
        contexts = [()] * len(texts)
    rendered = [
        render(text, policy.rendering, policy.tokenizer, context)
        for text, context in zip(texts, contexts, strict=True)
    ]
    encoded = policy.tokenizer(
        rendered,
        add_special_tokens=not policy.rendering.chat,
        return_attention_mask=False,
        verbose=False,
    )
    if [] in encoded["input_ids"]:
        empty = texts[encoded["input_ids"].index([])]
        raise PromptsError(f"prompt {empty!r} has no tokens; ask something")
    return [with_one_bos(ids, policy.tokenizer.bos_token_id) for ids in encoded["input_ids"]]


def with_one_bos(ids: list[int], bos_id: int | None) -> list[int]:
    """Tokens less a second BOS: one from the template, and one from the tokenizer."""
    return ids[1:] if bos_id is not None and ids[:2] == [bos_id, bos_id] else ids


def encode_questions(policy: Policy, prompts: Sequence[Prompt]) -> list[list[int]]:
    """The tokens that the policy reads for each prompt, the turns before it included."""
    return encode_prompts(
        policy, [prompt.text for prompt in prompts], [prompt.context for prompt in prompts]
    )


def special_texts(tokenizer: PreTrainedTokenizerBase) -> list[str]:
    """What a text must not spell, since it would be read as a special token.

    A completion that spells ``</s>`` or ``<|im_end|>`` would end its turn and open another.
    """
    added = (str(token) for token in tokenizer.added_tokens_decoder.values() if token.special)
    return sorted({*added, *tokenizer.all_special_tokens})


def encode_completions(policy: Policy, texts: Sequence[str]) -> list[list[int]]:
    """The tokens of each completion, the stop token appended; no BOS."""
    if not texts:
        return []
    encoded = policy.tokenizer(
        list(texts), add_special_tokens=False, return_attention_mask=False, verbose=False
    )
    stop_id = policy.stop_id
    return [[*ids, stop_id] for ids in encoded["input_ids"]]


def decode_completions(policy: Policy, token_ids: Sequence[Sequence[int]]) -> list[str]:
    """The text of each completion, special tokens removed and nothing else."""
    if not token_ids:
        return []
    texts = policy.tokenizer.batch_decode(
        [list(ids) for ids in token_ids],
        skip_special_tokens=True,
        clean_up_tokenization_spaces=False,
    )
    return list(texts)


def refuse_too_long(
    policy: Policy, prompt_ids: Sequence[Sequence[int]], names: Sequence[str], max_new_tokens: int
) -> None:
    """Refuses a prompt that does not fit the model, since cutting it would change the question.

    Raises:
        PromptsError: Naming the first such prompt.
    """
    limit = policy.prompt_limit(max_new_tokens)
    for ids, name in zip(prompt_ids, names, strict=True):
        if len(ids) > limit:
            raise PromptsError(
                f"prompt {name!r} has {len(ids)} tokens, and the policy reads at most {limit}; "
                "shorten it or leave it out"
            )
