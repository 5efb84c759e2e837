"""Who is told of what went wrong. No secret stands here: it is kept in Prefect's block."""

from pydantic import Field

from rsft.config.section import Section


class AlertsSection(Section):
    """Being told of failed, late and stuck runs, of approvals that are awaited and of findings."""

    channel: str | None = Field(default=None, pattern=r"^[a-z0-9-]+/[a-z0-9-]+$")
    """Prefect's block that is told, as ``TYPE/NAME``: ``slack-webhook/rsft``, ``webhook/rsft``,
    ``sendgrid-email/rsft`` …; null: nobody is told."""
    stuck_hours: float = Field(default=12.0, gt=0)
    """A run that takes longer is stuck."""
