"""The clock of one virtual player: its own boot, its own boot time, and a wall clock that may lie.

All players' clocks hang on one `TrueTime`, which is read from the machine once and then runs on with CLOCK_BOOTTIME: a
step of the machine's own wall clock is not mistaken for a fault of the simulated ones.
"""

from __future__ import annotations

from common.clock import Clock
from wire.runs import Instant


class TrueTime:
    """What really is the time, in milliseconds since 1970; never steps."""

    def __init__(self, base: Clock) -> None:
        self._base = base
        self._start_wall_ms = base.wall_ms()
        self._start_mono_ms = base.mono_ms()

    def now_ms(self) -> int:
        """Give the true time in milliseconds since 1970."""
        return self._start_wall_ms + self._base.mono_ms() - self._start_mono_ms


class PlayerClock:
    """A `common.clock.Clock`. `up_ms` is how long the player has been up when it is made."""

    def __init__(self, true: TrueTime, boot: str, up_ms: int) -> None:
        self._true = true
        self._boot = boot
        self._booted_ms = true.now_ms() - up_ms  # true time of this boot
        self._error_ms = 0
        self._synced = True

    def wall_ms(self) -> int:
        """Give what the wall clock says, in milliseconds since 1970."""
        return max(0, self._true.now_ms() + self._error_ms)

    def mono_ms(self) -> int:
        """Give the milliseconds since the boot."""
        return self._true.now_ms() - self._booted_ms

    def synced(self) -> bool:
        """Whether the player believes that a time source disciplines its clock."""
        return self._synced

    def boot_id(self) -> str:
        """Give the id of this boot."""
        return self._boot

    def suspended_ms(self) -> int:
        """Virtual players do not sleep."""
        return 0

    def now(self) -> Instant:
        """Read both clocks at one moment."""
        return self.at(self._true.now_ms())

    def at(self, true_ms: int) -> Instant:
        """What both clocks show at a moment of this boot, given in true time."""
        return Instant(true_ms - self._booted_ms, max(0, true_ms + self._error_ms))

    def reboot(self, boot: str, wall_ms: int | None) -> None:
        """Begin a new boot now. With `wall_ms` the wall clock starts there, and nothing disciplines it."""
        true_ms = self._true.now_ms()
        self._boot = boot
        self._booted_ms = true_ms
        self._error_ms = 0 if wall_ms is None else wall_ms - true_ms
        self._synced = wall_ms is None

    def step(self, by_ms: int) -> None:
        """Somebody sets the wall clock, forward or (negative) back; what it says of itself does not change."""
        self._error_ms += by_ms

    def undiscipline(self) -> None:
        """The time source is lost, and the player knows it."""
        self._synced = False

    def discipline(self) -> None:
        """A time source is found: the wall clock steps to the true time."""
        self._error_ms = 0
        self._synced = True
