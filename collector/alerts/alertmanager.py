"""Alertmanager: `POST /api/v2/alerts`, said again while open, resolved on close.

Alertmanager keeps no alert for good: one whose `endsAt` passes is resolved. So an open alert is sent every `refresh_s`
with an `endsAt` four refreshes ahead. If the collector dies, Alertmanager resolves the alert after that; that the
collector is gone must be noticed by a Prometheus rule on its `/metrics`. What is sent is always the alert as it stands,
so an opening that comes late, after the closing, cannot ring again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from collector.alerts.channel import Outcome, Taken
from collector.alerts.http import Endpoint
from common.clock import iso

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import aiohttp

    from collector.alerts.config import AlertmanagerChannel
    from collector.ledger.alert_store import Delivery, StoredAlert

_REFRESHES_AHEAD: Final = 4
ALERT_NAMES: Final = {
    "players_down": "SignwatchPlayersDown",
    "players_unknown": "SignwatchPlayersUnknown",
    "breach": "SignwatchBreach",
    "burn_rate": "SignwatchBurnRate",
    "burn_rate_slow": "SignwatchBurnRateSlow",
    "certificate": "SignwatchCertificate",
}


class Alertmanager:
    """Tells one Alertmanager. ConfigError where the certificate authority cannot be read."""

    def __init__(self, config: AlertmanagerChannel, page_url: str) -> None:
        self.name = config.name
        self.refresh_ms: int | None = round(config.refresh_s * 1000)
        self._labels = dict(config.labels)
        self._page_url = page_url
        self._ahead_ms = round(config.refresh_s * 1000) * _REFRESHES_AHEAD
        self._endpoint = Endpoint(config, config.name, config.url.rstrip("/") + "/api/v2/alerts")
        self.patience = self._endpoint.patience

    async def deliver(self, session: aiohttp.ClientSession, delivery: Delivery, now_ms: int) -> Outcome:
        """POST the alert as it stands."""
        return await self._send(session, [delivery.alert], now_ms)

    async def refresh(self, session: aiohttp.ClientSession, alerts: Sequence[StoredAlert], now_ms: int) -> Outcome:
        """POST every open alert once more, in one request."""
        return await self._send(session, alerts, now_ms) if alerts else Taken()

    async def _send(self, session: aiohttp.ClientSession, alerts: Sequence[StoredAlert], now_ms: int) -> Outcome:
        body = [encode(alert, self._labels, self._page_url, now_ms + self._ahead_ms) for alert in alerts]
        return await self._endpoint.post(session, msgspec.json.encode(body), {}, now_ms)


def encode(alert: StoredAlert, labels: Mapping[str, str], page_url: str, ends_ms: int) -> dict[str, object]:
    """One alert in Alertmanager's form. Labels name it and are few; numbers and sentences are annotations."""
    view = alert.view
    tenant, _, contract = view.agreement.partition("/")
    reason = view.reason if view.close_reason is None else f"{view.reason} — closed: {view.close_reason}"
    return {
        "labels": {
            **labels,
            "alertname": ALERT_NAMES.get(view.kind, f"Signwatch_{view.kind}"),
            "severity": view.severity,
            "tenant": tenant,
            **({"contract": contract} if contract else {}),
            **({"subject": view.subject} if view.subject else {}),
        },
        "annotations": {"summary": view.summary, "description": reason},
        "startsAt": iso(view.opened_ms),
        "endsAt": iso(ends_ms if view.closed_ms is None else view.closed_ms),
        "generatorURL": f"{page_url.rstrip('/')}/alerts" if page_url else "",
    }
