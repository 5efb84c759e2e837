"""Replaying runs from their tags: ``replay_run`` tells of each stage what came of it."""

from rsft.runs.replay.environment import environment_changes
from rsft.runs.replay.records import Changed, FileDifference, OutReplay, Replay, StageReplay
from rsft.runs.replay.replaying import chosen_stages, replay_run

__all__ = [
    "Changed",
    "FileDifference",
    "OutReplay",
    "Replay",
    "StageReplay",
    "chosen_stages",
    "environment_changes",
    "replay_run",
]
