"""PURE. Scripts of faults: TOML → who does what and when. The same script, players and seed give the same plan.

    repeat_every_s = 240            # absent: once

    [[faults]]
    at_s = 20                       # seconds after the start (of each repetition)
    players = ["bar-*", "30%"]      # ids, globs, or a share of all players drawn with the seed
    action = "freeze"
    for_s = 15                      # then as before; absent: for ever

    action                             what happens                               keys of its own
    ---------------------------------  -----------------------------------------  -----------------------------------
    play stop freeze black error idle  that is on the screen                      for_s cause detail output
    lose_link                          playback goes on, the backlog comes later  for_s
    reboot                             power cut, then a new boot                 downtime_s wall sync_after_s spool
                                                                                  cause
    step_clock                         the wall clock is wrong, and knows it      for_s by_s
    vanish                             the agent dies without goodbye             for_s spool

`wall` is what the clock says after the boot (no `sync_after_s`: it stays wrong), `spool` is `"kept"` or `"lost"`, and
`note` and `end_note` are sentences for the log, for when it begins and when it ends.
"""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Final, Literal, NamedTuple, get_args

import msgspec

from common.clock import to_ms
from common.config import ConfigError, Finding, Section, load
from wire.states import Cause, State

Action = Literal["play", "stop", "freeze", "black", "error", "idle", "lose_link", "reboot", "step_clock", "vanish"]
Aspect = Literal["screen", "link", "machine", "clock"]
Seconds = Annotated[float, msgspec.Meta(ge=0, le=31 * 86_400)]
Shift = Annotated[float, msgspec.Meta(ge=-31 * 86_400, le=31 * 86_400)]
Repetition = Annotated[float, msgspec.Meta(gt=0, le=31 * 86_400)]

_SHARE: Final = re.compile(r"(\d{1,3})%")
_WHOLE: Final = 100
_STATES: Final[dict[str, State]] = {
    "play": "playing",
    "stop": "stopped",
    "freeze": "frozen",
    "black": "black",
    "error": "error",
    "idle": "idle",
}
_COMMON: Final = frozenset({"at_s", "players", "action", "note", "end_note"})
_SCREEN_KEYS: Final = frozenset({"for_s", "cause", "detail", "output"})
_KEYS: Final[dict[str, frozenset[str]]] = {
    **dict.fromkeys(_STATES, _SCREEN_KEYS),
    "lose_link": frozenset({"for_s"}),
    "reboot": frozenset({"downtime_s", "wall", "sync_after_s", "spool", "cause"}),
    "step_clock": frozenset({"for_s", "by_s"}),
    "vanish": frozenset({"for_s", "spool"}),
}


class Fault(Section, frozen=True):
    """One entry of the script. Times in seconds."""

    at_s: Seconds
    players: str | list[str]
    action: Action
    for_s: Seconds | None = None
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


Simple = Literal["lose_link", "find_link", "cut_power", "discipline_clock", "kill_agent"]
Deed = Show | Boot | StartAgent | StepClock | Simple


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


def read_script(path: Path, players: Sequence[str], outputs: Sequence[str] = ("main",)) -> Script:
    """Read and check a script for these players; ConfigError naming the entry and the remedy."""
    script = load(path, Script)
    if findings := check(script, players, str(path), outputs):
        raise ConfigError(*findings)
    return script


def check(script: Script, players: Sequence[str], file: str, outputs: Sequence[str] = ("main",)) -> list[Finding]:
    """Find what is wrong with a script beyond its types."""
    findings: list[Finding] = []
    for index, fault in enumerate(script.faults):
        key = f"faults[{index}]"
        findings += _check_keys(fault, file, key)
        if fault.output is not None and fault.output not in outputs:
            remedy = f"write one of {', '.join(outputs)}"
            findings.append(Finding("script.output", file, f"{key}.output", f"no output {fault.output!r}", remedy))
        findings += [
            Finding("script.players", file, f"{key}.players", f"{wanted!r} fits no player", _players_are(players))
            for wanted in fault.wanted
            if not _fitting(wanted, players, random.Random(0)) and wanted != "0%"
        ]
    if script.repeat_every_s is not None and not findings:
        last_s = max((step.at_ms for step in plan(script, players, 0, 0)), default=0) / 1000
        if last_s >= script.repeat_every_s:
            message = f"the script repeats after {script.repeat_every_s:g} s, but its last fault ends at {last_s:g} s"
            findings.append(Finding("script.repeat", file, "repeat_every_s", message, "let it repeat later"))
    return findings


def plan(script: Script, players: Sequence[str], seed: int, repetition: int) -> list[Step]:
    """Give the steps of one repetition in order; a fault's end is left out where a later one of its kind has begun."""
    steps: list[Step] = []
    for index, fault in enumerate(script.faults):
        chance = random.Random(f"{seed} {repetition} {index}")
        chosen = {name for wanted in fault.wanted for name in _fitting(wanted, players, chance)}
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
    end_ms = None if fault.for_s is None else round(fault.for_s * 1000)
    if fault.action == "reboot":
        return _reboot(fault)
    if fault.action == "lose_link":
        return _from_to("link", "lose_link", "find_link", end_ms)
    if fault.action == "step_clock":
        return _from_to("clock", StepClock(round((fault.by_s or 0) * 1000)), "discipline_clock", end_ms)
    if fault.action == "vanish":
        return _from_to("machine", "kill_agent", StartAgent(fault.spool == "lost"), end_ms)
    shown = Show(_STATES[fault.action], fault.cause, fault.detail, fault.output)
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


def _fitting(wanted: str, players: Sequence[str], chance: random.Random) -> list[str]:
    if share := _SHARE.fullmatch(wanted):
        count = (2 * int(share[1]) * len(players) + _WHOLE) // (2 * _WHOLE)  # rounded half up
        return chance.sample(sorted(players), min(count, len(players)))
    return [name for name in players if fnmatchcase(name, wanted)]


def _check_keys(fault: Fault, file: str, key: str) -> list[Finding]:
    given = {name for name in fault.__struct_fields__ if getattr(fault, name) is not None} - _COMMON
    fitting = _KEYS[fault.action]
    findings = [
        Finding(
            "script.key",
            file,
            f"{key}.{name}",
            f"means nothing for the action {fault.action!r}",
            f"remove it; {fault.action} knows {', '.join(sorted(fitting))}",
        )
        for name in sorted(given - fitting)
    ]
    if fault.action == "reboot" and fault.downtime_s is None:
        findings.append(Finding("config.missing_key", file, f"{key}.downtime_s", "is missing", "add downtime_s = …"))
    if fault.action == "step_clock" and not fault.by_s:
        findings.append(Finding("config.missing_key", file, f"{key}.by_s", "is missing", "add by_s = 3600, or = -3600"))
    if fault.wall is not None and fault.wall.tzinfo is None:
        message = f"{fault.wall.isoformat()} has no UTC offset"
        findings.append(Finding("script.wall", file, f"{key}.wall", message, "write e.g. 1970-01-01T00:00:00Z"))
    if fault.sync_after_s is not None and fault.wall is None:
        message = "the clock is right from the start without `wall`"
        findings.append(Finding("script.sync", file, f"{key}.sync_after_s", message, "add wall = … or remove it"))
    return findings


def _players_are(players: Sequence[str]) -> str:
    if not players:
        return "simulate at least one player"
    return f"the players are {players[0]} to {players[-1]}; write an id, a glob or a share like 30%"


ACTIONS: Final = get_args(Action)
