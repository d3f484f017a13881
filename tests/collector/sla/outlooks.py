"""Contracts, subjects and cases for forecasts and burn rates."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

from collector.sla.calendar import Calendar, parse_calendar
from collector.sla.case import Case, SubjectFile
from collector.sla.contract import Contract, parse_contract
from collector.sla.instants import parse_instant
from collector.sla.tally import Subject, Window
from collector.sla.timeline import Evidence

Down = Sequence[tuple[str, str]]

SHOP: Final = parse_calendar({"timezone": "Europe/Madrid", "rules": [{"hours": ["10:00-22:00"]}]}, "x", "x")
BANDS: Final = [
    {"from": "98.99", "to": "98.51", "percent": 5},
    {"from": "97.25", "to": "97.00", "percent": 40},
]


def terms(**keys: Any) -> Contract:
    """A contract like ADmira's; `rules` are changes to `availability`."""
    rules = {"weights": {"platform": "0.2", "players": "0.8"}, "excluded_causes": ["content"]}
    rules |= {"excluded_windows": ["planned"]} | keys.pop("rules", {})
    base = {"name": "n", "timezone": "Europe/Madrid", "availability": rules, "guarantee": {"committed": "99.00"}}
    return parse_contract(base | keys, "c.toml")


def ms(text: str) -> int:
    """`2026-03-01T10:00` (UTC) → milliseconds."""
    return parse_instant(text if text.endswith("Z") else f"{text}:00Z")


def at(start: int, end: int, state: str = "stopped", cause: str | None = None) -> Evidence:
    """A run."""
    return Evidence(start, end, state, cause)


def watched(
    identity: str,
    *,
    since: str = "2025-01-01T00:00",
    until: str = "2027-01-01T00:00",
    down: Down = (),
    emission: Calendar | None = None,
    active: tuple[str | None, str | None] = (None, None),
) -> SubjectFile:
    """A subject (`platform…` is the platform's) that was up but for the intervals given."""
    platform = identity.startswith("platform")
    begin, end = (None if edge is None else ms(edge) for edge in active)
    subject = Subject(identity, "platform" if platform else "player", begin, end, emission)
    runs = [at(ms(since), ms(until), "up" if platform else "playing")]
    runs += [at(ms(start), ms(stop), "down" if platform else "stopped") for start, stop in down]
    return SubjectFile(subject, runs)


def case_of(
    contract: Contract, months: Sequence[str], now: str, subjects: Iterable[SubjectFile], windows: Sequence[Window] = ()
) -> Case:
    """The case as it is known at `now`."""
    return Case(contract, list(months), ms(now), {each.subject.id: each for each in subjects}, list(windows))
