"""Making the block that is told, from environment variables: no secret is ever typed or shown.

``RSFT_ALERTS_URL`` becomes the field ``url``, ``RSFT_ALERTS_TO_EMAILS`` the field ``to_emails``,
and so on, for whichever block of Prefect's it is.
"""

import os
from typing import Any

import prefect.blocks.notifications
import prefect.blocks.webhook  # noqa: F401  # they register
from prefect.blocks.abstract import NotificationBlock
from prefect.blocks.core import Block
from prefect.blocks.webhook import Webhook
from pydantic import ValidationError

from rsft.errors import ConfigurationError

VARIABLE = "RSFT_ALERTS_"


def make_channel(channel: str) -> list[str]:
    """Makes or replaces a block of Prefect's.

    Args:
        channel: ``TYPE/NAME``.

    Returns:
        The variables it was made from.

    Raises:
        ConfigurationError: Where the type is none that can be told, or a variable lacks or does
            not fit; their values are not shown.
    """
    type_, _, name = channel.partition("/")
    kinds = {kind.get_block_type_slug(): kind for kind in _kinds()}
    if type_ not in kinds or not name:
        raise ConfigurationError(f"{channel!r}: take TYPE/NAME, of type {', '.join(sorted(kinds))}")
    kind = kinds[type_]
    given = {field: text for field in kind.model_fields if (text := os.environ.get(_name(field)))}
    values: dict[str, Any] = {
        field: text.split(",") if "list" in str(kind.model_fields[field].annotation) else text
        for field, text in given.items()
    }
    if kind is Webhook:
        values["headers"] = {"Content-Type": "application/json"}
    try:
        block = kind(**values)
    except (ValidationError, ValueError) as error:
        wrong = error.errors() if isinstance(error, ValidationError) else []
        names = sorted({_name(str(problem["loc"][0])) for problem in wrong if problem["loc"]})
        what = ", ".join(names) or f"{VARIABLE}*"
        raise ConfigurationError(
            f"{channel} cannot be made: {what} is missing or does not fit in the environment"
        ) from None
    if not _has_address(block):
        raise ConfigurationError(
            f"{channel} cannot be made: {_name('url')} is no address that a {type_} has"
        )
    block.save(name, overwrite=True)
    return sorted(map(_name, given))


def _kinds() -> list[type[Block]]:
    """Every block that can be told something."""
    found: list[type[Block]] = [Webhook]
    left: list[type[Any]] = [NotificationBlock]
    while left:
        kind = left.pop()
        left += kind.__subclasses__()
        if not kind.__subclasses__():
            found.append(kind)
    return found


def _has_address(block: Any) -> bool:
    """Whether it would reach somebody.

    Prefect takes any text for an address, secrets and all, and logs one that is none when it is
    used first.
    """
    if isinstance(block, Webhook):
        return block.url.get_secret_value().startswith(("http://", "https://"))
    told = getattr(block, "_apprise_client", None)
    return told is None or len(told) > 0


def _name(field: str) -> str:
    return f"{VARIABLE}{field.upper()}"
