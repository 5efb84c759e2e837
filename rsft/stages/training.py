"""What stages that train leave beside the model."""

import json
from pathlib import Path

from rsft.finetune import Training


def write_training(training: Training, folder: Path) -> None:
    """Writes ``training.json``: losses, and which rows were left out."""
    text = json.dumps(training.as_dict(), indent=1, sort_keys=True)
    (folder / "training.json").write_text(text + "\n", encoding="utf-8")
