"""The engine against ``transformers serve``, and against a fake that fails in every way we know."""

import asyncio
import collections
import contextlib
import os
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

import pyarrow as pa
import pytest
import torch
from scipy import stats
from transformers.utils import is_accelerate_available
from transformers.utils.import_utils import is_serve_available

from rsft.config import OpenAISection, RenderingSection
from rsft.errors import EngineError
from rsft.generate.engine import Request
from rsft.generate.law import SamplingLaw
from rsft.generate.openai import OpenAIEngine
from rsft.policy import Policy, encode_prompts, save_policy
from rsft.types import Prompt
from tests.conftest import build_llama
from tests.wire.fake import MODEL, choice, whole

POLICY = build_llama(RenderingSection(template="{prompt} ="))
LAW = SamplingLaw(max_new_tokens=4)
TWO = [("a", range(2)), ("b", range(2))]


def ask(prompt_id: str, text: str = "ann has") -> Prompt:
    return Prompt(
        prompt_id=prompt_id,
        text=text,
        answers=(),
        solution=None,
        family="f",
        source="s",
        licence="unknown",
    )


def engine(url: str, policy: Policy | None = None, **settings) -> OpenAIEngine:
    section = OpenAISection(base_url=url, **{"max_retries": 2, "timeout_seconds": 5} | settings)
    return OpenAIEngine(policy or POLICY, "v1", section, MODEL)


def draw(made: OpenAIEngine, wanted=TWO, law=LAW, **settings):
    requests = [
        Request(prompt=p if isinstance(p, Prompt) else ask(p), draws=draws) for p, draws in wanted
    ]
    return made.draw(requests, law, **{"seed": 0, "round": 1} | settings)


def chat_policy(**preset) -> Policy:
    policy = build_llama(RenderingSection(template="{prompt} =", chat=True))
    policy.tokenizer.chat_template = (
        "{{ bos_token }}{% for m in messages %} {{ m['content'] }}{% endfor %}"
    )
    policy.model.generation_config.update(**preset)
    return policy


# What is sent


def test_one_request_per_prompt_asks_for_all_of_its_draws_with_the_tokens_training_reads(fake):
    server = fake()
    drawn = draw(engine(server.url), [("a", range(3)), ("b", range(8, 10)), ("c", range(1))])
    assert [(c.prompt_id, c.draw, c.text) for c in drawn] == [
        *(("a", 0, "t0"), ("a", 1, "t1"), ("a", 2, "t2")),
        *(("b", 8, "t0"), ("b", 9, "t1"), ("c", 0, "t0")),
    ]
    assert all((c.round, c.policy_version) == (1, "v1") for c in drawn)
    assert sorted(body.get("n", 1) for body in server.bodies) == [1, 2, 3]
    assert set(server.paths) == {"/v1/completions"}
    (ids,) = encode_prompts(POLICY, ["ann has"])
    assert ids.count(POLICY.tokenizer.bos_token_id) == 1
    for body in server.bodies:
        del body["seed"]
        body.pop("n", None)
        assert body == {
            "model": MODEL,
            "prompt": ids,
            "max_tokens": 4,
            "temperature": 1.0,
            "top_p": 1.0,
            "logprobs": 1,
            "return_token_ids": True,
        }


def test_the_law_is_sent_in_the_names_that_servers_have_for_it(fake):
    server = fake()
    law = SamplingLaw(
        max_new_tokens=9,
        min_new_tokens=2,
        temperature=0.7,
        top_k=5,
        top_p=0.9,
        min_p=0.1,
        stop=("\n", "Q:"),
    )
    draw(engine(server.url), [("a", range(1))], law)
    (body,) = server.bodies
    assert {name: body[name] for name in ("max_tokens", "min_tokens", "top_k", "stop")} == {
        "max_tokens": 9,
        "min_tokens": 2,
        "top_k": 5,
        "stop": ["\n", "Q:"],
    }
    assert (body["temperature"], body["top_p"], body["min_p"]) == (0.7, 0.9, 0.1)
    assert "repetition_penalty" not in body


def test_what_the_model_s_own_settings_would_leave_out_is_switched_off(fake):
    server = fake()
    policy = chat_policy(top_k=20, min_p=0.05, repetition_penalty=1.05)
    draw(engine(server.url, policy), [("a", range(1))], SamplingLaw(max_new_tokens=4, top_k=3))
    (body,) = server.bodies
    assert (body["top_k"], body["min_p"], body["repetition_penalty"]) == (3, 0.0, 1.0)
    draw(engine(server.url, policy), [("a", range(1))])
    assert server.bodies[-1]["top_k"] == -1


