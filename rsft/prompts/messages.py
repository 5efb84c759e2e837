"""Chat messages as they lie in files: ``[{"role": …, "content": …}, …]``, the last the user's."""

from typing import get_args

from rsft.errors import PromptsError
from rsft.types import Role, Turn

_ROLES: tuple[str, ...] = get_args(Role)


def read_messages(messages: object, where: str) -> tuple[Turn, ...]:
    """The turns of a dialogue that the policy is to go on with.

    Args:
        messages: A value read from JSON.
        where: File, line and field, for messages of errors.

    Returns:
        At least one turn; the last is the user's.

    Raises:
        PromptsError: Where it is no such dialogue.
    """
    if not isinstance(messages, list) or not messages:
        raise PromptsError(f"{where} is {messages!r}; it must be a list of messages, not empty")
    turns = tuple(_turn(message, f"{where}, message {i}") for i, message in enumerate(messages, 1))
    if any(turn.role == "system" for turn in turns[1:]):
        raise PromptsError(f"{where} has a message of the system's after others; it must be first")
    if turns[-1].role != "user":
        raise PromptsError(
            f"{where} ends in a message of role {turns[-1].role!r}; the last must be the user's, "
            "so remove what follows it"
        )
    return turns


def _turn(message: object, where: str) -> Turn:
    if not isinstance(message, dict):
        raise PromptsError(f"{where} is {message!r}; it must be an object of role and content")
    role, content = message.get("role"), message.get("content")
    if role not in _ROLES:
        raise PromptsError(f"{where} has role {role!r}; it must be one of {', '.join(_ROLES)}")
    if not isinstance(content, str) or not content.strip():
        raise PromptsError(f"{where} has content {content!r}; it must be a text that is not empty")
    for key, value in message.items():
        if key not in ("role", "content") and value is not None:
            raise PromptsError(f"{where} has {key!r}, which no policy is shown; remove it")
    return Turn(role=role, content=content)
