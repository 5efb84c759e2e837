"""What every section of ``params.yaml`` is."""

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """Base of every section: frozen, strict about its keys, described by its docstrings.

    No number is infinite or NaN: held against it nothing would ever pass, or everything. Types are
    strict: ``steps: true`` is a slip, not one step.
    """

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        strict=True,
        allow_inf_nan=False,
        use_attribute_docstrings=True,
        protected_namespaces=(),
    )
