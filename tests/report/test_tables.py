"""What people read of a run: the figures as they are written, and names that are no markup."""

from typing import Any

import pytest
from rich.console import Console, RenderableType

from rsft.report.sheet import Sheet, interval_text, mean_text, p_text, points_text
from rsft.report.tables import (
    filter_lines,
    pool_lines,
    result_markdown,
    result_sheet,
    result_sheets,
    round_table,
)

HOSTILE = ["[/]", "[bold red]x", "[link=file:///etc]x[/link]", "\\[/]", "a|b"]


def shown(what: RenderableType, width: int = 200) -> str:
    console = Console(width=width, color_system=None, force_terminal=False)
    with console.capture() as captured:
        console.print(what)
    return captured.get()


def folded(text: str) -> list[str]:
    """Lines, with one space for several."""
    return [" ".join(line.split()) for line in text.splitlines()]


def mean(value: float | None, unscorable: int = 0) -> dict[str, Any]:
    ends = (None, None) if value is None else (value - 0.05, value + 0.05)
    return {"mean": value, "low": ends[0], "high": ends[1], "unscorable": unscorable}


def figures(accuracy: float, pass_at_k: float | None = 0.9) -> dict[str, Any]:
    return {
        "prompts": 400,
        "unscorable": 0,
        "accuracy": accuracy,
        "low": accuracy - 0.05,
        "high": accuracy + 0.05,
        "reward": mean(accuracy),
        "measured": {"worked_solution": mean(accuracy)},
        "draws": 8,
        "k": 8,
        "pass_at_1": accuracy - 0.1,
        "pass_at_k": pass_at_k,
        "maj_at_k": accuracy + 0.02,
        "draw_reward": accuracy - 0.1,
        "pass_at_k_prompts": 400,
        "unscorable_draws": 0,
        "seeds": None,
        "win_rate": None,
        "perplexity": None,
        "perplexity_prompts": 0,
    }


def difference(points: float, p_value: float = 0.00123) -> dict[str, float]:
    ends = {"points": points, "low": points - 5, "high": points + 5}
    return ends | {"better": 90, "worse": 10, "p_value": p_value}


ROUND = {
    "too_long": 0,
    "round": 2,
    "prompts": 2000,
    "candidates": 16000,
    "accepted": 1234,
    "acceptance_rate": 0.0771,
    "effective_sample_size": 4321.4,
    "rule": "coin",
    "target": "indicator",
    "base_measure": "uniform",
    "bound": "per_prompt_maximum",
    "bound_note": None,
    "log_bound_median": 3.217,
    "bound_violation_rate": 0.0,
    "clipped_mass": 0.034,
    "coin_share": 0.62,
    "kl_to_proposal": 1.234,
    "mean_reward": 0.25,
    "mean_reward_accepted": 1.0,
    "mean_tokens": 17.75,
    "mean_tokens_accepted": 16.5,
    "non_canonical": 0,
    "prompts_without_accepted": 0,
    "reasons": {"wrong": 12000, "accepted": 1234, "coin": 900},
    "sets": {"eval": figures(0.6825, 0.875)},
}


def handed_on(number: int) -> dict[str, Any]:
    return {"monitor": {"handed_on": number}}


def summary(name: str = "guard_templates", control: str = "random") -> dict[str, Any]:
    """A run of two rounds, with a guard set and a control of the given names."""
    base, first, last, other = (
        {"sets": {"eval": figures(value), name: figures(value / 2)}}
        for value in (0.5, 0.6, 0.7, 0.65)
    )
    gains = {"eval": difference(20.0), name: difference(10.0, 1.0)}
    halves = {"eval": difference(10.0, 0.5), name: None}
    return {
        "base": base,
        "rounds": [
            {
                "round": 1,
                **handed_on(1),
                **first,
                "against_base": halves,
                "against_previous": halves,
            },
            {"round": 2, **handed_on(2), **last, "against_base": gains, "against_previous": halves},
        ],
        "controls": {"2": {control: other | {"difference": {"eval": difference(5.0)}}}},
        "gain": difference(20.0),
    }


def last_of(told: dict[str, Any]) -> dict[str, Any]:
    return told["rounds"][-1]["sets"]["eval"]


def of_table(number: int, told: dict[str, Any]) -> list[str]:
    """The rows of the n-th of a run's tables, less what is above and beneath."""
    return folded(shown(result_sheets(told)[number]))[3:]


def test_an_interval_is_in_per_cent() -> None:
    assert interval_text(figures(0.6825)) == "68.2% [63.2, 73.2]"


@pytest.mark.parametrize(
    ("points", "text"), [(19.84, "+19.8 [14.8, 24.8]"), (-3.0, "-3.0 [-8.0, 2.0]")]
)
def test_a_difference_has_its_sign_and_interval(points: float, text: str) -> None:
    assert points_text(difference(points)) == text


