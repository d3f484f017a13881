"""Webhook: one signed JSON document for each opening and each closing (docs/alerts.md has the body).

Headers and signature follow the Standard Webhooks convention (https://www.standardwebhooks.com), so that receivers can
check them with an existing library: `webhook-id`, `webhook-timestamp` (seconds) and `webhook-signature`, which is
`v1,` and the base64 of HMAC-SHA256 over `id.timestamp.body`.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from typing import TYPE_CHECKING, Final

import msgspec

from collector.alerts.channel import Outcome, Taken, idempotency_key
from collector.alerts.http import Endpoint
from common.clock import iso
from common.config import ConfigError, Finding

if TYPE_CHECKING:
    from collections.abc import Sequence

    import aiohttp

    from collector.alerts.config import WebhookChannel
    from collector.ledger.alert_store import Delivery, StoredAlert

_PREFIX: Final = "whsec_"


class Webhook:
    """Tells one URL. ConfigError where the secret or the certificate authority cannot be read."""

    refresh_ms: int | None = None

    def __init__(self, config: WebhookChannel, page_url: str) -> None:
        self.name = config.name
        self._secret = _secret_bytes(config)
        self._page_url = page_url
        self._endpoint = Endpoint(config, config.name, config.url)
        self.patience = self._endpoint.patience

    async def deliver(self, session: aiohttp.ClientSession, delivery: Delivery, now_ms: int) -> Outcome:
        """POST the event; the same `webhook-id` on every attempt."""
        key = idempotency_key(delivery.alert, delivery.event)
        body = encode(delivery, key, self._page_url)
        return await self._endpoint.post(session, body, headers(key, body, self._secret, now_ms), now_ms)

    async def refresh(self, _session: aiohttp.ClientSession, _alerts: Sequence[StoredAlert], _now_ms: int) -> Outcome:
        """Once is enough for a webhook."""
        return Taken()


def encode(delivery: Delivery, key: str, page_url: str) -> bytes:
    """Write the body, version 1."""
    alert = delivery.alert.view
    closed = delivery.event == "closed" and alert.closed_ms is not None
    tenant, _, contract = alert.agreement.partition("/")
    body = {
        "version": 1,
        "id": key,
        "event": delivery.event,
        "alert": {
            "id": alert.id,
            "agreement": alert.agreement,
            "tenant": tenant,
            "contract": contract,
            "kind": alert.kind,
            "subject": alert.subject or None,
            "severity": alert.severity,
            "summary": alert.summary,
            "reason": alert.reason,
            "opened_at": iso(alert.opened_ms),
            "opened_ms": alert.opened_ms,
            "closed_at": iso(alert.closed_ms) if closed and alert.closed_ms is not None else None,
            "closed_ms": alert.closed_ms if closed else None,
            "close_reason": alert.close_reason if closed else None,
            "facts": dict(delivery.alert.facts),
            "url": f"{page_url.rstrip('/')}/alerts" if page_url else None,
        },
    }
    return msgspec.json.encode(body)


def headers(key: str, body: bytes, secret: bytes, now_ms: int) -> dict[str, str]:
    """The id for telling repeats apart, and the signature where there is a secret."""
    timestamp = str(now_ms // 1000)
    found = {"Idempotency-Key": key, "webhook-id": key, "webhook-timestamp": timestamp}
    if secret:
        digest = hmac.new(secret, f"{key}.{timestamp}.".encode() + body, hashlib.sha256).digest()
        found["webhook-signature"] = f"v1,{base64.b64encode(digest).decode()}"
    return found


def _secret_bytes(config: WebhookChannel) -> bytes:
    where = f"alerts.channels.{config.name}"
    try:
        text = config.signing_secret()
    except (OSError, UnicodeDecodeError) as error:
        finding = Finding(
            "alerts.secret_file",
            config.secret_file,
            f"{where}.secret_file",
            f"cannot be read ({error})",
            "give a UTF-8 file that this user may read",
        )
        raise ConfigError(finding) from None
    if not text.startswith(_PREFIX):
        return text.encode()
    try:
        return base64.b64decode(text.removeprefix(_PREFIX), validate=True)
    except binascii.Error:
        finding = Finding(
            "alerts.secret",
            config.secret_file,
            f"{where}.secret",
            "begins with whsec_ but the rest is not base64",
            "copy the secret again, or use one without that prefix",
        )
        raise ConfigError(finding) from None
