"""PURE. How a boot ended, and whether that names a cause for the dark time behind it. docs/causes.md has the table.

    what is told                                                 then                                          cause
    -----------------------------------------------------------  --------------------------------------------  -----
    the agent saw the machine go down, or wtmp says so           shut down in good order
    wtmp: more than one boot since                               what is told is told of another boot's end
    the kernel left a dump of its log                            it may have died
    a watchdog says that it reset the machine                    it hung, with its supply
    the board: reset, and no power-on                            it was reset, with its supply
    the board: power-on, and a watchdog was armed all the time   power cut                                     power
    the board: power-on, no watchdog                             it may have hung before somebody pulled the plug
    nothing                                                      no orderly end

The first line that fits decides. Only one names a cause, because only there nothing else is left: a machine that had
hung before its supply went would have been reset by its watchdog, and the agent would have started again.
"""

from __future__ import annotations

from typing import Final, Literal, NamedTuple

import msgspec

from wire.messages import Token
from wire.states import Cause

_DARK: Final = "dark from the last sign of life to the boot"
SHUT_DOWN: Final = f"shut down in good order: {_DARK}"
CUT: Final = f"no orderly end (power cut, or the system died): {_DARK}"
SEVERAL: Final = f"no orderly end, and several boots since: {_DARK}"
DUMP: Final = f"no orderly end, and the kernel left a dump of its log: {_DARK}"
WATCHDOG: Final = f"no orderly end: the watchdog reset the machine, which had hung: {_DARK}"
RESET: Final = f"no orderly end: the machine was reset without losing its supply: {_DARK}"
POWER_CUT: Final = f"power cut: power-on reset with a watchdog armed, and no orderly end: {_DARK}"
POWER_ON: Final = f"no orderly end: the supply was gone, and nobody tells whether the machine had hung before: {_DARK}"
DUMP_BEFORE_MS: Final = 60_000  # by how much a dump may be older than the last sign of life: clocks are set


class Ending(NamedTuple):
    """How a boot ended; the cause of the dark time, where something tells it."""

    cause: Cause | None
    detail: str


class Entry(NamedTuple):
    """A record of wtmp: where in the file (bytes), and what."""

    offset: int
    what: Literal["boot", "shutdown"]


class LastBoot(NamedTuple):
    """What the machine tells at its start of the boot before (`agent.lastboot`). None: it does not tell.

    `dumps`: name and wall clock (ms) of what the kernel left. `wtmp`: all that is in it now.
    """

    power_on: bool | None = None
    reset_by_watchdog: bool | None = None
    dumps: tuple[tuple[str, int], ...] = ()
    wtmp: tuple[Entry, ...] | None = None


class BootFact(msgspec.Struct, omit_defaults=True):
    """What is kept of a boot for the next one: whether a hardware watchdog was armed, and how long wtmp was (bytes)."""

    boot: Token
    watchdog: bool = False
    wtmp_bytes: int | None = None


class Witness(NamedTuple):
    """What an agent's start knows: of the boot before, and what it keeps of this one."""

    told: LastBoot
    fact: BootFact | None


NOBODY: Final = Witness(LastBoot(), None)
"""Where the machine is not asked."""


def ended(*, shut_down: bool, last_wall_ms: int, fact: BootFact | None, told: LastBoot) -> Ending:
    """How the boot ended of which `fact` was kept, and whose last sign of life was at `last_wall_ms`."""
    since = _since(fact, told.wtmp)
    if shut_down or "shutdown" in since:
        return Ending(None, SHUT_DOWN)
    if since.count("boot") > 1:
        return Ending(None, SEVERAL)
    if any(at_ms >= last_wall_ms - DUMP_BEFORE_MS for _, at_ms in told.dumps):
        return Ending(None, DUMP)
    return _by_reset(told, watched=fact is not None and fact.watchdog)


def _by_reset(told: LastBoot, *, watched: bool) -> Ending:
    if told.reset_by_watchdog:
        return Ending(None, WATCHDOG)
    if told.power_on is None:
        return Ending(None, CUT)
    if not told.power_on:
        return Ending(None, RESET)
    return Ending("power", POWER_CUT) if watched else Ending(None, POWER_ON)


def _since(fact: BootFact | None, entries: tuple[Entry, ...] | None) -> list[str]:
    """What wtmp has to say since that boot; nothing where it is not kept, or was begun anew since."""
    if fact is None or fact.wtmp_bytes is None or entries is None:
        return []
    return [entry.what for entry in entries if entry.offset >= fact.wtmp_bytes]
