"""SQL of the evidence: devices, boots, runs, refused messages. Used on the ledger's writing thread only.

`apply` takes one batch of messages through the join into the ledger, in the caller's transaction, and tells what came
of it; nothing is acknowledged before that transaction is committed.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec
from sqlalchemy import Connection, and_, bindparam, or_, select, update

from collector.evidence import RunRow, closed_row, in_true_time, join, open_row
from collector.ledger import schema
from collector.ledger.upsert import upsert
from collector.truetime import UNKNOWN, BootClock, note_message, note_told
from wire.messages import Gone, Heartbeat, Hello, Runs
from wire.topics import Address

if TYPE_CHECKING:
    from collections.abc import Iterable

Statement = Hello | Heartbeat | Runs | Gone

DEFAULT_INTERVAL_MS: Final = 15_000
_RUN_KEY: Final = ("device_id", "spool", "seq")
_MILLISECONDS: Final = 1000


class Received(NamedTuple):
    """A message that was understood, and when it came (the collector's wall clock)."""

    address: Address
    message: Statement
    received_ms: int


class Refused(NamedTuple):
    """A message that was not, kept for a person to look at."""

    received_ms: int
    topic: str
    reason: str
    detail: str
    body: bytes


@dataclass(slots=True)
class DeviceRow:
    """What the ledger knows of a device that ever reported."""

    id: int
    address: Address
    first_seen_ms: int
    last_received_ms: int
    interval_ms: int = DEFAULT_INTERVAL_MS
    boot: str | None = None
    gone: bool = False
    hello: dict[str, object] | None = None


@dataclass(slots=True)
class Outcome:
    """What a committed batch changed."""

    acks: dict[tuple[Address, str], list[int]] = field(default_factory=lambda: defaultdict(list))
    rows: list[tuple[Address, RunRow]] = field(default_factory=list)
    devices: dict[Address, DeviceRow] = field(default_factory=dict)


@dataclass(slots=True)
class _Draft:
    """A batch on its way: joined among itself, not yet in true time."""

    rows: dict[tuple[int, str, int], RunRow] = field(default_factory=dict)
    boots: set[tuple[int, str]] = field(default_factory=set)
    moved: set[tuple[int, str]] = field(default_factory=set)

    def add(self, row: RunRow) -> None:
        key = row.device_id, row.spool, row.seq
        known = self.rows.get(key)
        self.rows[key] = row if known is None else join(known, row)


class EvidenceStore:
    """The join of messages into the ledger, with the devices and clocks that it needs at hand."""

    def __init__(self) -> None:
        self._devices: dict[Address, DeviceRow] = {}
        self._addresses: dict[int, Address] = {}
        self._clocks: dict[int, dict[str, BootClock]] = {}
        self._next_id = 1

    def load(self, connection: Connection) -> dict[Address, DeviceRow]:
        """Read the devices; call once before `apply`, and again after a transaction that was rolled back."""
        self._devices.clear()
        self._addresses.clear()
        self._clocks.clear()
        for found in connection.execute(select(schema.devices)):
            address = Address(found.tenant, found.device)
            self._devices[address] = DeviceRow(
                found.id,
                address,
                found.first_seen_ms,
                found.last_received_ms,
                found.interval_ms,
                found.boot,
                found.gone,
                found.hello,
            )
            self._addresses[found.id] = address
        self._next_id = max(self._addresses, default=0) + 1
        return dict(self._devices)

    def apply(self, connection: Connection, received: Iterable[Received], refused: Iterable[Refused]) -> Outcome:
        """Join one batch into the ledger."""
        outcome, draft = Outcome(), _Draft()
        for statement in received:
            device = self._device(statement)
            outcome.devices[statement.address] = device
            self._take(connection, device, statement, draft, outcome)
        rows = [self._true(connection, row) for row in draft.rows.values()]
        rows_moved = self._move(connection, draft)
        self._write(connection, draft, rows, outcome.devices.values(), refused)
        outcome.rows = [(self._addresses[row.device_id], row) for row in (*rows, *rows_moved)]
        return outcome

    def _device(self, statement: Received) -> DeviceRow:
        device = self._devices.get(statement.address)
        if device is None:
            number = self._next_id
            self._next_id += 1
            device = DeviceRow(number, statement.address, statement.received_ms, statement.received_ms)
            self._devices[statement.address] = device
            self._addresses[number] = statement.address
            self._clocks[number] = {}
        device.last_received_ms = max(device.last_received_ms, statement.received_ms)
        return device

    def _take(
        self, connection: Connection, device: DeviceRow, statement: Received, draft: _Draft, outcome: Outcome
    ) -> None:
        message, received_ms = statement.message, statement.received_ms
        if isinstance(message, Gone):
            device.gone = device.gone or device.boot in {None, message.boot}
            return
        device.gone, device.boot = False, message.boot
        clocks = self._clocks_of(connection, device.id)
        before = clocks.get(message.boot, UNKNOWN)
        after = note_message(
            before,
            sent_ms=message.sent_ms,
            mono_ms=message.mono_ms,
            synced=message.synced,
            received_ms=received_ms,
        )
        self._learn(draft, device.id, message.boot, before, after)
        if isinstance(message, Heartbeat):
            for run in message.open:
                draft.add(open_row(device.id, message.spool, run, message.boot, message.mono_ms, message.sent_ms))
        elif isinstance(message, Runs):
            acknowledged = outcome.acks[statement.address, message.spool]
            for run in message.runs:
                draft.add(closed_row(device.id, message.spool, run))
                acknowledged.append(run.seq)
        else:
            self._greet(draft, device, message, received_ms)

    def _greet(self, draft: _Draft, device: DeviceRow, hello: Hello, received_ms: int) -> None:
        device.interval_ms = int(hello.interval_s * _MILLISECONDS)
        device.hello = msgspec.to_builtins(hello)
        clocks = self._clocks[device.id]
        for told in hello.clocks:
            before = clocks.get(told.boot, UNKNOWN)
            after = note_told(before, offset_ms=told.offset_ms, received_ms=received_ms)
            self._learn(draft, device.id, told.boot, before, after)

    def _learn(self, draft: _Draft, device_id: int, boot: str, before: BootClock, after: BootClock) -> None:
        if after is before:
            return
        self._clocks[device_id][boot] = after
        draft.boots.add((device_id, boot))
        if after.offset() != before.offset():
            draft.moved.add((device_id, boot))

    def _clocks_of(self, connection: Connection, device_id: int) -> dict[str, BootClock]:
        clocks = self._clocks.get(device_id)
        if clocks is None:
            boots = schema.boots
            clocks = self._clocks[device_id] = {
                found.boot: BootClock(
                    found.synced_mono_ms, found.synced_offset_ms, found.told_offset_ms, found.received_offset_ms
                )
                for found in connection.execute(select(boots).where(boots.c.device_id == device_id))
            }
        return clocks

    def _true(self, connection: Connection, row: RunRow) -> RunRow:
        clocks = self._clocks_of(connection, row.device_id)
        start_clock = clocks.get(row.boot, UNKNOWN)
        end_clock = start_clock if row.end_boot == row.boot else clocks.get(row.end_boot, UNKNOWN)
        return in_true_time(row, start_clock, end_clock)

    def _move(self, connection: Connection, draft: _Draft) -> list[RunRow]:
        """Put stored runs of boots whose offset changed at their new true time."""
        moved: list[RunRow] = []
        table = schema.runs
        for device_id, boot in draft.moved:
            stored = connection.execute(
                select(table).where(table.c.device_id == device_id, or_(table.c.boot == boot, table.c.end_boot == boot))
            )
            moved += [self._true(connection, RunRow(*found)) for found in stored]
        if moved:
            connection.execute(_MOVE, [_renamed(row) for row in moved])
        return moved

    def _write(
        self,
        connection: Connection,
        draft: _Draft,
        rows: list[RunRow],
        devices: Iterable[DeviceRow],
        refused: Iterable[Refused],
    ) -> None:
        upsert(connection, schema.devices, ("id",), [_device_values(device) for device in devices])
        upsert(connection, schema.boots, ("device_id", "boot"), [self._boot_values(*key) for key in draft.boots])
        stale = schema.runs.c
        upsert(
            connection,
            schema.runs,
            _RUN_KEY,
            [row._asdict() for row in rows],
            # the join, as SQL: a closed run stands; an open statement counts where it reaches further
            where=lambda new: and_(~stale.closed, or_(new.closed, new.end_mono_ms > stale.end_mono_ms)),
        )
        kept = [message._asdict() for message in refused]
        if kept:
            connection.execute(schema.quarantine.insert(), kept)

    def _boot_values(self, device_id: int, boot: str) -> dict[str, object]:
        clock = self._clocks[device_id][boot]
        return {
            "device_id": device_id,
            "boot": boot,
            "synced_mono_ms": clock.synced_mono_ms,
            "synced_offset_ms": clock.synced_offset_ms,
            "told_offset_ms": clock.told_offset_ms,
            "received_offset_ms": clock.received_offset_ms,
        }


_MOVE: Final = (
    update(schema.runs)
    .where(and_(*(schema.runs.c[name] == bindparam(f"of_{name}") for name in _RUN_KEY)))
    .values(start_ms=bindparam("to_start_ms"), end_ms=bindparam("to_end_ms"), clock=bindparam("to_clock"))
)


def _renamed(row: RunRow) -> dict[str, object]:
    return {
        "of_device_id": row.device_id,
        "of_spool": row.spool,
        "of_seq": row.seq,
        "to_start_ms": row.start_ms,
        "to_end_ms": row.end_ms,
        "to_clock": row.clock,
    }


def _device_values(device: DeviceRow) -> dict[str, object]:
    return {
        "id": device.id,
        "tenant": device.address.tenant,
        "device": device.address.device,
        "first_seen_ms": device.first_seen_ms,
        "last_received_ms": device.last_received_ms,
        "interval_ms": device.interval_ms,
        "boot": device.boot,
        "gone": device.gone,
        "hello": device.hello,
    }


def runs_of(connection: Connection, address: Address, output: str, start_ms: int, end_ms: int) -> list[RunRow]:
    """The runs of one output that touch `[start_ms, end_ms)`, in painting order."""
    runs, devices = schema.runs, schema.devices
    found = connection.execute(
        select(runs)
        .join(devices, devices.c.id == runs.c.device_id)
        .where(
            devices.c.tenant == address.tenant,
            devices.c.device == address.device,
            runs.c.output == output,
            runs.c.end_ms > start_ms,
            runs.c.start_ms < end_ms,
        )
        .order_by(runs.c.start_ms, runs.c.spool, runs.c.seq)
    )
    return [RunRow(*row) for row in found]


def runs_since(connection: Connection, start_ms: int) -> list[tuple[Address, RunRow]]:
    """Every run that reaches beyond `start_ms`, with its device."""
    runs, devices = schema.runs, schema.devices
    found = connection.execute(
        select(devices.c.tenant, devices.c.device, *runs.c)
        .join(devices, devices.c.id == runs.c.device_id)
        .where(runs.c.end_ms > start_ms)
    )
    return [(Address(row[0], row[1]), RunRow(*row[2:])) for row in found]


def latest_runs(connection: Connection) -> list[tuple[Address, RunRow]]:
    """The run of each output that reaches furthest: the last word of devices that fell silent long ago."""
    runs, devices = schema.runs, schema.devices
    ranked = select(runs.c.device_id, runs.c.output).distinct().subquery()
    newest = (
        select(runs.c.end_ms)
        .where(runs.c.device_id == ranked.c.device_id, runs.c.output == ranked.c.output)
        .order_by(runs.c.end_ms.desc())
        .limit(1)
        .correlate(ranked)
        .scalar_subquery()
    )
    found = connection.execute(
        select(devices.c.tenant, devices.c.device, *runs.c)
        .select_from(ranked)
        .join(
            runs,
            and_(
                runs.c.device_id == ranked.c.device_id,
                runs.c.output == ranked.c.output,
                runs.c.end_ms == newest,
            ),
        )
        .join(devices, devices.c.id == runs.c.device_id)
    )
    return [(Address(row[0], row[1]), RunRow(*row[2:])) for row in found]
