"""``ray``: other machines that drawing and scoring are shared out to, with the same results."""

from pydantic import Field

from rsft.config.section import Section

ADDRESS = r"[\w.-]+:\d+"
"""Host and port."""


class RaySection(Section):
    """A Ray cluster. No result depends on it, hence no stage of ``dvc.yaml`` does."""

    workers: int = Field(ge=1, le=10_000)
    """Processes that draw, each with its own policy and ``runtime.threads`` CPUs; with
    ``runtime.device: cuda`` a GPU each. Where a server draws (``generate.engine: openai``), it is
    asked from here, and no worker is started. As many score, each with its own reward models,
    unless rules alone are asked or a judge is: both are asked from here. Where a cluster has room
    for fewer, fewer are started."""
    address: str | None = Field(default=None, pattern=f"^{ADDRESS}$")
    """Host and port of the cluster's head. By default that of the environment variable
    ``RAY_ADDRESS``; without one, workers are started on this machine."""
