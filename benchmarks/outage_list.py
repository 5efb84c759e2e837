"""The outages that a run must survive, and what it must say of each."""

from dataclasses import dataclass
from typing import Literal

from benchmarks.outage_plants import (
    Strike,
    clock_set,
    disk_full,
    mlflow_away_at_the_start,
    mlflow_away_from,
    mlflow_killed_at_an_upload,
    postgres_restarted_after,
    s3_errors_after,
    s3_errors_throughout,
    s3_hangs_after,
    s3_hangs_in_a_push,
)

DAY, HOUR = 86_400, 3_600


@dataclass(frozen=True, slots=True, kw_only=True)
class Outage:
    """An outage, and what is said of it."""

    name: str
    """What a person would call it."""
    strike: Strike
    """Starts a run and does to it what it is to survive."""
    told: str | None
    """What a line of the run must hold; null where the run must go on by itself, unharmed."""
    at: Literal["a stage", "the end"]
    """Where it strikes; at the end, all stages are taken from the cache."""
    has_servers: bool = True
    """Whether the run uses the servers; else what a fresh checkout has."""


OUTAGES = (
    Outage(
        name="PostgreSQL restarted in generation",
        strike=lambda place: postgres_restarted_after(place, "monitor_base "),
        told=None,
        at="a stage",
    ),
    Outage(
        name="PostgreSQL restarted at the push, just before registering",
        strike=lambda place: postgres_restarted_after(place, "control@1-random "),
        told=None,
        at="the end",
    ),
    Outage(
        name="PostgreSQL restarted while a version is logged",
        strike=lambda place: mlflow_killed_at_an_upload(place, of_postgres=True),
        told=None,
        at="the end",
    ),
    Outage(
        name="MLflow away for 30 s at the start",
        strike=mlflow_away_at_the_start,
        told="MLflow's store",
        at="the end",
    ),
    Outage(
        name="MLflow away for 30 s when the model is to be registered",
        strike=lambda place: mlflow_away_from(place, "control@1-random "),
        told=None,
        at="the end",
    ),
    Outage(
        name="MLflow away for 30 s while a version is logged",
        strike=mlflow_killed_at_an_upload,
        told=None,
        at="the end",
    ),
    Outage(
        name="S3 answers 3 requests of the push with 500",
        strike=lambda place: s3_errors_after(place, "control@1-random ", 3),
        told=None,
        at="the end",
    ),
    Outage(
        name="S3 answers 500 from the start to the end",
        strike=s3_errors_throughout,
        told="not pushed to s3://",
        at="the end",
    ),
    Outage(
        name="S3 does not answer at the push",
        strike=lambda place: s3_hangs_after(place, "control@1-random "),
        told="not pushed to s3://",
        at="the end",
    ),
    Outage(
        name="S3 stops answering in the middle of the push",
        strike=s3_hangs_in_a_push,
        told="not pushed to s3://",
        at="the end",
    ),
    Outage(
        name="a disk fills in generation",
        strike=lambda place: disk_full(place, ".rsft/ledger", 24),
        told="cannot be written",
        at="a stage",
        has_servers=False,
    ),
    Outage(
        name="a disk fills in training: its checkpoints",
        strike=lambda place: disk_full(place, ".rsft/training", 100),
        told="cannot be written",
        at="a stage",
        has_servers=False,
    ),
    Outage(
        name="a disk fills in commit: the cache",
        strike=lambda place: disk_full(place, ".dvc/cache", 100),
        told="make room",
        at="a stage",
        has_servers=False,
    ),
    Outage(
        name="a disk fills when the run is pinned: git",
        strike=lambda place: disk_full(place, ".git", 24),
        told="make room",
        at="the end",
        has_servers=False,
    ),
    Outage(
        name="a clock is set forth a day",
        strike=lambda place: clock_set(place, "monitor_base ", DAY),
        told=None,
        at="a stage",
        has_servers=False,
    ),
    Outage(
        name="a clock is set back an hour",
        strike=lambda place: clock_set(place, "monitor_base ", -HOUR),
        told=None,
        at="a stage",
        has_servers=False,
    ),
    Outage(
        name="a clock is set forth a day, and back an hour at the next stage",
        strike=lambda place: clock_set(place, "monitor_base ", DAY, "generate@1 ", -HOUR),
        told=None,
        at="a stage",
        has_servers=False,
    ),
)
