"""One reader of the desk's events, many browsers: changes are batched, encoded once, and handed to all.

Bounded work: what changes within 250 ms is one message, in which a subject stands once, as it is at the end; each
stream's text is made once a batch and only if somebody listens; a subscriber who does not keep up gets one `resync` in
place of what it missed. The newest batches are remembered, so that a page that was rendered before its stream opened,
or that was cut off briefly, misses nothing.
"""

from __future__ import annotations

import asyncio
import re
import secrets
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Protocol

import structlog

from collector.views import AlertView, Event, FigureView, PlatformView, PlayerView
from common.tasks import cancel, spawn

if TYPE_CHECKING:
    from collections.abc import Mapping

    from collector.views import Desk

BATCH_S: Final = 0.25
PULSE_S: Final = 5.0
MAX_SUBSCRIBERS: Final = 200
_RETRY_S: Final = 1.0
_QUEUE_BYTES: Final = 4 * 1024 * 1024
_HISTORY_BATCHES: Final = 64
_NUMBER: Final = re.compile(r"[0-9]{1,15}")
_HISTORY_BYTES: Final = 8 * 1024 * 1024

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Batch:
    """What changed, each subject once, as it was last told. `resync`: more may have changed than is said here."""

    players: tuple[PlayerView, ...] = ()
    platforms: tuple[PlatformView, ...] = ()
    figures: tuple[FigureView, ...] = ()
    alerts: tuple[AlertView, ...] = ()
    resync: bool = False


class Stream(Protocol):
    """How one kind of subscriber reads a batch. Both give whole SSE frames without the id line."""

    def changes(self, batch: Batch) -> bytes:
        """Tell a batch."""

    def pulse(self) -> bytes:
        """Say that all is well, every five seconds."""


@dataclass(eq=False)
class Subscription:
    """One listener's queue, bounded in bytes."""

    hub: Hub
    stream: str
    _queue: deque[bytes] = field(default_factory=deque)
    _bytes: int = 0
    _ready: asyncio.Event = field(default_factory=asyncio.Event)
    _closed: bool = False

    def offer(self, message: bytes) -> None:
        """Queue a message; where there is no room, one `resync` takes the place of all that waited."""
        if self._bytes + len(message) > _QUEUE_BYTES:
            self._queue.clear()
            self._bytes = 0
            self.hub.resyncs += 1
            message = self.hub.resync_message()
        self._queue.append(message)
        self._bytes += len(message)
        self._ready.set()

    def close(self) -> None:
        """Let `next` end once the queue is empty."""
        self._closed = True
        self._ready.set()

    async def next(self) -> bytes | None:
        """Wait for the next message; None: the hub is closing."""
        while not self._queue:
            if self._closed:
                return None
            self._ready.clear()
            await self._ready.wait()
        message = self._queue.popleft()
        self._bytes -= len(message)
        return message


