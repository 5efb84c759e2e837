"""What a model's card says."""

import subprocess
import sys
from itertools import groupby
from typing import Any

import pytest
from huggingface_hub import ModelCard
from markdown_it import MarkdownIt

from rsft.report.card import card_summary, model_card
from tests.report.manifests import manifest
from tests.report.test_tables import difference


def section(told: dict[str, Any], title: str) -> list[str]:
    """The lines of a section that are not empty."""
    _, _, after = model_card(told).partition(f"\n## {title}\n")
    return [line for line in after.partition("\n## ")[0].splitlines() if line]


def last(told: dict[str, Any]) -> dict[str, Any]:
    return told["figures"]["rounds"][-1]


def test_its_head_is_what_the_hub_reads() -> None:
    data = ModelCard(model_card(manifest())).data
    assert data.model_name == "policy"
    assert data.rsft == {
        "run": "run/20260101T000000-demo",
        "model_md5": "m0de1.dir",
        "training_licences": ["MIT", "unknown"],
    }
    right = [result for result in data.eval_results if result.metric_type == "accuracy"]
    assert [(r.dataset_name, r.dataset_split, r.metric_value) for r in right] == [
        ("eval", "test", 0.7),
        ("guard_templates", "guard_templates", 0.35),
    ]
    assert {r.dataset_revision for r in right} == {"9307.dir"}
    assert data.base_model is None
    assert data.license is None


def test_a_base_from_the_hub_is_named() -> None:
    told = manifest()
    told["base"] |= {"source": "hub", "name": "google-t5/t5-small", "revision": "df1b"}
    assert ModelCard(model_card(told)).data.base_model == "google-t5/t5-small"
    assert section(told, "Method")[0] == "- Base: `google-t5/t5-small` at `df1b` (`ba5e.dir`)."


def test_what_is_undefined_is_no_result() -> None:
    told = manifest()
    last(told)["sets"]["eval"]["pass_at_k"] = None
    found = ModelCard(model_card(told)).data.eval_results
    assert len([r for r in found if r.dataset_name == "eval"]) == 2


def test_its_summary_begins_with_what_a_list_of_versions_has_room_for() -> None:
    told = manifest()
    expected = "Right answers: 70.0% on eval, 35.0% on guard\\_templates.\n\nA question-answering "
    assert card_summary(told).startswith(expected)


def test_it_says_whose_policy_it_is() -> None:
    told = manifest()
    assert "it is round 2's policy of run `20260101T000000-demo`" in card_summary(told)
    last(told)["monitor"]["handed_on"] = 0
    told["stages"]["base"] = {"outs": {"data/base/pool": {"hash": "900b.dir"}}}
    assert "it is the base policy, as no round's was better" in card_summary(told)
    assert "| `data/base/pool` | `900b.dir` | – |" in section(told, "Data")


def test_data_has_licences_and_hashes() -> None:
    lines = section(manifest(), "Data")
    assert lines[0] == "It was trained on 1,540 rows:"
    assert "| a.jsonl | MIT | 1,500 | 900 | 60 |" in lines
    assert "| `data/prompts` | `9307.dir` | – |" in lines
    assert "| `data/rounds/2/pool` | `9002.dir` | 1,540 |" in lines
    assert "| `data/rounds/2/model` | `m0de1.dir` | – |" in lines


def test_method_has_law_rewards_rule_and_rounds() -> None:
    lines = section(manifest(), "Method")
    assert (
        lines[2] == "- Scored by `worked_solution` (weight 1); the reward is their weighted mean."
    )
    rule = "rule coin, target indicator over uniform, bound per\\_prompt\\_maximum"
    assert lines[3] == f"- Accepted by the {rule}."
    assert "| 2 | 16,000 | 1,234 | 7.7% | 4,321 | 1.23 | 1,540 | 200 | 1.64 → 0.94 |" in lines


def test_rounds_that_were_not_run_have_no_figures() -> None:
    told = manifest()
    last(told).update(
        training=None, kl_to_proposal=None, acceptance_rate=None, candidates=0, accepted=0
    )
    told["monitors"]["2"]["stopped"] = "stopped: collapsed in round 1: a | b"
    lines = section(told, "Method")
    assert "| 2 | 0 | 0 | – | 4,321 | – | 1,540 | – | – |" in lines
    assert "- The rounds ended early: stopped: collapsed in round 1: a &#124; b." in lines


