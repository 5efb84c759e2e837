"""A cluster for the tests of a file: Ray takes a dozen seconds to start."""

from collections.abc import Iterator
from types import SimpleNamespace

import pytest


@pytest.fixture(scope="module")
def nodes() -> Iterator[SimpleNamespace]:
    """A head without processors, and two nodes of one each."""
    with pytest.MonkeyPatch.context() as patch:
        # Else Ray takes 127.0.0.1 for this host's address in the network.
        patch.setenv("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        patch.setenv("RAY_worker_niceness", "0")
        pytest.importorskip("ray", reason="Ray is not installed: pip install 'rsft[ray]'")
        from ray.cluster_utils import Cluster

        small = {"node_ip_address": "127.0.0.1", "object_store_memory": 2**27}
        head = small | {"num_cpus": 0, "include_dashboard": False}
        started = Cluster(initialize_head=True, head_node_args=head)
        try:
            both = [started.add_node(num_cpus=1, **small) for _ in range(2)]
            patch.setenv("RAY_ADDRESS", started.address)
            yield SimpleNamespace(cluster=started, nodes=both)
        finally:
            started.shutdown()
