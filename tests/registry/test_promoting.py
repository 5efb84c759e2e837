import dataclasses

import pytest

from rsft.errors import RegistryError
from rsft.registry.promoting import promote
from rsft.registry.records import Decision
from rsft.registry.store import Registry
from rsft.registry.versions import champion, get_version

FIRST = Decision(
    is_promoted=True,
    reason="beats the base",
    against=None,
    gain=18.25,
    gain_low=12.0,
    gain_high=24.5,
    better=90,
    worse=17,
    p_value=0.00012345,
    decided_by="gate",
)


def test_a_promoted_version_is_the_champion_and_says_why(
    registry: Registry, submit, name: str
) -> None:
    version = promote(registry, submit("m1"), FIRST)
    assert version.aliases == ("champion",)
    assert champion(registry, name) == version
    said = {key: value for key, value in version.tags.items() if key.startswith("promotion.")}
    assert said.pop("promotion.at").endswith("+00:00")
    assert said == {
        "promotion.is_promoted": "true",
        "promotion.by": "gate",
        "promotion.reason": "beats the base",
        "promotion.against": "no champion",
        "promotion.gain": "18.25",
        "promotion.gain_low": "12.00",
        "promotion.gain_high": "24.50",
        "promotion.better": "90",
        "promotion.worse": "17",
        "promotion.p_value": "0.00012",
    }


def test_a_version_that_is_not_promoted_stays_challenger(
    registry: Registry, submit, name: str
) -> None:
    promote(registry, submit("m1"), FIRST)
    refusal = dataclasses.replace(FIRST, is_promoted=False, reason="not shown", against=1)
    version = promote(registry, submit("m2"), refusal)
    assert version.aliases == ("challenger",)
    assert version.tags["promotion.reason"] == "not shown"
    assert version.tags["promotion.against"] == "version 1"
    assert get_version(registry, name, "champion").version == 1


def test_a_decision_against_an_earlier_champion_is_refused(registry: Registry, submit) -> None:
    promote(registry, submit("m1"), FIRST)
    challenger = submit("m2")
    with pytest.raises(RegistryError, match="with no champion, but in service is version 1"):
        promote(registry, challenger, FIRST)
    assert get_version(registry, challenger.name, 2) == challenger
