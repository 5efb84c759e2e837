"""Whether Prefect's server is there."""

from prefect.client.orchestration import get_client
from prefect.settings import PREFECT_API_URL


def server_problem() -> str | None:
    """Why the server of the settings is of no use; null where it answers.

    Without an address it is asked nothing: Prefect would start one of its own for that alone.
    """
    address = PREFECT_API_URL.value()
    if address is None:
        return "no `rsft up` runs here, and PREFECT_API_URL is not set"
    with get_client(sync_client=True) as client:
        problem = client.api_healthcheck()
    if problem is None:
        return None
    return f"PREFECT_API_URL = {address}: Prefect's server does not answer ({problem})"
