"""Addresses, and errors that quote them, as anyone may read them: in messages, logs and documents.

Users, passwords and keys stand before the ``@`` or after the ``?``.
"""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

_USER = re.compile(r"://[^/?#\s'\"]*@")
_PASSWORD = re.compile(r"://[^/?#\s'\"@:]*:(?!\d{1,5}[/?#])[^\s'\"@]*@")
"""SQLAlchemy, and so MLflow and Prefect, takes one that holds what ends a host, as it stands."""
_SECRET = re.compile(
    r"(?:password|token|secret|api.?key|sig(?:nature)?|credential)=", re.IGNORECASE
)
_QUERY = re.compile(r"(://[^?#\s'\"]*)\?[^#\s'\"]+")


def without_secrets(text: str) -> str:
    """A text with ``***`` for the users and parameters of the addresses in it."""
    hidden = _USER.sub("://***@", _PASSWORD.sub("://***@", text))
    return _QUERY.sub(r"\1?***", hidden)


def one_line(error: BaseException) -> str:
    """What an error says, for the inside of a line."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror  # without the paths, which are the inside of DVC's and of others
    return without_secrets(" ".join(str(error).split())) or type(error).__name__


def has_secret(address: str) -> bool:
    """Whether an address has a password, by its place or by its name."""
    parts = urlsplit(address)
    by_name, by_place = _SECRET.search(parts.query), _PASSWORD.search(address)
    return parts.password is not None or by_name is not None or by_place is not None


def hide_secrets(value: Any) -> Any:
    """A document for JSON with the same done to each text in it."""
    if isinstance(value, str):
        return without_secrets(value)
    if isinstance(value, Mapping):
        return {key: hide_secrets(each) for key, each in value.items()}
    if isinstance(value, list):
        return [hide_secrets(each) for each in value]
    return value
