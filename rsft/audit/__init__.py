"""Proving what runs recorded: everything is hashed, counted or looked up again, one check a file.

A check compares what a record says with what is there, and tells what differs: which thing, what
was expected, what was found, and what to do about it. ``audit_run`` is what the promotion gate
calls, ``audit_all`` what a schedule does.
"""

from rsft.audit.audit import audit_all, audit_run, latest_run
from rsft.audit.findings import AuditReport, Finding, Hashing

__all__ = ["AuditReport", "Finding", "Hashing", "audit_all", "audit_run", "latest_run"]
