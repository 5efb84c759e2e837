"""Requests to a server with OpenAI's interface, repeated until the answer is whole.

Half an answer (see ``answers``), a lost connection and a busy server are asked for again, with
exponential back-off and a bounded number of times.

What a server says is not trusted: it is shown as one short printable line, without the key.

Left out: streaming, and OpenAI's own client, which would send what it finds in ``OPENAI_*``
variables (a key, an organisation, any header) to whichever server is named here, and whose
retries know nothing of half answers.
"""

import asyncio
import os
import re
from typing import Any, Self

import httpx2
from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_attempt, wait_exponential

from rsft.config import OpenAISection
from rsft.errors import EngineError
from rsft.wire.answers import Choice, HalfAnswerError, complaint, refusal, served_models, whole

FIRST_PAUSE = 0.5
LONGEST_PAUSE = 30.0
"""Seconds before a request is repeated: doubled each time."""
_SHOWN = 200
"""At most so many characters of what a server says are shown."""
_BUSY = (408, 429)
"""Client errors that pass by themselves."""


class RefusedError(EngineError):
    """A server that will not take a request, however often it is asked."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


class DeclinedError(EngineError):
    """A model that says it will not answer."""


class UnansweredError(EngineError):
    """A request without a whole answer after all its tries."""


class _Failed(Exception):  # noqa: N818
    """Why a request is worth repeating."""


class Link:
    """Connections to one server, for as long as a batch of requests is under way."""

    def __init__(self, section: OpenAISection, setting: str) -> None:
        """Opens none yet.

        Args:
            section: The server.
            setting: Where in ``params.yaml`` it is named, for messages.

        Raises:
            EngineError: Where the server's key is not in the environment.
        """
        self._section = section
        self._setting = setting
        self._url = section.base_url.rstrip("/")
        self.address = re.sub(r"//[^/@]*@", "//", self._url)
        """The server's address as it may be shown, without a password."""
        self._key = _key(section.api_key_variable, setting)
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
                f"{self._setting}.base_url = {self.address}: no server answers there "
                f"({self._said(_words(error))}); start one with `vllm serve {model}`"
            ) from None
        served = served_models(answer.content)
        if served and model not in served:
            raise EngineError(
                f"{self.address} serves {self._said(', '.join(served))}, and {model} is "
                f"wanted; start it with `vllm serve {model}`, or set {self._setting}.model"
            )

    async def ask(self, body: dict[str, Any], count: int, what: str) -> list[Choice]:
        """Asks for completions until there is a whole answer.

        Args:
            body: The request; one with ``messages`` is a chat.
            count: Completions that are wanted.
            what: What they are wanted for, for messages.

        Returns:
            ``count`` completions, or one where the server ignores ``n``.

        Raises:
            RefusedError: Where the server will not take the request.
            DeclinedError: Where the model says that it will not answer.
            UnansweredError: Where it gives half an answer, or none, once too often.
        """
        tries = self._section.max_retries + 1
        retrying = AsyncRetrying(
            stop=stop_after_attempt(tries),
            wait=wait_exponential(FIRST_PAUSE, max=LONGEST_PAUSE),
            retry=retry_if_exception_type(_Failed),
            reraise=True,
        )
        try:
            async with self._slots:
                return await retrying(self._ask_once, body, count, what)
        except _Failed as failure:
            raise UnansweredError(
                f"{what}: {self.address} gave no whole answer in {tries} tries, "
                f"at last {failure}; look at the server's log"
            ) from None

    async def _ask_once(self, body: dict[str, Any], count: int, what: str) -> list[Choice]:
        path = "/chat/completions" if "messages" in body else "/completions"
        try:
            answer = await self._call("POST", path, json=body)
        except TimeoutError:
            raise _Failed(f"none within {self._section.timeout_seconds:g} s") from None
        except httpx2.HTTPError as error:
            raise _Failed(self._said(_words(error))) from None
        if answer.is_success:
            if declined := refusal(answer.content):
                raise DeclinedError(f"{what}: {self.address} declines: {self._said(declined)}")
            try:
                return whole(answer.content, count)
            except HalfAnswerError as half:
                raise _Failed(f"half an answer: {half}") from None
        status = answer.status_code
        said = f"status {status}: {self._said(complaint(answer.content))}"
        if status in _BUSY or answer.is_server_error:
            raise _Failed(said)
        raise RefusedError(f"{what}: {self.address}{path} refuses with {said}", status)

    async def _call(self, method: str, path: str, **content: Any) -> httpx2.Response:
        # the client's own time-out is that of one read: a server that dribbles never meets it
        async with asyncio.timeout(self._section.timeout_seconds):
            return await self._client.request(method, self._url + path, **content)

    def _said(self, text: str) -> str:
        lines = ("".join(filter(str.isprintable, line)).strip() for line in text.splitlines())
        line = next(filter(None, lines), "nothing")
        if self._key:
            line = line.replace(self._key, "***")
        return line if len(line) <= _SHOWN else line[:_SHOWN] + "…"


def _key(variable: str | None, setting: str) -> str | None:
    if variable is None:
        return None
    key = os.environ.get(variable, "").strip()
    if not (key and key.isascii() and key.isprintable()):
        raise EngineError(
            f"{setting}.api_key_variable = {variable}: that environment variable holds no "
            "key; export the server's key in it, or set api_key_variable to null"
        )
    return key


def _words(error: Exception) -> str:
    return str(error) or type(error).__name__
