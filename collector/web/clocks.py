"""PURE. A device's clock on its player's page: one line of facts of how it is now, and a small table of its boots."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from collector.clocks.clock_text import length_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from collector.clocks.clock_view import ClockView, DeviceClock
    from collector.web.format import Times
    from collector.web.texts import Texts

BOOTS_SHOWN: Final = 10
STEPS_SHOWN: Final = 3


@dataclass(frozen=True, slots=True)
class BootRow:
    """One boot."""

    start: str
    end: str
    source: str
    drift: str
    exact: str
    synced: str
    steps: str


@dataclass(frozen=True, slots=True)
class ClockCard:
    """The clock now, fact by fact (name and value), and the newest boots, the newest first."""

    facts: tuple[tuple[str, str], ...]
    rows: tuple[BootRow, ...]
    rest: str


def draw_clock(clock: DeviceClock | None, times: Times, t: Texts) -> ClockCard | None:
    """What is known of a device's clock; None where there is no evidence yet."""
    if clock is None or clock.newest is None:
        return None
    hidden = len(clock.boots) - BOOTS_SHOWN
    newest = clock.boots[: -BOOTS_SHOWN - 1 : -1]
    return ClockCard(
        facts=tuple(_facts(clock, clock.newest, times, t)),
        rows=tuple(_row(boot, times, t) for boot in newest),
        rest=t.clock_more.format(count=hidden) if hidden > 0 else "",
    )


def _facts(clock: DeviceClock, boot: ClockView, times: Times, t: Texts) -> Iterator[tuple[str, str]]:
    word = clock.word
    yield t.clock_source, t.named("clock", boot.source)
    if word is not None:
        said = t.clock_says_synced if word.synced else t.clock_says_unsynced
        yield t.clock_says, t.clock_at.format(what=said, when=times.stamp(word.received_ms))
        if word.ahead_ms is not None:
            yield t.clock_wall, _ahead(word.ahead_ms, t)
    if boot.offset_ms is not None:
        yield t.clock_offset, t.clock_booted.format(offset=boot.offset_ms, when=times.stamp(boot.offset_ms))
    yield t.clock_drift, _drift(boot)
    yield t.clock_exact, _exact(boot, t)
    yield t.clock_last, _synced(clock.synced_ms, times, t)


def _ahead(ahead_ms: int, t: Texts) -> str:
    words = t.clock_ahead if ahead_ms >= 0 else t.clock_behind
    return words.format(length=length_text(abs(ahead_ms)))


def _row(boot: ClockView, times: Times, t: Texts) -> BootRow:
    steps = [f"{times.stamp(step.at_ms)} {length_text(step.by_ms, '+')}" for step in boot.steps[-STEPS_SHOWN:]]
    if len(boot.steps) > STEPS_SHOWN:
        steps.append(t.clock_steps_more.format(count=len(boot.steps) - STEPS_SHOWN))
    return BootRow(
        start=times.stamp(boot.since_ms),
        end=times.stamp(boot.until_ms),
        source=t.named("clock", boot.source),
        drift=_drift(boot),
        exact=_exact(boot, t),
        synced=_synced(boot.synced_ms, times, t),
        steps="; ".join(steps) or "–",
    )


def _drift(boot: ClockView) -> str:
    return f"{float(boot.drift_ppm):+.1f} ppm" if boot.offset_ms is not None else "–"


def _exact(boot: ClockView, t: Texts) -> str:
    early, late = (t.clock_nobody if bound is None else length_text(bound) for bound in (boot.early_ms, boot.late_ms))
    return t.clock_bounds.format(early=early, late=late)


def _synced(synced_ms: int | None, times: Times, t: Texts) -> str:
    return t.clock_never if synced_ms is None else t.clock_hour.format(when=times.stamp(synced_ms))