def test_a_round_shows_what_it_drew_kept_and_reached() -> None:
    text = shown(round_table(ROUND, k=8))
    assert text.startswith("Round 2")
    head, values = (line for line in folded(text) if "%" in line or "ESS" in line)
    assert head == "prompts candidates accepted rate ESS right pass@8"
    assert values == "2,000 16,000 1,234 7.7% 4,321 68.2% [63.2, 73.2] 87.5%"


def test_an_undefined_pass_at_k_is_no_number() -> None:
    text = shown(round_table(ROUND | {"sets": {"eval": figures(0.5, None)}}, k=8))
    assert text.split()[-3:] == ["[45.0,", "55.0]", "–"]


def test_the_filter_s_lines_say_how_its_acceptance_came_out() -> None:
    assert filter_lines(ROUND).splitlines() == [
        "  rule coin, target indicator over uniform, bound per_prompt_maximum "
        "(median log c 3.22 nats)",
        "  above the bound 0.0%, clipped mass 3.4%, 0 < A < 1 for 62% of those in the support",
        "  mean reward 0.25 → 1.00, tokens 17.8 → 16.5, KL to the proposal 1.23 nats",
        "  12,000 wrong, 1,234 accepted, 900 coin",
    ]


def test_rules_without_a_bound_have_no_line_of_it() -> None:
    unused = dict.fromkeys(
        ("bound", "log_bound_median", "bound_violation_rate", "clipped_mass", "coin_share")
    )
    lines = filter_lines(ROUND | unused | {"rule": "top_n", "mean_tokens": None}).splitlines()
    assert lines[0] == "  rule top_n, target indicator over uniform"
    assert "tokens – → 16.5" in lines[1]


@pytest.mark.parametrize(
    ("more", "line"),
    [
        ({"too_long": 1234}, "1,234 prompts too long for the policy: nothing drawn"),
        ({"non_canonical": 17}, "17 spelt in other tokens than their text's own"),
        ({"prompts_without_accepted": 5}, "5 prompts with nothing accepted"),
        ({"bound_note": "acceptance_rate = 0.5 cannot be met: …"}, "acceptance_rate = 0.5 cannot"),
    ],
)
def test_what_was_dropped_or_could_not_be_is_told(more, line) -> None:
    assert f"\n  {line}" in filter_lines(ROUND | more)


def test_the_pool_s_lines_say_whose_rows_a_round_trained_on_and_what_was_left_out() -> None:
    rounds = {
        "0": {"rows": 300, "prompts": 300, "repeated": 0, "over_cap": 0},
        "1": {"rows": 900, "prompts": 400, "repeated": 2, "over_cap": 50},
        "2": {"rows": 1234, "prompts": 600, "repeated": 30, "over_cap": 5},
    }
    pool = {
        "rows": 2434,
        "prompts": 950,
        "prompts_without_rows": 41,
        "heldout_prompts": 99,
        "heldout_rows": 31,
        "effective_sample_size": 2000.4,
        "rounds": rounds,
        "sources": [
            {"source": "a", "licence": "MIT", "rows": 2000},
            {"source": "b", "licence": "unknown", "rows": 400},
            {"source": "c", "licence": "MIT", "rows": 34},
        ],
        "contamination": {
            "prompts_left_out": 2,
            "rows_left_out": 1,
            "rows": {
                "eval": {"exact": 0, "numbers_masked": 1200, "ngram": 3, "solution": 0},
                "guard[x]": {"exact": 0, "numbers_masked": 0, "ngram": 0, "solution": 0},
            },
        },
    }
    assert pool_lines({"pool": pool}) == (
        "  trained on 2,434 rows (300 labelled, 900 of round 1, 1,234 of round 2; ESS 2,000) "
        "of 950 prompts\n"
        "  left out: 32 that the pool had, 55 over its cap, 31 of 99 held-out prompts; "
        "41 prompts without a row\n"
        "  rows that share text with eval: 1,200 but for numbers, 3 nearly; guard\\[x]: nothing\n"
        "  left out for it: 1 accepted in this round, and 2 prompts\n"
        "  licences: MIT 2,034 rows, unknown 400 rows"
    )


def test_results_stand_side_by_side() -> None:
    text = folded(shown(result_sheet(summary())))
    assert text[:3] == ["Right answers", "guard", "policy eval templates round 2 leads by"]
    assert text[-4:] == [
        "base 50.0% [45.0, 55.0] 25.0% +20.0 [15.0, 25.0]",
        "round 1 60.0% [55.0, 65.0] 30.0%",
        "round 2 70.0% [65.0, 75.0] 35.0%",
        "random 65.0% [60.0, 70.0] 32.5% +5.0 [0.0, 10.0]",
    ]


