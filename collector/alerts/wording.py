"""PURE. Numbers as a person reads them in a reason: exact in, rounded only here."""

from __future__ import annotations

from fractions import Fraction
from typing import Final

from common.clock import to_datetime

_UNITS: Final = (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1))


def percent_text(share: Fraction, *, fixed: bool = False) -> str:
    """A share of 1 as percent, half up to two decimals: `20`, `99.9`; with `fixed` always two: `32.50`."""
    hundredths = (share * 10_000 + Fraction(1, 2)).__floor__()
    text = f"{hundredths // 100}.{hundredths % 100:02d}"
    return text if fixed else text.rstrip("0").rstrip(".")


def times_text(rate: Fraction) -> str:
    """How many times, half up to two decimals: `14.88`, `6`."""
    return percent_text(rate / 100)


def span_text(length_ms: int) -> str:
    """The length of a window, exactly: `3 d`, `1 h`, `5 min`; the largest unit of which it has a whole number."""
    unit, seconds = next(each for each in _UNITS if length_ms % (each[1] * 1000) == 0)
    return f"{length_ms // (seconds * 1000)} {unit}"


def clock_text(instant_ms: int) -> str:
    """Milliseconds since 1970 → `10:02:11Z`."""
    return to_datetime(instant_ms).strftime("%H:%M:%SZ")


def length_text(length_ms: int) -> str:
    """Milliseconds → the two largest units: `8 min 12 s`, `3 d 4 h`, `0 s`."""
    rest = max(0, length_ms) // 1000
    parts: list[str] = []
    for unit, seconds in _UNITS:
        count, rest = divmod(rest, seconds)
        if count or parts or unit == "s":
            parts.append(f"{count} {unit}")
    return " ".join(parts[:2])
