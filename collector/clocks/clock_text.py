"""PURE. A device's clock in words and as JSON, the same on the command line, in the API and on the page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from common.clock import iso

if TYPE_CHECKING:
    from collector.clocks.clock_view import ClockView, DeviceClock

_SECOND_MS: Final = 1000
_MINUTE_S: Final = 60
_UNITS: Final = ((86_400, "d"), (3600, "h"), (_MINUTE_S, "min"))


def as_text(view: ClockView) -> list[str]:
    """One boot on a few lines."""
    lines = [
        "",
        f"boot {view.boot}",
        f"  evidence  {iso(view.since_ms)} to {iso(view.until_ms)}",
        f"  clock     {view.source}, {offset_text(view)}",
        f"  bounds    {bound_text(view.early_ms)} earlier, {bound_text(view.late_ms)} later",
        f"  synced    {synced_text(view.synced_ms)}",
    ]
    return lines + [f"  step      {iso(step.at_ms)} by {length_text(step.by_ms, '+')}" for step in view.steps]


def synced_text(synced_ms: int | None) -> str:
    """`last said so 2026-03-01T10:00:00.000Z, or within the hour after`."""
    return "never said so" if synced_ms is None else f"last said so {iso(synced_ms)}, or within the hour after"


def as_json(view: ClockView) -> dict[str, object]:
    """One boot as JSON; instants as milliseconds and as ISO 8601."""
    return {
        "boot": view.boot,
        "source": view.source,
        "since_ms": view.since_ms,
        "since": iso(view.since_ms),
        "until_ms": view.until_ms,
        "until": iso(view.until_ms),
        "offset_ms": view.offset_ms,
        "early_ms": view.early_ms,
        "late_ms": view.late_ms,
        "drift_ppm": round(float(view.drift_ppm), 3),
        **_instant("last_synced", view.synced_ms),
        "steps": [{"at_ms": step.at_ms, "at": iso(step.at_ms), "by_ms": step.by_ms} for step in view.steps],
    }


def device_json(clock: DeviceClock) -> dict[str, object]:
    """A device's clock: how it is now (the newest boot's, and the last word), and every boot."""
    word, boot = clock.word, clock.newest
    return {
        "tenant": clock.tenant,
        "device": clock.device,
        "now": {
            **_instant("heard", word.received_ms if word else None),
            "synced": word.synced if word else None,
            "ahead_ms": word.ahead_ms if word else None,
            **_instant("last_synced", clock.synced_ms),
            "boot": boot.boot if boot else None,
            "source": boot.source if boot else None,
            "offset_ms": boot.offset_ms if boot else None,
            "drift_ppm": round(float(boot.drift_ppm), 3) if boot else None,
            "early_ms": boot.early_ms if boot else None,
            "late_ms": boot.late_ms if boot else None,
        },
        "boots": [as_json(one) for one in clock.boots],
    }


def _instant(name: str, instant_ms: int | None) -> dict[str, object]:
    return {f"{name}_ms": instant_ms, name: None if instant_ms is None else iso(instant_ms)}


def offset_text(view: ClockView) -> str:
    """`offset 1772323200000 ms, drift +0.3 ppm`."""
    if view.offset_ms is None:
        return "its own words: nothing places this boot"
    return f"offset {view.offset_ms} ms, drift {float(view.drift_ppm):+.1f} ppm"


def bound_text(milliseconds: int | None) -> str:
    """`at most 3.0 s`."""
    return "nobody knows how much" if milliseconds is None else f"at most {length_text(milliseconds)}"


def length_text(milliseconds: int, sign: str = "") -> str:
    """3723000 → `1 h 2 min 3.0 s`; with `sign` + or − before it."""
    rest_ms, parts = abs(milliseconds), []
    for unit_s, name in _UNITS:
        count, rest_ms = divmod(rest_ms, unit_s * _SECOND_MS)
        if count:
            parts.append(f"{count} {name}")
    parts.append(f"{rest_ms / _SECOND_MS:.1f} s")
    before = ("-" if milliseconds < 0 else "+") if sign else ""
    return before + " ".join(parts)
