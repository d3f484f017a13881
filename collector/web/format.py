"""PURE. Numbers and instants as a person reads them. All rounding that a page shows happens here, exactly.

Availability and coverage are rounded down, so that 100.00 % is written only where it is true; shares of players are
rounded half up, with the exact counts always beside them.
"""

from __future__ import annotations

import math
import unicodedata
from datetime import UTC, datetime, tzinfo
from fractions import Fraction
from typing import Final, TypeAlias
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from common.clock import to_datetime

SECOND_MS: Final = 1000
MINUTE_MS: Final = 60 * SECOND_MS
HOUR_MS: Final = 60 * MINUTE_MS
DAY_MS: Final = 24 * HOUR_MS
API_DIGITS: Final = 9
HostValue: TypeAlias = int | float | str | bool | None

_KIBI: Final = 1024
_SMALL_NUMBER: Final = 10
_HALF: Final = Fraction(1, 2)
_UNSAFE_CATEGORIES: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def percent(share: Fraction | None, decimals: int) -> str | None:
    """Share of 1 → percent with `decimals` digits, rounded down: `Fraction(2, 3)` → `66.66`; None stays None."""
    return None if share is None else _digits(share * 100, decimals)


def rounded_percent(share: Fraction | None, decimals: int = 1) -> str | None:
    """Share of 1 → percent rounded half up; None stays None."""
    return None if share is None else _digits(share * 100 + _HALF / 10**decimals, decimals)


def short_percent(share: Fraction) -> str:
    """A level or a weight without needless zeros: `Fraction(1, 5)` → `20`, `Fraction(999, 1000)` → `99.9`."""
    text = _digits(share * 100, API_DIGITS)
    return text.rstrip("0").rstrip(".")


def decimal(share: Fraction) -> str:
    """Share of 1 as a decimal string with nine digits, rounded down, for the API."""
    return _digits(share, API_DIGITS)


def _digits(value: Fraction, decimals: int) -> str:
    scaled = value.numerator * 10**decimals // value.denominator
    sign, scaled = ("-", -scaled) if scaled < 0 else ("", scaled)
    whole, rest = divmod(scaled, 10**decimals)
    return f"{sign}{whole}.{rest:0{decimals}d}" if decimals else f"{sign}{whole}"


def duration(length_ms: int) -> str:
    """Milliseconds → `42 s`, `12 min 03 s`, `3 h 05 min`, `2 d 04 h`; a negative length is `0 s`."""
    length_ms = max(0, length_ms)
    if length_ms < MINUTE_MS:
        return f"{length_ms // SECOND_MS} s"
    if length_ms < HOUR_MS:
        return f"{length_ms // MINUTE_MS} min {length_ms % MINUTE_MS // SECOND_MS:02d} s"
    if length_ms < DAY_MS:
        return f"{length_ms // HOUR_MS} h {length_ms % HOUR_MS // MINUTE_MS:02d} min"
    return f"{length_ms // DAY_MS} d {length_ms % DAY_MS // HOUR_MS:02d} h"


class Times:
    """Instants on the wall clock of one zone; `name` is the zone's, to be shown beside them."""

    def __init__(self, zone: str | None) -> None:
        self.name, self.zone = _zone(zone)

    def local(self, instant_ms: int) -> datetime:
        """Give the aware local datetime of an instant."""
        return to_datetime(instant_ms).astimezone(self.zone)

    def stamp(self, instant_ms: int | None) -> str:
        """Instant → `2026-11-23 14:03:22`; an en dash for None."""
        return "–" if instant_ms is None else self.local(instant_ms).strftime("%Y-%m-%d %H:%M:%S")

    def clock(self, instant_ms: int) -> str:
        """Instant → `14:03:22`."""
        return self.local(instant_ms).strftime("%H:%M:%S")

    def brief(self, instant_ms: int | None, now_ms: int) -> str:
        """Instant → `14:03` on the same local day as `now_ms`, else `11-23 14:03`; an en dash for None."""
        if instant_ms is None:
            return "–"
        then = self.local(instant_ms)
        return then.strftime("%H:%M" if then.date() == self.local(now_ms).date() else "%m-%d %H:%M")


def _zone(name: str | None) -> tuple[str, tzinfo]:
    if name:
        try:
            return name, ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError):
            # The contract reader refuses such a zone; should one slip through, UTC is shown and named as what it is.
            return "UTC", UTC
    return "UTC", UTC


def plain(text: str, limit: int = 1000) -> str:
    """Text from the wire without control and direction characters, which could disguise what stands beside it."""
    if text.isprintable() and len(text) <= limit:  # nearly always; it knows the same categories
        return text
    shown = "".join("�" if unicodedata.category(char) in _UNSAFE_CATEGORIES else char for char in text[:limit])
    return shown + ("…" if len(text) > limit else "")


def host_value(key: str, value: HostValue) -> str:
    """Host figure → text with the unit that the key's ending names; anything else as it is."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str):
        return plain(value, 200)
    return _measure(key, value) if math.isfinite(value) else "–"


def _measure(key: str, value: float) -> str:
    unit = next((unit for ending, unit in _UNITS.items() if key.endswith(ending)), "")
    if unit == "B":
        return _bytes(value)
    if unit == "d":
        return duration(int(value * SECOND_MS))
    if unit == "r":
        value, unit = value * 100.0, "%"
    digits = 2 if abs(value) < _SMALL_NUMBER else 1
    number = f"{value:.{digits}f}" if isinstance(value, float) else str(value)
    return f"{number} {unit}".rstrip()


_UNITS: Final = {
    "_bytes": "B",
    "_ratio": "r",
    "_percent": "%",
    "_celsius": "°C",
    "_c": "°C",
    "_ms": "ms",
    "uptime_s": "d",
    "_s": "s",
    "_hz": "Hz",
    "_mhz": "MHz",
}


def _bytes(value: float) -> str:
    number = float(value)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if abs(number) < _KIBI:
            return f"{number:.0f} {unit}" if unit == "B" else f"{number:.1f} {unit}"
        number /= _KIBI
    return f"{number:.1f} TiB"
