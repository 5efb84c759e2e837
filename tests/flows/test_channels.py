"""A channel is made from an address that somebody is reached by. Prefect's server is left out."""

import pytest
from prefect.blocks.core import Block

from flows.channels import make_channel
from rsft.errors import ConfigurationError

pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")

SLACK = "https://hooks.slack.com/services/T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ"
"""Of a form that Slack gives; the example of apprise's pages."""


@pytest.fixture
def saved(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    names: list[str] = []
    monkeypatch.setattr(Block, "save", lambda _, name, overwrite: names.append(name))
    return names


@pytest.mark.parametrize(
    ("channel", "address"),
    [("slack-webhook/ops", SLACK), ("webhook/ops", "http://127.0.0.1:1/planted")],
)
def test_an_address_that_fits_is_kept(
    channel: str, address: str, saved: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RSFT_ALERTS_URL", address)
    assert make_channel(channel) == ["RSFT_ALERTS_URL"]
    assert saved == ["ops"]


@pytest.mark.parametrize(
    ("channel", "address"),
    [
        ("slack-webhook/ops", "planted"),
        ("slack-webhook/ops", "http://127.0.0.1:1/services/planted"),
        ("discord-webhook/ops", "https://example.org/planted"),
        ("webhook/ops", "hooks.example.org/planted"),
    ],
)
def test_one_that_would_reach_nobody_is_refused_and_not_shown(
    channel: str,
    address: str,
    saved: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("RSFT_ALERTS_URL", address)
    with pytest.raises(ConfigurationError, match=f"{channel} cannot be made: ") as told:
        make_channel(channel)
    assert saved == []
    assert "RSFT_ALERTS_" in str(told.value)
    assert "planted" not in str(told.value) + "".join(capfd.readouterr())