def test_text_and_messages_are_rendered_once(fake):
    server = fake(lambda body, _: (200, {"choices": [choice(message={"content": "hi"})]}))
    draw(engine(server.url, send="text"), [("a", range(1))])
    policy = chat_policy()
    draw(engine(server.url, policy, send="text"), [("a", range(1))])
    draw(engine(server.url, policy, send="messages"), [("a", range(1))])
    plain, chat, messages = server.bodies
    assert plain["prompt"] == "ann has ="
    assert chat["prompt"].strip() == "ann has ="  # the server's tokenizer adds the BOS
    assert messages["messages"] == [{"role": "user", "content": "ann has ="}]
    assert messages["logprobs"] is True
    assert server.paths == ["/v1/completions"] * 2 + ["/v1/chat/completions"]
    assert not any("return_token_ids" in body for body in server.bodies)


def test_seeds_come_from_the_address_of_the_first_draw(fake):
    def seeds(wanted, **settings):
        server = fake()
        draw(engine(server.url, concurrency=1), wanted, **settings)
        return [body["seed"] for body in server.bodies]

    reference = seeds([("a", range(2)), ("b", range(2)), ("a", range(2, 4))])
    assert len(set(reference)) == 3
    assert seeds([("b", range(2)), ("a", range(5))]) == [reference[1], reference[0]]
    assert seeds([("a", range(2))], seed=1) != reference[:1] != seeds([("a", range(2))], round=2)
    assert all(0 <= seed < 2**31 for seed in reference)


# What is taken


def test_log_probabilities_and_tokens_are_taken_where_they_are_told(fake):
    told = choice(logprobs={"token_logprobs": [-1.0, -0.25, 0.0]}, token_ids=[4, 5, 2])
    server = fake(lambda *_: (200, {"choices": [told]}))
    (candidate,) = draw(engine(server.url), [("a", range(1))])
    assert candidate.policy_logprob == candidate.proposal_logprob == -1.25
    assert (candidate.token_ids, candidate.token_count) == ((4, 5, 2), 3)
    (candidate,) = draw(
        engine(server.url), [("a", range(1))], SamplingLaw(max_new_tokens=4, temperature=0.5)
    )
    assert (candidate.policy_logprob, candidate.proposal_logprob) == (-1.25, None)


@pytest.mark.parametrize(
    "nothing", [{}, {"logprobs": None}, {"logprobs": {"token_logprobs": []}}, {"token_ids": []}]
)
def test_what_is_not_told_is_null(fake, nothing):
    server = fake(
        lambda body, _: (
            200,
            {
                "choices": [choice(i, **nothing) for i in range(body.get("n", 1))],
                "usage": {"completion_tokens": 7},
            },
        )
    )
    (one,) = draw(engine(server.url), [("a", range(1))])
    assert one.policy_logprob is one.proposal_logprob is one.token_ids is None
    assert one.token_count == 7
    several = draw(engine(server.url), [("a", range(2))])
    assert [c.token_count for c in several] == [None, None]  # the usage is of both


def test_a_chat_s_log_probabilities_are_read_too(fake):
    told = {
        "index": 0,
        "message": {"role": "assistant", "content": "hi"},
        "finish_reason": "length",
        "logprobs": {"content": [{"token": "h", "logprob": -0.5}, {"token": "i", "logprob": -2}]},
    }
    server = fake(lambda *_: (200, {"choices": [told]}))
    (candidate,) = draw(engine(server.url, chat_policy(), send="messages"), [("a", range(1))])
    assert (candidate.text, candidate.finish_reason) == ("hi", "length")
    assert (candidate.policy_logprob, candidate.token_count) == (-2.5, 2)


def test_text_is_cut_before_a_stop_string_and_can_be_written_whatever_it_holds(fake):
    texts = [b"4 Q: 5 \\n", b"\\ud800x\\udc00", b"\\ud83d\\ude00", b"\xff"]
    choices = [
        b'{"index": %d, "text": "%s", "finish_reason": "stop"}' % (i, text)
        for i, text in enumerate(texts)
    ]
    server = fake(lambda *_: (200, b'{"choices": [%s]}' % b",".join(choices)))
    law = SamplingLaw(max_new_tokens=4, stop=("\n", "Q:"))
    drawn = [c.text for c in draw(engine(server.url), [("a", range(4))], law)]
    assert drawn == ["4 ", "\ufffdx\ufffd", "\N{GRINNING FACE}", "\ufffd"]
    assert pa.array(drawn).to_pylist() == drawn


