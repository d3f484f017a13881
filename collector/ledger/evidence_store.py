"""What the join of a batch of messages does to the ledger: devices, clocks, runs, refused messages.

`apply` takes one batch of messages through the join into the ledger, in the caller's transaction, and tells what came
of it; nothing is acknowledged before that transaction is committed.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING

from sqlalchemy import Connection, and_, or_, select

from collector.clocks.truetime import note_heard, note_message, note_told
from collector.evidence import RunRow, closed_row, in_true_time, join, open_row
from collector.intake.conflicts import Voice, contradicts
from collector.ledger import schema
from collector.ledger.clock_store import ClockStore
from collector.ledger.conflict_store import Conflicts, said
from collector.ledger.device_store import Devices, greet, write_devices
from collector.ledger.intake import DeviceRow, Outcome, Received, Refused
from collector.ledger.placing_store import Unplaced, guesses
from collector.ledger.quarantine_store import Keeper
from collector.ledger.run_writes import join_into, put_there, stored
from wire.messages import BootClock, Gone, Heartbeat, Hello, Runs, Stamped
from wire.topics import Address, topic

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(slots=True)
class _Draft:
    """A batch on its way: joined among itself, not yet in true time."""

    rows: dict[tuple[int, str, int], RunRow] = field(default_factory=dict)
    greeted: set[int] = field(default_factory=set)  # devices that said hello
    contradictions: list[tuple[RunRow, str]] = field(default_factory=list)

    def add(self, row: RunRow) -> None:
        key = row.device_id, row.spool, row.seq
        known = self.rows.get(key)
        if known is None:
            self.rows[key] = row
            return
        self.rows[key] = join(known, row)
        if why := contradicts(known, row):
            self.contradictions.append((row, why))


class EvidenceStore:
    """The join of messages into the ledger, with the devices and clocks that it needs at hand."""

    def __init__(self) -> None:
        self._devices = Devices()
        self._clocks = ClockStore()
        self._unplaced = Unplaced()
        self.quarantine = Keeper()
        self._conflicts = Conflicts()

    def load(self, connection: Connection) -> dict[Address, DeviceRow]:
        """Read the devices; call once before `apply`, and again after a transaction that was rolled back."""
        self._devices.load(connection)
        self._clocks = ClockStore()
        self._unplaced.load(connection)
        self.quarantine.load(connection)
        self._conflicts.load(connection)
        return dict(self._devices.by_address)

    def apply(self, connection: Connection, received: Iterable[Received], refused: Iterable[Refused]) -> Outcome:
        """Join one batch into the ledger."""
        outcome, draft = Outcome(), _Draft()
        for statement in received:
            device = self._device(statement)
            outcome.devices[statement.address] = device
            self._take(connection, device, statement, draft, outcome)
        changed = self._move(connection)
        rows = [self._true(connection, row) for row in draft.rows.values()]
        changed += self._write(connection, draft, rows, outcome.devices.values())
        changed += self._place(connection, changed)
        kept = [*refused, *self._contradictions(draft)]
        outcome.let_go = self.quarantine.keep(connection, [message._asdict() for message in kept])
        outcome.contradictions, outcome.conflicts = len(draft.contradictions), self._conflicts.write(connection)
        self._clocks.end((device.id, device.boot) for device in outcome.devices.values())
        # Copies: these go to the event loop, while the next batch may already be changing the store's own.
        outcome.devices = {address: replace(device) for address, device in outcome.devices.items()}
        outcome.rows = [(self._devices.address(row.device_id), row) for row in changed]
        return outcome

    def _device(self, statement: Received) -> DeviceRow:
        device = self._devices.by_address.get(statement.address)
        if device is None:
            device = self._devices.add(statement.address, statement.received_ms)
            self._clocks.add_device(device.id)
        if not statement.again:
            device.last_received_ms = statement.received_ms
        return device

    def _take(
        self, connection: Connection, device: DeviceRow, statement: Received, draft: _Draft, outcome: Outcome
    ) -> None:
        message, received_ms = statement.message, statement.received_ms
        if isinstance(message, Gone):
            device.gone = device.gone or device.boot in {None, message.boot}
            return
        if not statement.again:
            same_boot = device.boot == message.boot
            if device.boot is not None and (not same_boot or isinstance(message, Hello)):
                self._listen(connection, device, message, received_ms)
            device.mono_ms = max(device.mono_ms, message.mono_ms) if same_boot else message.mono_ms
            device.gone, device.boot = False, message.boot
        before = self._clocks.of(connection, device.id, message.boot)
        after = note_message(
            before,
            sent_ms=message.sent_ms,
            mono_ms=message.mono_ms,
            synced=message.synced,
            received_ms=received_ms,
        )
        if after is not before:
            self._clocks.put(device.id, message.boot, after)
        if isinstance(message, Heartbeat):
            for run in message.open:
                draft.add(open_row(device.id, message.spool, run, message.boot, message.mono_ms, message.sent_ms))
        elif isinstance(message, Runs):
            acknowledged = outcome.acks[statement.address, message.spool]
            for run in message.runs:
                draft.add(closed_row(device.id, message.spool, run))
                acknowledged.append(run.seq)
            self._remember(connection, device, message.clocks, received_ms)
            self._hear(connection, device, message, received_ms)
        else:
            if not statement.again:
                greet(device, message)
                draft.greeted.add(device.id)
            self._remember(connection, device, message.clocks, received_ms)

    def _listen(self, connection: Connection, device: DeviceRow, message: Stamped, received_ms: int) -> None:
        """Find out whether two machines have this name: another boot speaks than before, or another spool."""
        spoken = str((device.hello or {}).get("spool", ""))
        spool = message.spool if isinstance(message, Hello) else spoken
        before, now = Voice(device.boot or "", spoken, device.mono_ms), Voice(message.boot, spool, message.mono_ms)
        if before.boot != now.boot:  # then their spools tell nothing more
            before, now = before._replace(spool=""), now._replace(spool="")
        elif not spoken or spoken == spool:
            return

        def alive_at(boot: str, mono_ms: int) -> int:
            curve = self._clocks.of(connection, device.id, boot).curve
            return mono_ms + (curve.at(mono_ms) if curve is not None else received_ms - message.mono_ms)

        if proof := self._conflicts.changed_voice(device.id, before, now, alive_at):
            self._conflicts.note(device.id, device.address, "two_machines", received_ms, proof)

    def _remember(
        self, connection: Connection, device: DeviceRow, clocks: Iterable[BootClock], received_ms: int
    ) -> None:
        """Take in what an agent remembers of the clocks of earlier boots."""
        for told in clocks:
            before = self._clocks.of(connection, device.id, told.boot)
            after = note_told(before, offset_ms=told.offset_ms, received_ms=received_ms, mono_ms=told.mono_ms)
            if after is not before:
                self._clocks.put(device.id, told.boot, after)

    def _hear(self, connection: Connection, device: DeviceRow, message: Runs, received_ms: int) -> None:
        """Note that the earlier boots of which it tells had ended when its own began."""
        told = {boot for run in message.runs for boot in (run.boot, run.end_boot) if boot} - {message.boot}
        for boot in told:
            before = self._clocks.of(connection, device.id, boot)
            after = note_heard(before, mono_ms=message.mono_ms, received_ms=received_ms)
            if after is not before:
                self._clocks.put(device.id, boot, after)

    def _true(self, connection: Connection, row: RunRow) -> RunRow:
        start_clock = self._clocks.of(connection, row.device_id, row.boot)
        end_clock = (
            start_clock if row.end_boot == row.boot else self._clocks.of(connection, row.device_id, row.end_boot)
        )
        return in_true_time(row, start_clock, end_clock)

    def _move(self, connection: Connection) -> list[RunRow]:
        """Put stored runs of boots whose offset changed at their new true time."""
        moved: list[RunRow] = []
        runs = schema.runs.c
        for device_id, boot, from_ms, first in self._clocks.moved():
            if first and device_id not in self._unplaced:
                continue  # no stored run can be of it: that would be estimated
            there = and_(runs.boot == boot, or_(runs.end_boot != runs.boot, runs.end_mono_ms >= from_ms))
            ends_there = and_(runs.end_boot == boot, runs.end_boot != runs.boot)  # as its index has it
            query = select(schema.runs).where(runs.device_id == device_id, or_(there, ends_there))
            for found in connection.execute(query):
                row = RunRow(*found)
                if (true := self._true(connection, row)) != row:
                    moved.append(true)
        put_there(connection, moved)
        return moved

    def _place(self, connection: Connection, changed: list[RunRow]) -> list[RunRow]:
        """Put runs of boots of whose clock nothing is known between their neighbours."""
        placed: list[RunRow] = []
        moved = [*(boot.device_id for boot in self._clocks.moved()), *self._clocks.bounded()]
        for device_id in self._unplaced.touched(changed, moved):
            rows = self._unplaced.rows(connection, device_id)

            clock = partial(self._clocks.of, connection, device_id)
            known = {boot: guess.clock() for boot, guess in guesses(connection, rows, clock).items()}
            for row in rows:
                start, end = (known.get(boot) or clock(boot) for boot in (row.boot, row.end_boot))
                if (true := in_true_time(row, start, end)) != row:
                    placed.append(true)
        put_there(connection, placed)
        return placed

    def _write(
        self,
        connection: Connection,
        draft: _Draft,
        rows: list[RunRow],
        devices: Iterable[DeviceRow],
    ) -> list[RunRow]:
        write_devices(connection, devices, draft.greeted)
        self._clocks.write(connection)
        changed = join_into(connection, rows)
        if len(changed) < len(rows):
            self._compare(connection, draft, rows, {row[:3] for row in changed})
        return changed

    def _compare(
        self, connection: Connection, draft: _Draft, rows: list[RunRow], changed: set[tuple[int, str, int]]
    ) -> None:
        """Find among the rows that changed nothing those that say otherwise than the ledger."""
        unchanged = {row[:3]: row for row in rows if row[:3] not in changed}
        for known in stored(connection, list(unchanged)):
            row = unchanged[known[:3]]
            if why := contradicts(known, row):
                draft.contradictions.append((row, why))

    def _contradictions(self, draft: _Draft) -> list[Refused]:
        """What contradicts the ledger is kept beside it, and its device is named."""
        kept = []
        for row, why in draft.contradictions:
            device = self._devices.named(row.device_id)
            address, now_ms = device.address, device.last_received_ms
            self._conflicts.note(row.device_id, address, "contradiction", now_ms, why)
            where = topic(address, "runs" if row.closed else "heartbeat")
            kept.append(Refused(now_ms, where, "contradiction", why, said(row), str(address)))
        return kept
