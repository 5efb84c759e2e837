import dataclasses
import itertools
import math
from pathlib import Path

import pytest
import torch

from rsft.config import RenderingSection, TargetModelSection
from rsft.errors import PolicyError
from rsft.policy import (
    Policy,
    decode_completions,
    encode_completions,
    encode_questions,
    save_policy,
)
from rsft.score.reward import BatchedReward
from rsft.score.target_model import TargetModel
from rsft.types import Completion, Prompt, Turn
from tests.conftest import build_llama
from tests.policy.classifiers import build_tokenizer

CHAT = "{{ bos_token }}{% for m in messages %} {{ m['content'] }}{% endfor %}"


@pytest.fixture
def made(tmp_path, monkeypatch):
    """Saves a policy, and gives the target model that reads it."""
    monkeypatch.chdir(tmp_path)

    def make(policy: Policy, **settings) -> TargetModel:
        save_policy(policy, tmp_path / "data/raw/target")
        return TargetModel(TargetModelSection(model="data/raw/target", **settings))

    return make


@pytest.fixture(params=["tiny_t5", "tiny_llama"])
def policy(request) -> Policy:
    return request.getfixturevalue(request.param)


def ask(text: str, **fields) -> Prompt:
    fields = {"prompt_id": text, "answers": (), "solution": None, "family": "f"} | fields
    return Prompt(text=text, source="s", licence="unknown", **fields)


def say(*texts: str) -> list[Completion]:
    return [Completion(text=text) for text in texts]


@torch.inference_mode()
def plain(policy: Policy, prompt: Prompt, ids: list[int]) -> float:
    """The sum of log-softmaxes of one plain forward, unbatched and unpadded."""
    (read,) = encode_questions(policy, [prompt])
    if policy.is_encoder_decoder:
        start = policy.model.config.decoder_start_token_id
        logits = policy.model(
            input_ids=torch.tensor([read]), decoder_input_ids=torch.tensor([[start, *ids[:-1]]])
        ).logits[0]
    else:
        logits = policy.model(input_ids=torch.tensor([[*read, *ids]])).logits[0]
        logits = logits[len(read) - 1 : -1]
    logprobs = logits.double().log_softmax(dim=1)
    return float(logprobs[range(len(ids)), ids].sum())


def test_it_is_the_sum_over_the_text_s_tokens_and_the_stop_token(made, policy):
    target = made(policy)
    prompt = ask("ann has 4 pens")
    texts = ["n0 + n1 = r0", "", "pens", "n0"]
    scores = target.score(prompt, say(*texts))
    for text, score in zip(texts, scores, strict=True):
        (ids,) = encode_completions(policy, [text])
        assert ids[-1] == policy.stop_id
        assert score.reward == pytest.approx(plain(policy, prompt, ids), abs=1e-5)
        assert score.breakdown == {"tokens": len(text.split()) + 1}
    assert scores[1].breakdown == {"tokens": 1}


def test_the_empty_completion_and_all_others_have_probability_one_together(made, tiny_llama):
    """Over all texts of up to two words, and what begins with two: an exact sum."""
    target, prompt = made(tiny_llama), ask("ann has 4 pens")
    vocabulary = range(len(tiny_llama.tokenizer))
    words = [token for token in vocabulary if token != tiny_llama.stop_id]
    ended = [
        (*start, tiny_llama.stop_id) for k in (0, 1) for start in itertools.product(words, repeat=k)
    ]
    completions = [
        Completion(text=decode_completions(tiny_llama, [ids])[0], token_ids=ids) for ids in ended
    ]
    total = sum(math.exp(score.reward) for score in target.score(prompt, completions))
    (read,) = encode_questions(tiny_llama, [prompt])
    with torch.inference_mode():
        first = tiny_llama.model(input_ids=torch.tensor([read])).logits[0, -1].double().softmax(0)
        longer = 0.0
        for word in words:
            logits = tiny_llama.model(input_ids=torch.tensor([[*read, word]])).logits[0, -1]
            longer += float(first[word] * (1 - logits.double().softmax(0)[tiny_llama.stop_id]))
    assert total + longer == pytest.approx(1, abs=1e-5)


