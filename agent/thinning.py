"""PURE. What a full spool gives up, and in which order: first what no figure hangs on, then as little time as may be.

    1. details   the commentary of the oldest runs; state, cause and times stay
    2. an hour   short runs of one output that begin in the same hour become one run `unknown`, oldest hour first
    3. a day     the same by the day
    4. the rest  the oldest runs of all, each output's become one run `unknown`

Steps 2 and 3 leave alone the newest quarter, every run as long as their span (a long outage and a long playback stay
word for word), and every run that a heartbeat has stated: a statement may reach beyond the run's end, and only the end
takes that back. A run that stands in for others is always `unknown`, from the start of the first to the end of the
last: it claims neither playing nor down where that was not.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from agent.restart import GIVEN_UP, Now
from wire.messages import Run
from wire.outbox import Name

HOUR_MS: Final = 3_600_000
DAY_MS: Final = 24 * HOUR_MS
STAND_IN_BYTES: Final = 512  # at most, for an output with an ordinary name
_NEWEST: Final = 4  # one in so many is out of reach of the first steps
_DETAIL_BYTES: Final = len(',"detail":""')


class Item(NamedTuple):
    """A run that waits, and what it takes. `stated`: a heartbeat has told of it while it was open."""

    name: Name
    run: Run
    size_bytes: int
    stated: bool


def wordy(items: Sequence[Item], save_bytes: int) -> list[Name]:
    """Names of the oldest runs whose details are to go, until so much is saved."""
    names: list[Name] = []
    for item in items:
        if save_bytes <= 0:
            break
        if item.run.detail and item.run.detail != GIVEN_UP:
            names.append(item.name)
            save_bytes -= len(item.run.detail.encode()) + _DETAIL_BYTES
    return names


def merges(items: Sequence[Item], save_bytes: int) -> list[list[Item]]:
    """Groups of runs of one output, oldest first, each to become one run `unknown`, until so much is saved."""
    older = items[: len(items) - len(items) // _NEWEST]
    for span_ms in (HOUR_MS, DAY_MS):
        chosen, missing = _until_saved(_spans(older, span_ms), save_bytes)
        if missing <= 0:
            return chosen
    return _oldest(items, save_bytes)


def expired(items: Iterable[Item], clocks: Mapping[str, int], now: Now, max_age_ms: int, *, synced: bool) -> list[Item]:
    """Runs that ended longer ago than that.

    One whose age nobody can tell stays: a board that woke up in 1970 must not throw away what it has just seen.
    """
    found: list[Item] = []
    for item in items:
        age_ms = _age_ms(item.run, clocks, now, synced=synced)
        if age_ms is not None and age_ms <= max_age_ms:
            break  # the others are younger
        if age_ms is not None:
            found.append(item)
    return found


def by_output(items: Iterable[Item]) -> list[list[Item]]:
    """Each output's runs, in the same order."""
    groups: dict[str, list[Item]] = {}
    for item in items:
        groups.setdefault(item.run.output, []).append(item)
    return list(groups.values())


def _spans(items: Iterable[Item], span_ms: int) -> Iterator[list[Item]]:
    """Give neighbours of one output that begin in the same span of a boot's time, two or more, shorter than it."""
    growing: dict[str, list[Item]] = {}
    for item in items:
        output = item.run.output
        fits = not item.stated and _is_short(item.run, span_ms)
        group = growing.get(output)
        if fits and group and _span(group[0].run, span_ms) == _span(item.run, span_ms):
            group.append(item)
            continue
        if group and len(group) > 1:
            yield group
        growing[output] = [item] if fits else []
    yield from (group for group in growing.values() if len(group) > 1)


def _until_saved(groups: Iterable[list[Item]], save_bytes: int) -> tuple[list[list[Item]], int]:
    chosen: list[list[Item]] = []
    for group in groups:
        if save_bytes <= 0:
            break
        saved = sum(item.size_bytes for item in group) - STAND_IN_BYTES
        if saved > 0:
            chosen.append(group)
            save_bytes -= saved
    return chosen, save_bytes


def _oldest(items: Iterable[Item], save_bytes: int) -> list[list[Item]]:
    chosen: list[Item] = []
    outputs: set[str] = set()
    for item in items:
        if save_bytes <= 0:
            break
        if item.run.output not in outputs:
            outputs.add(item.run.output)
            save_bytes += STAND_IN_BYTES
        chosen.append(item)
        save_bytes -= item.size_bytes
    return by_output(chosen)


def _is_short(run: Run, span_ms: int) -> bool:
    same_boot = run.end_boot is None or run.end_boot == run.boot
    return same_boot and (run.end_mono_ms or 0) - run.start_mono_ms < span_ms


def _span(run: Run, span_ms: int) -> tuple[str | None, int]:
    return run.boot, run.start_mono_ms // span_ms


def _age_ms(run: Run, clocks: Mapping[str, int], now: Now, *, synced: bool) -> int | None:
    boot, end_mono_ms = run.end_boot or run.boot or "", run.end_mono_ms or 0
    if boot == now.boot:
        return now.mono_ms - end_mono_ms
    if synced and boot in clocks:
        return now.wall_ms - (end_mono_ms + clocks[boot])
    return None
