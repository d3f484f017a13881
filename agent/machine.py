"""This machine's figures, each read as often as it is worth: every heartbeat, every minute, every few minutes.

Whatever hangs or fails costs its own figures and nothing else: they are absent then, rather than old.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final

import structlog

from agent.drives import DriveWatch
from agent.host import Figures, Sampler
from agent.threads import Lane, LaneBusyError
from agent.timesource import find_offset

if TYPE_CHECKING:
    from agent.config import Settings
    from common.clock import Clock

log = structlog.get_logger(__name__)

FILE_SYSTEMS_S: Final = 60.0
CLOCK_S: Final = 300.0
DRIVES_S: Final = 60.0  # who is asked, and who is only read, is DriveWatch's business
PATIENCE_S: Final = 60.0
HELLO_S: Final = 1.0
SETTLE_S: Final = 4.0
_RETRY_S: Final = 60.0  # after trouble, where that is sooner


class Gauge:
    """Figures of one kind; `figures` is the latest reading."""

    def __init__(self, name: str, read: Callable[[], Awaitable[Figures]], interval_s: float) -> None:
        self._name = name
        self._read = read
        self._interval_s = interval_s
        self._trouble = ""
        self.asked = asyncio.Event()  # once at least
        self.figures: Figures = {}

    async def run(self) -> None:
        """Read until cancelled."""
        while True:
            await self.read()
            await asyncio.sleep(min(_RETRY_S, self._interval_s) if self._trouble else self._interval_s)

    async def read(self) -> None:
        """Read once."""
        trouble = ""
        try:
            async with asyncio.timeout(PATIENCE_S):
                self.figures = await self._read()
        except (OSError, TimeoutError, LaneBusyError) as error:
            trouble, self.figures = str(error) or type(error).__name__, {}
        except Exception as error:  # a machine that says what no reader expects must not end the watch over the player
            trouble, self.figures = repr(error), {}
            log.exception("machine_figures_failed", about=self._name)
        if trouble and trouble != self._trouble:
            log.warning("machine_figures_unreadable", about=self._name, error=trouble)
        self._trouble = trouble
        self.asked.set()


class Machine:
    """All of them."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        config = settings.config
        self._interval_s = config.interval_s
        self._sampler = Sampler(settings.path(config.spool.dir), clock)
        self._clock = Gauge("clock", lambda: _clock_figures(clock, config.clock.ntp_server), CLOCK_S)
        self._gauges = [self._clock, Gauge("drives", DriveWatch(clock).read, DRIVES_S)]
        if config.role == "server":  # a player has one, which the spool's figures tell of
            from agent.filesystems import file_system_figures

            lane = Lane("file-systems")
            self._gauges.append(Gauge("file systems", lambda: lane.call(file_system_figures), FILE_SYSTEMS_S))

    @property
    def figures(self) -> Figures:
        """The latest reading of each."""
        found = dict(self._sampler.figures)
        for gauge in self._gauges:
            found |= gauge.figures
        return found

    def told(self) -> None:
        """They have been said."""
        self._sampler.told()

    async def settled(self, patience_s: float = SETTLE_S) -> Figures:
        """The figures, once each of them was asked for; after a while those that are there: what hangs is absent."""
        waiting = [self._sampler.asked, *(gauge.asked for gauge in self._gauges)]
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(patience_s):
                await asyncio.gather(*(asked.wait() for asked in waiting))
        return self.figures

    async def clock_asked(self) -> None:
        """Wait for the first word on the clock, but not for long: hello has it, and is said once a connection."""
        try:
            async with asyncio.timeout(HELLO_S):
                await self._clock.asked.wait()
        except TimeoutError:
            return

    async def run(self) -> None:
        """Read until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._sampler.run(self._interval_s))
            for gauge in self._gauges:
                group.create_task(gauge.run())

    async def read(self) -> None:
        """Read all of them once."""
        await asyncio.gather(self._sampler.read(), *(gauge.read() for gauge in self._gauges))


async def _clock_figures(clock: Clock, ntp_server: str) -> Figures:
    offset = await find_offset(clock, ntp_server)
    return {} if offset is None else offset.figures()
