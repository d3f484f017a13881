"""PURE. Scripts of faults: TOML → who does what and when. The same script, players and seed give the same plan.

    repeat_every_s = 240            # absent: once

    [[faults]]
    at_s = 20                       # seconds after the start (of each repetition)
    players = ["bar-*", "30%"]      # ids, globs, or a share of all players drawn with the seed
    action = "freeze"
    for_s = 15                      # then as before; absent: for ever
    times = 4                       # it flaps: so often, each `every_s` seconds; absent: once
    every_s = 30

    action                             what happens                               keys of its own
    ---------------------------------  -----------------------------------------  -----------------------------------
    play stop freeze black error idle  that is on the screen                      for_s cause detail output
    lose_link                          playback goes on, the backlog comes later  for_s
    lose_network                       the same, and its check can reach nothing  for_s
    portal_down                        its check of the portal fails              for_s detail
    reboot                             power cut, then a new boot                 downtime_s wall sync_after_s spool
                                                                                  cause
    step_clock                         the wall clock is wrong, and knows it      for_s by_s
    vanish                             the agent dies without goodbye             for_s spool

Whatever has `for_s` may have `times` and `every_s` too. `portal_down` chooses among the vantage points only.

`wall` is what the clock says after the boot (no `sync_after_s`: it stays wrong), `spool` is `"kept"` or `"lost"`, and
`note` and `end_note` are sentences for the log, for when it begins and when it ends.
"""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from fnmatch import fnmatchcase
from typing import Annotated, Final, Literal, NamedTuple

import msgspec

from common.clock import to_ms
from common.config import Section
from wire.states import Cause, State

Action = Literal[
    "play",
    "stop",
    "freeze",
    "black",
    "error",
    "idle",
    "lose_link",
    "lose_network",
    "portal_down",
    "reboot",
    "step_clock",
    "vanish",
]
Aspect = Literal["screen", "link", "network", "portal", "machine", "clock"]
Seconds = Annotated[float, msgspec.Meta(ge=0, le=31 * 86_400)]
Shift = Annotated[float, msgspec.Meta(ge=-31 * 86_400, le=31 * 86_400)]
Repetition = Annotated[float, msgspec.Meta(gt=0, le=31 * 86_400)]
Times = Annotated[int, msgspec.Meta(ge=2, le=10_000)]

_SHARE: Final = re.compile(r"(\d{1,3})%")
_WHOLE: Final = 100
SCREEN_STATES: Final[dict[str, State]] = {
    "play": "playing",
    "stop": "stopped",
    "freeze": "frozen",
    "black": "black",
    "error": "error",
    "idle": "idle",
}


class Fault(Section, frozen=True):
    """One entry of the script. Times in seconds."""

    at_s: Seconds
    players: str | list[str]
    action: Action
    for_s: Seconds | None = None
    times: Times | None = None
    every_s: Repetition | None = None
    downtime_s: Seconds | None = None
    by_s: Shift | None = None
    wall: datetime | None = None
    sync_after_s: Seconds | None = None
    spool: Literal["kept", "lost"] | None = None
    cause: Cause | None = None
    detail: str | None = None
    output: str | None = None
    note: str | None = None
    end_note: str | None = None

    @property
    def wanted(self) -> list[str]:
        """Give `players` as a list."""
        return [self.players] if isinstance(self.players, str) else self.players


class Script(Section, frozen=True):
    """A whole script."""

    faults: tuple[Fault, ...] = ()
    repeat_every_s: Repetition | None = None


class Show(NamedTuple):
    """Put this on the screen."""

    state: State
    cause: Cause | None = None
    detail: str | None = None
    output: str | None = None


class Boot(NamedTuple):
    """Switch the machine on."""

    wall_ms: int | None = None
    cause: Cause | None = None
    spool_lost: bool = False


class StartAgent(NamedTuple):
    """Start the agent again."""

    spool_lost: bool = False


class StepClock(NamedTuple):
    """Set the wall clock by so much."""

    by_ms: int


class BreakPortal(NamedTuple):
    """From this vantage point the portal cannot be reached any more."""

    detail: str | None = None


Simple = Literal[
    "lose_link",
    "find_link",
    "lose_network",
    "find_network",
    "find_portal",
    "cut_power",
    "discipline_clock",
    "kill_agent",
]
Deed = Show | Boot | StartAgent | StepClock | BreakPortal | Simple


class Step(NamedTuple):
    """At `at_ms` after the start of the repetition, `player` does this; `fault` is the index in the script.

    `begins` and `ends` mark a fault's first step and its last; one that lasts for ever has no last.
    """

    at_ms: int
    fault: int
    player: str
    aspect: Aspect
    deed: Deed
    begins: bool
    ends: bool


