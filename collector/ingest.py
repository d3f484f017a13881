"""Message → ledger → ack.

`receive` is called for every message, on the event loop, and only looks at it: decode, check, put aside. `run` takes
what was put aside through the ledger, a batch at a time, and acknowledges closed runs after the commit and never
before. A message that is wrong is refused, counted by reason and kept; it never stops the ones behind it.

What waits is weighed in runs and not in messages, since one message may carry 500 of them. Overload: heartbeats are
shed first, since they restate; then everything that is not acknowledged, since agents send it again. Both are counted.
A ledger that cannot be written (disk full) keeps the batch and tries again. A message that passed every check and still
cannot be put into the ledger is found by halving the batch, and refused like any other.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, Final

import structlog
from sqlalchemy.exc import DatabaseError, DataError, IntegrityError, StatementError

from collector.ledger.evidence_store import EvidenceStore, Outcome, Received, Refused, Statement
from common.clock import Clock
from wire.messages import Ack, Gone, Heartbeat, Hello, Message, MessageError, Runs, decode, encode
from wire.seqs import to_ranges
from wire.states import PLAYER_STATES
from wire.topics import Address, Kind, TopicError, parse_topic, topic

if TYPE_CHECKING:
    from collector.ledger.ledger import Ledger

log = structlog.get_logger(__name__)

BATCH_WEIGHT: Final = 4000  # of one transaction: a message weighs 1, and 1 more for each run after the first
BATCH_WAIT_S: Final = 0.05
SHED_HEARTBEATS_AT: Final = 50_000  # weight waiting
SHED_ALL_AT: Final = 100_000
REFUSED_AT_ONCE: Final = 4000
RETRY_S: Final = 2.0
KEPT_BODY_BYTES: Final = 64 * 1024
RANGES_AT_ONCE: Final = 1000  # in one ack, which must not be over 64 KiB
AHEAD_MAX_MS: Final = 1000  # by which a run may end after the message that tells of it

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
        self._received: deque[Received] = deque()
        self._weight = 0
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

    @property
    def waiting_weight(self) -> int:
        """How much work they are: 1 each, and 1 more for each run after the first."""
        return self._weight

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
        self._weight += weigh(statement.message)
        self._something.set()

    async def run(self) -> None:
        """Take batches through the ledger until `stop`, then what is left."""
        while not self._stopping or self._received or self._refused:
            await self._something.wait()
            if self._weight < BATCH_WEIGHT and not self._stopping:
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
            check(message)
        except MessageError as error:
            self._refuse(now_ms, topic, error.reason, error.detail, body)
            return
        if isinstance(message, Ack) or self._sheds(message):
            return
        self.received_total[kind] += 1
        self.accept(Received(address, message, now_ms))
        if isinstance(message, Heartbeat):
            self._heard(address, message, now_ms)

    def _sheds(self, message: object) -> bool:
        if self._weight < SHED_HEARTBEATS_AT or (self._weight < SHED_ALL_AT and isinstance(message, Runs)):
            return False
        self.shed_total += 1
        return True

    def _refuse(self, now_ms: int, topic: str, reason: str, detail: str, body: bytes) -> None:
        self.refused_total[reason] += 1
        if len(self._refused) < REFUSED_AT_ONCE:  # a flood is counted in full, and kept in part
            self._refused.append(Refused(now_ms, topic[:1000], reason, detail[:1000], body[:KEPT_BODY_BYTES]))
        self._something.set()

    async def _commit(self) -> None:
        received = self._next_batch()
        refused, self._refused = self._refused, []
        outcome = await self._to_ledger(received, refused)
        self.committed_total += len(received)
        self._changed(outcome)
        for (address, spool), seqs in outcome.acks.items():
            ranges = to_ranges(seqs)
            for first in range(0, len(ranges), RANGES_AT_ONCE):
                self._acknowledge(address, Ack(spool=spool, seqs=ranges[first : first + RANGES_AT_ONCE]))
            self.acknowledged_total += len(seqs)

    def _next_batch(self) -> list[Received]:
        batch: list[Received] = []
        weight = 0
        while self._received and weight < BATCH_WEIGHT:
            batch.append(self._received.popleft())
            weight += weigh(batch[-1].message)
        self._weight -= weight
        return batch

    async def _to_ledger(self, received: list[Received], refused: list[Refused]) -> Outcome:
        while True:
            try:
                outcome = await self._ledger.write(lambda connection: self._store.apply(connection, received, refused))
            except DatabaseError as error:
                if isinstance(error, (IntegrityError, DataError)):  # it will never do, however often it is tried
                    return await self._halve(received, refused, error)
                if self.failing_since_ms is None:
                    self.failing_since_ms = self._clock.wall_ms()
                log.warning("ledger_cannot_be_written", error=str(error.orig), waiting=self.waiting, retry_s=RETRY_S)
                await asyncio.sleep(RETRY_S)
                await self._reload()
            except (ValueError, OverflowError, StatementError) as error:  # what no column can hold
                return await self._halve(received, refused, error)
            else:
                self.failing_since_ms = None
                return outcome

    async def _reload(self) -> None:
        """After a transaction that was rolled back; a ledger that cannot be read will not be written either."""
        try:
            await self.load()
        except DatabaseError as error:
            log.warning("ledger_cannot_be_read", error=str(error.orig))

    async def _halve(self, received: list[Received], refused: list[Refused], error: Exception) -> Outcome:
        """Put a batch that cannot be written into the ledger without the message that is to blame."""
        await self._reload()
        if len(received) > 1:
            middle = len(received) // 2
            before = await self._to_ledger(received[:middle], refused)
            return before.followed_by(await self._to_ledger(received[middle:], []))
        if not received:  # refused messages that cannot be kept: they are counted, which must do
            log.error("refused_not_kept", messages=len(refused), error=str(error))
            return Outcome()
        address, message, received_ms = received[0]
        kind = _KINDS[type(message)]
        log.error("message_not_kept", device=str(address), kind=kind, error=str(error))
        self.refused_total["unusable"] += 1
        detail = f"the ledger cannot hold it: {error}"[:1000]
        last = Refused(received_ms, topic(address, kind), "unusable", detail, encode(message)[:KEPT_BODY_BYTES])
        return await self._to_ledger([], [*refused, last])


_KINDS: Final[dict[type, Kind]] = {Hello: "hello", Heartbeat: "heartbeat", Runs: "runs", Gone: "gone"}


def weigh(message: Statement) -> int:
    """PURE. How much work a message is: 1, and 1 more for each run after the first."""
    if isinstance(message, Runs):
        return max(1, len(message.runs))
    return max(1, len(message.open)) if isinstance(message, Heartbeat) else 1


def check(message: Message) -> None:
    """PURE. MessageError for what only a receiver can know to be wrong.

    A device states what its players do, and a player is never `up`. Nothing can be told before it has happened: by the
    clock of its own boot, a run neither starts nor ends after the message that tells of it was sent.
    """
    if isinstance(message, Heartbeat):
        runs, boot = message.open, message.boot
    elif isinstance(message, Runs):
        runs, boot = message.runs, None
    else:
        return
    latest_ms = message.mono_ms + AHEAD_MAX_MS
    for run in runs:
        if run.state not in PLAYER_STATES:
            raise MessageError("invalid", f"run {run.seq} says {run.state!r}, which is no state of a player")
        if (boot or run.boot) == message.boot and run.start_mono_ms > latest_ms:
            raise MessageError("invalid", f"run {run.seq} starts after the message was sent")
        if run.end_mono_ms is not None and (run.end_boot or run.boot) == message.boot and run.end_mono_ms > latest_ms:
            raise MessageError("invalid", f"run {run.seq} ends after the message was sent")
