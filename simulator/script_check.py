"""PURE. What is wrong with a script of faults beyond its types: keys, players, and times that cannot be."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from common.config import ConfigError, Finding, load
from simulator.script import SCREEN_STATES, Fault, Script, among_of, fitting, plan

_COMMON: Final = frozenset({"at_s", "players", "action", "note", "end_note"})
_LASTING: Final = frozenset({"for_s", "times", "every_s"})
_SCREEN_KEYS: Final = _LASTING | {"cause", "detail", "output"}
_KEYS: Final[dict[str, frozenset[str]]] = {
    **dict.fromkeys(SCREEN_STATES, _SCREEN_KEYS),
    "lose_link": _LASTING,
    "lose_network": _LASTING,
    "portal_down": _LASTING | {"detail"},
    "reboot": frozenset({"downtime_s", "wall", "sync_after_s", "spool", "cause"}),
    "step_clock": _LASTING | {"by_s"},
    "vanish": _LASTING | {"spool"},
}


def read_script(
    path: Path, players: Sequence[str], outputs: Sequence[str] = ("main",), points: Sequence[str] = ()
) -> Script:
    """Read and check a script for these players, some of them vantage points; ConfigError with entry and remedy."""
    script = load(path, Script)
    if findings := check(script, players, str(path), outputs, points):
        raise ConfigError(*findings)
    return script


def check(
    script: Script,
    players: Sequence[str],
    file: str,
    outputs: Sequence[str] = ("main",),
    points: Sequence[str] = (),
) -> list[Finding]:
    """Find what is wrong with a script beyond its types."""
    findings: list[Finding] = []
    for index, fault in enumerate(script.faults):
        key = f"faults[{index}]"
        findings += _check_keys(fault, file, key)
        if fault.output is not None and fault.output not in outputs:
            remedy = f"write one of {', '.join(outputs)}"
            findings.append(Finding("script.output", file, f"{key}.output", f"no output {fault.output!r}", remedy))
        findings += _check_players(fault, players, points, file, f"{key}.players")
    if script.repeat_every_s is not None and not findings:
        last_s = max((step.at_ms for step in plan(script, players, 0, 0, points)), default=0) / 1000
        if last_s >= script.repeat_every_s:
            message = f"the script repeats after {script.repeat_every_s:g} s, but its last fault ends at {last_s:g} s"
            findings.append(Finding("script.repeat", file, "repeat_every_s", message, "let it repeat later"))
    return findings


def _check_players(fault: Fault, players: Sequence[str], points: Sequence[str], file: str, key: str) -> list[Finding]:
    among = among_of(fault, players, points)
    wrong = [each for each in fault.wanted if not fitting(each, among, random.Random(0)) and each != "0%"]
    if among is players:
        remedy = _players_are(players)
        return [Finding("script.players", file, key, f"{each!r} fits no player", remedy) for each in wrong]
    remedy = (
        f"the vantage points are {', '.join(points[:8])}" if points else "give --portal, and --points for some only"
    )
    return [Finding("script.points", file, key, f"{each!r} fits no vantage point", remedy) for each in wrong]


def _check_keys(fault: Fault, file: str, key: str) -> list[Finding]:
    given = {name for name in fault.__struct_fields__ if getattr(fault, name) is not None} - _COMMON
    known = _KEYS[fault.action]
    findings = [
        Finding(
            "script.key",
            file,
            f"{key}.{name}",
            f"means nothing for the action {fault.action!r}",
            f"remove it; {fault.action} knows {', '.join(sorted(known))}",
        )
        for name in sorted(given - known)
    ]
    if fault.action == "reboot" and fault.downtime_s is None:
        findings.append(Finding("config.missing_key", file, f"{key}.downtime_s", "is missing", "add downtime_s = …"))
    if fault.action == "step_clock" and not fault.by_s:
        findings.append(Finding("config.missing_key", file, f"{key}.by_s", "is missing", "add by_s = 3600, or = -3600"))
    findings += _check_flapping(fault, file, key)
    if fault.wall is not None and fault.wall.tzinfo is None:
        message = f"{fault.wall.isoformat()} has no UTC offset"
        findings.append(Finding("script.wall", file, f"{key}.wall", message, "write e.g. 1970-01-01T00:00:00Z"))
    if fault.sync_after_s is not None and fault.wall is None:
        message = "the clock is right from the start without `wall`"
        findings.append(Finding("script.sync", file, f"{key}.sync_after_s", message, "add wall = … or remove it"))
    return findings


def _check_flapping(fault: Fault, file: str, key: str) -> list[Finding]:
    if fault.times is None and fault.every_s is None:
        return []
    if fault.times is None or fault.every_s is None:
        missing = "times" if fault.times is None else "every_s"
        remedy = "add times = 4" if fault.times is None else "add every_s = 30"
        return [Finding("config.missing_key", file, f"{key}.{missing}", "is missing", remedy)]
    if fault.for_s is None or fault.for_s >= fault.every_s:
        message = f"it begins anew each {fault.every_s:g} s and has not ended by then"
        return [Finding("script.flapping", file, f"{key}.every_s", message, "give for_s, less than every_s")]
    return []


def _players_are(players: Sequence[str]) -> str:
    if not players:
        return "simulate at least one player"
    return f"the players are {players[0]} to {players[-1]}; write an id, a glob or a share like 30%"
