"""Whether a time source disciplines the collector's own clock: what places evidence by receipt rests on it."""

from __future__ import annotations

import structlog

from common.clock import Clock

log = structlog.get_logger(__name__)


class Discipline:
    """`look` now and again; `synced` is what it saw last, and each change is logged."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._logged: bool | None = None
        self.synced = clock.synced()

    def look(self) -> None:
        """Ask the kernel once more; say so where it is not what it was, and at the first look."""
        self.synced = self._clock.synced()
        if self.synced is self._logged:
            return
        self._logged = self.synced
        if self.synced:
            log.info("clock_disciplined")
        else:
            remedy = "run chrony or systemd-timesyncd on this host; see docs/clocks.md"
            log.warning("clock_not_disciplined", meaning="times of receipt may be wrong with it", remedy=remedy)