@dataclass(frozen=True, slots=True)
class _Moment:
    after_ms: int
    aspect: Aspect
    deed: Deed


def among_of(fault: Fault, players: Sequence[str], points: Sequence[str]) -> Sequence[str]:
    """Whom a fault may hit."""
    return points if fault.action == "portal_down" else players


def plan(script: Script, players: Sequence[str], seed: int, repetition: int, points: Sequence[str] = ()) -> list[Step]:
    """Give the steps of one repetition in order; a fault's end is left out where a later one of its kind has begun."""
    steps: list[Step] = []
    for index, fault in enumerate(script.faults):
        chance = random.Random(f"{seed} {repetition} {index}")
        among = among_of(fault, players, points)
        chosen = {name for wanted in fault.wanted for name in fitting(wanted, among, chance)}
        for player in sorted(chosen):
            first, *others = _moments(fault)
            for moment in (first, *others):
                at_ms = round(fault.at_s * 1000) + moment.after_ms
                last = bool(others) and moment is others[-1]
                steps.append(Step(at_ms, index, player, moment.aspect, moment.deed, moment is first, last))
    steps.sort(key=lambda step: step.at_ms)
    begun: dict[tuple[str, Aspect], list[tuple[int, int]]] = {}
    for step in steps:
        if step.begins:
            begun.setdefault((step.player, step.aspect), []).append((step.at_ms, step.fault))
    return [step for step in steps if step.begins or not _overtaken(step, script, begun[step.player, step.aspect])]


def _overtaken(step: Step, script: Script, begun: list[tuple[int, int]]) -> bool:
    own = round(script.faults[step.fault].at_s * 1000), step.fault
    return any(own < (at_ms, fault) and at_ms <= step.at_ms for at_ms, fault in begun if fault != step.fault)


def _moments(fault: Fault) -> list[_Moment]:
    """What one player does or suffers, from the fault's beginning to its end; if it flaps, again and again."""
    once = _once(fault)
    shifts = [round((fault.every_s or 0) * 1000 * number) for number in range(fault.times or 1)]
    return [replace(moment, after_ms=moment.after_ms + shift_ms) for shift_ms in shifts for moment in once]


def _once(fault: Fault) -> list[_Moment]:
    end_ms = None if fault.for_s is None else round(fault.for_s * 1000)
    if fault.action == "reboot":
        return _reboot(fault)
    lasting: dict[Action, tuple[Aspect, Deed, Deed]] = {
        "lose_link": ("link", "lose_link", "find_link"),
        "lose_network": ("network", "lose_network", "find_network"),
        "portal_down": ("portal", BreakPortal(fault.detail), "find_portal"),
        "step_clock": ("clock", StepClock(round((fault.by_s or 0) * 1000)), "discipline_clock"),
        "vanish": ("machine", "kill_agent", StartAgent(fault.spool == "lost")),
    }
    if fault.action in lasting:
        return _from_to(*lasting[fault.action], end_ms)
    shown = Show(SCREEN_STATES[fault.action], fault.cause, fault.detail, fault.output)
    return _from_to("screen", shown, Show("playing", output=fault.output), end_ms)


def _from_to(aspect: Aspect, first: Deed, then: Deed, end_ms: int | None) -> list[_Moment]:
    begin = _Moment(0, aspect, first)
    return [begin] if end_ms is None else [begin, _Moment(max(1, end_ms), aspect, then)]


def _reboot(fault: Fault) -> list[_Moment]:
    up_ms = max(1, round((fault.downtime_s or 0) * 1000))
    wall_ms = None if fault.wall is None else to_ms(fault.wall)
    moments = [
        _Moment(0, "machine", "cut_power"),
        _Moment(up_ms, "machine", Boot(wall_ms, fault.cause, fault.spool == "lost")),
    ]
    if fault.sync_after_s is not None:
        moments.append(_Moment(up_ms + round(fault.sync_after_s * 1000), "machine", "discipline_clock"))
    return moments


def fitting(wanted: str, players: Sequence[str], chance: random.Random) -> list[str]:
    """The players that an id, a glob or a share means."""
    if share := _SHARE.fullmatch(wanted):
        count = (2 * int(share[1]) * len(players) + _WHOLE) // (2 * _WHOLE)  # rounded half up
        return chance.sample(sorted(players), min(count, len(players)))
    return [name for name in players if fnmatchcase(name, wanted)]
