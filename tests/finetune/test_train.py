"""The loop on a policy of a few thousand weights."""

import logging
import re
from dataclasses import replace
from typing import Any

import pytest
import torch
from transformers import AddedToken

from rsft.errors import ConfigurationError, TrainingError
from rsft.finetune import share, train
from rsft.policy import answer
from tests.finetune.cases import (
    MANY,
    ROWS,
    SECTION,
    changed,
    distance,
    equal,
    tiny_policy,
    training_row,
    weights,
)


def test_it_learns_its_rows_and_to_stop() -> None:
    policy = tiny_policy()
    loss = train(policy, ROWS, SECTION, seed=0).loss
    assert len(loss) == SECTION.steps
    assert loss[-1] < 0.2 * loss[0]
    assert not policy.model.training
    completions = answer(policy, [row.prompt for row in ROWS], max_new_tokens=12)
    assert completions == [row.completion for row in ROWS]


def test_a_row_of_weight_zero_is_as_good_as_none() -> None:
    unwanted = training_row(2, "add 3 and 4", "n0 - n1", weight=0.0)
    with_it, without = tiny_policy(), tiny_policy()
    training = train(with_it, [*ROWS, unwanted], changed(steps=5), seed=0)
    train(without, ROWS, changed(steps=5), seed=0)
    assert equal(weights(with_it), weights(without))
    assert training.left_out["weightless"] == 1


def test_rows_of_the_least_weights_train_as_rows_of_weight_one() -> None:
    losses = [
        train(
            tiny_policy(), [replace(row, weight=weight) for row in ROWS], changed(steps=3), seed=0
        )
        for weight in (1.0, 1e-80)
    ]
    assert losses[0] == losses[1]


def test_the_same_seed_gives_the_same_bits_and_another_does_not() -> None:
    runs = []
    for seed in (1, 1, 2):
        policy = tiny_policy()
        torch.rand(3)  # the state of the global generator must not matter
        train(policy, ROWS, changed(steps=6, word_dropout=0.2), seed=seed)
        runs.append(weights(policy))
    assert equal(runs[0], runs[1])
    assert not equal(runs[0], runs[2])


def test_training_leaves_the_global_generator_alone() -> None:
    torch.manual_seed(5)
    expected = torch.rand(2)
    torch.manual_seed(5)
    train(tiny_policy(), ROWS, changed(steps=1), seed=0)
    assert torch.equal(torch.rand(2), expected)


def test_precision_is_a_setting_of_each_training() -> None:
    """Accelerate would keep the first one's for good."""
    losses = [
        train(tiny_policy(0.0), ROWS, changed(steps=2, precision=precision), seed=0).loss[0]
        for precision in ("float32", "bfloat16", "float32")
    ]
    assert losses[0] == losses[2] != losses[1]
    assert losses[1] == pytest.approx(losses[0], rel=0.02)


