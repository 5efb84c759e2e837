import random

import pytest
import torch

from rsft.config import RewardModelSection
from rsft.errors import PolicyError
from rsft.score.reward import BatchedReward
from rsft.score.reward_model import RewardModel
from rsft.types import Completion, Prompt, Turn
from tests.policy.classifiers import CHAT, build, build_tokenizer, save

WORDS = ["ann", "has", "four", "five", "pens", "and", "buys", "more"]


@pytest.fixture
def made(tmp_path, monkeypatch):
    """Saves a classifier, and gives the reward that reads it."""
    monkeypatch.chdir(tmp_path)

    def make(kind, tokenizer=None, **settings) -> RewardModel:
        tokenizer = tokenizer or build_tokenizer("$A </s>")
        save(build(kind, tokenizer), tmp_path / "data/raw/rm")
        return RewardModel(RewardModelSection(model="data/raw/rm", **settings))

    return make


def ask(text: str, **fields) -> Prompt:
    fields = {"prompt_id": text, "answers": (), "solution": None, "family": "f"} | fields
    return Prompt(text=text, source="s", licence="unknown", **fields)


def say(*texts: str) -> list[Completion]:
    return [Completion(text=text) for text in texts]


def of_all_lengths() -> list[tuple[Prompt, list[Completion]]]:
    draw = random.Random(0)
    texts = [" ".join(draw.choices(WORDS, k=k)) for k in (1, 9, 2, 14, 5, 3, 30, 7, 4, 11, 6)]
    return [
        (ask("ann has"), say(*texts[:5])),
        (ask("pens and more pens"), say()),
        (ask("buys more"), say(*texts[5:])),
    ]


def rewards(scores) -> list[list[float]]:
    return [[score.reward for score in several] for several in scores]


@pytest.mark.parametrize(
    "kind", ["bert", "roberta", "gpt2_without_padding", "llama_without_padding", "t5", "bart"]
)
def test_a_shard_or_batch_size_by_floor_division_leaves_no_tail_unscored(made, kind):
    """Open-instruct, ms-swift, Online-RLHF: 11 completions in batches of 4, and each for itself."""
    model = made(kind, batch_rows=4)
    asked = of_all_lengths()
    together = rewards(model.score_all(asked, None))
    assert [len(several) for several in together] == [5, 0, 6]
    singly = [[model.score(prompt, [c])[0].reward for c in several] for prompt, several in asked]
    assert len({round(reward, 3) for several in singly for reward in several}) == 11
    for a, b in zip(together, singly, strict=True):
        assert a == pytest.approx(b, abs=1e-5)
    backwards = rewards(model.score_all([(p, c[::-1]) for p, c in asked[::-1]], None))
    for a, b in zip(together, [several[::-1] for several in backwards[::-1]], strict=True):
        assert a == pytest.approx(b, abs=1e-5)


def test_over_long_ones_are_filtered_and_outputs_not_zipped_with_the_unfiltered_list(made):
    """Open-instruct: what is too long keeps its place, and everything behind it its own score."""
    model = made("llama_without_padding", batch_rows=2)
    long = "pens " * 80
    asked = [
        (ask("hi"), say("four", long, "five")),
        (ask(long), say("four")),
        (ask("bye"), say("more")),
    ]
    scores = model.score_all(asked, None)
    assert [[score.status for score in several] for several in scores] == [
        ["ok", "unscorable", "ok"],
        ["unscorable"],
        ["ok"],
    ]
    assert scores[0][1].reward is None
    assert scores[0][1].note == "the dialogue has 82 tokens; 1 to 64 are read"
    for prompt, text, score in [
        ("hi", "four", scores[0][0]),
        ("hi", "five", scores[0][2]),
        ("bye", "more", scores[2][0]),
    ]:
        assert score.reward == pytest.approx(
            model.score(ask(prompt), say(text))[0].reward, abs=1e-5
        )


