from rsft.report.training import training_line

FIGURES = {
    "steps": 200,
    "first_loss": 75.412,
    "last_loss": 0.797,
    "best_step": None,
    "rows": 300,
    "left_out": {"long_prompt": 0, "long_completion": 0, "no_room": 0, "weightless": 0},
    "padding_share": 0.031,
}


def test_losses_and_padding() -> None:
    assert training_line(FIGURES) == "  loss 75.41 → 0.80 in 200 steps; padding 3%"


def test_rows_that_were_left_out_are_counted_and_the_best_step_is_named() -> None:
    left_out = {"long_prompt": 1234, "long_completion": 0, "no_room": 2, "special": 1}
    assert training_line(FIGURES | {"left_out": left_out, "best_step": 150}).splitlines() == [
        "  loss 75.41 → 0.80 in 200 steps, weights of step 150; padding 3%",
        "  rows not learnt from: 1,234 with too long a prompt, 2 longer than the policy reads, "
        "1 whose text spells a special token",
    ]


def test_a_rate_that_never_reached_its_height_is_told() -> None:
    line = "  the rate was warming up to the last: finetune.warmup_steps is 200"
    assert training_line(FIGURES, 200).splitlines()[-1] == line
    assert len(training_line(FIGURES, 199).splitlines()) == 1
