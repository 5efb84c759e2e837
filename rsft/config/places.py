"""Names of files, folders and splits that the settings speak of."""

from pathlib import Path

PARAMS = Path("params.yaml")
RAW = Path("data/raw")
"""What the user brings: prompt files and model folders. Stages depend on this folder."""
INCOMING = Path("data/incoming")
"""The watched folder: prompt files that are dropped into it are taken in."""
FORGOTTEN = Path("data/forgotten.jsonl")
"""What is to be forgotten, by hash: `rsft forget` writes it, the stage `prompts` leaves it out."""
TRAINING = ("labelled", "train")
"""Splits that a policy may learn from; every other one is for measuring only."""