class Hub:
    """The fan-out. `start` it once in a running loop; `close` ends every subscription."""

    def __init__(self, desk: Desk, streams: Mapping[str, Stream]) -> None:
        self._desk = desk
        self._streams = streams
        self._epoch = secrets.token_hex(4)  # ids of another process's life are never ours
        self._number = 0
        self._history: deque[_Remembered] = deque()
        self._subscribers: set[Subscription] = set()
        self._pending: dict[tuple[str, object], Event] = {}
        self._wake = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._closed = False
        self.resyncs = 0

    @property
    def last_id(self) -> str:
        """Give the id of the newest batch; a page embeds it and asks for what came after."""
        return f"{self._epoch}-{self._number}"

    @property
    def subscribers(self) -> int:
        """Count the open streams."""
        return len(self._subscribers)

    @property
    def full(self) -> bool:
        """Whether no further stream may be opened."""
        return len(self._subscribers) >= MAX_SUBSCRIBERS

    def start(self) -> None:
        """Begin to read, batch and pulse."""
        self._tasks = [
            spawn(self._read(), "web.hub.read"),
            spawn(self._batch(), "web.hub.batch"),
            spawn(self._pulse(), "web.hub.pulse"),
        ]

    async def close(self) -> None:
        """End every stream, then the hub's own tasks."""
        self.end_streams()
        await cancel(*self._tasks)

    def end_streams(self) -> None:
        """End every stream, and each that is opened later, at once."""
        self._closed = True
        for subscription in self._subscribers:
            subscription.close()

    def subscribe(self, stream: str, after: str | None) -> Subscription:
        """Open a subscription; with `after` it begins with what came after that id, or with a `resync`."""
        subscription = Subscription(self, stream)
        self._subscribers.add(subscription)
        if after and after != self.last_id:
            self._replay(subscription, after)
        if self._closed:
            subscription.close()
        return subscription

    def unsubscribe(self, subscription: Subscription) -> None:
        """Forget a subscription."""
        self._subscribers.discard(subscription)

    def resync_message(self) -> bytes:
        """Give the frame that asks a listener to read everything again."""
        return b"id: " + self.last_id.encode() + b"\nevent: resync\ndata: {}\n\n"

    def resync_all(self) -> None:
        """Ask every listener to read everything again."""
        self._history.clear()
        for subscription in self._subscribers:
            subscription.offer(self.resync_message())

    def flush(self) -> None:
        """Send what is pending as one batch."""
        if not self._pending:
            return
        batch = _batch(self._pending)
        self._pending = {}
        self._number += 1
        remembered = _Remembered(self._number, batch)
        if batch.resync:
            self._history.clear()
        else:
            self._history.append(remembered)
        for subscription in self._subscribers:
            subscription.offer(self._frame(remembered, subscription.stream))
        self._forget()

    def _frame(self, remembered: _Remembered, stream: str) -> bytes:
        if remembered.batch.resync:
            return self.resync_message()
        if stream not in remembered.frames:
            head = f"id: {self._epoch}-{remembered.number}\n".encode()
            remembered.frames[stream] = head + self._streams[stream].changes(remembered.batch)
        return remembered.frames[stream]

    def _forget(self) -> None:
        size = sum(remembered.size for remembered in self._history)
        while self._history and (len(self._history) > _HISTORY_BATCHES or size > _HISTORY_BYTES):
            size -= self._history.popleft().size

    def _replay(self, subscription: Subscription, after: str) -> None:
        epoch, _, text = after.rpartition("-")
        number = int(text) if _NUMBER.fullmatch(text) else -1
        oldest = self._history[0].number - 1 if self._history else self._number
        if epoch != self._epoch or not oldest <= number <= self._number:
            subscription.offer(self.resync_message())
            return
        for remembered in self._history:
            if remembered.number > number:
                subscription.offer(self._frame(remembered, subscription.stream))

    def take(self, event: Event) -> None:
        """Keep an event for the next batch; the last word on a subject stands."""
        self._pending[event.kind, _key(event)] = event
        self._wake.set()

    async def _read(self) -> None:
        while True:
            try:
                async for event in self._desk.events():
                    self.take(event)
                log.error("event_source_ended", remedy="the pages ask for everything again")
            except Exception:
                log.exception("event_source_failed", remedy="the pages ask for everything again")
            self.take(Event("resync", None))
            await asyncio.sleep(_RETRY_S)

    async def _batch(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            await asyncio.sleep(BATCH_S)
            try:
                self.flush()
            except Exception:
                log.exception("batch_failed", remedy="the pages ask for everything again")
                self.resync_all()

    async def _pulse(self) -> None:
        while True:
            await asyncio.sleep(PULSE_S)
            try:
                self.pulse()
            except Exception:
                log.exception("pulse_failed", remedy="the pages look stale until the next one")

    def pulse(self) -> None:
        """Let every listener know that all is well."""
        frames = {stream: self._streams[stream].pulse() for stream in {sub.stream for sub in self._subscribers}}
        for subscription in self._subscribers:
            subscription.offer(frames[subscription.stream])


@dataclass
class _Remembered:
    number: int
    batch: Batch
    frames: dict[str, bytes] = field(default_factory=dict)

    @property
    def size(self) -> int:
        return sum(len(frame) for frame in self.frames.values())


def _key(event: Event) -> object:
    payload = event.payload
    if isinstance(payload, AlertView):
        return payload.id
    if isinstance(payload, FigureView):
        return payload.key
    return None if payload is None else payload.subject


def _batch(pending: Mapping[tuple[str, object], Event]) -> Batch:
    payloads = [event.payload for event in pending.values()]
    return Batch(
        players=tuple(payload for payload in payloads if isinstance(payload, PlayerView)),
        platforms=tuple(payload for payload in payloads if isinstance(payload, PlatformView)),
        figures=tuple(payload for payload in payloads if isinstance(payload, FigureView)),
        alerts=tuple(payload for payload in payloads if isinstance(payload, AlertView)),
        resync=any(payload is None for payload in payloads),
    )