def test_controls_of_several_rounds_say_whose_they_are() -> None:
    told = summary()
    told["controls"] = {"1": told["controls"]["2"], "2": told["controls"]["2"]}
    sheet = result_sheet(told)
    assert sheet.header[-1] == "its round leads by"
    assert [row[0] for row in sheet.rows[-2:]] == ["random (1)", "random (2)"]


def test_differences_are_told_of_each_set_with_their_p() -> None:
    assert of_table(1, summary())[:2] == [
        "eval +20.0 [15.0, 25.0] 0.0012 +10.0 [5.0, 15.0] 0.5",
        "guard_templates +10.0 [5.0, 15.0] 1 – –",
    ]


def test_of_one_round_the_base_is_the_round_before() -> None:
    told = summary()
    told["rounds"] = told["rounds"][:1]
    assert of_table(1, told)[0] == "eval +10.0 [5.0, 15.0] 0.5"


def test_what_else_was_measured_stands_beside_and_unknowns_are_left_out() -> None:
    assert of_table(2, summary()) == [
        "pass@1 40.0% 60.0%",
        "pass@8 90.0% 90.0%",
        "maj@8 52.0% 72.0%",
        "reward 0.50 [0.45, 0.55] 0.70 [0.65, 0.75]",
        "reward of draws 0.40 0.60",
    ]


def test_metrics_perplexity_and_the_win_rate_are_shown_where_they_are_known() -> None:
    told = summary()
    for own in (told["base"]["sets"]["eval"], last_of(told)):
        own["measured"] |= {"choice": mean(None, 400), "f1": mean(0.25)}
    last_of(told)["measured"]["f1"] = mean(0.5)
    last_of(told).update(perplexity=1234.567, perplexity_prompts=300)
    wins = {"mean": 0.625, "low": 0.6, "high": 0.65, "won": 3, "tied": 4, "lost": 1}
    last_of(told)["win_rate"] = wins | {"unscorable": 0}
    assert of_table(2, told)[5:-2] == [
        "worked_solution 0.50 [0.45, 0.55] 0.70 [0.65, 0.75]",
        "f1 0.25 [0.20, 0.30] 0.50 [0.45, 0.55]",
        "perplexity – 1,234.57",
        "win rate – 62.5% [60.0, 65.0]",
    ]
    assert " ".join(of_table(2, told)[-2:]) == (
        "left out of round 2 as unscorable: choice 400; "
        "perplexity is that of 300 of 400 prompts' references"
    )
    last_of(told)["win_rate"] = wins | {"unscorable": 1234}
    assert of_table(2, told)[8] == "win rate – 62.5% [60.0, 65.0], 1,234 unread"


def test_several_seeds_show_their_spread() -> None:
    told = summary()
    for own in (told["base"]["sets"]["eval"], last_of(told)):
        names = ("pass_at_1", "pass_at_k", "maj_at_k", "draw_reward")
        own["seeds"] = {name: {"mean": own[name], "sd": 0.0123, "values": []} for name in names}
    last_of(told)["seeds"]["pass_at_k"]["sd"] = None
    rows = of_table(2, told)
    assert rows[0] == "pass@1 40.0% ± 1.2% 60.0% ± 1.2%"
    assert rows[1] == "pass@8 90.0% ± 1.2% 90.0%"
    assert rows[4] == "reward of draws 0.40 ± 0.01 0.60 ± 0.01"
    assert rows[-1] == "±: standard deviation over seeds"


def test_tables_are_not_cut_at_80_columns() -> None:
    """Of the sets and controls that the shipped settings name, controls after two rounds."""
    told = summary(control="random_all_rounds")
    told["controls"] = {"1": told["controls"]["2"], "2": told["controls"]["2"]}
    controls = (named["random_all_rounds"] for named in told["controls"].values())
    for own in (told["base"], *told["rounds"], *controls):
        own["sets"]["guard"] = figures(0.5)
        own["sets"]["eval"]["measured"] |= {"numeric_answer": mean(-123.456)}
    for own in told["rounds"]:
        for name in ("against_base", "against_previous"):
            own[name] |= {"guard": difference(-10.0, 1.2345e-100)}
    for table in (*result_sheets(told), round_table(ROUND, k=8)):
        text = shown(table, width=80)
        assert "…" not in text
        assert text == shown(table)


