"""The wire to a server with OpenAI's interface: requests that are repeated, answers that are whole.

An answer is whole or it is none: too few completions, no text, an ending other than ``stop`` or
``length``, broken JSON or a lost connection are asked for again. One completion where several were
asked for is no half answer, but what a server gives that ignores ``n``.

What a server says is not trusted: it is shown as one short printable line, without the key.

Left out: streaming, and OpenAI's own client, which would send what it finds in ``OPENAI_*``
variables (a key, an organisation, any header) to whichever server is named here, and whose
retries know nothing of half answers.
"""

import asyncio
import json
import os
import re
from typing import Annotated, Any, Self

import httpx2
from pydantic import (
    AliasChoices,
    AliasPath,
    BaseModel,
    BeforeValidator,
    Field,
    PrivateAttr,
    ValidationError,
)
from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_attempt, wait_exponential

from rsft.config import OpenAISection
from rsft.errors import EngineError
from rsft.types import FinishReason

FIRST_PAUSE = 0.5
LONGEST_PAUSE = 30.0
"""Seconds before a request is repeated: doubled each time."""
_SHOWN = 200
"""At most so many characters of what a server says are shown."""
_BUSY = (408, 429)
"""Client errors that pass by themselves."""


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


class _Unanswered(Exception):  # noqa: N818
    """Why a request is worth repeating."""


class Link:
    """Connections to one server, for as long as a batch of requests is under way."""

    def __init__(self, section: OpenAISection) -> None:
        self._section = section
        self._url = section.base_url.rstrip("/")
        self._shown_url = re.sub(r"//[^/@]*@", "//", self._url)
        self._key = _key(section.api_key_variable)
        self._slots = asyncio.Semaphore(section.concurrency)
        self._client = httpx2.AsyncClient(
            headers={"Authorization": f"Bearer {self._key}"} if self._key else None,
            timeout=section.timeout_seconds,
            limits=httpx2.Limits(max_connections=None),  # the slots see to it
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.aclose()

    async def check_model(self, model: str) -> None:
        """Refuses a server of another model, such as an earlier round's.

        A server without a list of models, or with an empty one, is taken at its word later on.

        Raises:
            EngineError: Where nothing answers, or the list lacks the model.
        """
        try:
            answer = await self._call("GET", "/models")
        except (httpx2.HTTPError, httpx2.InvalidURL, TimeoutError) as error:
            raise EngineError(
                f"generate.openai.base_url = {self._shown_url}: no server answers there "
                f"({self._said(_words(error))}); start one with `vllm serve {model}`"
            ) from None
        try:
            served = [entry.id for entry in _Models.model_validate(_parse(answer)).data]
        except ValueError:
            return
        if served and model not in served:
            raise EngineError(
                f"{self._shown_url} serves {self._said(', '.join(served))}, and {model} is "
                f"wanted; start it with `vllm serve {model}`, or set generate.openai.model"
            )

    async def ask(self, body: dict[str, Any], count: int, prompt_id: str) -> list[Choice]:
        """Asks for completions until there is a whole answer.

        Args:
            body: The request; one with ``messages`` is a chat.
            count: Completions that are wanted.
            prompt_id: The prompt, for messages.

        Returns:
            ``count`` completions, or one where the server ignores ``n``.

        Raises:
            EngineError: Where the server refuses, or gives half an answer once too often.
        """
        tries = self._section.max_retries + 1
        retrying = AsyncRetrying(
            stop=stop_after_attempt(tries),
            wait=wait_exponential(FIRST_PAUSE, max=LONGEST_PAUSE),
            retry=retry_if_exception_type(_Unanswered),
            reraise=True,
        )
        try:
            async with self._slots:
                return await retrying(self._ask_once, body, count)
        except _Unanswered as failure:
            raise EngineError(
                f"prompt {prompt_id!r}: {self._shown_url} gave no whole answer in {tries} tries, "
                f"at last {failure}; look at the server's log"
            ) from None
        except EngineError as refusal:
            raise EngineError(f"prompt {prompt_id!r}: {refusal}") from None

    async def _ask_once(self, body: dict[str, Any], count: int) -> list[Choice]:
        path = "/chat/completions" if "messages" in body else "/completions"
        try:
            answer = await self._call("POST", path, json=body)
        except TimeoutError:
            raise _Unanswered(f"none within {self._section.timeout_seconds:g} s") from None
        except httpx2.HTTPError as error:
            raise _Unanswered(self._said(_words(error))) from None
        if answer.is_success:
            return self._without_reasoning(_whole(answer, count))
        said = f"status {answer.status_code}: {self._said(_complaint(answer))}"
        if answer.status_code in _BUSY or answer.is_server_error:
            raise _Unanswered(said)
        raise EngineError(f"{self._shown_url}{path} refuses with {said}")

    async def _call(self, method: str, path: str, **content: Any) -> httpx2.Response:
        # the client's own time-out is that of one read: a server that dribbles never meets it
        async with asyncio.timeout(self._section.timeout_seconds):
            return await self._client.request(method, self._url + path, **content)

    def _without_reasoning(self, choices: list[Choice]) -> list[Choice]:
        if any(choice.reasoning for choice in choices):
            raise EngineError(
                f"{self._shown_url} takes the reasoning out of completions, so that their "
                "log-probabilities are not those of the text; start it without a reasoning parser"
            )
        return choices

    def _said(self, text: str) -> str:
        lines = ("".join(filter(str.isprintable, line)).strip() for line in text.splitlines())
        line = next(filter(None, lines), "nothing")
        if self._key:
            line = line.replace(self._key, "***")
        return line if len(line) <= _SHOWN else line[:_SHOWN] + "…"


def _key(variable: str | None) -> str | None:
    if variable is None:
        return None
    key = os.environ.get(variable, "").strip()
    if not (key and key.isascii() and key.isprintable()):
        raise EngineError(
            f"generate.openai.api_key_variable = {variable}: that environment variable holds no "
            "key; export the server's key in it, or set api_key_variable to null"
        )
    return key


def _parse(answer: httpx2.Response) -> object:
    try:
        return json.loads(answer.content.decode("utf-8", "replace"))
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _whole(answer: httpx2.Response, count: int) -> list[Choice]:
    try:
        parsed = _Answer.model_validate(_parse(answer))
    except ValidationError as failure:
        error = failure.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, error["loc"])) or "answer"
        raise _Unanswered(f"half an answer: {where}: {error['msg']}") from None
    except ValueError:
        raise _Unanswered("half an answer: broken JSON") from None
    choices = sorted(parsed.choices, key=lambda choice: choice.index)
    if len(choices) not in {1, count} or [c.index for c in choices] != list(range(len(choices))):
        raise _Unanswered(f"half an answer: {len(choices)} completions where {count} are wanted")
    for choice in choices:
        if len({len(told) for told in (choice.token_ids, choice.logprobs) if told}) > 1:
            raise _Unanswered("half an answer: more token ids than log-probabilities, or fewer")
    if len(choices) == 1 and parsed.usage:
        choices[0]._usage_tokens = parsed.usage.completion_tokens
    return choices


def _complaint(answer: httpx2.Response) -> str:
    """The message in an error's body, of which OpenAI, FastAPI and SGLang each have a form."""
    try:
        said = _parse(answer)
    except ValueError:
        return answer.content.decode("utf-8", "replace")
    for field in ("error", "message", "detail"):
        if isinstance(said, dict) and field in said:
            said = said[field]
    return said if isinstance(said, str) else json.dumps(said)


def _words(error: Exception) -> str:
    return str(error) or type(error).__name__
