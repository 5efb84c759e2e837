"""What drawing and judging rely on; tests/generate/test_openai.py tries half answers."""

import asyncio

import pytest

from rsft.config import OpenAISection
from rsft.errors import EngineError
from rsft.wire import DeclinedError, Link, RefusedError, UnansweredError, gather_all, run_coroutine
from tests.wire.fake import MODEL, choice, whole


def ask(url: str, body=None, **settings):
    section = OpenAISection(base_url=url, **{"max_retries": 1, "timeout_seconds": 5} | settings)

    async def once():
        async with Link(section, "score.judge.server") as link:
            await link.check_model(MODEL)
            return await link.ask(body or {"prompt": "hi"}, 1, "prompt 'a'")

    return run_coroutine(once())


def test_each_way_to_fail_is_an_error_of_its_own(fake):
    with pytest.raises(RefusedError) as refused:
        ask(fake(lambda *_: (422, {"detail": "no"})).url)
    assert refused.value.status == 422
    with pytest.raises(UnansweredError, match=r"^prompt 'a': .* gave no whole answer in 2 tries"):
        ask(fake(lambda *_: (500, {"detail": "no"})).url)
    for error in (RefusedError, UnansweredError, DeclinedError):
        assert issubclass(error, EngineError)


def test_a_model_that_declines_is_not_asked_again(fake):
    declining = {"index": 0, "message": {"content": None, "refusal": "no\x07\nnever"}}
    server = fake(lambda *_: (200, {"choices": [declining | {"finish_reason": "stop"}]}))
    with pytest.raises(DeclinedError, match=r"^prompt 'a': .* declines: no$"):
        ask(server.url, {"messages": []})
    assert len(server.bodies) == 1


def test_a_refusal_that_is_empty_is_none(fake):
    answered = {"index": 0, "message": {"content": "hi", "refusal": None}, "finish_reason": "stop"}
    (told,) = ask(fake(lambda *_: (200, {"choices": [answered]})).url, {"messages": []})
    assert told.text == "hi"


def test_messages_name_the_setting_they_are_about(fake, monkeypatch):
    monkeypatch.delenv("NO_KEY", raising=False)
    with pytest.raises(EngineError, match=r"^score\.judge\.server\.api_key_variable = NO_KEY: "):
        ask(fake(whole).url, api_key_variable="NO_KEY")
    with pytest.raises(EngineError, match=r"or set score\.judge\.server\.model$"):
        ask(fake(whole, models=[{"id": "other"}]).url)
    with pytest.raises(EngineError, match=r"^score\.judge\.server\.base_url = http://127"):
        ask("http://127.0.0.1:1/v1")


def test_reasoning_is_told_and_left_to_the_asker(fake):
    told = choice(message={"content": "4", "reasoning": "2 and 2"})
    (answer,) = ask(fake(lambda *_: (200, {"choices": [told]})).url)
    assert (answer.text, answer.reasoning) == ("t0", "2 and 2")


def test_the_first_failure_ends_the_others():
    ended = []

    async def slow():
        try:
            await asyncio.sleep(60)
        finally:
            ended.append(True)

    async def failing():
        await asyncio.sleep(0)
        raise EngineError("no")

    with pytest.raises(EngineError, match="no"):
        run_coroutine(gather_all([slow(), failing(), slow()]))
    assert ended == [True, True]
