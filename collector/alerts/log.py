"""Log: one structured line for each opening and each closing; what is there when nothing else is set up."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from collector.alerts.channel import Outcome, Patience, Taken

if TYPE_CHECKING:
    from collections.abc import Sequence

    import aiohttp

    from collector.alerts.config import LogChannel
    from collector.ledger.alert_store import Delivery, StoredAlert

log = structlog.get_logger(__name__)


class Log:
    """Tells the log: an opening at its severity, a closing as information."""

    refresh_ms: int | None = None
    patience = Patience()

    def __init__(self, config: LogChannel) -> None:
        self.name = config.name

    async def deliver(self, _session: aiohttp.ClientSession, delivery: Delivery, _now_ms: int) -> Outcome:
        """Write the line."""
        alert = delivery.alert.view
        names = {"agreement": alert.agreement, "kind": alert.kind, "severity": alert.severity, "summary": alert.summary}
        if alert.subject:
            names["subject"] = alert.subject
        if delivery.event == "closed":
            log.info("alert_closed", **names, reason=alert.close_reason)
        elif alert.severity == "critical":
            log.error("alert_opened", **names, reason=alert.reason)
        else:
            log.warning("alert_opened", **names, reason=alert.reason)
        return Taken()

    async def refresh(self, _session: aiohttp.ClientSession, _alerts: Sequence[StoredAlert], _now_ms: int) -> Outcome:
        """Once is enough for a log."""
        return Taken()
