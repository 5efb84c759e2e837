"""The gate's report, for pages and for the terminal."""

from typing import Any

import pytest
from rich.console import Console

from rsft.report.verdict import verdict_lines, verdict_markdown
from tests.promotion.cases import policy
from tests.promotion.test_gate import ASKING, judged

HOSTILE = "<script>alert(1)</script> [x](javascript:y) **b** | `c`\n# d [red]e"


def shown(verdict: dict[str, Any], width: int = 80) -> str:
    console = Console(width=width, soft_wrap=True, record=True, color_system=None)
    console.print(verdict_lines(verdict))
    return console.export_text()


def test_the_report_says_what_was_decided_and_why():
    text = verdict_markdown(judged(54, 40).as_dict())
    assert text.startswith("# rsft version 2: promoted\n\npromoted: +17.5 points")
    assert "| audit | yes | all proven |" in text
    assert "## Figures, against champion version 1" in text
    assert "| eval | +17.5 | +5.0 | 14 | 0 | 0.0078 |  |" in text
    assert "| guard | +0.0 | -2.9 | 0 | 0 |  | 89% |" in text
    assert "probability of at most 5.0%, over all looks at them; look 1 risks 2.50%" in text
    assert "A loss of more than 5 points ever passes a guard set with a probability of" in text
    assert "at most 10.0%, over all looks at it" in text


def test_what_awaits_a_person_says_how_to_say_yes():
    verdict = judged(70, 40, policy=policy(ASKING)).as_dict()
    assert "say yes by rsft promote rsft/2 --approve NAME" in shown(verdict)
    assert "--approve" not in shown(judged(70, 40).as_dict())


def test_a_set_without_a_say_is_marked_and_one_without_figures_left_out():
    text = verdict_markdown(judged(70, 40, guards={"guard": (0, 3)}).as_dict())
    assert "| guard | -3.8 | -" in text
    assert "| has no say |" in text


def test_where_nothing_could_be_shown_nothing_is_promised():
    assert "At this look, gains from" in verdict_markdown(judged(54, 40).as_dict())
    verdict = judged(40, 40).as_dict()
    assert verdict["gain"]["detectable"] is None
    assert "At this look, gains from" not in verdict_markdown(verdict)


def test_where_no_guard_set_was_asked_that_is_said():
    verdict = judged(54, 40).as_dict() | {"guards": {}}
    text = verdict_markdown(verdict)
    assert "No guard set was asked: of what was lost elsewhere nothing is known" in text
    assert "ever passes a guard set" not in text


def test_the_terminal_shows_the_same_and_cuts_nothing():
    verdict = judged(54, 40).as_dict()
    for width in (40, 80, 200):
        text = shown(verdict, width)
        assert "rsft version 2: promoted, compared with champion version 1" in text
        assert verdict["checks"][2]["told"] in text
        assert "no" not in [line.split()[0] for line in text.splitlines() if line.strip()]
    assert " no  gain " in shown(judged(40, 40).as_dict())


@pytest.mark.parametrize("place", ["name", "reason", "run_id", "evaluation"])
def test_hostile_text_is_shown_as_it_is(place: str):
    verdict = judged(54, 40).as_dict() | {place: HOSTILE}
    verdict["checks"] = [{"name": HOSTILE, "passed": False, "told": HOSTILE}]
    verdict["guards"] = {HOSTILE: verdict["guards"]["guard"]}
    text = verdict_markdown(verdict)
    assert "<script>" not in text.replace("\\<script\\>", "")
    assert "\n# d" not in text
    assert "\n\\# d" not in text, "a line of its own"
    assert "[x](javascript" not in text.replace("\\[x\\](javascript", "")
    assert "[red]e" in shown(verdict)