def test_the_environment_sets_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Accelerate divides each loss by a number that it finds there."""
    runs = []
    for number in (None, "4"):
        if number is not None:
            monkeypatch.setenv("ACCELERATE_GRADIENT_ACCUMULATION_STEPS", number)
        policy = tiny_policy()
        train(policy, ROWS, changed(steps=3), seed=0)
        runs.append(weights(policy))
    assert equal(runs[0], runs[1])


def test_accumulated_batches_add_up_to_the_whole_one() -> None:
    whole, parts = tiny_policy(0.0), tiny_policy(0.0)
    section = changed(steps=12, batch_size=8)
    losses = [
        train(whole, MANY, section, seed=0).loss,
        train(parts, MANY, changed(section, max_batch_tokens=16), seed=0).loss,
    ]
    assert losses[0] == pytest.approx(losses[1], abs=1e-5)
    assert distance(weights(whole), weights(parts)) < 1e-5


def notes_of(**settings: Any) -> list[str]:
    notes: list[str] = []
    section = changed(**settings)
    train(tiny_policy(), ROWS, section, seed=0, on_progress=lambda _d, _t, note: notes.append(note))
    return notes


def test_learning_rate_warms_up_and_decays_to_zero() -> None:
    notes = notes_of(steps=10, warmup_steps=2, learning_rate=1e-3)
    found = [float(note.rpartition("rate ")[2]) for note in notes]
    # Up to step 2, then down so that step 10, which is not taken, would have 0.
    factors = [0.0, 0.5, 1.0, 0.875, 0.75, 0.625, 0.5, 0.375, 0.25, 0.125]
    assert found == pytest.approx([1e-3 * factor for factor in factors], rel=0.01)


def test_what_it_tells_as_it_goes_fits_a_line() -> None:
    pattern = r"loss \d+\.\d{3}, [\d,]+ tokens/s, gradient [\d.e+]+, rate [\d.e-]+"
    for note in notes_of(steps=3, learning_rate=1.234e-5):
        assert re.fullmatch(pattern, note)
        assert len(note) < 70


def test_its_record_counts_rows_and_tokens() -> None:
    longer = training_row(2, "add 1 and 2 and 3 and 4", "n0")
    section = changed(steps=3, batch_size=2, max_prompt_tokens=8, max_batch_tokens=10_000)
    training = train(tiny_policy(), [*ROWS, longer], section, seed=0)
    assert training.rows == 2
    assert training.left_out == {
        "special": 0, "long_prompt": 1, "long_completion": 0, "no_room": 0, "weightless": 0,
    }  # fmt: skip
    assert training.sources == {"ours": 1, "theirs": 1}
    assert training.licences == {"CC0-1.0": 2}
    # Each step has both rows, in one batch: prompts of 5 and 5 tokens, completions of 6 and 4.
    assert training.target_tokens == 3 * (6 + 4)
    assert training.padding_share == pytest.approx(1 - (5 + 5 + 6 + 4) / (2 * (5 + 6)))


@pytest.mark.parametrize(("rows", "batch_size", "steps"), [(1, 1, 1), (1, 4, 2), (2, 5, 1)])
def test_the_fewest_rows_and_steps_are_enough(rows: int, batch_size: int, steps: int) -> None:
    section = changed(batch_size=batch_size, steps=steps)
    training = train(tiny_policy(), ROWS[:rows], section, seed=0)
    assert len(training.loss) == steps
    assert training.rows == rows


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        ([], "of 0 rows there is none to train on"),
        ([replace(row, weight=0.0) for row in ROWS], "of 2 rows there is none to train on"),
        (
            [replace(ROWS[0], weight=float("nan"))],
            "prompt 'p0', round 1, draw 0, has the weight nan",
        ),
        ([replace(ROWS[0], weight=-1.0)], "has the weight -1.0"),
    ],
)
def test_rows_that_cannot_be_learnt_are_an_error(rows: list[Any], told: str) -> None:
    with pytest.raises(TrainingError, match=re.escape(told)):
        train(tiny_policy(), rows, SECTION, seed=0)


def test_word_dropout_needs_an_unknown_token() -> None:
    policy = tiny_policy()
    policy.tokenizer.unk_token = None
    with pytest.raises(ConfigurationError, match=r"word_dropout = 0\.1: .* no unknown token"):
        train(policy, ROWS, changed(word_dropout=0.1), seed=0)


def test_words_are_dropped_and_what_marks_turns_is_not() -> None:
    """A marker that is special in the tokenizer's file alone is one too."""
    policy = tiny_policy()
    policy.tokenizer.add_tokens([AddedToken("<|user|>", special=True)])
    policy.model.resize_token_embeddings(len(policy.tokenizer), mean_resizing=False)
    read: list[list[int]] = []
    policy.model.register_forward_pre_hook(
        lambda module, inputs, named: read.extend(named["input_ids"].tolist()), with_kwargs=True
    )
    rows = [replace(ROWS[0], prompt=" ".join(["<|user|>"] * 3 + ["add"] * 3))]
    train(policy, rows, changed(steps=20, batch_size=1, word_dropout=0.9), seed=0)
    marker, unknown = len(policy.tokenizer) - 1, policy.tokenizer.unk_token_id
    assert all(ids[:3] == [marker] * 3 and ids[-1] == policy.stop_id for ids in read)
    dropped = sum(ids[3:6].count(unknown) for ids in read)
    assert 40 <= dropped <= 60  # of 60, each with 0.9: below 40 with probability under 1e-6


def test_a_loss_that_is_not_a_number_names_the_rows_of_its_batch() -> None:
    policy = tiny_policy()
    with torch.no_grad():
        policy.model.get_input_embeddings().weight.fill_(float("nan"))
    with pytest.raises(TrainingError) as caught:
        train(policy, MANY, changed(batch_size=10), seed=0)
    told = str(caught.value)
    assert told.startswith("the loss of step 1 is nan; lower learning_rate, or look at its rows: p")
    assert len(re.findall(r"p\d \(round 1, draw 0\)", told)) == 8
    assert told.endswith(", and 2 more")
    assert not policy.model.training


def test_a_gradient_that_is_not_a_number_changes_no_weight() -> None:
    policy = tiny_policy()
    before = weights(policy)
    parameter = next(policy.model.parameters())
    parameter.register_hook(lambda gradient: gradient * float("nan"))
    with pytest.raises(TrainingError, match=r"the gradient of step 1 is nan.* p[01] "):
        train(policy, ROWS, SECTION, seed=0)
    assert equal(weights(policy), before)