def test_measured_has_every_policy_with_its_interval_and_every_control() -> None:
    lines = section(manifest(), "What was measured")
    for line in (
        "| base | 50.0% [45.0, 55.0] | 25.0% [20.0, 30.0] |",
        "| round 2 | 70.0% [65.0, 75.0] | 35.0% [30.0, 40.0] |",
        "| random, round 2 | 65.0% [60.0, 70.0] | 32.5% [27.5, 37.5] |",
        "| the base | +20.0 [15.0, 25.0] | 0.0012 | +10.0 [5.0, 15.0] | 1 |",
        "| round 1 | +10.0 [5.0, 15.0] | 0.5 | – | – |",
        "| random | +5.0 [0.0, 10.0] | 0.0012 | – | – |",
        "- round 1: 62 of 63 expectations on its accepted rows were met; not met: "
        "acceptance-rate (observed 0.95)",
        "- round 2: there were no rows to judge",
    ):
        assert line in lines


def test_without_controls_it_says_what_a_gain_is_worth() -> None:
    told = manifest()
    told["figures"]["controls"] = {}
    text = "No control was trained, so a gain says nothing about the filter."
    assert text in model_card(told)
    assert text not in model_card(manifest())


def test_limits_are_those_that_its_figures_show() -> None:
    assert section(manifest(), "Limits") == [
        "- Round 2 is not shown to be better than the control `random`: +5.0 [0.0, 10.0] points.",
        "- Rows that it was trained on share text with prompts of `eval`: 3 nearly.",
        "- The licence of b is not known.",
        "- It was measured on prompts of the kinds above and on no others: nothing here says how "
        "it does elsewhere, or how safe its answers are.",
    ]


@pytest.mark.parametrize(
    ("points", "told"),
    [
        (5.0, "not shown to be better than the base: +5.0 [0.0, 10.0]"),
        (-5.0, "not shown to be better than the base: -5.0 [-10.0, 0.0]"),
        (-6.0, "worse than the base: -6.0 [-11.0, -1.0]"),
    ],
)
def test_a_gain_that_is_not_shown_is_a_limit(points: float, told: str) -> None:
    document = manifest()
    last(document)["against_base"] = {"eval": difference(20.0), "guard_templates": None}
    last(document)["against_base"]["guard_templates"] = difference(points)
    assert section(document, "Limits")[0] == f"- On `guard_templates` it is {told} points."


def test_so_are_sets_it_cannot_do_and_what_was_left_out() -> None:
    told = manifest()
    last(told)["sets"]["guard_templates"] |= {"accuracy": 0.05, "low": 0.0, "high": 0.1}
    last(told)["sets"]["eval"] |= {"unscorable": 12}
    last(told)["too_long"] = 3
    lines = section(told, "Limits")
    for line in (
        "- Of `guard_templates` it gets 5.0% [0.0, 10.0] right: it is not for such questions.",
        "- 3 training prompts were too long for it, and were not sampled.",
        "- Of `eval`, 12 of 400 answers could not be scored, and are in no share.",
    ):
        assert line in lines


def test_what_changed_while_it_ran_is_told() -> None:
    told = manifest()
    assert "Changed while it ran" not in model_card(told)
    told |= {"changed": ["rsft/score/f1.py"], "edited": ["params.yaml"]}
    lines = section(told, "Where it came from")
    assert lines[-2:] == [
        "- Edited since that commit: `params.yaml`.",
        "- **Changed while it ran**: `rsft/score/f1.py`.",
    ]


@pytest.mark.parametrize(
    "hostile",
    [
        "<script>alert(1)</script>",
        "[here](javascript:alert(1))",
        "![x](http://example.org/track.png)",
        "a\n\n# Safe for children\n",
        "a | b",
        "`code` **bold** $x$",
        "---\nlicense: mit\n---",
        "key: {a: [1, 2",
        "http://example.org",
        "\u202egnp.exe",
    ],
)
def test_a_name_that_others_gave_is_only_text(hostile: str) -> None:
    card = ModelCard(model_card(named(hostile)))
    assert card.data.rsft["training_licences"] == sorted(["MIT", hostile])
    assert card.data.license is None
    assert kinds(card.text) == kinds(ModelCard(model_card(named("harmless"))).text)
    assert "://" not in card.text  # pages make links of addresses
    assert "\u202e" not in card.text


def named(text: str) -> dict[str, Any]:
    told = manifest()
    told["sources"][1] |= {"source": text, "licence": text}
    told["expectations"]["1"]["warnings"] = [text]
    return told


def kinds(markdown: str) -> list[str]:
    """What a page is made of, in order, texts that follow one another being one."""
    tokens = MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(markdown)
    every = [t.type for token in tokens for t in (token, *(token.children or ()))]
    return [kind for kind, _ in groupby(every)]


def test_it_is_made_without_what_takes_seconds_to_import() -> None:
    code = (
        "import sys; from rsft.report.card import model_card;"
        "from rsft.report.card.head import front_matter; import huggingface_hub;"
        "from huggingface_hub import EvalResult, ModelCardData;"
        "print({'torch', 'mlflow', 'transformers', 'prefect'} & sys.modules.keys())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
