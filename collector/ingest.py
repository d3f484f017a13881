"""Message → ledger → ack.

`receive` is called for every message, on the event loop, and only looks at it: decode, check, put aside. `run` takes
what was put aside through the ledger, a batch at a time, and acknowledges closed runs after the commit and never
before. A message that is wrong is refused, counted by reason and kept; it never stops the ones behind it.

Overload: heartbeats are shed first, since they restate; then everything that is not acknowledged, since agents send it
again. Both are counted. A ledger that cannot be written (disk full) keeps the batch and tries again.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, Final

import structlog
from sqlalchemy.exc import DatabaseError

from collector.ledger.evidence_store import EvidenceStore, Outcome, Received, Refused
from common.clock import Clock
from wire.messages import Ack, Heartbeat, MessageError, Runs, decode
from wire.seqs import to_ranges
from wire.topics import Address, Kind, TopicError, parse_topic

if TYPE_CHECKING:
    from collector.ledger.ledger import Ledger

log = structlog.get_logger(__name__)

BATCH_MESSAGES: Final = 4000
BATCH_WAIT_S: Final = 0.05
SHED_HEARTBEATS_AT: Final = 50_000  # messages waiting
SHED_ALL_AT: Final = 100_000
RETRY_S: Final = 2.0
KEPT_BODY_BYTES: Final = 64 * 1024

Acknowledge = Callable[[Address, Ack], None]
Changed = Callable[[Outcome], None]
Heard = Callable[[Address, Heartbeat, int], None]

_parse = lru_cache(maxsize=65_536)(parse_topic)


class Ingest:
    """The way in. `acknowledge` sends an ack; `changed` and `heard` tell the live view, after the commit."""

    def __init__(self, ledger: Ledger, clock: Clock, acknowledge: Acknowledge, changed: Changed, heard: Heard) -> None:
        self._ledger = ledger
        self._clock = clock
        self._acknowledge = acknowledge
        self._changed = changed
        self._heard = heard
        self._store = EvidenceStore()
        self._received: list[Received] = []
        self._refused: list[Refused] = []
        self._something = asyncio.Event()
        self._stopping = False
        self.received_total: Counter[str] = Counter()  # by kind
        self.refused_total: Counter[str] = Counter()  # by reason
        self.shed_total = 0
        self.committed_total = 0
        self.acknowledged_total = 0
        self.failing_since_ms: int | None = None

    async def load(self) -> None:
        """Read what the join needs; call once before `run`."""
        await self._ledger.write(self._store.load)

    @property
    def waiting(self) -> int:
        """Messages that are not yet in the ledger."""
        return len(self._received)

    def receive(self, topic: str, body: bytes, *, retained: bool = False) -> None:
        """Take in one message from the broker; never raises."""
        now_ms = self._clock.wall_ms()
        try:
            address, kind = _parse(topic)
        except TopicError as error:
            self._refuse(now_ms, topic, "topic", str(error), body)
            return
        if retained:
            self._refuse(now_ms, topic, "retained", "agents send nothing retained: clear it at the broker", body)
            return
        if kind == "ack":
            self._refuse(now_ms, topic, "not_from_device", "only the collector acknowledges", body)
            return
        self._decode(address, kind, topic, body, now_ms)

    def accept(self, statement: Received) -> None:
        """Take in a statement of the collector's own (its portal check), by the same road."""
        self._received.append(statement)
        self._something.set()

    async def run(self) -> None:
        """Take batches through the ledger until `stop`, then what is left."""
        while not self._stopping or self._received or self._refused:
            await self._something.wait()
            if len(self._received) < BATCH_MESSAGES and not self._stopping:
                await asyncio.sleep(BATCH_WAIT_S)
            await self._commit()
            if not self._received and not self._refused and not self._stopping:
                self._something.clear()

    def stop(self) -> None:
        """Let `run` finish what has been received and return."""
        self._stopping = True
        self._something.set()

    def _decode(self, address: Address, kind: Kind, topic: str, body: bytes, now_ms: int) -> None:
        try:
            message = decode(kind, body)
        except MessageError as error:
            self._refuse(now_ms, topic, error.reason, error.detail, body)
            return
        if isinstance(message, Ack) or self._sheds(message):
            return
        self.received_total[kind] += 1
        self._received.append(Received(address, message, now_ms))
        if isinstance(message, Heartbeat):
            self._heard(address, message, now_ms)
        if not self._something.is_set():
            self._something.set()

    def _sheds(self, message: object) -> bool:
        waiting = len(self._received)
        if waiting < SHED_HEARTBEATS_AT or (waiting < SHED_ALL_AT and isinstance(message, Runs)):
            return False
        self.shed_total += 1
        return True

    def _refuse(self, now_ms: int, topic: str, reason: str, detail: str, body: bytes) -> None:
        self.refused_total[reason] += 1
        if len(self._refused) < BATCH_MESSAGES:  # a flood is counted in full, and kept in part
            self._refused.append(Refused(now_ms, topic[:1000], reason, detail[:1000], body[:KEPT_BODY_BYTES]))
        self._something.set()

    async def _commit(self) -> None:
        received, self._received = self._received[:BATCH_MESSAGES], self._received[BATCH_MESSAGES:]
        refused, self._refused = self._refused, []
        outcome = await self._to_ledger(received, refused)
        self.committed_total += len(received)
        self._changed(outcome)
        for (address, spool), seqs in outcome.acks.items():
            self._acknowledge(address, Ack(spool=spool, seqs=to_ranges(seqs)))
            self.acknowledged_total += len(seqs)

    async def _to_ledger(self, received: list[Received], refused: list[Refused]) -> Outcome:
        fresh = False
        while True:
            try:
                if fresh:
                    await self.load()
                outcome = await self._ledger.write(lambda connection: self._store.apply(connection, received, refused))
            except DatabaseError as error:
                fresh = True
                if self.failing_since_ms is None:
                    self.failing_since_ms = self._clock.wall_ms()
                log.warning("ledger_cannot_be_written", error=str(error.orig), waiting=self.waiting, retry_s=RETRY_S)
                await asyncio.sleep(RETRY_S)
            else:
                self.failing_since_ms = None
                return outcome
