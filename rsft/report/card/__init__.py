"""A model's card, from its run's manifest alone (``rsft.runs.manifest``): the same each time.

It says what the model was made from and how, what was measured of it beside its controls, what it
is not good for, and how to ask it. Nobody writes in it, so nothing in it is out of date.
"""

from collections.abc import Mapping
from typing import Any

from rsft.report.card.head import front_matter
from rsft.report.card.limits import limits_section
from rsft.report.card.measured import measured_section
from rsft.report.card.method import method_section
from rsft.report.card.origin import data_section, origin_section, title_section
from rsft.report.card.use import use_section
from rsft.report.markdown import escape_markdown
from rsft.report.sheet import share_text

_SECTIONS = (
    title_section,
    use_section,
    data_section,
    method_section,
    measured_section,
    limits_section,
    origin_section,
)


def model_card(manifest: Mapping[str, Any]) -> str:
    """The card, as Markdown that the Hugging Face Hub reads too."""
    sections = [section(manifest).strip() for section in _SECTIONS]
    return front_matter(manifest) + "\n" + "\n\n".join(sections) + "\n"


def card_summary(manifest: Mapping[str, Any]) -> str:
    """How often it is right, and what it is: for where there is no room for the card."""
    sets = manifest["figures"]["rounds"][-1]["sets"]
    right = ", ".join(
        f"{share_text(figures['accuracy'])} on {escape_markdown(name)}"
        for name, figures in sets.items()
    )
    _, _, what = title_section(manifest).partition("\n\n")
    return f"Right answers: {right}.\n\n{what}"


__all__ = ["card_summary", "model_card"]