def test_answers_in_another_order_go_to_the_prompts_that_asked(fake):
    """The first prompts are answered last, and completions come in reverse."""

    def reply(body, _):
        (word,) = {"ann", "has", "pens", "and"}.intersection(body["prompt"].split())
        time.sleep({"ann": 0.3, "has": 0.2, "pens": 0.1, "and": 0}[word])
        told = [choice(i, text=f"{word}{i}") for i in range(body["n"])]
        return 200, {"choices": told[::-1]}

    finished = []
    wanted = [(ask(word, word), range(2)) for word in ("ann", "has", "pens", "and")]
    drawn = draw(
        engine(fake(reply).url, send="text"),
        wanted,
        on_drawn=lambda some: finished.append([c.prompt_id for c in some]),
    )
    assert [(c.prompt_id, c.text) for c in drawn] == [
        (word, f"{word}{i}") for word in ("ann", "has", "pens", "and") for i in range(2)
    ]
    assert finished == [[word] * 2 for word in ("and", "pens", "has", "ann")]


def test_a_server_that_ignores_n_is_asked_for_each_draw(fake):
    server = fake(lambda body, n: (200, {"choices": [choice(text=str(body["seed"]))]}))
    drawn = draw(engine(server.url, concurrency=1), [("a", range(3))])
    assert [c.draw for c in drawn] == [0, 1, 2]
    assert [c.text for c in drawn] == [str(body["seed"]) for body in server.bodies]
    assert len({c.text for c in drawn}) == 3
    assert [body.get("n") for body in server.bodies] == [3, None, None]


def test_no_more_requests_are_under_way_than_allowed(fake):
    lock, now, most = threading.Lock(), 0, 0

    def reply(body, _):
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
        time.sleep(0.05)
        with lock:
            now -= 1
        return whole(body, _)

    draw(engine(fake(reply).url, concurrency=3), [(f"p{i}", range(2)) for i in range(12)])
    assert most == 3


def test_it_draws_where_a_loop_is_running(fake):
    async def inside():
        return draw(engine(fake().url))

    assert len(asyncio.run(inside())) == 4


def test_nothing_is_asked_where_nothing_is_wanted():
    assert draw(engine("http://127.0.0.1:1/v1"), [("a", range(3, 3))]) == []


# What goes wrong


def error_of(made: OpenAIEngine, wanted=TWO) -> str:
    told = []
    with pytest.raises(EngineError) as caught:
        draw(made, wanted, on_drawn=told.append)
    message = str(caught.value)
    assert message.isprintable()
    assert len(message) < 600
    return message


def test_an_unreachable_server_is_named_with_the_way_to_start_one():
    with socket.socket() as bound:  # bound but not listening: nobody else answers there
        bound.bind(("127.0.0.1", 0))
        port = bound.getsockname()[1]
        message = error_of(engine(f"http://me@127.0.0.1:{port}/v1"))
    assert f"http://127.0.0.1:{port}/v1" in message
    assert f"vllm serve {MODEL}" in message


def test_a_server_of_another_round_s_model_is_refused_before_any_draw(fake):
    server = fake(models=[{"id": "data/rounds/0/model"}, {"id": "\x1b[31mx"}])
    message = error_of(engine(server.url))
    assert "serves data/rounds/0/model, [31mx, and data/rounds/1/model is wanted" in message
    assert server.bodies == []
    draw(engine(server.url, model="data/rounds/0/model"))
    assert {body["model"] for body in server.bodies} == {"data/rounds/0/model"}


@pytest.mark.parametrize("models", [(404, {"detail": "Not Found"}), (200, b"<html>"), (200, [])])
def test_a_server_without_a_list_of_models_is_asked_all_the_same(fake, models):
    server = fake()
    server.models = models
    assert len(draw(engine(server.url))) == 4


HALVES = {
    "too few": lambda body: {"choices": [choice(0), choice(1)]},
    "none": lambda body: {"choices": []},
    "twice the same": lambda body: {"choices": [choice(0), choice(0), choice(1)]},
    "no choices": lambda body: {"error": "busy"},
    "no text": lambda body: {"choices": [choice(0), choice(1), {"index": 2, "text": None}]},
    "filtered": lambda body: {
        "choices": [choice(0), choice(1), choice(2, finish_reason="content_filter")]
    },
    "aborted": lambda body: {"choices": [choice(0), choice(1), choice(2, finish_reason=None)]},
    "not a number": lambda body: {
        "choices": [choice(i, logprobs={"token_logprobs": [float("nan")]}) for i in range(3)]
    },
    "lengths": lambda body: {
        "choices": [
            choice(i, token_ids=[1], logprobs={"token_logprobs": [-1.0, -1.0]}) for i in range(3)
        ]
    },
    "broken": lambda body: b'{"choices": [',
    "deep": lambda body: b"[" * 100_000,
    "cut off": lambda body: iter([b'{"choices": []}']),
    "dropped": lambda body: None,
}


