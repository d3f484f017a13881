"""PURE. Fractions and instants as the API writes them, and plain data as JSON.

Written with the standard library's encoder, because an exact numerator may exceed 64 bits.
"""

from __future__ import annotations

import json
from fractions import Fraction
from typing import TYPE_CHECKING, Final, TypeAlias

from collector.web.format import decimal
from common.clock import iso

if TYPE_CHECKING:
    from collections.abc import Mapping

Json: TypeAlias = "Mapping[str, object]"
_ENCODER: Final = json.JSONEncoder(separators=(",", ":"), allow_nan=False)


def encode(value: object) -> bytes:
    """Plain data → one line of JSON (ASCII, so that no text from the wire can break a frame or an encoder)."""
    return _ENCODER.encode(value).encode("ascii")


def fraction(value: Fraction | None) -> Json | None:
    """Exact fraction and its decimal, rounded down to nine digits."""
    if value is None:
        return None
    return {"fraction": [value.numerator, value.denominator], "decimal": decimal(value)}


def instant(name: str, instant_ms: int | None) -> dict[str, object]:
    """One instant as two keys: `{name}_ms` and `{name}`."""
    return {f"{name}_ms": instant_ms, name: None if instant_ms is None else iso(instant_ms)}
