"""Whether Prefect's server is there."""

from http import HTTPStatus

from prefect.client.orchestration import get_client
from prefect.exceptions import PrefectHTTPStatusError
from prefect.settings import PREFECT_API_URL

from flows.overview import REFUSED


def server_problem() -> str | None:
    """Why the server of the settings is of no use, and what to do; null where it is of use.

    Without an address it is asked nothing: Prefect would start one of its own for that alone.
    """
    address = PREFECT_API_URL.value()
    if address is None:
        return "no `rsft up` runs here, and PREFECT_API_URL is not set"
    with get_client(sync_client=True) as client:
        problem = client.api_healthcheck()
        if problem is not None:
            return (
                f"PREFECT_API_URL = {address}: Prefect's server does not answer ({problem}); "
                "start it with `rsft up`, or unset PREFECT_API_URL to run without one"
            )
        try:
            client.api_version()  # unlike its health, it is not told to everybody
        except PrefectHTTPStatusError as error:
            if error.response.status_code != HTTPStatus.UNAUTHORIZED:
                raise
            return f"PREFECT_API_URL = {address}: Prefect's server {REFUSED}"
    return None
