from dataclasses import replace

import pytest

from rsft.config import FinetuneSection
from rsft.errors import TrainingError
from rsft.finetune.examples import encode_rows, row_weights
from rsft.policy import Policy
from tests.finetune.probes import family, rows_of, weighted

SECTION = FinetuneSection(steps=1, batch_size=1, learning_rate=1.0)
ROWS = rows_of()


def test_rows_of_a_prompt_share_a_weight_of_one() -> None:
    rows = [replace(row, prompt_id=name) for row, name in zip(ROWS, "aaab", strict=True)]
    rows = weighted(rows, [0.2, 0.1, 0.1, 0.01])
    by_row = row_weights(rows, weigh="row", supervised_share=None)
    assert by_row.tolist() == pytest.approx([1.0, 0.5, 0.5, 0.05])
    by_prompt = row_weights(rows, weigh="prompt", supervised_share=None)
    assert by_prompt.tolist() == pytest.approx([0.5, 0.25, 0.25, 1.0])  # ½ ¼ ¼ | 1


def test_a_prompt_of_the_least_weights_shares_as_any_other() -> None:
    rows = [replace(row, prompt_id="a") for row in ROWS[:2]]
    found = row_weights(weighted(rows, [3e-300, 1e-300]), weigh="prompt", supervised_share=None)
    assert found.tolist() == pytest.approx([1.0, 1 / 3])


@pytest.mark.parametrize(
    ("share", "expected"),
    [(None, [1.0, 1.0, 0.5, 0.25]), (0.5, [0.75, 0.75, 1.0, 0.5]), (0.0, [0.0, 0.0, 1.0, 0.5])],
)
def test_labelled_rows_have_their_share(share: float | None, expected: list[float]) -> None:
    """Two labelled rows of weight 1, two accepted ones of ½ and ¼; in units of the largest."""
    rows = [replace(row, round=int(number > 1)) for number, row in enumerate(ROWS)]
    rows = weighted(rows, [1.0, 1.0, 0.5, 0.25])
    found = row_weights(rows, weigh="row", supervised_share=share)
    assert found.tolist() == pytest.approx(expected)


def test_the_least_weights_that_there_are_have_their_share() -> None:
    """One over their sum is more than a float64 can hold."""
    rows = [replace(row, round=int(number > 1)) for number, row in enumerate(ROWS)]
    rows = weighted(rows, [1.0, 1.0, 2.0**-1070, 2.0**-1071])
    found = row_weights(rows, weigh="row", supervised_share=0.5)
    assert found.tolist() == pytest.approx([0.75, 0.75, 1.0, 0.5])


def test_a_share_of_nothing_leaves_no_labelled_row(tiny_t5: Policy) -> None:
    labelled = [replace(row, round=0) for row in ROWS]
    with pytest.raises(TrainingError, match=r"none to train on.*4 weightless"):
        encode_rows(tiny_t5, labelled, SECTION, supervised_share=0.0)
    assert len(encode_rows(tiny_t5, labelled, SECTION, supervised_share=0.3).kept) == 4


def test_what_is_left_out_is_counted_and_never_cut(tiny_llama: Policy) -> None:
    section = SECTION.model_copy(update={"max_prompt_tokens": 8, "max_completion_tokens": 6})
    rows = weighted(ROWS, [1.0, 1.0, 1.0, 0.0])
    examples = encode_rows(tiny_llama, rows, section)
    assert [example.row for example in examples.kept] == [rows[0]]
    assert examples.left_out == {
        "special": 0, "long_prompt": 1, "long_completion": 1, "no_room": 0, "weightless": 1
    }  # fmt: skip
    long = replace(ROWS[0], completion=" ".join(["pens"] * 62))
    assert encode_rows(tiny_llama, [ROWS[0], long], SECTION).left_out["no_room"] == 1


@pytest.mark.parametrize("name", ["t5", "llama", "gpt2"])
def test_a_completion_that_spells_a_special_token_is_left_out(name: str) -> None:
    """It would teach to stop, and then to go on; an unknown word is a word."""
    texts = ["n0</s>n1", "n0 </s>", "<s> n0", "<unk> n0 unheard-of", "n0 /s n1"]
    rows = [replace(ROWS[0], completion=text) for text in texts]
    examples = encode_rows(family(name), rows, SECTION)
    assert examples.left_out["special"] == 3
    assert [example.row.completion for example in examples.kept] == texts[3:]


def test_an_unknown_token_that_is_the_stop_token_is_special() -> None:
    """As in GPT-2."""
    policy = family("gpt2")
    policy.tokenizer.unk_token = "</s>"
    rows = [ROWS[0], replace(ROWS[0], completion="n0</s>")]
    assert encode_rows(policy, rows, SECTION).left_out["special"] == 1


@pytest.mark.parametrize("weight", [float("nan"), float("inf"), -0.5])
def test_a_weight_that_is_none_is_refused_by_name(tiny_t5: Policy, weight: float) -> None:
    with pytest.raises(
        TrainingError, match=rf"prompt 'p1', round 1, draw 0, has the weight {weight}"
    ):
        encode_rows(tiny_t5, weighted(ROWS, [1.0, weight, 1.0, 1.0]), SECTION)


@pytest.mark.parametrize("rows", [[], weighted(ROWS, [0.0] * 4)])
def test_nothing_to_learn_from_is_refused(tiny_t5: Policy, rows: list) -> None:
    with pytest.raises(TrainingError, match=f"of {len(rows)} rows there is none to train on"):
        encode_rows(tiny_t5, rows, SECTION)


def test_a_completion_ends_in_the_stop_token(tiny_t5: Policy, tiny_llama: Policy) -> None:
    for policy in (tiny_t5, tiny_llama):
        for example in encode_rows(policy, ROWS, SECTION).kept:
            assert example.completion_ids[-1] == policy.stop_id
            assert policy.stop_id not in example.completion_ids[:-1]