def test_a_shard_or_batch_size_by_floor_division_leaves_no_tail_unscored(made, policy):
    """Open-instruct, ms-swift, Online-RLHF: 7 completions in batches of 3, in either order."""
    target = made(policy, batch_rows=3)
    asked = [
        (ask("ann has 4 pens"), say("n0", "n0 + n1 = r0", "", "pens ; pens")),
        (ask("ann"), say()),
        (ask("buys 3 more and has 4 pens and 5 more"), say("n2", "n1 + n2 = r0 ;", "+")),
    ]
    together = target.score_all(asked, None)
    for (prompt, completions), scores in zip(asked, together, strict=True):
        assert len(scores) == len(completions)
        for completion, score in zip(completions, scores, strict=True):
            (alone,) = target.score(prompt, [completion])
            assert score.reward == pytest.approx(alone.reward, abs=1e-5)
    backwards = target.score_all([(p, c[::-1]) for p, c in asked[::-1]], None)
    for scores, reversed_scores in zip(together, backwards[::-1], strict=True):
        assert [s.reward for s in scores] == pytest.approx(
            [s.reward for s in reversed_scores[::-1]], abs=1e-5
        )


def test_what_is_too_long_is_unscorable_and_keeps_its_place(made, tiny_llama):
    target = made(tiny_llama, batch_rows=2)
    long = "pens " * 70
    asked = [(ask("ann"), say("n0", long, "+")), (ask(long), say("n0")), (ask("has"), say("n1"))]
    scores = target.score_all(asked, None)
    assert [[score.status for score in several] for several in scores] == [
        ["ok", "unscorable", "ok"],
        ["unscorable"],
        ["ok"],
    ]
    assert scores[0][1].note == (
        "the target has no room for 2 tokens of prompt and 71 of completion"
    )
    assert scores[0][1].reward is None
    for prompt, text, score in [
        ("ann", "n0", scores[0][0]),
        ("ann", "+", scores[0][2]),
        ("has", "n1", scores[2][0]),
    ]:
        expected = plain(tiny_llama, ask(prompt), encode_completions(tiny_llama, [text])[0])
        assert score.reward == pytest.approx(expected, abs=1e-5)


def test_tokens_that_were_drawn_are_scored_as_they_are_where_the_vocabulary_is_the_target_s(
    made, tiny_llama
):
    """Not canonical: the text of ``n0 <s> </s>`` is encoded as ``n0 </s>``."""
    target, prompt = made(tiny_llama), ask("ann has 4 pens")
    n0, bos, stop = tiny_llama.tokenizer.convert_tokens_to_ids(["n0", "<s>", "</s>"])
    drawn = Completion(text="n0", token_ids=(n0, bos, stop))
    canonical = Completion(text="n0", token_ids=(n0, stop))
    scores = target.score(prompt, [drawn, canonical, Completion(text="n0")])
    assert scores[0].reward == pytest.approx(plain(tiny_llama, prompt, [n0, bos, stop]), abs=1e-5)
    assert scores[1].reward == scores[2].reward
    assert [score.breakdown["tokens"] for score in scores] == [3, 2, 2]


@pytest.mark.parametrize(
    "token_ids",
    [(3, 2), (99, 2), (-1, 2), (), (5,)],
    ids=["others", "no token", "negative", "none", "cut"],
)
def test_tokens_of_another_vocabulary_or_cut_short_are_not_taken_for_the_target_s(
    made, tiny_llama, token_ids
):
    target, prompt = made(tiny_llama), ask("ann has 4 pens")
    (score,) = target.score(prompt, [Completion(text="n0", token_ids=token_ids)])
    (text,) = target.score(prompt, say("n0"))
    assert score == text


