"""Asking a model, and talking with one: a tiny Llama that was never trained."""

from dataclasses import replace

import pytest

from rsft.config import RenderingSection
from rsft.errors import PromptsError
from rsft.policy import Policy, answer, encode_prompts
from rsft.runs.ask import Conversation, Respondent
from rsft.types import Turn
from tests.conftest import build_llama

TEMPLATE = "{% for m in messages %}{{ m.content }} {% endfor %}"
SERVING = {"max_new_tokens": 8, "is_worked": False, "answer_marker": None}
QUESTION = "ann has pens"


@pytest.fixture
def chatty() -> Respondent:
    """Reads 64 tokens, of which 8 are its own."""
    policy = build_llama(RenderingSection(chat=True))
    policy.tokenizer.chat_template = TEMPLATE
    return Respondent(name="m/3", policy=policy, serving=SERVING)


def test_a_reply_names_the_version_and_is_read_as_it_is_served(tiny_t5: Policy) -> None:
    serving = {"max_new_tokens": 5, "is_worked": False, "answer_marker": "="}
    reply = Respondent(name="m/3", policy=tiny_t5, serving=serving).reply(QUESTION)
    (completion,) = answer(tiny_t5, [QUESTION], 5)
    assert (reply.model, reply.completion, reply.steps, reply.answer) == (
        "m/3",
        completion,
        (),
        None,
    )


def test_what_was_said_is_shown_again(chatty: Respondent) -> None:
    conversation = Conversation(chatty)
    first = conversation.say(QUESTION)
    assert conversation.turns == (
        Turn(role="user", content=QUESTION),
        Turn(role="assistant", content=first.completion),
    )
    second = conversation.say("buys more")
    shown = [f"{QUESTION} {first.completion} buys more"]
    plain = Policy(
        model=chatty.policy.model, tokenizer=chatty.policy.tokenizer, rendering=RenderingSection()
    )
    ids = plain.tokenizer(shown, add_special_tokens=False)["input_ids"]
    assert encode_prompts(chatty.policy, ["buys more"], [conversation.turns[:2]]) == ids
    assert second == chatty.reply("buys more", conversation.turns[:2])
    assert second != chatty.reply("buys more")
    assert len(conversation.turns) == 4


def test_a_model_that_takes_no_turns_is_asked_each_question_alone(tiny_t5: Policy) -> None:
    respondent = Respondent(name="m/3", policy=tiny_t5, serving=SERVING)
    conversation = Conversation(respondent)
    first = conversation.say(QUESTION)
    assert not respondent.takes_turns
    assert conversation.turns == ()
    assert conversation.say(QUESTION) == first


@pytest.mark.parametrize(
    ("rendering", "takes_turns"),
    [
        (RenderingSection(chat=True), True),
        (RenderingSection(chat=True, number_slots=True), False),
        (RenderingSection(), False),
    ],
)
def test_which_models_take_turns(
    tiny_llama: Policy, rendering: RenderingSection, takes_turns: bool
) -> None:
    policy = replace(tiny_llama, rendering=rendering)
    assert Respondent(name="m/3", policy=policy, serving=SERVING).takes_turns == takes_turns


def test_the_oldest_turns_are_forgotten_where_they_are_too_many(chatty: Respondent) -> None:
    """Of 56 tokens that it reads, two turns of 20 and a reply leave too few for a third."""
    conversation = Conversation(chatty)
    for word, turns in (("pens", 2), ("has", 4), ("more", 4)):
        conversation.say(" ".join([word] * 20))
        assert len(conversation.turns) == turns
    assert [turn.content[:4] for turn in conversation.turns[::2]] == ["has ", "more"]


def test_what_cannot_be_read_counts_as_not_said(chatty: Respondent) -> None:
    conversation = Conversation(chatty)
    conversation.say(QUESTION)
    before = conversation.turns
    for text in ("pens " * 57, "\udcff"):
        with pytest.raises(PromptsError):
            conversation.say(text)
    assert conversation.turns == before
