"""Stopping by the loss on held-out rows, never by the evaluation set."""

import json

import pytest

from rsft.errors import ConfigurationError, TrainingError
from rsft.finetune import train
from rsft.finetune.early_stopping import best_step, is_over
from tests.finetune.cases import (
    MANY,
    ROWS,
    changed,
    equal,
    tiny_policy,
    training_row,
    weights,
)


@pytest.mark.parametrize(
    ("losses", "best", "over"),
    [
        ([], None, False),
        ([3.0], 10, False),
        ([3.0, 2.0], 20, False),
        ([3.0, 2.0, 2.5], 20, False),
        ([3.0, 2.0, 2.5, 2.1], 20, True),
        ([3.0, 2.0, 2.5, 1.9, 2.4], 40, False),
        ([3.0, 2.0, 2.0, 2.0], 20, True),  # as low as the least is no new least
    ],
)
def test_it_is_over_after_two_without_a_new_least(
    losses: list[float], best: int | None, over: bool
) -> None:
    measured = [(10 * number, loss) for number, loss in enumerate(losses, start=1)]
    assert best_step(measured) == best
    assert is_over(measured, patience=2) is over


OTHER = [training_row(9, "add 3 and 4", "n0 - n1 - n1")]
"""What the rows teach is wrong here, the more so the better they are learnt."""
STOPPING = changed(steps=60, early_stopping={"every": 5, "patience": 2})


def test_training_ends_early_with_the_weights_of_the_least_loss() -> None:
    stopped, fewer = tiny_policy(), tiny_policy()
    training = train(stopped, ROWS, STOPPING, seed=0, heldout=OTHER)
    assert training.best_step is not None
    assert len(training.loss) == training.best_step + 10 < 60
    assert [step for step, _ in training.heldout_loss] == [*range(5, len(training.loss) + 1, 5)]
    assert (
        min(loss for _, loss in training.heldout_loss)
        == dict(training.heldout_loss)[training.best_step]
    )
    found = weights(stopped)

    class EnoughError(Exception):
        pass

    def stop(done: int, total: int, note: str = "") -> None:
        if done == training.best_step:
            raise EnoughError

    with pytest.raises(EnoughError):
        train(fewer, ROWS, changed(steps=60), seed=0, on_progress=stop)
    assert equal(weights(fewer), found), "measuring changes nothing, and the weights are those then"


def test_the_loss_measured_is_that_of_the_rows_without_dropout_or_regulariser() -> None:
    """With every weight of the optimiser's left as it is, held-out rows are the rows trained on."""
    section = changed(
        steps=1, batch_size=2, warmup_steps=1, early_stopping={"every": 1, "patience": 1}
    )
    plain = train(tiny_policy(0.0), ROWS, section, seed=0, heldout=ROWS)
    assert plain.heldout_loss == ((1, pytest.approx(plain.loss[0], rel=1e-6)),)
    section = changed(section, label_smoothing=0.3, word_dropout=0.5)
    noisy = train(tiny_policy(0.5), ROWS, section, seed=0, heldout=ROWS)
    assert noisy.heldout_loss == ((1, pytest.approx(plain.loss[0], rel=1e-6)),)
    assert noisy.loss[0] != pytest.approx(plain.loss[0], rel=1e-3)


def test_the_last_step_is_always_measured() -> None:
    section = changed(steps=7, early_stopping={"every": 3, "patience": 9})
    training = train(tiny_policy(), MANY, section, seed=0, heldout=MANY[:2])
    assert [step for step, _ in training.heldout_loss] == [3, 6, 7]
    assert json.loads(json.dumps(training.as_dict()))["heldout_loss"][2][0] == 7


def test_without_held_out_rows_the_setting_that_gives_them_is_named() -> None:
    with pytest.raises(ConfigurationError, match=r"finetune\.early_stopping .*pool\.heldout_share"):
        train(tiny_policy(), ROWS, STOPPING, seed=0)


def test_held_out_rows_that_are_all_too_long_are_said_to_be() -> None:
    longer = [training_row(9, " ".join(["more"] * 30), "n0")]
    section = changed(STOPPING, max_prompt_tokens=20)
    with pytest.raises(
        TrainingError, match=r"early_stopping, held-out rows: of 1 rows .*1 long_pr"
    ):
        train(tiny_policy(), ROWS, section, seed=0, heldout=longer)
