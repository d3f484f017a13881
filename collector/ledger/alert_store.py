"""All SQL of alerts and their outbox. An alert's event and its deliveries are written in one transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from sqlalchemy import Row, and_, func, insert, literal, or_, select, update

from collector.ledger.schema import alerts, deliveries
from collector.views import AlertView

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Connection, Select

Event = Literal["opened", "closed"]
Facts = Mapping[str, int | str | None]
_PENDING: Final = and_(deliveries.c.delivered_ms.is_(None), deliveries.c.failed_ms.is_(None))


@dataclass(frozen=True, slots=True)
class StoredAlert:
    """One alert with the numbers behind its opening."""

    view: AlertView
    facts: Facts


@dataclass(frozen=True, slots=True)
class Delivery:
    """An alert's event on its way to one channel. `queued_ms` is when the event happened."""

    id: int
    channel: str
    event: Event
    attempts: int
    queued_ms: int
    alert: StoredAlert


def open_alert(connection: Connection, alert: AlertView, facts: Facts, channels: Sequence[str]) -> AlertView:
    """Store a new alert (its `id` is given here) and queue its opening for every channel.

    sqlalchemy.exc.IntegrityError where one of the same agreement, kind and subject is open already.
    """
    row = connection.execute(
        insert(alerts)
        .values(
            agreement=alert.agreement,
            kind=alert.kind,
            severity=alert.severity,
            opened_ms=alert.opened_ms,
            summary=alert.summary,
            reason=alert.reason,
            facts=dict(facts),
            subject=alert.subject,
        )
        .returning(*alerts.c)
    ).one()
    _queue(connection, row.id, "opened", channels, alert.opened_ms)
    return _stored(row).view


def close_alert(
    connection: Connection, alert_id: int, reason: str, closed_ms: int, channels: Sequence[str]
) -> AlertView | None:
    """Close an open alert and queue its closing for every channel; None where it was not open."""
    row = connection.execute(
        update(alerts)
        .where(alerts.c.id == alert_id, alerts.c.closed_ms.is_(None))
        .values(closed_ms=closed_ms, close_reason=reason)
        .returning(*alerts.c)
    ).one_or_none()
    if row is None:
        return None
    _queue(connection, alert_id, "closed", channels, closed_ms)
    return _stored(row).view


def read_open(connection: Connection) -> list[StoredAlert]:
    """Every open alert, newest first."""
    query = select(alerts).where(alerts.c.closed_ms.is_(None)).order_by(alerts.c.opened_ms.desc(), alerts.c.id.desc())
    return [_stored(row) for row in connection.execute(query)]


def read_latest(connection: Connection, limit: int) -> list[AlertView]:
    """The latest alerts, open and closed, newest first."""
    query = select(alerts).order_by(alerts.c.opened_ms.desc(), alerts.c.id.desc()).limit(limit)
    return [_stored(row).view for row in connection.execute(query)]


def read_between(connection: Connection, start_ms: int, end_ms: int) -> list[AlertView]:
    """The alerts that were open at any time in `[start_ms, end_ms)` or closed at its beginning, by opening."""
    reaches = or_(alerts.c.closed_ms.is_(None), alerts.c.closed_ms >= start_ms)
    query = select(alerts).where(alerts.c.opened_ms < end_ms, reaches).order_by(alerts.c.opened_ms, alerts.c.id)
    return [_stored(row).view for row in connection.execute(query)]


def read_last_closings(connection: Connection) -> dict[tuple[str, str], int]:
    """When the last alert of each agreement and kind closed, in milliseconds since 1970."""
    query = (
        select(alerts.c.agreement, alerts.c.kind, func.max(alerts.c.closed_ms).label("closed_ms"))
        .where(alerts.c.closed_ms.is_not(None))
        .group_by(alerts.c.agreement, alerts.c.kind)
    )
    return {(row.agreement, row.kind): row.closed_ms for row in connection.execute(query)}


# --- the outbox -----------------------------------------------------------------------------------------------------


def read_due(connection: Connection, channel: str, now_ms: int, horizon_ms: int, limit: int = 100) -> list[Delivery]:
    """What is to be sent to `channel` now, oldest first; a closing waits until its opening is through.

    A delivery set later than `now_ms + horizon_ms` was set by a clock that has since stepped back: it is due, too.
    """
    query = (
        _pending_of(channel)
        .where(or_(deliveries.c.next_ms <= now_ms, deliveries.c.next_ms > now_ms + horizon_ms))
        .order_by(deliveries.c.id)
        .limit(limit)
    )
    return [_delivery(row) for row in connection.execute(query)]


