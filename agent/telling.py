"""PURE. Which heartbeats state the host figures: all or none, for a message says what is, never what changed.

They are half of a heartbeat's bytes, and most of them are the same a quarter of a minute later. So they are stated
where a connection is new, every `host_interval_s`, and as soon as one of them changed noticeably:

    it came, went, or is none of the below (texts, counters, flags)      any change
    MOVES                                                                by so much since they were stated
    DRIFTS                                                               never: these are different every time

Figures of one kind are named alike, whatever they are of: `fs.var.used_percent` is a `used_percent`.

The collector keeps what was stated last, with its age.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

Value = int | float | str | bool | None

MOVES: Final[Mapping[str, float]] = {
    "temperature_c": 5.0,
    "memory_used_percent": 10.0,
    "disk_used_percent": 5.0,
    "used_percent": 5.0,
    "inodes_used_percent": 5.0,
    "clock_offset_ms": 20.0,
}
DRIFTS: Final = frozenset(
    {"cpu_percent", "load_1m", "uptime_s", "agent_rss_bytes", "disk_free_bytes", "spool_bytes"}
) | {*("latency_ms", "free_bytes", "power_on_hours", "clock_error_ms")}


class Told(NamedTuple):
    """The figures as they were stated last, and when."""

    figures: Mapping[str, Value]
    at_mono_ms: int


def is_due(told: Told | None, figures: Mapping[str, Value], mono_ms: int, every_ms: int) -> bool:
    """Whether this heartbeat states them. `told`: None where this connection has not heard them yet."""
    if told is None or mono_ms - told.at_mono_ms >= every_ms:
        return True
    if told.figures.keys() != figures.keys():
        return True
    return any(_moved(name, told.figures[name], value) for name, value in figures.items())


def _moved(name: str, before: Value, now: Value) -> bool:
    kind = name.rpartition(".")[2]
    if kind in DRIFTS:
        return False
    if kind in MOVES and isinstance(before, int | float) and isinstance(now, int | float):
        return abs(now - before) >= MOVES[kind]
    return now != before
