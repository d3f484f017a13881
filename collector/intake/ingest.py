"""Message → ledger → ack.

`receive` is called for every message, on the event loop, and only looks at it: who sends it, whether he may send so
much, what it says; then it is put aside. `run` takes what was put aside through the ledger, a batch at a time, and
acknowledges closed runs after the commit and never before. A message that is wrong is refused, counted by reason and
kept; it never stops the ones behind it.

What waits is weighed in runs and not in messages, since one message may carry 500 of them, and is taken in turns, a
device after the other. Overload: heartbeats are shed first, since they restate; then everything that is not
acknowledged, since agents send it again. A device that sends more than any honest one is shed the same way, alone. All
of it is counted. A ledger that cannot be written (disk full) keeps the batch and tries again. A message that passed
every check and still cannot be put into the ledger is found by halving the batch, and refused like any other.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Collection, Hashable
from typing import TYPE_CHECKING, Final, Literal

import structlog
from sqlalchemy.exc import DatabaseError, DataError, IntegrityError, StatementError

from collector.intake.lanes import Lanes
from collector.intake.reading import MessageRefusedError, device_in, read_body, weigh
from collector.intake.refusals import Refusals
from collector.intake.senders import STRANGERS_LANE, Intake, Sender, Senders
from collector.ledger.evidence_store import EvidenceStore
from collector.ledger.intake import Outcome, Received, Refused
from collector.quarantine.orders import QuarantineAnswer, QuarantineRequest
from collector.quarantine.retry import carry_out
from common.clock import Clock
from wire.messages import Ack, Gone, Heartbeat, Hello, Runs, encode
from wire.seqs import to_ranges
from wire.topics import Address, Kind, topic

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from collector.ledger.ledger import Ledger

log = structlog.get_logger(__name__)

BATCH_WEIGHT: Final = 4000  # of one transaction: a message weighs 1, and 1 more for each run after the first
BATCH_WAIT_S: Final = 0.05
SHED_HEARTBEATS_AT: Final = 50_000  # weight waiting
SHED_ALL_AT: Final = 100_000
BEHIND_AT: Final = 5_000
LANE_MAX: Final = 10_000  # weight waiting of one device: twenty times what an agent has on its way
STRANGERS_LANE_MAX: Final = 25_000  # of all devices that are not registered
RETRY_S: Final = 2.0
KEPT_BODY_BYTES: Final = 64 * 1024
RANGES_AT_ONCE: Final = 1000  # in one ack, which must not be over 64 KiB

Acknowledge = Callable[[Address, Ack], None]
Changed = Callable[[Outcome], None]
Heard = Callable[[Address, Heartbeat, int], None]
Alive = Callable[[Address, int], None]
Why = Literal["overload", "device", "unregistered"]


class Ingest:
    """The way in. `acknowledge` sends an ack; `changed` tells the live view, after the commit.

    `heard` tells it of a heartbeat at once, and `alive` of a message that was shed.
    """

    def __init__(
        self,
        ledger: Ledger,
        clock: Clock,
        acknowledge: Acknowledge,
        changed: Changed,
        heard: Heard,
        intake: Intake | None = None,
        alive: Alive | None = None,
    ) -> None:
        self._ledger = ledger
        self._clock = clock
        self._acknowledge = acknowledge
        self._changed = changed
        self._heard = heard
        self._alive = alive
        self._store = EvidenceStore()
        self._lanes: Lanes[Received] = Lanes()
        self._refusals = Refusals()
        self._something = asyncio.Event()
        self._stopping = False
        self.senders = Senders(intake or Intake())
        self.received_total: Counter[str] = Counter()  # by kind
        self.refused_total: Counter[str] = Counter()  # by reason
        self.not_kept_total: Counter[str] = Counter()  # refused and not, or no longer, in the quarantine; by reason
        self.shed_total: Counter[Why] = Counter()
        self.committed_total = 0
        self.acknowledged_total = 0
        self.failing_since_ms: int | None = None

    async def load(self) -> None:
        """Read what the join needs; call once before `run`."""
        self.senders.load(await self._ledger.write(self._store.load))

    def take_registry(self, registered: Collection[str]) -> None:
        """Know which devices (`tenant/device`) are registered: each of those has a lane of its own."""
        self.senders.take_registry(registered)

    def reload(self, connection: Connection) -> None:
        """Read anew what the join needs, on the writing thread: rows were erased under it."""
        self._store.load(connection)

    @property
    def waiting(self) -> int:
        """Messages that are not yet in the ledger."""
        return len(self._lanes)

    @property
    def waiting_weight(self) -> int:
        """How much work they are: 1 each, and 1 more for each run after the first."""
        return self._lanes.weight

    @property
    def condition(self) -> str:
        """Say how intake stands, for `/healthz`: `keeping up`, or what is done about the rest."""
        waiting = self._lanes.weight
        if waiting >= SHED_ALL_AT:
            return "overloaded: everything is shed, agents send it again"
        if waiting >= SHED_HEARTBEATS_AT:
            return "overloaded: heartbeats are shed"
        return "behind: acks are late" if waiting >= BEHIND_AT else "keeping up"

    def receive(self, topic: str, body: bytes, *, retained: bool = False) -> None:
        """Take in one message from the broker; never raises."""
        now_ms = self._clock.wall_ms()
        try:
            sender, kind = self.senders.of(topic, now_ms)
            if (why := self._why_shed(sender, kind, now_ms)) is not None:
                self._shed(sender, why, now_ms)
                return
            message = read_body(kind, body, now_ms, retained=retained)
        except MessageRefusedError as refusal:
            self._refuse(now_ms, topic, refusal, body)
            return
        self.received_total[kind] += 1
        weight = weigh(message)
        sender.pay(weight)
        self._put(sender.lane, Received(sender.address, message, now_ms), weight)
        if kind == "heartbeat" and isinstance(message, Heartbeat):
            self._heard(sender.address, message, now_ms)

    def accept(self, statement: Received) -> None:
        """Take in a statement of the collector's own (its portal check), by the same road; it restates too."""
        if isinstance(statement.message, Heartbeat) and self._lanes.weight_of(statement.address) >= LANE_MAX:
            self.shed_total["overload"] += 1
            return
        self._put(statement.address, statement, weigh(statement.message))

    def _put(self, lane: Hashable, statement: Received, weight: int) -> None:
        self._lanes.put(lane, statement, weight)
        self._something.set()

    async def run(self) -> None:
        """Take batches through the ledger until `stop`, then what is left."""
        while not self._stopping or self._lanes or self._refusals:
            await self._something.wait()
            if self._lanes.weight < BATCH_WEIGHT and not self._stopping:
                await asyncio.sleep(BATCH_WAIT_S)
            await self._commit()
            if not self._lanes and not self._refusals and not self._stopping:
                self._something.clear()

    def stop(self) -> None:
        """Let `run` finish what has been received and return."""
        self._stopping = True
        self._something.set()

    def _why_shed(self, sender: Sender, kind: Kind, now_ms: int) -> Why | None:
        restates, waiting = kind == "heartbeat", self._lanes.weight
        if waiting >= SHED_HEARTBEATS_AT and (restates or waiting >= SHED_ALL_AT):
            return "overload"
        own: Why = "unregistered" if sender.lane is STRANGERS_LANE else "device"
        if not sender.admits(now_ms, restates):
            return own
        most = LANE_MAX if own == "device" else STRANGERS_LANE_MAX
        if waiting >= most and self._lanes.weight_of(sender.lane) >= most:
            return own
        if sender.allowance.limited and sender.allowance.recovers():
            log.info("device_within_its_allowance", device=str(sender.address), shed=sender.allowance.shed)
        return None

    def _shed(self, sender: Sender, why: Why, now_ms: int) -> None:
        self.shed_total[why] += 1
        if self._alive is not None:
            self._alive(sender.address, now_ms)
        if why != "overload" and sender.allowance.refuse():
            log.warning(
                "device_over_its_allowance",
                device=str(sender.address),
                why=why,
                remedy="see docs/poison.md; its runs are not acknowledged and come again",
            )

    def _refuse(self, now_ms: int, topic: str, refusal: MessageRefusedError, body: bytes) -> None:
        self.refused_total[refusal.reason] += 1
        device = device_in(topic)
        kept = Refused(now_ms, topic[:1000], refusal.reason, refusal.detail[:1000], body[:KEPT_BODY_BYTES], device)
        if self._refusals.add(kept, is_registered=self.senders.is_registered(device)):
            self._something.set()
        else:
            self.not_kept_total[refusal.reason] += 1

    async def _commit(self) -> None:
        received, refused = self._lanes.take(BATCH_WEIGHT), self._refusals.take()
        outcome = await self._to_ledger(received, refused)
        self.committed_total += len(received)
        self.not_kept_total += outcome.let_go
        if outcome.contradictions:
            self.refused_total["contradiction"] += outcome.contradictions
        self._tell(outcome)

    async def order(self, request: QuarantineRequest) -> QuarantineAnswer:
        """Carry out what an operator asks of the quarantine; what is taken once more goes the road of every message."""
        now_ms = self._clock.wall_ms()
        try:
            done = await self._ledger.write(lambda found: carry_out(found, self._store, request, now_ms))
        except DatabaseError:
            await self._reload()  # what the store remembers was rolled back
            raise
        self._tell(done.outcome)
        return done.answer

    def _tell(self, outcome: Outcome) -> None:
        self._changed(outcome)
        for (address, spool), seqs in outcome.acks.items():
            ranges = to_ranges(seqs)
            for first in range(0, max(1, len(ranges)), RANGES_AT_ONCE):  # no run in it: it is answered all the same
                self._acknowledge(address, Ack(spool=spool, seqs=ranges[first : first + RANGES_AT_ONCE]))
            self.acknowledged_total += len(seqs)

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
        address, message, received_ms, _again = received[0]
        kind = _KINDS[type(message)]
        log.error("message_not_kept", device=str(address), kind=kind, error=str(error))
        self.refused_total["unusable"] += 1
        detail = f"the ledger cannot hold it: {error}"[:1000]
        body = encode(message)[:KEPT_BODY_BYTES]
        last = Refused(received_ms, topic(address, kind), "unusable", detail, body, str(address))
        return await self._to_ledger([], [*refused, last])


_KINDS: Final[dict[type, Kind]] = {Hello: "hello", Heartbeat: "heartbeat", Runs: "runs", Gone: "gone"}
