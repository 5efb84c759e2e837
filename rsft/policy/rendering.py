"""From a prompt's text to the policy's tokens, and from its tokens back to text.

Sampling, log-probabilities and training all come through here, so that a policy is trained on the
very tokens it was sampled with (vLLM #9519 and TRL #3853 are what happens else).
"""

from collections.abc import Sequence

from transformers import PreTrainedTokenizerBase

from rsft.config import RenderingSection
from rsft.errors import PolicyError, PromptsError
from rsft.policy.loading import Policy
from rsft.prompts.slots import number_slots


def render(
    prompt_text: str, rendering: RenderingSection, tokenizer: PreTrainedTokenizerBase
) -> str:
    """The text that the policy reads for a prompt.

    Args:
        prompt_text: What is asked.
        rendering: Number slots, then the template around it, then the chat template.
        tokenizer: Whose chat template is used, where ``rendering.chat`` says so.

    Raises:
        PolicyError: Where a chat template is asked for and the tokenizer has none.
    """
    text = number_slots(prompt_text)[0] if rendering.number_slots else prompt_text
    text = rendering.template.replace("{prompt}", text)
    if not rendering.chat:
        return text
    if tokenizer.chat_template is None:
        raise PolicyError(
            "base.rendering.chat = true: the model's tokenizer has no chat template; "
            "set it to false and write base.rendering.template"
        )
    chat = [{"role": "user", "content": text}]
    return str(tokenizer.apply_chat_template(chat, tokenize=False, add_generation_prompt=True))


def encode_prompts(policy: Policy, texts: Sequence[str]) -> list[list[int]]:
    """The tokens that the policy reads for each prompt text.

    The tokenizer adds its special tokens, but not to a chat, whose template wrote them; a template
    that wrote a BOS which the tokenizer adds too leaves one.
    """
    if not texts:
        return []
    rendered = [render(text, policy.rendering, policy.tokenizer) for text in texts]
    encoded = policy.tokenizer(
        rendered,
        add_special_tokens=not policy.rendering.chat,
        return_attention_mask=False,
        verbose=False,
    )
    return [_with_one_bos(ids, policy.tokenizer.bos_token_id) for ids in encoded["input_ids"]]


def _with_one_bos(ids: list[int], bos_id: int | None) -> list[int]:
    return ids[1:] if bos_id is not None and ids[:2] == [bos_id, bos_id] else ids


def encode_completions(policy: Policy, texts: Sequence[str]) -> list[list[int]]:
    """The tokens of each completion, the stop token appended; no BOS."""
    if not texts:
        return []
    encoded = policy.tokenizer(
        list(texts), add_special_tokens=False, return_attention_mask=False, verbose=False
    )
    return [[*ids, policy.stop_id] for ids in encoded["input_ids"]]


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
