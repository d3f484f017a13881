"""SQL of the quarantine: refused messages, kept for a person to look at, and bounded.

Nobody can push out what others sent: each device has a share of its own, and what is over the whole is taken first from
devices that are not registered, then from those that have the most. Of one device and reason the first message is kept
(when did it begin?) and the newest ones.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from sqlalchemy import ColumnElement, Select, case, delete, func, literal, or_, select

from collector.ledger.schema import quarantine, registered_devices

if TYPE_CHECKING:
    from sqlalchemy import Connection

DAY_MS: Final = 86_400_000
LOOK_EVERY_MS: Final = 3_600_000  # at what has become too old
ROOM_SHARE: Final = 10  # when the whole is full, a tenth of it is freed at once
_IDS_AT_ONCE: Final = 500
_MIB: Final = 1024 * 1024


class Kept(NamedTuple):
    """One refused message. `reason` is one of a closed list (docs/poison.md); `body` is as it came."""

    id: int
    received_ms: int  # the collector's clock
    topic: str
    reason: str
    detail: str
    body: bytes
    device: str = ""  # tenant/device, as the topic names it; "": it names none


class Quota(NamedTuple):
    """What is kept at most. `newest`: of one device and reason, the first one beside.

    `contradictions`: of that reason more, since what contradicts the ledger is in no other place.
    """

    newest: int = 50
    contradictions: int = 1_000
    device_bytes: int = _MIB
    rows: int = 20_000
    bytes: int = 64 * _MIB
    age_ms: int = 90 * DAY_MS


class Choice(NamedTuple):
    """Which refused messages; what is empty leaves nothing out. `[since_ms, until_ms)` by the collector's clock."""

    ids: Sequence[int] = ()
    reason: str = ""
    device: str = ""  # tenant/device
    topic: str = ""  # a part of it
    since_ms: int | None = None
    until_ms: int | None = None

    def where(self) -> list[ColumnElement[bool]]:
        """Give it as conditions."""
        column = quarantine.c
        conditions: list[tuple[bool, ColumnElement[bool]]] = [
            (bool(self.ids), column.id.in_(self.ids)),
            (bool(self.reason), column.reason == self.reason),
            (bool(self.device), column.device == self.device),
            (bool(self.topic), column.topic.contains(self.topic, autoescape=True)),
            (self.since_ms is not None, column.received_ms >= (self.since_ms or 0)),
            (self.until_ms is not None, column.received_ms < (self.until_ms or 0)),
        ]
        return [condition for wanted, condition in conditions if wanted]


EVERYTHING: Final = Choice()


@dataclass(slots=True)
class Keeper:
    """The way in, on the ledger's writing thread. `load` first, and again after a transaction that was rolled back."""

    quota: Quota = field(default_factory=Quota)
    _rows: int = 0
    _bytes: int = 0
    _looked_ms: int = 0

    def load(self, connection: Connection) -> None:
        """Count what is there."""
        total = select(func.count(), func.coalesce(func.sum(func.length(quarantine.c.body)), 0))
        self._rows, self._bytes = connection.execute(total.select_from(quarantine)).one()

    def keep(self, connection: Connection, refused: Sequence[dict[str, Any]]) -> Counter[str]:
        """Keep these, and let go what is over a bound: how many, by reason."""
        let_go: Counter[str] = Counter()
        if not refused:
            return let_go
        connection.execute(quarantine.insert(), list(refused))
        self._rows += len(refused)
        self._bytes += sum(len(message["body"]) for message in refused)
        for device in {message["device"] for message in refused}:
            let_go += self._delete(connection, self._over_share(device))
        now_ms = max(message["received_ms"] for message in refused)
        if abs(now_ms - self._looked_ms) >= LOOK_EVERY_MS:
            self._looked_ms = now_ms
            too_old = select(quarantine.c.id).where(quarantine.c.received_ms < now_ms - self.quota.age_ms)
            let_go += self._delete(connection, too_old)
        return let_go + self._make_room(connection)

    def drop(self, connection: Connection, choice: Choice) -> Counter[str]:
        """Delete what a person no longer needs: how many, by reason."""
        return self._delete(connection, select(quarantine.c.id).where(*choice.where()))

    def _over_share(self, device: str) -> Select[Any]:
        column = quarantine.c
        ranked = (
            select(
                column.id,
                column.reason,
                func.row_number().over(partition_by=column.reason, order_by=column.id.desc()).label("newest"),
                func.row_number().over(partition_by=column.reason, order_by=column.id).label("oldest"),
                func.sum(func.length(column.body)).over(order_by=column.id.desc()).label("size"),
            )
            .where(column.device == device)
            .subquery()
        )
        most = case((ranked.c.reason == "contradiction", self.quota.contradictions), else_=self.quota.newest)
        crowded = (ranked.c.newest > most) & (ranked.c.oldest > 1)
        return select(ranked.c.id).where(or_(crowded, ranked.c.size > self.quota.device_bytes))

    def _make_room(self, connection: Connection) -> Counter[str]:
        rows, size = self._rows - self.quota.rows, self._bytes - self.quota.bytes
        if rows <= 0 and size <= 0:
            return Counter()
        rows += self.quota.rows // ROOM_SHARE
        size += self.quota.bytes // ROOM_SHARE
        chosen: list[int] = []
        for number, length in connection.execute(_THE_FIRST_TO_GO).all():
            if rows <= 0 and size <= 0:
                break
            chosen.append(number)
            rows -= 1
            size -= length
        let_go: Counter[str] = Counter()
        for first in range(0, len(chosen), _IDS_AT_ONCE):
            let_go += self._delete(connection, chosen[first : first + _IDS_AT_ONCE])
        return let_go

    def _delete(self, connection: Connection, which: Select[Any] | list[int]) -> Counter[str]:
        statement = delete(quarantine).where(quarantine.c.id.in_(which))
        returning = statement.returning(quarantine.c.reason, func.length(quarantine.c.body))
        let_go: Counter[str] = Counter()
        for reason, length in connection.execute(returning).all():
            let_go[reason] += 1
            self._rows -= 1
            self._bytes -= length
        return let_go


def _first_to_go() -> Select[Any]:
    column, known = quarantine.c, registered_devices.c
    is_registered = select(literal(1)).where(known.tenant + "/" + known.id == column.device).exists()
    rank = func.row_number().over(partition_by=column.device, order_by=column.id.desc())
    return select(column.id, func.length(column.body)).order_by(
        case((is_registered, 1), else_=0), rank.desc(), column.id
    )


_THE_FIRST_TO_GO: Final = _first_to_go()


def kept_messages(connection: Connection, choice: Choice = EVERYTHING, limit: int | None = None) -> list[Kept]:
    """The latest `limit` of the chosen messages (all: None), oldest first."""
    query = select(quarantine).where(*choice.where()).order_by(quarantine.c.id.desc())
    return [Kept(*row) for row in connection.execute(query.limit(limit) if limit is not None else query)][::-1]


def kept_message(connection: Connection, number: int) -> Kept | None:
    """One refused message, None where there is none of that number."""
    row = connection.execute(select(quarantine).where(quarantine.c.id == number)).one_or_none()
    return None if row is None else Kept(*row)


def count_by_reason(connection: Connection, choice: Choice = EVERYTHING) -> dict[str, int]:
    """How many of the chosen messages there are, by reason."""
    query = select(quarantine.c.reason, func.count()).where(*choice.where())
    found: Iterable[Any] = connection.execute(query.group_by(quarantine.c.reason).order_by(quarantine.c.reason))
    return {row[0]: row[1] for row in found}
