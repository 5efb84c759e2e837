"""Telling other tools of a run as it happens: the only part that knows OpenLineage.

Events go through openlineage-python's own transports, configured by its own environment or its
``openlineage.yml``; where there is neither, nothing is sent and nothing imported. They are made
and sent beside the run: it neither waits for them nor fails with them.
"""

from rsft.interop.events import RunEvents, open_events

__all__ = ["RunEvents", "open_events"]
