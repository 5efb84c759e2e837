"""What a server with OpenAI's interface answers, whole or not at all.

Too few completions, no text, an ending other than ``stop`` or ``length``, and broken JSON are half
an answer. One completion where several were asked for is no half answer, but what a server gives
that ignores ``n``.
"""

import json
from typing import Annotated

from pydantic import (
    AliasChoices,
    AliasPath,
    BaseModel,
    BeforeValidator,
    Field,
    PrivateAttr,
    ValidationError,
)

from rsft.types import FinishReason


def _well_formed(text: object) -> object:
    """Halves of surrogate pairs become U+FFFD: JSON can hold them, and no file can."""
    if not isinstance(text, str):
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _number(entry: object) -> object:
    """A token's log-probability, which chat wraps up with the token."""
    return entry.get("logprob") if isinstance(entry, dict) else entry


_Text = Annotated[str, BeforeValidator(_well_formed)]
_Logprob = Annotated[float, Field(allow_inf_nan=False), BeforeValidator(_number)]


class Choice(BaseModel):
    """One completion, as either interface tells it."""

    index: int
    """Its place in the answer."""
    text: _Text = Field(validation_alias=AliasChoices("text", AliasPath("message", "content")))
    """The completion."""
    finish_reason: FinishReason
    """Why it ended."""
    token_ids: tuple[int, ...] | None = None
    """Its tokens, where the server tells them."""
    logprobs: tuple[_Logprob | None, ...] | None = Field(
        default=None,
        validation_alias=AliasChoices(
            AliasPath("logprobs", "token_logprobs"), AliasPath("logprobs", "content")
        ),
    )
    """Log-probability of each token in nats, where the server tells them."""
    reasoning: str | None = Field(
        default=None,
        validation_alias=AliasChoices(
            AliasPath("message", "reasoning_content"), AliasPath("message", "reasoning")
        ),
    )
    """What a reasoning parser took out of the text."""
    _usage_tokens: int | None = PrivateAttr(default=None)

    @property
    def token_count(self) -> int | None:
        """How many tokens it has, where any part of the answer tells it."""
        told = self.token_ids or self.logprobs
        return len(told) if told else self._usage_tokens


class _Usage(BaseModel):
    completion_tokens: int | None = None


class _Answer(BaseModel):
    choices: list[Choice]
    usage: _Usage | None = None


class _Model(BaseModel):
    id: str


class _Models(BaseModel):
    data: list[_Model]


class _Declining(BaseModel):
    refusal: Annotated[str, Field(min_length=1)] = Field(
        validation_alias=AliasPath("choices", 0, "message", "refusal")
    )


class HalfAnswerError(ValueError):
    """What an answer lacks."""


def whole(content: bytes, count: int) -> list[Choice]:
    """The completions of an answer: ``count``, or one where the server ignores ``n``.

    Raises:
        HalfAnswerError: Saying what it lacks.
    """
    try:
        parsed = _Answer.model_validate(parse(content))
    except ValidationError as failure:
        error = failure.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, error["loc"])) or "answer"
        raise HalfAnswerError(f"{where}: {error['msg']}") from None
    except ValueError:
        raise HalfAnswerError("broken JSON") from None
    choices = sorted(parsed.choices, key=lambda choice: choice.index)
    if len(choices) not in {1, count} or [c.index for c in choices] != list(range(len(choices))):
        raise HalfAnswerError(f"{len(choices)} completions where {count} are wanted")
    for choice in choices:
        if len({len(told) for told in (choice.token_ids, choice.logprobs) if told}) > 1:
            raise HalfAnswerError("more token ids than log-probabilities, or fewer")
    if len(choices) == 1 and parsed.usage:
        choices[0]._usage_tokens = parsed.usage.completion_tokens
    return choices


def refusal(content: bytes) -> str | None:
    """What the model says in OpenAI's field for declining; null where it does not decline."""
    try:
        return _Declining.model_validate(parse(content)).refusal
    except ValueError:
        return None


def served_models(content: bytes) -> list[str]:
    """Names in a server's list of models; empty where it is no such list."""
    try:
        return [entry.id for entry in _Models.model_validate(parse(content)).data]
    except ValueError:
        return []


def complaint(content: bytes) -> str:
    """The message in an error's body, of which OpenAI, FastAPI and SGLang each have a form."""
    try:
        said = parse(content)
    except ValueError:
        return content.decode("utf-8", "replace")
    for field in ("error", "message", "detail"):
        if isinstance(said, dict) and field in said:
            said = said[field]
    return said if isinstance(said, str) else json.dumps(said)


def parse(content: bytes) -> object:
    """JSON from whoever sent it.

    Raises:
        ValueError: Where it is none.
    """
    try:
        return json.loads(content.decode("utf-8", "replace"))
    except RecursionError:
        raise ValueError("nested too deeply") from None