@pytest.mark.parametrize("half", HALVES)
def test_half_an_answer_is_asked_for_again_and_never_taken(fake, half):
    def reply(is_whole):
        def answer(body, n):
            if n >= 2 and is_whole:
                return whole(body, n)
            said = HALVES[half](body)
            return None if said is None else (200, said)

        return answer

    server = fake(reply(is_whole=True))
    assert [c.text for c in draw(engine(server.url), [("a", range(3))])] == ["t0", "t1", "t2"]
    assert len(server.bodies) == 3
    server = fake(reply(is_whole=False))
    message = error_of(engine(server.url), [("a", range(3))])
    assert message.startswith(f"prompt 'a': {server.url} gave no whole answer in 3 tries")
    assert len(server.bodies) == 3


def test_a_busy_server_is_asked_again(fake):
    server = fake(
        lambda body, n: (429, {"error": {"message": "slow"}}) if n < 2 else whole(body, n)
    )
    assert len(draw(engine(server.url), [("a", range(2))])) == 2
    assert len(server.bodies) == 3


def test_a_server_that_fails_for_ever_ends_the_run(fake):
    server = fake(lambda *_: (500, {"error": {"message": "out of memory\nTraceback"}}))
    message = error_of(engine(server.url), [("a", range(2))])
    assert "prompt 'a'" in message
    assert "3 tries, at last status 500: out of memory;" in message
    assert len(server.bodies) == 3


def test_an_answer_that_takes_too_long_counts_as_none(fake):
    """It dribbles, so that no single read takes long."""

    def dribble():
        for _ in range(20):
            time.sleep(0.05)
            yield b" "

    server = fake(lambda *_: (200, dribble()))
    message = error_of(engine(server.url, timeout_seconds=0.2, max_retries=1), [("a", range(2))])
    assert "2 tries, at last none within 0.2 s" in message


@pytest.mark.parametrize("status", [400, 401, 404, 422])
def test_a_refusal_is_shown_and_not_repeated(fake, status):
    refusals = [
        {"error": {"message": "top_k is not known"}},
        {"detail": "top_k is not known"},
        {"message": "top_k is not known"},
        b"top_k is not known",
    ]
    for refusal in refusals:
        server = fake(lambda *_, refusal=refusal: (status, refusal))
        message = error_of(engine(server.url), [("a", range(2))])
        assert message == (
            f"prompt 'a': {server.url}/completions refuses with status {status}: top_k is not known"
        )
        assert len(server.bodies) == 1


def test_one_failure_ends_the_others_and_leaves_no_candidate(fake):
    def reply(body, n):
        if n == 0:
            return 400, {"detail": "no"}
        time.sleep(0.2)
        return whole(body, n)

    server = fake(reply)
    error_of(engine(server.url, concurrency=2), [(f"p{i}", range(2)) for i in range(40)])
    assert len(server.bodies) < 5


def test_hostile_text_is_one_short_printable_line_without_the_key(fake, monkeypatch):
    monkeypatch.setenv("SERVER_KEY", "sk-very-secret\n")
    hostile = "\r\n\x07\r\n\x1b[2J\u202esk-very-\0secret bad " + "x" * 10_000 + "\nsecond"
    server = fake(lambda *_: (400, {"error": {"message": hostile}}))
    made = engine(server.url, api_key_variable="SERVER_KEY")
    message = error_of(made, [("a", range(2))])
    assert "refuses with status 400: [2J*** bad xxx" in message
    assert "second" not in message
    assert {headers["Authorization"] for headers in server.headers} == {"Bearer sk-very-secret"}
    assert "secret" not in repr(made) + repr(vars(made))


