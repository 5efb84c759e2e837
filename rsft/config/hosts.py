"""``hosts``: where machines that share a training meet, which changes nothing in the results."""

from pydantic import Field

from rsft.config.ray import ADDRESS
from rsft.config.section import Section


class HostsSection(Section):
    """A meeting place. No result depends on it, hence no stage of ``dvc.yaml`` does."""

    address: str = Field(pattern=f"^{ADDRESS}$")
    """Host and port of the machine that runs the stages, on a network that is closed to others. It
    listens there while a training waits for the other hosts, each of which runs ``rsft join`` with
    this address."""
    timeout_seconds: float = Field(default=600, gt=0, allow_inf_nan=False)
    """How long a training waits for its hosts, and, once it runs, for one that has fallen
    silent."""
