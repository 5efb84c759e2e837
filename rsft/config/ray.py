"""``ray``: other machines that drawing is shared out to, which changes nothing in the results."""

from pydantic import Field

from rsft.config.section import Section


class RaySection(Section):
    """A Ray cluster. No result depends on it, hence no stage of ``dvc.yaml`` does."""

    workers: int = Field(ge=1)
    """Processes that draw, each with its own policy and ``runtime.threads`` CPUs; with
    ``runtime.device: cuda`` a GPU each. Where a server draws (``generate.engine: openai``), it is
    asked from here, and no worker is started."""
    address: str | None = Field(default=None, pattern=r"^[\w.-]+:\d+$")
    """Host and port of the cluster's head. By default that of the environment variable
    ``RAY_ADDRESS``; without one, workers are started on this machine."""