def test_no_key_is_sent_unasked_and_a_missing_one_is_named(fake, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-not-for-you")
    server = fake()
    draw(engine(server.url))
    assert {headers["Authorization"] for headers in server.headers} == {None}
    for value in ("", "sk-\x00"):
        monkeypatch.setattr(os, "environ", {"NO_KEY": value})
        assert "NO_KEY" in error_of(engine(server.url, api_key_variable="NO_KEY"))


def test_reasoning_taken_out_of_a_chat_is_refused(fake):
    told = choice(message={"content": "4", "reasoning_content": "2 and 2"})
    del told["text"]
    server = fake(lambda *_: (200, {"choices": [told]}))
    message = error_of(engine(server.url, chat_policy(), send="messages"), [("a", range(1))])
    assert "reasoning parser" in message


# A real server


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """``transformers serve`` over the tiny Llama: its address and the folder that it serves."""
    if not (is_serve_available() and is_accelerate_available()):
        pytest.skip("transformers serve lacks a package: pip install -e '.[dev]'")
    folder, cache = tmp_path_factory.mktemp("model"), tmp_path_factory.mktemp("cache")
    save_policy(chat_policy(do_sample=True, top_k=0), folder)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [Path(sys.executable).with_name("transformers"), "serve", folder]
    where = ["--host", "127.0.0.1", "--port", str(port), "--device", "cpu"]
    # the models that it lists are those of the cache, not the one that it serves
    environment = os.environ | {"HF_HUB_CACHE": str(cache), "HF_HUB_OFFLINE": "1"}
    log = tmp_path_factory.mktemp("log") / "serve.log"
    with (
        log.open("w") as out,
        subprocess.Popen([*command, *where], env=environment, stdout=out, stderr=out) as process,
    ):
        try:
            if not answers(f"http://127.0.0.1:{port}/health", process):
                pytest.fail(f"transformers serve did not start: {log.read_text()[-2000:]}")
            yield f"http://127.0.0.1:{port}/v1", str(folder)
        finally:
            process.terminate()


def answers(url: str, process: subprocess.Popen) -> bool:
    deadline = time.monotonic() + 60
    while process.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(urllib.error.URLError):
            urllib.request.urlopen(url).close()
            return True
        time.sleep(0.1)
    return False


@torch.inference_mode()
def law_of_texts(policy: Policy, prompt: list[int], steps: int) -> collections.Counter:
    """The probability of every completion's text, worked out from an uncached forward."""
    law, growing = collections.Counter(), {(): 1.0}
    for step in range(steps):
        longer = {}
        for before, prob in growing.items():
            logits = policy.model(torch.tensor([[*prompt, *before]])).logits[0, -1].double()
            for token, share in enumerate(logits.softmax(0).tolist()):
                ended = token in policy.eos_ids or step == steps - 1
                if ended:
                    text = policy.tokenizer.decode([*before, token], skip_special_tokens=True)
                    law[text] += prob * share
                else:
                    longer[(*before, token)] = prob * share
        growing = longer
    return law


@pytest.mark.parametrize("send", ["text", "messages"])
def test_a_real_server_draws_by_the_enumerated_law(served, send):
    """Chi-square at 1e-4 for each of two ways to send: a false alarm in five thousand seeds.

    One request at a time: the server seeds one generator for all, so that the seeds of requests
    that overlap do not fix what is drawn.
    """
    url, model = served
    policy, count = chat_policy(), 400
    made = engine(url, policy, model=model, send=send, concurrency=1, timeout_seconds=30)
    drawn = draw(made, [("a", range(count))], SamplingLaw(max_new_tokens=2))
    exact = law_of_texts(policy, encode_prompts(policy, ["ann has"])[0], 2)
    assert sum(exact.values()) == pytest.approx(1)
    assert {c.text for c in drawn} <= set(exact)
    assert all(c.token_count in (1, 2) and c.policy_logprob is None for c in drawn)
    counts = collections.Counter(c.text for c in drawn)
    common = [text for text, prob in exact.items() if prob * count >= 5]
    observed = [counts[text] for text in common]
    expected = [exact[text] * count for text in common]
    observed.append(count - sum(observed))
    expected.append(count - sum(expected))
    assert len(expected) >= 10
    assert stats.chisquare(observed, expected).pvalue > 1e-4


def test_a_real_server_repeats_a_draw_by_its_address(served):
    url, model = served
    made = engine(url, chat_policy(), model=model, send="text", concurrency=1)
    law = SamplingLaw(max_new_tokens=9)
    first = draw(made, [("a", range(3)), ("b", range(2))], law)
    again = draw(made, [("b", range(2)), ("a", range(1, 3))], law)
    kept = [first[3], first[4], first[1], first[2]]
    assert again == kept
    assert len({c.text for c in first}) > 1


def test_what_a_real_server_refuses_is_passed_on(served):
    url, model = served
    made = engine(url, chat_policy(), model=model, send="text")
    with pytest.raises(EngineError, match=r"status 422: Unexpected fields in the request.*top_k"):
        draw(made, law=SamplingLaw(max_new_tokens=2, top_k=3))
    with pytest.raises(EngineError, match="status 422"):
        draw(engine(url, chat_policy(), model=model, send="tokens"))
    with pytest.raises(EngineError, match="Server is pinned to"):
        draw(engine(url, chat_policy(), model=MODEL, send="text"))
