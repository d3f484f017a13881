"""Asks systemd how a unit stands. docs/probes/systemd.md has the fields and results.

A unit that runs is not content on the screen; but a unit that has failed, or is started again every few seconds, shows
nothing, and no other probe says so as early. `systemctl show` is asked, which needs no rights. Measured with 252.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from typing import Annotated, Final, NamedTuple

import msgspec

from agent.command import Said, ask_program
from agent.probes.base import Around, Complaint, Reading, tidy
from common.config import Section

_ASKED: Final = ("LoadState", "ActiveState", "SubState", "Result", "NRestarts", "ExecMainStatus")
_SUFFIXES: Final = (".service", ".socket", ".target", ".mount", ".timer", ".path", ".slice", ".scope")
_RUNNING: Final = frozenset({"running", "start-post", "reload", "reload-signal", "reload-notify"})


class SystemdOptions(Section, frozen=True):
    """The table `[outputs.systemd]`."""

    unit: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9:_.\\@-]{1,255}$")]
    user: bool = False
    restarts_max: Annotated[int, msgspec.Meta(ge=0, le=1_000)] = 2
    restarts_within_s: Annotated[float, msgspec.Meta(gt=0, le=86_400)] = 300.0


def systemd_complaints(options: SystemdOptions) -> Iterator[Complaint]:
    """PURE. What is wrong with the table."""
    if not options.unit.endswith(_SUFFIXES):
        yield Complaint("agent.systemd_unit", "unit", "names no kind of unit", f"write {options.unit}.service")
    elif options.unit.startswith("-"):
        yield Complaint("agent.systemd_unit", "unit", "begins with a dash", "write the unit's name")


class Restarts(NamedTuple):
    """How often systemd had started the unit again by itself, at one moment."""

    at_ms: int
    total: int


class Loop:
    """Counts restarts of late. A count that fell was reset by a person (`systemctl start`): it begins anew."""

    def __init__(self, within_ms: int) -> None:
        self._within_ms = within_ms
        self._seen: deque[Restarts] = deque()

    def note(self, at_ms: int, count: int) -> int:
        """Take in the count; how many restarts there were within the time that is looked at."""
        if self._seen and count < self._seen[-1].total:
            self._seen.clear()
        self._seen.append(Restarts(at_ms, count))
        while len(self._seen) > 1 and self._seen[1].at_ms <= at_ms - self._within_ms:
            self._seen.popleft()
        return count - self._seen[0].total


def judge(unit: Mapping[str, str], restarts: int, restarts_max: int, within_s: float) -> Reading:  # noqa: PLR0911 - a table
    """PURE. What `systemctl show` says means. The first line that fits decides."""
    load, active, sub = (unit.get(key, "") for key in ("LoadState", "ActiveState", "SubState"))
    if load not in {"loaded", "masked"}:
        return Reading("unknown", None, f"systemd has no such unit ({load or 'no answer'})")
    if active == "failed":
        return Reading("error", None, f"has failed: {unit.get('Result')}, status {unit.get('ExecMainStatus')}")
    if restarts > restarts_max:
        return Reading("error", None, f"was started again {restarts} times within {within_s:g} s")
    if active in {"active", "reloading"}:
        if sub == "exited":
            return Reading("stopped", None, "has done its work and exited")
        return Reading("playing", None, None if sub in _RUNNING else f"is active ({sub})")
    if sub == "auto-restart":
        return Reading("stopped", None, f"has ended ({unit.get('Result')}) and waits to be started again")
    if active in {"activating", "deactivating", "inactive", "maintenance"}:
        return Reading("stopped", None, f"is {active} ({load if load == 'masked' else sub})")
    return Reading("unknown", None, tidy(f"is {active!r}, which is no state known here"))


class SystemdProbe:
    """The probe named `systemd`."""

    silence = Reading("unknown", None, "systemd does not answer")

    def __init__(self, options: SystemdOptions, around: Around) -> None:
        self._options = options
        self._clock = around.clock
        self._loop = Loop(round(options.restarts_within_s * 1000))

    async def read(self) -> Reading:
        """Ask once."""
        options = self._options
        manager = "--user" if options.user else "--system"
        asked = ["systemctl", manager, "show", f"--property={','.join(_ASKED)}", "--", options.unit]
        try:
            said = await ask_program(*asked)
        except OSError as error:
            return Reading("unknown", None, tidy(f"systemctl cannot be run: {error.strerror or error}"))
        if said.status:
            return Reading("unknown", None, tidy(f"systemctl: {said.complaint}"))
        unit = read_properties(said)
        restarts = self._loop.note(self._clock.mono_ms(), read_count(unit.get("NRestarts", "")))
        return judge(unit, restarts, options.restarts_max, options.restarts_within_s)

    async def close(self) -> None:
        """Nothing to let go of."""


def read_properties(said: Said) -> dict[str, str]:
    """PURE. `Key=value` lines."""
    return {key: value for key, sign, value in (line.partition("=") for line in said.out.splitlines()) if sign}


def read_count(text: str) -> int:
    """PURE. A count, 0 where there is none: only services are started again."""
    return int(text) if text.isascii() and text.isdigit() else 0