def test_the_settings_may_allow_less_than_there_is_room_for(made):
    model = made("llama_without_padding", max_tokens=4)
    fits, long = model.score(ask("hi"), say("ann has", "ann has four"))
    assert fits.status == "ok"
    assert long.note == "the dialogue has 5 tokens; 1 to 4 are read"


def test_a_dialogue_is_read_whole(made):
    """Its reward hangs on each of its turns, and equals the model's own for the template's text."""
    tokenizer = build_tokenizer("<s> $A", bos_token="<s>")
    tokenizer.chat_template = CHAT
    model = made("llama_without_padding", tokenizer)
    turns = (Turn(role="user", content="hi"), Turn(role="assistant", content="bye"))
    other = (Turn(role="user", content="five"), Turn(role="assistant", content="bye"))
    (score,) = model.score(ask("ann ?", context=turns), say("four pens"))
    text = "<s> user hi <end> assistant bye <end> user ann ? <end> assistant four pens <end>"
    ids = tokenizer(text, add_special_tokens=False, return_tensors="pt")["input_ids"]
    with torch.inference_mode():
        own = float(build("llama_without_padding").model(input_ids=ids).logits)
    assert score.reward == pytest.approx(own, abs=1e-5)
    (changed,) = model.score(ask("ann ?", context=other), say("four pens"))
    assert changed.reward != pytest.approx(own, abs=1e-3)


def test_a_completion_that_spells_a_special_token_does_not_end_its_turn(made):
    model = made("llama_without_padding")
    scores = model.score(ask("hi"), say("four </s> user", "four <end> more", "four", ""))
    assert [score.note for score in scores] == [
        "the completion spells the special token '</s>'",
        "the completion spells the special token '<end>'",
        None,
        None,
    ]


def test_nothing_to_read_is_unscorable(made):
    model = made("gpt2_without_padding", build_tokenizer("$A"))
    (score,) = model.score(ask(""), say(""))
    assert score.note == "the dialogue has 0 tokens; 1 to 64 are read"


def test_turns_that_the_template_does_not_take_are_unscorable(made):
    tokenizer = build_tokenizer("$A")
    tokenizer.chat_template = (
        "{% if messages[0]['role'] == 'system' %}{{ raise_exception('no system') }}{% endif %}hi"
    )
    model = made("llama_without_padding", tokenizer)
    system = (Turn(role="system", content="hi"),)
    asked = [(ask("hi", context=system), say("bye")), (ask("hi"), say("bye"))]
    (refused,), (taken,) = model.score_all(asked, None)
    assert "does not take the turns system, user, assistant (no system)" in refused.note
    assert taken.status == "ok"


def test_a_logit_that_is_no_number_is_unscorable(made, tmp_path):
    classifier = build("llama_without_padding", build_tokenizer("$A"))
    with torch.no_grad():
        classifier.model.model.embed_tokens.weight[7] = float("nan")
    save(classifier, tmp_path / "data/raw/nan")
    model = RewardModel(RewardModelSection(model="data/raw/nan"))
    good, bad = model.score(ask("hi"), say("ann", "ann has"))
    assert good.status == "ok"
    assert (bad.reward, bad.status, bad.note) == (None, "unscorable", "the reward model gives nan")


def test_it_is_made_from_settings_alone_and_loaded_when_first_asked():
    model = RewardModel(RewardModelSection(model="data/raw/gone"))
    assert isinstance(model, BatchedReward)
    assert model.gold(ask("hi")) is None
    with pytest.raises(PolicyError, match="data/raw/gone: no such folder"):
        model.score(ask("hi"), say("four"))


def test_progress_is_told_of_what_is_scored(made):
    told = []
    model = made("bert", batch_rows=4)
    model.score_all(of_all_lengths(), lambda done, total, note="": told.append((done, total)))
    assert told == [(4, 11), (8, 11), (11, 11)]
