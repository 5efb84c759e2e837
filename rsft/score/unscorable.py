"""A scorer that can judge nothing at all is broken: its run stops, with the reason given most."""

from collections import Counter

from rsft.errors import VerifierError


def refuse_all_unscorable(notes: Counter[str | None], where: str) -> None:
    """Refuses scores of which none is one.

    Args:
        notes: How many scores have which note; those that could be scored have none.
        where: What they are of, for the message.

    Raises:
        VerifierError: With the commonest note; of several the first in the alphabet, since parts
            are scored in any order.
    """
    if not notes or notes[None]:
        return
    note, count = min(notes.items(), key=lambda told: (-told[1], str(told[0])))
    raise VerifierError(
        f"{where}: none of {notes.total()} completions can be scored; {count} for this reason: "
        f"{note}; see score.rewards"
    )
