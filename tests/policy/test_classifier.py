import json

import pytest
import torch

from rsft.errors import ConfigurationError, PolicyError
from rsft.policy import fetch_classifier, save_policy
from rsft.types import Turn
from tests.policy.classifiers import CHAT, build, build_tokenizer, save

SETTING = "score.reward_model"
BERT = build_tokenizer("<s> $A <sep>", "<s> $A <sep> $B:1 <sep>:1", bos_token="<s>")
LLAMA = build_tokenizer("<s> $A", "<s> $A <s> $B:1", bos_token="<s>")
PLAIN = build_tokenizer("$A")
ASKED = [Turn(role="user", content="ann has"), Turn(role="assistant", content="four pens")]
DIALOGUE = [
    Turn(role="system", content="hi"),
    Turn(role="user", content="ann has"),
    Turn(role="assistant", content="five"),
    Turn(role="user", content="and ?"),
    Turn(role="assistant", content="bye"),
]


@pytest.fixture
def workspace(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def read(classifier, turns) -> str:
    return classifier.tokenizer.decode(classifier.encode(turns).ids)


def test_a_separator_stands_between_prompt_and_completion_and_the_model_is_told_which_is_which():
    encoded = build("bert", BERT).encode(ASKED)
    assert BERT.decode(encoded.ids) == "<s> ann has <sep> four pens <sep>"
    assert encoded.segments == [0, 0, 0, 0, 1, 1, 1]
    assert read(build("bert", BERT), DIALOGUE) == "<s> hi ann has five and ? <sep> bye <sep>"
    assert build("roberta", BERT).encode(ASKED).segments is None


@pytest.mark.parametrize(
    ("tokenizer", "text"), [(PLAIN, "ann has four pens"), (LLAMA, "<s> ann has four pens")]
)
def test_without_a_separator_the_dialogue_is_one_text_with_one_bos(tokenizer, text):
    assert read(build("gpt2_without_padding", tokenizer), ASKED) == text
    assert build("gpt2_without_padding", tokenizer).encode(ASKED).segments is None


def test_turns_that_are_one_text_stand_on_lines_of_their_own():
    class Spy(type(PLAIN)):
        def __call__(self, *texts, **options):
            self.read = texts
            return super().__call__(*texts, **options)

    tokenizer = build_tokenizer("$A")
    tokenizer.__class__ = Spy
    build("gpt2_without_padding", tokenizer).encode(DIALOGUE)
    assert tokenizer.read == ("hi\nann has\nfive\nand ?\nbye",)


def test_a_chat_template_writes_every_turn_and_the_only_bos():
    tokenizer = build_tokenizer("<s> $A </s>", bos_token="<s>")
    tokenizer.chat_template = CHAT
    assert read(build("llama_without_padding", tokenizer), DIALOGUE) == (
        "<s> system hi <end> user ann has <end> assistant five <end> user and ? <end> "
        "assistant bye <end>"
    )


def test_a_template_that_refuses_the_turns_says_which():
    tokenizer = build_tokenizer("$A")
    tokenizer.chat_template = "{{ raise_exception('no system here') }}"
    with pytest.raises(PolicyError, match=r"not take the turns system, user, .*no system here"):
        build("llama_without_padding", tokenizer).encode(DIALOGUE)


def test_positions_that_padding_takes_are_no_room():
    assert build("llama_without_padding").room == 64
    roberta = build("roberta", pad_token_id=1)
    assert roberta.room == 63
    with pytest.raises((IndexError, RuntimeError), match="out of"):
        roberta.model(input_ids=torch.tensor([[6] * 64]))
    roberta.model(input_ids=torch.tensor([[6] * 63]))


def test_several_outputs_are_refused_by_name(workspace):
    names = {"num_labels": 2, "id2label": {0: "bad", 1: "good"}, "label2id": {"bad": 0, "good": 1}}
    save(build("bert", BERT, **names), workspace / "data/raw/two")
    with pytest.raises(PolicyError, match=r"^data/raw/two: has 2 outputs \(bad, good\), and which"):
        fetch_classifier("data/raw/two", None, setting=SETTING)


def test_a_language_model_has_no_head_to_make_up(workspace, tiny_llama):
    save_policy(tiny_llama, workspace / "data/raw/llama")
    config = json.loads((workspace / "data/raw/llama/config.json").read_text())
    config |= {"id2label": {"0": "reward"}}
    (workspace / "data/raw/llama/config.json").write_text(json.dumps(config))
    with pytest.raises(PolicyError, match=r"1 weights are missing \(score\.weight"):
        fetch_classifier("data/raw/llama", None, setting=SETTING)


def test_folders_that_dvc_would_not_see_change_are_refused(workspace):
    save(build("bert", BERT), workspace / "elsewhere")
    for name in ("elsewhere", str(workspace / "elsewhere"), "data/raw/../../elsewhere"):
        with pytest.raises(ConfigurationError, match=r"score\.reward_model\.model = .* data/raw"):
            fetch_classifier(name, None, setting=SETTING)


def test_pickled_weights_are_refused(workspace):
    classifier = build("bert", BERT)
    save(classifier, workspace / "data/raw/rm")
    (workspace / "data/raw/rm/model.safetensors").unlink()
    torch.save(classifier.model.state_dict(), workspace / "data/raw/rm/pytorch_model.bin")
    with pytest.raises(PolicyError, match="pickled weights are not read"):
        fetch_classifier("data/raw/rm", None, setting=SETTING)
