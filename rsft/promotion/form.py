"""What of a run's manifest the gate reads, and that it is there: a tag may be another project's."""

from pydantic import BaseModel, ConfigDict, ValidationError

from rsft.errors import LineageError
from rsft.lineage import RunRecord


class _Form(BaseModel):
    """What the gate reads of it; the rest may be anything."""

    model_config = ConfigDict(strict=True)


class _Model(_Form):
    path: str
    hash: str


class _Out(_Form):
    hash: str


class _Stage(_Form):
    outs: dict[str, _Out]


class _Expectations(_Form):
    success: bool
    evaluated: int
    failed: list[str]


class _Monitor(_Form):
    tripped: list[str]


class _Manifest(_Form):
    changed: list[str]
    evaluation: str
    model: _Model
    stages: dict[str, _Stage]
    inputs: dict[str, _Out]
    expectations: dict[str, _Expectations]
    monitors: dict[str, _Monitor]


def require_form(run: RunRecord) -> None:
    """Refuses a run whose manifest is not as ``rsft.runs.manifest`` writes it.

    Raises:
        LineageError: Where that is so.
    """
    try:
        _Manifest.model_validate(run.manifest)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"])) or "all of it"
        raise LineageError(
            f"{run.tag} cannot be judged: of its manifest {place!r} is not as this rsft records it "
            f"({first['msg']}); `rsft run` records the run anew"
        ) from None


def has_made(run: RunRecord, model_hash: str) -> bool:
    """Whether a run says that it made a model."""
    try:
        return bool(run.manifest["model"]["hash"] == model_hash)
    except (KeyError, TypeError):
        return False  # it is another project's
