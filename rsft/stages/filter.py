"""Stage ``filter``: decides every candidate of a round, and says how the decisions came out."""

import json

from rsft.config import Config
from rsft.errors import AcceptanceError
from rsft.filter import decide, diagnose
from rsft.ledger import read_rows, write_rows
from rsft.stages.command import run_as_command
from rsft.stages.contract import here
from rsft.types import Decided, Progress, Scored


def run(config: Config, key: str, progress: Progress) -> None:
    """Writes ``decisions/`` (every candidate), its diagnostics, and ``accepted/``.

    Raises:
        AcceptanceError: Where nothing is accepted: there is nothing to learn from.
    """
    scored = read_rows(here(key) / "scored", Scored)
    decided = decide(scored, config.filter, seed=config.seed, round=int(key))
    diagnostics = diagnose(decided, config.filter)
    accepted = [row for row in decided if row.is_accepted]
    if not accepted:
        reasons = ", ".join(f"{n} {reason}" for reason, n in diagnostics.reasons.items())
        raise AcceptanceError(
            f"round {key}: none of {len(decided)} candidates was accepted ({reasons}); "
            "loosen filter, raise generate.draws_per_prompt, or look at "
            f"{here(key) / 'scored'}"
        )
    folder = here(key) / "decisions"
    write_rows(folder / "part-00000.parquet", Decided, decided)
    text = json.dumps(diagnostics.as_dict(), indent=2, sort_keys=True)
    (folder / "diagnostics.json").write_text(text + "\n", encoding="utf-8")
    write_rows(here(key) / "accepted" / "part-00000.parquet", Decided, accepted)


if __name__ == "__main__":
    run_as_command(run)
