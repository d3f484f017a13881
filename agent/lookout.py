"""Looks at the machine: every half minute a little, and at once and closely when an output went bad.

The close look names a hog (two looks at the process table, a second apart), asks the Raspberry Pi's firmware, and,
where an output needs it, whether the link is up.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import structlog

from agent import hardware, processes, resources
from agent.causes import Look, Looks
from agent.hardware import ROOT
from agent.symptoms import Condition, Rival, by_name, seen_twice, symptoms
from agent.threads import Lane, LaneBusyError
from common.clock import Clock, monotonic_s
from common.connectivity import Target, reach

log = structlog.get_logger(__name__)

INTERVAL_S: Final = 30.0  # twice in the minute that counts (`agent.causes.BEFORE_MS`)
PAUSE_S: Final = 5.0  # between two looks, however often something goes bad
HOG_S: Final = 1.0  # between the two looks at the process table
PATIENCE_S: Final = 10.0
REACH_S: Final = 3.0


class Lookout:
    """Fills `looks`."""

    def __init__(
        self,
        looks: Looks,
        clock: Clock,
        disk: Path,
        own: frozenset[str] | None,
        targets: Sequence[Target] = (),
        root: Path = ROOT,
    ) -> None:
        """Watch over the machine under `root`; `disk` is a path on the file system whose room counts.

        `own`: names of the player's own programs, which are never a rival; None: nobody knows them, so that any other
        might be the player. `targets`: whom to reach; none where no output needs the link.
        """
        self._looks = looks
        self._clock = clock
        self._disk = disk
        self._own = own
        self._targets = targets
        self._root = root
        self._lane = Lane("lookout")
        self._trouble = asyncio.Event()
        self._start: Condition | None = None
        self._before = Condition()

    def wake(self) -> None:
        """Something went bad: look closely, now."""
        self._trouble.set()

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            closely = self._trouble.is_set()
            self._trouble.clear()
            await self.look(closely=closely)
            await self._pause()

    async def look(self, *, closely: bool) -> None:
        """Look once. What hangs or fails leaves no look behind, and the next one is tried all the same."""
        at_ms = self._clock.mono_ms()
        try:
            async with asyncio.timeout(PATIENCE_S):
                seen = await self._lane.call(lambda: self._condition(closely=closely))
        except (OSError, LaneBusyError, TimeoutError) as error:
            log.warning("machine_unreadable", error=str(error) or type(error).__name__)
            return
        except Exception:  # a kernel that writes what no reader expects must not end the watch over the player
            log.exception("machine_unreadable")
            return
        if closely and self._targets:
            found_out = await reach(self._targets, REACH_S)
            seen = seen._replace(link=None if found_out.online else found_out.detail)
        start = self._start = self._start or seen
        found = symptoms(start, self._before, seen)
        self._before = seen
        self._looks.add(Look(at_ms, found))
        if closely or found:
            log.info("looked_around", closely=closely, symptoms=[f"{one.name}: {one.evidence}" for one in found])

    async def _pause(self) -> None:
        await asyncio.sleep(PAUSE_S)
        try:
            async with asyncio.timeout(INTERVAL_S - PAUSE_S):
                await self._trouble.wait()
        except TimeoutError:
            return

    def _condition(self, *, closely: bool) -> Condition:
        throttled = hardware.throttled(self._root)
        if throttled is None and closely:
            throttled = hardware.ask_firmware()
        return Condition(
            under_voltage=hardware.under_voltage(self._root),
            throttled=throttled,
            zones=hardware.zones(self._root),
            errors=hardware.ext4_errors(self._root),
            read_only=hardware.turned_read_only(self._root),
            disk=resources.disk(self._disk),
            memory=resources.memory(self._root),
            connectors={
                f"{one.card}-{one.name}": one.status
                for one in hardware.connectors(self._root)
                if one.status is not None
            },
            rival=self._rival(self._own) if closely and self._own is not None else None,
        )

    def _rival(self, own: frozenset[str]) -> Rival | None:
        before, ticks_before, began_s = processes.census(self._root), resources.ticks(self._root), monotonic_s()
        time.sleep(HOG_S)
        now, ticks = processes.census(self._root), resources.ticks(self._root)
        if before is None or now is None:
            return None
        was, both = seen_twice(before, now)
        pid = os.getpid()
        hog = processes.hog(by_name(was, own, pid), by_name(both, own, pid), max(monotonic_s() - began_s, HOG_S))
        largest = max(by_name(now, own, pid), key=lambda one: one.rss_bytes, default=None)
        idle_percent = ticks.idle_percent(ticks_before) if ticks and ticks_before else 100.0
        return Rival(hog, largest, idle_percent, os.cpu_count() or 1)