def test_columns_that_do_not_fit_go_into_further_tables() -> None:
    """Each column stands whole in one of the tables, none of which is wider than the terminal."""
    told = summary()
    names = ["first guards", *(f"guards_number_{n}_of_several" for n in range(9)), "x" * 30]
    for own in (told["base"], *told["rounds"], *told["controls"]["2"].values()):
        own["sets"] |= {name: figures(0.123) for name in names}
    sheet = result_sheet(told)
    text = shown(sheet, width=80)
    assert "…" not in text
    assert max(map(len, text.splitlines())) <= 80
    assert text.count("Right answers") == text.count("policy") == 3
    assert text.count("12.3%") == 4 * len(names)
    for name in names[1:-1]:
        assert text.count(name.split("_")[2]) >= 1
    assert text.count("x" * 30) == text.count("round 2 leads by") == 1
    assert shown(sheet, width=400).count("policy") == 1


def test_a_table_is_cut_between_columns_and_never_within() -> None:
    rows = [["random_all_rounds", *(["33.3% [20.8, 47.9]"] * 4)]]
    sheet = Sheet(title="T", header=["policy", "a", "b", "c", "d"], rows=rows)
    for width in range(37, 120):
        text = shown(sheet, width=width)
        assert text.count("33.3% [20.8, 47.9]") == 4, text
        assert "…" not in text
        assert text.count("policy") == max(1, -(-4 // ((width - 17) // 20)))


def test_markdown_is_three_tables() -> None:
    right, differences, measured = result_markdown(summary()).split("\n\n| ")[:3]
    assert right == (
        "| policy | eval | guard_templates | round 2 leads by |\n"
        "| --- | --- | --- | --- |\n"
        "| base | 50.0% [45.0, 55.0] | 25.0% | +20.0 [15.0, 25.0] |\n"
        "| round 1 | 60.0% [55.0, 65.0] | 30.0% |  |\n"
        "| round 2 | 70.0% [65.0, 75.0] | 35.0% |  |\n"
        "| random | 65.0% [60.0, 70.0] | 32.5% | +5.0 [0.0, 10.0] |"
    )
    assert differences.startswith("round 2 is ahead of | the base | p | round 1 | p |\n")
    assert measured.startswith("on eval | base | round 2 |\n")


def test_a_mean_that_is_not_known_is_no_number() -> None:
    assert (mean_text(mean(None)), mean_text(mean(0.5))) == ("–", "0.50 [0.45, 0.55]")
    assert points_text(None) == "–"


def test_a_very_small_p_is_not_spelt_out() -> None:
    assert [p_text(p) for p in (1.0, 0.01234, 1e-6, 9e-7, 0.0)] == [
        "1",
        "0.012",
        "1e-06",
        "< 1e-06",
        "< 1e-06",
    ]


@pytest.mark.parametrize(
    ("number", "note"),
    [(1, "round 2 is round 1's policy, handed on"), (0, "round 2 is the base, handed on")],
)
def test_a_round_that_hands_on_another_policy_says_so(number: int, note: str) -> None:
    told = summary()
    assert "handed on" not in shown(result_sheet(told))
    told["rounds"][1] |= handed_on(number)
    assert note in shown(result_sheet(told))
    assert f"|\n\n{note}\n\n|" in result_markdown(told)


def test_what_could_not_be_scored_is_told_beneath() -> None:
    told = summary()
    told["rounds"][0]["sets"]["guard_templates"] |= {"unscorable": 2, "unscorable_draws": 1234}
    told["controls"]["2"]["random"]["sets"]["eval"] |= {"unscorable_draws": 1}
    text = (
        "left out as unscorable: round 1 guard_templates 2 answers, 1,234 draws; "
        "random eval 0 answers, 1 draws"
    )
    assert text in " ".join(shown(result_sheet(told)).split())
    assert f"|\n\n{text}\n\n|" in result_markdown(told)
    line = "left out as unscorable: eval 3 answers, 0 draws"
    assert line in shown(
        round_table(ROUND | {"sets": {"eval": figures(0.5) | {"unscorable": 3}}}, k=8)
    )
    assert "unscorable" not in shown(round_table(ROUND, k=8))
    assert "unscorable" not in shown(result_sheet(summary()))


@pytest.mark.parametrize("name", HOSTILE)
def test_names_in_a_result_are_no_markup(name: str) -> None:
    right, differences, _ = result_sheets(summary(name=name))
    assert name in shown(right)
    assert name in shown(differences)
    assert name in shown(result_sheet(summary(control=name)))
    told = summary()
    for own in (told["base"]["sets"]["eval"], last_of(told)):
        own["measured"][name] = mean(0.5)
    assert name in shown(result_sheets(told)[2])
    assert name in shown(Sheet(title=name, header=["x" * 30], rows=[]))
    assert name in shown(Sheet(title="", header=["x" * 30], rows=[], note=name))


def test_a_name_does_not_break_the_markdown() -> None:
    for told in (summary(name="a|b"), summary(control="a|b")):
        table = result_sheet(told).as_markdown()
        cells = {line.replace("\\|", "").count("|") for line in table.splitlines()}
        assert cells == {5}
