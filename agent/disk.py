"""Records on their way to the journal: what is buffered, what is durable, and what to do when the disk fails.

What is not urgent waits in memory until a sign of life is due. Written earlier without a sync it would help in one
case, an agent that is killed, and would cost as much as a sync: within seconds the kernel writes it back, block,
journal and inode (docs/performance.md has the figures).

After any error the end of the file is not to be trusted, nor what `fsync(2)` left behind (after EIO the kernel marks
pages clean that never arrived), so the next attempt writes everything anew from memory.
"""

from __future__ import annotations

import asyncio
from typing import Final, NamedTuple, Protocol

import structlog

from agent.journal import Journal, SpoolBusyError
from agent.records import Alive, Record, line
from agent.restart import Recalled, recall
from agent.threads import Lane, LaneBusyError
from common.clock import Clock

log = structlog.get_logger(__name__)

SLACK_BYTES: Final = 256 * 1024  # the file may be twice what is alive, and this
MANY_BYTES: Final = 64 * 1024  # of acks: then they do not wait for the next sign of life
PATIENCE_S: Final = 20.0  # then the disk counts as hung


class Snapshot(NamedTuple):
    """The whole file anew; once it is durable, seqs below `reserved` may be issued."""

    data: bytes
    reserved: int


class Living(Protocol):
    """What a rewrite asks of the spool."""

    @property
    def size_bytes(self) -> int:
        """How much of the file is alive."""

    def snapshot(self) -> Snapshot:
        """The whole file anew."""


class Disk:
    """The event loop owns it; only the write itself happens in a thread that may hang."""

    def __init__(self, journal: Journal, clock: Clock, sign_of_life_s: float) -> None:
        self._journal = journal
        self._clock = clock
        self._sign_of_life_ms = round(sign_of_life_s * 1000)
        self._lane = Lane("spool")
        self._one = asyncio.Lock()
        self._buffer = bytearray()
        self._alive = b""  # the newest sign of life, behind the buffer
        self._durable = 0
        self._urgent = False
        self._rewrite = True
        self._synced_ms = clock.mono_ms()
        self.ticket = 1
        """What is put now is durable as soon as this ticket is."""
        self.reserved = 0
        """Seqs below it may be issued."""
        self.trouble: str | None = None
        """Why the disk cannot be written; None: it can."""

    def recall(self, limit_bytes: int, device: str) -> Recalled:
        """Read the journal; a damaged one is set aside by the first write. Blocks. SpoolBusyError if it is taken."""
        try:
            self._journal.lock()
            recalled = recall(self._journal.read(limit_bytes), device)
        except OSError as error:
            self._failed(error)
            recalled = Recalled(damage=[str(error)] if self._journal.locked else [])
        if recalled.damage:
            log.error("spool_damaged", file=str(self._journal.path), damage=recalled.damage[:5])
            self._journal.damaged = True
        return recalled

    def set_aside_before(self) -> int:
        """How many damaged files lie beside the journal."""
        return len(self._journal.asides())

    def put(self, record: Record, *, urgent: bool = False) -> None:
        """Buffer one record; a commit writes it, durably: at once if urgent, else when a sign of life is due."""
        if isinstance(record, Alive):
            self._alive = line(record)  # it says more than any earlier one
        else:
            self._buffer += line(record)
        self._urgent = self._urgent or urgent

    def write_anew(self) -> None:
        """Let the next commit write the whole file."""
        self._rewrite = self._urgent = True

    def settled(self, ticket: int) -> bool:
        """Whether what was put under that ticket is durable, or cannot be."""
        return ticket <= self._durable or self.trouble is not None

    async def commit(self, living: Living) -> None:
        """Write and sync what is buffered where it is urgent, or when a sign of life is due. Survives disk errors."""
        async with self._one:
            write = self._next_write(living)
            if write is None:
                return
            try:
                async with asyncio.timeout(PATIENCE_S):
                    await self._lane.call(write.run)
            except (OSError, LaneBusyError, SpoolBusyError) as error:  # TimeoutError is an OSError
                self._failed(error)
            except BaseException:  # cancelled: nobody knows how far it got
                self._rewrite = True
                raise
            else:
                self._succeeded(write)

    def commit_now(self, living: Living) -> None:
        """Do the same, but block. For the start and the end."""
        write = self._next_write(living)
        if write is None:
            return
        try:
            write.run()
        except (OSError, SpoolBusyError) as error:
            self._failed(error)
        else:
            self._succeeded(write)

    @property
    def hangs(self) -> bool:
        """Whether a write has not come back."""
        return self._lane.busy

    def close(self) -> None:
        """Let go of file and lock."""
        self._journal.close()

    def _next_write(self, living: Living) -> _Write | None:
        ticket = self.ticket
        self.ticket += 1
        if self._rewrite or self._journal.size > 2 * living.size_bytes + SLACK_BYTES:
            snapshot = living.snapshot()
            write = _Write(self._journal, snapshot.data, ticket, snapshot.reserved)
        elif self._urgent or ((self._buffer or self._alive) and self._is_due()):
            write = _Write(self._journal, bytes(self._buffer) + self._alive, ticket, None)
        else:
            return None
        self._buffer.clear()
        self._alive = b""
        self._urgent = self._rewrite = False  # what is asked for while the write is on its way is for the next one
        return write

    def _is_due(self) -> bool:
        since_ms = self._clock.mono_ms() - self._synced_ms
        return since_ms >= self._sign_of_life_ms or len(self._buffer) > MANY_BYTES

    def _failed(self, error: Exception) -> None:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        trouble = reason or "the disk does not answer"
        if trouble != self.trouble:
            log.error("spool_cannot_be_written", directory=str(self._journal.directory), error=trouble)
        self.trouble = trouble
        self._rewrite = True

    def _succeeded(self, write: _Write) -> None:
        if self.trouble:
            log.info("spool_can_be_written_again", directory=str(self._journal.directory))
        self.trouble = None
        self._durable, self._synced_ms = write.ticket, self._clock.mono_ms()
        if write.reserved is not None:
            self.reserved = write.reserved
        if self._journal.aside is not None:
            log.warning("damaged_spool_set_aside", file=str(self._journal.aside))
            self._journal.aside = None


class _Write(NamedTuple):
    """One piece of work. `reserved` is set where the whole file is written anew."""

    journal: Journal
    data: bytes
    ticket: int
    reserved: int | None

    def run(self) -> None:
        """Do it. Blocks."""
        if self.reserved is not None:
            self.journal.replace(self.data)
        else:
            self.journal.append(self.data)
