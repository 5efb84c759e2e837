"""What can be known to be missing before anything is trained."""

from rsft.config import Config
from rsft.errors import ConfigurationError
from rsft.ledger import read_rows
from rsft.stages.contract import split_file
from rsft.types import Prompt


def require_control_rows(config: Config) -> None:
    """Refuses the control ``supervised`` where it would have no rows, after all rounds.

    Raises:
        ConfigurationError: Saying what to do.
    """
    if not config.controls.rounds or "supervised" not in config.controls.names:
        return
    labelled = read_rows(split_file("labelled"), Prompt)
    if not any(prompt.solution is not None for prompt in labelled):
        raise ConfigurationError(
            "controls.names: 'supervised' is trained on labelled prompts with solutions, and there "
            "are none; remove it, or give prompts.files.labelled"
        )
