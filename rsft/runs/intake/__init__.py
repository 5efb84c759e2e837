"""Taking new prompts in.

``take_in`` a file, ``take_folder`` what lies in the watched folder, ``take_upstream`` a version
that came by git and DVC.
"""

from rsft.runs.intake.adding import add_prompts
from rsft.runs.intake.folder import Taken, take_folder
from rsft.runs.intake.taking import current_version, take_in, take_upstream

__all__ = [
    "Taken",
    "add_prompts",
    "current_version",
    "take_folder",
    "take_in",
    "take_upstream",
]
