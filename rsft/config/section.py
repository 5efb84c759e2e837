"""What every section of ``params.yaml`` is."""

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """Base of every section: frozen, strict about its keys, described by its docstrings.

    No number is infinite or NaN: held against it nothing would ever pass, or everything.
    """

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        allow_inf_nan=False,
        use_attribute_docstrings=True,
        protected_namespaces=(),
    )