def no_memory_for(monkeypatch: pytest.MonkeyPatch, rows: int) -> None:
    """Has the forward pass run out of memory at so many rows; nobody else has the real error."""
    real = share.target_logits

    def target_logits(policy: Any, model: Any, batch: dict[str, torch.Tensor]) -> Any:
        if len(batch["input_ids"]) >= rows:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
        return real(policy, model, batch)

    monkeypatch.setattr(share, "target_logits", target_logits)


def test_out_of_memory_halves_the_batch_and_changes_no_step(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    section = changed(steps=6, batch_size=8)
    enough, little = tiny_policy(0.0), tiny_policy(0.0)
    expected = train(enough, MANY, section, seed=0)
    no_memory_for(monkeypatch, rows=6)
    with caplog.at_level(logging.WARNING, logger="rsft"):
        found = train(little, MANY, section, seed=0)
    assert found.loss == pytest.approx(expected.loss, abs=1e-5)
    assert distance(weights(little), weights(enough)) < 1e-5
    told = [record.getMessage() for record in caplog.records]
    assert len(told) == 1
    assert re.match(r"out of memory: at most \d+ tokens are computed at once from now on", told[0])


def test_held_out_rows_are_measured_with_fewer_at_once_too(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    section = changed(steps=2, batch_size=1, early_stopping={"every": 1, "patience": 9})
    expected = train(tiny_policy(0.0), MANY, section, seed=0, heldout=MANY)
    no_memory_for(monkeypatch, rows=6)
    with caplog.at_level(logging.WARNING, logger="rsft"):
        found = train(tiny_policy(0.0), MANY, section, seed=0, heldout=MANY)
    assert found.loss == expected.loss
    assert dict(found.heldout_loss) == pytest.approx(dict(expected.heldout_loss), abs=1e-5)
    assert len(caplog.records) == 1


def test_one_row_that_does_not_fit_is_an_error_with_the_remedy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    no_memory_for(monkeypatch, rows=1)
    with pytest.raises(TrainingError, match=r"not even one row of 11 tokens.* gradient_checkpoint"):
        train(tiny_policy(), ROWS[:1], changed(batch_size=1), seed=0)


def test_an_optimiser_that_does_not_fit_is_an_error_with_the_remedy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def step(self: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory.")

    monkeypatch.setattr(torch.optim.AdamW, "step", step)
    with pytest.raises(TrainingError, match=r"the optimiser's moments do not fit; set .* lora"):
        train(tiny_policy(), ROWS, SECTION, seed=0)


def test_a_defect_is_not_taken_for_a_lack_of_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    def backward(loss: object) -> None:
        raise RuntimeError("shapes do not match")

    monkeypatch.setattr(torch.autograd, "backward", backward)
    with pytest.raises(RuntimeError, match="shapes do not match"):
        train(tiny_policy(), ROWS, SECTION, seed=0)


def test_what_torchrun_left_in_the_environment_has_no_say(monkeypatch: pytest.MonkeyPatch) -> None:
    alone, first = tiny_policy(), tiny_policy()
    expected = train(alone, MANY, changed(steps=3), seed=0)
    for name, value in {"RANK": "0", "LOCAL_RANK": "0", "WORLD_SIZE": "2"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("MASTER_ADDR", "127.0.0.1")
    monkeypatch.setenv("MASTER_PORT", "1")  # where nobody is, and nobody is to be waited for
    assert train(first, MANY, changed(steps=3), seed=0) == expected
    assert equal(weights(first), weights(alone))


def test_another_process_of_torchrun_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RANK", "1")
    with pytest.raises(ConfigurationError, match=r"^RANK = 1 in the environment: .*`rsft join`"):
        train(tiny_policy(), ROWS, SECTION, seed=0)


@pytest.mark.parametrize(
    ("most", "told"),
    [
        (20, []),
        (19, ["max_batch_tokens = 19: no two rows fit, so that each is computed alone, which is"]),
        (10, ["max_batch_tokens = 10: 1 of 2 rows are longer, so that each is computed alone"]),
    ],
)
def test_rows_that_are_computed_one_by_one_are_told(
    most: int, told: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    """Rows of 5 + 6 and of 5 + 4 tokens."""
    train(tiny_policy(), ROWS, changed(steps=1, max_batch_tokens=most), seed=0)
    found = [record.getMessage() for record in caplog.records]
    assert len(found) == len(told)
    assert all(map(str.startswith, found, told))
