"""PURE. Instants and months: ISO 8601 text, integer milliseconds since 1970, and local time read through UTC.

A local time that occurs twice is its first occurrence; one that is skipped takes the offset before the gap. Both are
what `fold=0` means (PEP 495).
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

MINUTE_MS: Final = 60_000
HOUR_MS: Final = 60 * MINUTE_MS
DAY_MS: Final = 24 * HOUR_MS
FIRST_YEAR: Final = 1900
LAST_YEAR: Final = 2999

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_NAIVE_EPOCH: Final = datetime(1970, 1, 1)  # noqa: DTZ001  # wall time minus its offset is an instant
_MS: Final = timedelta(milliseconds=1)
_INSTANT: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9:.,]+(Z|[+-][0-9:]+)?")
_FINER_THAN_MS: Final = re.compile(r"[.,][0-9]{3}[0-9]*[1-9]")
_MONTH: Final = re.compile(r"(?P<year>[0-9]{4})-(?P<month>0[1-9]|1[0-2])")
# These depend on the machine, or count leap seconds: a contract may not.
_UNSAFE_ZONES: Final = re.compile(r"localtime|posixrules|Factory|(posix|right)/.*")


def parse_instant(text: str) -> int:
    """ISO 8601 with an offset → milliseconds since 1970; ValueError says what is wrong with it."""
    try:
        instant = datetime.fromisoformat(text) if _INSTANT.fullmatch(text) else None
    except ValueError:
        instant = None
    if instant is None:
        raise ValueError("is no ISO 8601 instant")
    if _FINER_THAN_MS.search(text):
        raise ValueError("is finer than a millisecond")
    if instant.tzinfo is None:
        raise ValueError("has no offset from UTC")
    return (instant - _EPOCH) // _MS


def format_instant(instant_ms: int) -> str:
    """Milliseconds since 1970 → `2026-03-31T22:00:00.000Z`."""
    return (_EPOCH + instant_ms * _MS).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def local_date(zone: ZoneInfo, instant_ms: int) -> date:
    """Calendar date of an instant in a zone."""
    return (_EPOCH + instant_ms * _MS).astimezone(zone).date()


def local_ms(zone: ZoneInfo, day: date, minutes: int = 0) -> int:
    """Instant at which the wall clock of `zone` shows `minutes` after the midnight that begins `day`."""
    wall = datetime(day.year, day.month, day.day) + timedelta(minutes=minutes)  # noqa: DTZ001  # the zone follows
    offset = wall.replace(tzinfo=zone).utcoffset() or timedelta()
    return (wall - _NAIVE_EPOCH - offset) // _MS


def parse_zone(name: str) -> ZoneInfo:
    """IANA name → zone; ValueError where there is no such zone, or where it would depend on the machine."""
    if _UNSAFE_ZONES.fullmatch(name):
        raise ValueError(f"{name!r} is no zone of its own")
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise ValueError(f"{name!r} is no IANA time zone") from None


def parse_month(text: str) -> int:
    """`YYYY-MM` → months since year 0; ValueError where it is none, or far from our times."""
    match = _MONTH.fullmatch(text)
    if match is None or not FIRST_YEAR <= int(match["year"]) <= LAST_YEAR:
        raise ValueError(f"{text!r} is no month")
    return int(match["year"]) * 12 + int(match["month"]) - 1


def format_month(month: int) -> str:
    """Months since year 0 → `YYYY-MM`."""
    return f"{month // 12:04d}-{month % 12 + 1:02d}"


def first_day(month: int) -> date:
    """First day of a month (months since year 0)."""
    return date(month // 12, month % 12 + 1, 1)
