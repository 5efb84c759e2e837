"""placeholder until the rewards come in."""


def equations(text: str) -> tuple[str, ...]:
    """."""
    return ()
