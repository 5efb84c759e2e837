"""Chat messages through the tokenizer's own template.

A chat template is code that comes with a model: transformers runs it in Jinja's sandbox, where it
sees the messages and nothing else. One that writes today's date would have a policy trained on
another prompt than it was sampled on, and nothing come out the same twice: here it is always the
same day.
"""

from collections.abc import Sequence
from dataclasses import asdict

from jinja2 import TemplateError
from transformers import PreTrainedTokenizerBase

from rsft.errors import PolicyError
from rsft.types import Turn

_TODAY = "26 Jul 2024"
"""What Llama's template takes where it cannot tell the date."""

_CLOCK = "strftime_now"
"""Name of the function that transformers gives to templates."""

_ANSWER = "It is forty-two."


def render_chat(
    tokenizer: PreTrainedTokenizerBase, turns: Sequence[Turn], *, is_answered: bool = False
) -> str:
    """The text of a dialogue, special tokens included.

    Args:
        tokenizer: Whose template is used.
        turns: At least one.
        is_answered: Whether the assistant spoke last; else the text ends where it begins to.

    Raises:
        PolicyError: Where there is no chat template, or it does not take these turns.
    """
    if tokenizer.chat_template is None:
        raise PolicyError(
            "rendering.chat = true: the model's tokenizer has no chat template; "
            "set it to false and write rendering.template"
        )
    try:
        template = tokenizer.get_chat_template()
        if _CLOCK in template:
            template = f"{{% macro {_CLOCK}(form) %}}{_TODAY}{{% endmacro %}}{template}"
        return str(
            tokenizer.apply_chat_template(
                [asdict(turn) for turn in turns],
                chat_template=template,
                tokenize=False,
                add_generation_prompt=not is_answered,
            )
        )
    except (TemplateError, TypeError, ValueError) as error:
        roles = ", ".join(turn.role for turn in turns)
        raise PolicyError(
            f"the model's chat template does not take the turns {roles} "
            f"({' '.join(str(error).split())}); change the prompt's turns or the template"
        ) from None


def turn_end(tokenizer: PreTrainedTokenizerBase) -> int | None:
    """The token that the template writes after an assistant's turn; null where there is none."""
    turns = [Turn(role="user", content="What?"), Turn(role="assistant", content=_ANSWER)]
    try:
        text = render_chat(tokenizer, turns, is_answered=True)
    except PolicyError:
        return None
    _, found, after = text.rpartition(_ANSWER)
    ids = tokenizer(after.lstrip(), add_special_tokens=False)["input_ids"] if found else []
    return int(ids[0]) if ids else None
