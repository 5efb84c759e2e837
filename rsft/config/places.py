"""Names of files, folders and splits that the settings speak of."""

from pathlib import Path

PARAMS = Path("params.yaml")
RAW = Path("data/raw")
"""What the user brings: prompt files and model folders. Stages depend on this folder."""
TRAINING = ("labelled", "train")
"""Splits that a policy may learn from; every other one is for measuring only."""
