import numpy as np
import pytest
import torch

from rsft.errors import PolicyError
from rsft.policy import Encoded, logits_of
from tests.policy.classifiers import BOS, END, EOS, KINDS, PAD, build

# Of one EOS each, so that BART and T5 read them; some end in the token that others pad with.
ROWS = [
    [BOS, 6, 7, 8, END, 9, 10, EOS],
    [BOS, 6, EOS],
    [BOS, 7, EOS, END],
    [BOS, 7, 8, END, END, 9, END, 11, 12, EOS, END],
    [6, EOS],
    [BOS, 6, EOS, PAD],
    [8, 9, 10, 11, 12, 13, 14, 15, EOS, 6, 7],
]


def encoded(rows):
    return [Encoded(ids=row, segments=None) for row in rows]


@torch.inference_mode()
def alone(classifier, row: list[int]) -> float:
    """What the model gives for a dialogue by itself, unpadded."""
    return float(classifier.model(input_ids=torch.tensor([row])).logits[0, 0])


@pytest.mark.parametrize("kind", KINDS)
def test_the_number_is_that_of_the_dialogue_alone_in_every_batch_order_and_company(kind):
    """A shard or batch size by floor division leaves the tail unscored (open-instruct)."""
    classifier = build(kind)
    expected = [alone(classifier, row) for row in ROWS]
    assert len({round(number, 3) for number in expected}) == len(ROWS)
    for batch_rows in (1, 2, 3, 4, 100):
        for order in (range(7), range(6, -1, -1), (3, 0, 5, 1, 6, 2, 4)):
            rows = encoded(ROWS[number] for number in order)
            actual = logits_of(classifier, rows, batch_rows=batch_rows)
            np.testing.assert_allclose(actual, [expected[n] for n in order], atol=1e-5)


@pytest.mark.parametrize("kind", ["t5", "bart"])
def test_dialogues_with_more_ends_than_their_neighbours_are_read_at_the_last(kind):
    classifier = build(kind)
    rows = [[6, EOS], [7, EOS, 8, EOS], [9, 10, EOS], [EOS, EOS, EOS, 6, EOS]]
    expected = [alone(classifier, row) for row in rows]
    actual = logits_of(classifier, encoded(rows), batch_rows=4)
    np.testing.assert_allclose(actual, expected, atol=1e-5)


def test_a_dialogue_without_the_end_that_is_read_is_refused():
    with pytest.raises(PolicyError, match="reads the last EOS, and its tokenizer writes none"):
        logits_of(build("t5"), encoded([[6, EOS], [6, 7]]), batch_rows=2)


def test_the_model_is_left_as_it_was():
    classifier = build("gpt2_without_padding")
    logits_of(classifier, encoded(ROWS), batch_rows=2)
    assert classifier.model.config.pad_token_id is None


def test_progress_and_nothing_to_do():
    told = []
    classifier = build("llama_without_padding")
    logits_of(
        classifier,
        encoded(ROWS),
        batch_rows=3,
        progress=lambda done, total: told.append((done, total)),
    )
    assert told == [(3, 7), (6, 7), (7, 7)]
    assert logits_of(classifier, [], batch_rows=3).tolist() == []
