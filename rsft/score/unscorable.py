"""A scorer that can judge nothing at all is broken: its run stops, with the reason given most."""

from collections import Counter
from collections.abc import Sequence

from rsft.errors import VerifierError
from rsft.score.reward import Score


def refuse_all_unscorable(scores: Sequence[Score], where: str) -> None:
    """Refuses scores of which none is one.

    Args:
        scores: Of a round or a set.
        where: What they are of, for the message.

    Raises:
        VerifierError: With the commonest note.
    """
    if not scores or any(score.status == "ok" for score in scores):
        return
    ((note, count),) = Counter(score.note for score in scores).most_common(1)
    raise VerifierError(
        f"{where}: none of {len(scores)} completions can be scored; {count} for this reason: "
        f"{note}; see score.rewards"
    )
