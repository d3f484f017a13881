"""SQL of the quarantine: refused messages, kept for a person to look at."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import func, select

from collector.ledger.schema import quarantine

if TYPE_CHECKING:
    from sqlalchemy import Connection


class Kept(NamedTuple):
    """One refused message. `reason` is one of the wire's or the collector's closed list; `body` is as it came."""

    id: int
    received_ms: int  # the collector's clock
    topic: str
    reason: str
    detail: str
    body: bytes


def kept_messages(connection: Connection, limit: int | None = None, reason: str = "", topic: str = "") -> list[Kept]:
    """The latest `limit` refused messages (all: None), oldest first; of one reason, and with `topic` in their topic."""
    query = select(quarantine).order_by(quarantine.c.id.desc())
    if reason:
        query = query.where(quarantine.c.reason == reason)
    if topic:
        query = query.where(quarantine.c.topic.contains(topic, autoescape=True))
    return [Kept(*row) for row in connection.execute(query.limit(limit) if limit is not None else query)][::-1]


def kept_message(connection: Connection, number: int) -> Kept | None:
    """One refused message, None where there is none of that number."""
    row = connection.execute(select(quarantine).where(quarantine.c.id == number)).one_or_none()
    return None if row is None else Kept(*row)


def count_by_reason(connection: Connection) -> dict[str, int]:
    """How many messages were refused, by reason."""
    query = select(quarantine.c.reason, func.count()).group_by(quarantine.c.reason).order_by(quarantine.c.reason)
    return {row[0]: row[1] for row in connection.execute(query)}