def test_a_target_with_another_tokenizer_scores_text(made, tiny_t5):
    """Its words have other numbers, though the text is the same."""
    other = dataclasses.replace(build_llama(RenderingSection()), tokenizer=build_tokenizer("$A"))
    target = made(other)
    prompt = ask("ann has")
    own = encode_completions(tiny_t5, ["pens and pens"])[0]
    (score,) = target.score(prompt, [Completion(text="pens and pens", token_ids=tuple(own))])
    theirs = encode_completions(other, ["pens and pens"])[0]
    assert theirs != own
    assert score.reward == pytest.approx(plain(other, prompt, theirs), abs=1e-5)


def test_prompts_are_rendered_as_the_settings_say_else_as_the_folder_does(made, tiny_llama):
    policy = dataclasses.replace(tiny_llama, rendering=RenderingSection(template="{prompt} ="))
    prompt = ask("ann has")
    (ids,) = encode_completions(policy, ["n0"])
    (own,) = made(policy).score(prompt, say("n0"))
    assert own.reward == pytest.approx(plain(policy, ask("ann has"), ids), abs=1e-5)
    rendering = RenderingSection(template="; {prompt} ;")
    (told,) = made(policy, rendering=rendering).score(prompt, say("n0"))
    told_policy = dataclasses.replace(policy, rendering=rendering)
    assert told.reward == pytest.approx(plain(told_policy, prompt, ids), abs=1e-5)
    assert told.reward != pytest.approx(own.reward, abs=1e-3)
    Path("data/raw/target/rendering.json").unlink()
    (bare,) = TargetModel(TargetModelSection(model="data/raw/target")).score(prompt, say("n0"))
    assert bare.reward == pytest.approx(
        plain(dataclasses.replace(policy, rendering=RenderingSection()), prompt, ids), abs=1e-5
    )


def test_dialogues_are_rendered_by_the_target_s_own_template(made, tiny_llama):
    turns = (Turn(role="user", content="ann"), Turn(role="assistant", content="has"))
    prompt = ask("pens", context=turns)
    policy = build_llama(RenderingSection(chat=True))
    policy.tokenizer.chat_template = CHAT
    (score,) = made(policy).score(prompt, say("n0"))
    (ids,) = encode_completions(policy, ["n0"])
    assert score.reward == pytest.approx(plain(policy, prompt, ids), abs=1e-5)
    lost, plain_one = made(tiny_llama).score_all([(prompt, say("n0")), (ask("x"), say("n0"))], None)
    assert "plain text has no place for them; set rendering.chat = true" in lost[0].note
    assert plain_one[0].status == "ok"


def test_a_chat_without_a_template_is_an_error_that_names_the_setting(made, tiny_llama):
    target = made(tiny_llama, rendering=RenderingSection(chat=True))
    with pytest.raises(PolicyError, match=r"no chat template; set score\.target_model\.rendering"):
        target.score(ask("ann"), say("n0"))


def test_a_text_that_spells_a_special_token_is_unscorable(made, tiny_llama):
    (score,) = made(tiny_llama).score(ask("ann"), say("n0 </s> n1"))
    assert score.note == "the completion spells the special token '</s>'"


def test_a_log_probability_that_is_no_number_is_unscorable(made):
    policy = build_llama(RenderingSection())
    with torch.no_grad():
        policy.model.model.embed_tokens.weight[3] = float("nan")
    bad, good = made(policy).score_all([(ask("ann"), say("n0")), (ask("has"), say("n0"))], None)
    assert (bad[0].reward, bad[0].note) == (None, "the target gives log P = nan")
    assert good[0].status == "ok"


def test_it_is_made_from_settings_alone_and_loaded_when_first_asked():
    target = TargetModel(TargetModelSection(model="data/raw/gone"))
    assert isinstance(target, BatchedReward)
    assert target.gold(ask("hi")) is None
    with pytest.raises(PolicyError, match="data/raw/gone: no such folder"):
        target.score(ask("hi"), say("four"))


def test_progress_is_told_of_what_is_scored(made, tiny_llama):
    told = []
    target = made(tiny_llama, batch_rows=2)
    asked = [(ask("ann"), say("n0", "n1", "+"))]
    target.score_all(asked, lambda done, total, note="": told.append((done, total)))
    assert told == [(2, 3), (3, 3)]
