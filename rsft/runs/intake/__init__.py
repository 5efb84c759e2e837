"""Taking new prompts in.

``take_in`` a file, ``take_folder`` what lies in the watched folder, ``take_upstream`` a version
that came by git and DVC; ``read_additions`` tells what was taken in so far.
"""

from rsft.runs.intake.adding import add_prompts
from rsft.runs.intake.folder import Taken, take_folder
from rsft.runs.intake.journal import Addition, Refusal, read_additions
from rsft.runs.intake.taking import current_version, take_in, take_upstream

__all__ = [
    "Addition",
    "Refusal",
    "Taken",
    "add_prompts",
    "current_version",
    "read_additions",
    "take_folder",
    "take_in",
    "take_upstream",
]
