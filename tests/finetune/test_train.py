"""The loop on a policy of a few thousand weights."""

from dataclasses import replace

import pytest
import torch

from rsft.config import FinetuneSection, RenderingSection, ScratchSection, TrainingSection
from rsft.errors import ConfigurationError
from rsft.finetune import train
from rsft.finetune.train import _batches, _learning_rate_factor
from rsft.policy import Policy, answer, build_scratch
from rsft.types import TrainingRow

SECTION = FinetuneSection(steps=60, batch_size=4, learning_rate=0.01, warmup_steps=5)
ROWS = [
    TrainingRow(
        prompt_id=f"p{i}",
        prompt=text,
        context=(),
        family="test",
        completion=completion,
        weight=1.0,
        round=1,
        draw=0,
        source="test",
        licence="unknown",
    )
    for i, (text, completion) in enumerate(
        [("add 3 and 4", "n0 + n1 = r0"), ("take 3 from 9", "n1 - n0 = r0")]
    )
]


def tiny_policy() -> Policy:
    section = ScratchSection(
        d_model=16,
        d_ff=32,
        layers=1,
        heads=2,
        dropout=0.1,
        vocabulary=64,
        training=TrainingSection(steps=1, batch_size=1, learning_rate=1e-3),
    )
    return build_scratch(
        section,
        RenderingSection(number_slots=True),
        [row.prompt for row in ROWS],
        [row.completion for row in ROWS],
        seed=0,
    )


def weights(policy: Policy) -> list[torch.Tensor]:
    return [tensor.clone() for tensor in policy.model.state_dict().values()]


def test_it_learns_its_rows_and_to_stop() -> None:
    policy = tiny_policy()
    losses = train(policy, ROWS, SECTION, seed=0)
    assert len(losses) == SECTION.steps
    assert losses[-1] < 0.2 * losses[0]
    assert not policy.model.training
    completions = answer(policy, [row.prompt for row in ROWS], max_new_tokens=12)
    assert completions == [row.completion for row in ROWS]


def test_a_row_of_weight_zero_teaches_nothing() -> None:
    unwanted = replace(ROWS[1], completion="n0 * n1 = r0", weight=0.0)
    with_it, without = tiny_policy(), tiny_policy()
    section = SECTION.model_copy(update={"steps": 5, "batch_size": 2})
    train(with_it, [ROWS[0], unwanted], section, seed=0)
    train(without, [ROWS[0], replace(unwanted, completion=ROWS[1].completion)], section, seed=0)
    # The completion of the row without weight differs, and nothing else does.
    assert all(
        torch.allclose(a, b, atol=1e-6)
        for a, b in zip(weights(with_it), weights(without), strict=True)
    )


def test_rows_of_the_least_weights_train_as_rows_of_weight_one() -> None:
    section = SECTION.model_copy(update={"steps": 3})
    losses = [
        train(tiny_policy(), [replace(row, weight=weight) for row in ROWS], section, seed=0)
        for weight in (1.0, 1e-80)
    ]
    assert losses[0] == losses[1]


def test_the_same_seed_gives_the_same_bits_and_another_does_not() -> None:
    section = SECTION.model_copy(update={"steps": 6, "word_dropout": 0.2})
    runs = []
    for seed in (1, 1, 2):
        policy = tiny_policy()
        torch.rand(3)  # the state of the global generator must not matter
        train(policy, ROWS, section, seed=seed)
        runs.append(weights(policy))
    assert all(torch.equal(a, b) for a, b in zip(runs[0], runs[1], strict=True))
    assert not all(torch.equal(a, b) for a, b in zip(runs[0], runs[2], strict=True))


def test_training_leaves_the_global_generator_alone() -> None:
    torch.manual_seed(5)
    expected = torch.rand(2)
    torch.manual_seed(5)
    train(tiny_policy(), ROWS, SECTION.model_copy(update={"steps": 1}), seed=0)
    assert torch.equal(torch.rand(2), expected)


@pytest.mark.parametrize(("rows", "batch_size"), [(10, 4), (3, 8), (8, 8), (1, 1)])
def test_batches_are_full_and_leave_no_row_out(rows: int, batch_size: int) -> None:
    section = SECTION.model_copy(update={"steps": 20, "batch_size": batch_size})
    batches = list(_batches(rows, section, seed=0))
    assert {len(batch) for batch in batches} == {batch_size}
    seen = [row for batch in batches for row in batch]
    for start in range(0, len(seen) - rows + 1, rows):
        assert sorted(seen[start : start + rows]) == list(range(rows))


def test_learning_rate_warms_up_and_decays_to_zero() -> None:
    section = SECTION.model_copy(update={"steps": 10, "warmup_steps": 2})
    factors = [_learning_rate_factor(step, section) for step in range(11)]
    assert factors[:3] == [0.5, 1.0, 1.0]
    assert factors[6] == 0.5
    assert factors[10] == 0.0


@pytest.mark.parametrize("what", ["prompt", "completion"])
def test_what_is_too_long_is_refused_by_name(what: str) -> None:
    section = SECTION.model_copy(update={f"max_{what}_tokens": 3})
    with pytest.raises(
        ConfigurationError, match=rf"max_{what}_tokens = 3: the {what} of prompt 'p"
    ):
        train(tiny_policy(), ROWS, section, seed=0)