def read_next_due(connection: Connection, channel: str) -> int | None:
    """When the next delivery to `channel` is due, in milliseconds since 1970; None where nothing waits."""
    query = _pending_of(channel).with_only_columns(func.min(deliveries.c.next_ms))
    due: int | None = connection.execute(query).scalar_one()
    return due


def mark_delivered(connection: Connection, delivery_id: int, attempts: int, now_ms: int) -> None:
    """The channel has taken it."""
    _set(connection, delivery_id, attempts=attempts, delivered_ms=now_ms, error=None)


def mark_postponed(connection: Connection, delivery_id: int, attempts: int, next_ms: int, error: str) -> None:
    """The channel has not taken it; try again at `next_ms`."""
    _set(connection, delivery_id, attempts=attempts, next_ms=next_ms, error=error)


def mark_failed(connection: Connection, delivery_id: int, attempts: int, now_ms: int, error: str) -> None:
    """It is given up, and stays visible with its error."""
    _set(connection, delivery_id, attempts=attempts, failed_ms=now_ms, error=error)


def fail_orphans(connection: Connection, channels: Sequence[str], now_ms: int) -> int:
    """Give up what waits for channels that are not configured any more; how many those were."""
    error = "the configuration has no channel of this name any more"
    done = connection.execute(
        update(deliveries)
        .where(_PENDING, deliveries.c.channel.not_in(list(channels)))
        .values(failed_ms=now_ms, error=error)
    )
    return done.rowcount


def count_deliveries(connection: Connection) -> dict[str, int]:
    """How many deliveries wait (`pending`), went through (`delivered`) and were given up (`failed`)."""
    row = connection.execute(
        select(
            func.count(deliveries.c.delivered_ms).label("delivered"),
            func.count(deliveries.c.failed_ms).label("failed"),
            func.count().label("all"),
        ).select_from(deliveries)
    ).one()
    return {"pending": row.all - row.delivered - row.failed, "delivered": row.delivered, "failed": row.failed}


def read_failed(connection: Connection, limit: int) -> list[tuple[Delivery, str]]:
    """The latest deliveries that were given up, newest first, each with its error."""
    query = (
        _joined()
        .add_columns(deliveries.c.error)
        .where(deliveries.c.failed_ms.is_not(None))
        .order_by(deliveries.c.failed_ms.desc(), deliveries.c.id.desc())
        .limit(limit)
    )
    return [(_delivery(row), row.error) for row in connection.execute(query)]


def _queue(connection: Connection, alert_id: int, event: Event, channels: Sequence[str], now_ms: int) -> None:
    rows = [
        {"alert_id": alert_id, "event": event, "channel": channel, "attempts": 0, "next_ms": now_ms}
        for channel in channels
    ]
    if rows:
        connection.execute(insert(deliveries), rows)


def _pending_of(channel: str) -> Select[Any]:
    earlier = deliveries.alias("earlier")
    blocked = (
        select(literal(1))
        .where(
            earlier.c.alert_id == deliveries.c.alert_id,
            earlier.c.channel == deliveries.c.channel,
            earlier.c.id < deliveries.c.id,
            earlier.c.delivered_ms.is_(None),
            earlier.c.failed_ms.is_(None),
        )
        .exists()
    )
    return _joined().where(_PENDING, deliveries.c.channel == channel, ~blocked)


def _joined() -> Select[Any]:
    return select(
        deliveries.c.id.label("delivery_id"),
        deliveries.c.channel,
        deliveries.c.event,
        deliveries.c.attempts,
        *alerts.c,
    ).join_from(deliveries, alerts, alerts.c.id == deliveries.c.alert_id)


def _set(connection: Connection, delivery_id: int, **values: int | str | None) -> None:
    mine: ColumnElement[bool] = deliveries.c.id == delivery_id
    connection.execute(update(deliveries).where(mine).values(**values))


def _delivery(row: Row[Any]) -> Delivery:
    alert = _stored(row)
    closed_ms = alert.view.closed_ms
    queued_ms = alert.view.opened_ms if row.event == "opened" or closed_ms is None else closed_ms
    return Delivery(row.delivery_id, row.channel, row.event, row.attempts, queued_ms, alert)


def _stored(row: Row[Any]) -> StoredAlert:
    view = AlertView(
        id=row.id,
        agreement=row.agreement,
        kind=row.kind,
        severity=row.severity,
        opened_ms=row.opened_ms,
        closed_ms=row.closed_ms,
        summary=row.summary,
        reason=row.reason,
        close_reason=row.close_reason,
        subject=row.subject,
    )
    return StoredAlert(view, row.facts)
