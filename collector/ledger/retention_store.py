"""SQL of retention: what may go when it is old. Evidence, the registry, decisions and closed months never do.

Heartbeats leave no rows of their own (they extend the open run), refused messages have bounds of their own
(quarantine_store.py). What is left to grow with time are alerts and their deliveries.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sqlalchemy import and_, delete, or_, select

from collector.ledger.schema import alerts, deliveries

if TYPE_CHECKING:
    from sqlalchemy import Connection

DAY_MS: Final = 86_400_000


def let_go(connection: Connection, now_ms: int, deliveries_days: int, alerts_days: int) -> dict[str, int]:
    """Delete deliveries that came through or were given up so long ago, and alerts closed so long ago: how many.

    A delivery that still waits stays, and with it its alert; so does the last closed alert of each agreement, kind and
    subject, by which the next one is held back.
    """
    sent_ms, closed_ms = now_ms - deliveries_days * DAY_MS, now_ms - alerts_days * DAY_MS
    settled = or_(deliveries.c.delivered_ms < sent_ms, deliveries.c.failed_ms < sent_ms)
    old = and_(alerts.c.closed_ms < closed_ms, alerts.c.id.not_in(select(deliveries.c.alert_id)))
    later = alerts.alias("later")
    same = and_(*(later.c[name] == alerts.c[name] for name in ("agreement", "kind", "subject")))
    followed = select(later.c.id).where(same, later.c.closed_ms > alerts.c.closed_ms).exists()
    return {
        "deliveries": connection.execute(delete(deliveries).where(settled)).rowcount,
        "alerts": connection.execute(delete(alerts).where(old, followed)).rowcount,
    }
