"""The made-up project."""

from tests.runs.replay.project import project as project
