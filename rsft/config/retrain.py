"""``retrain``: when a schedule or an event is worth a run."""

from pydantic import Field

from rsft.config.section import Section


class RetrainSection(Section):
    """What a schedule or an event goes by; a run by hand always runs."""

    min_new_prompts: int = Field(default=1, ge=0)
    """Training prompts that the last finished run did not have, at least; 0: run in any case."""
