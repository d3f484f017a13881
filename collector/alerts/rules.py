"""PURE. When an alarm rings and when it stops: a figure and what is open go in, openings and closings come out.

A *reading* is what a figure says of one kind of alarm (`readings.py`). It is over (the alarm should ring), calm (it
should stop), or in between, which is the hysteresis. The transition table:

    alarm    reading     then
    -------  ----------  -----------------------------------------------------------------------------------------
    closed   over        it opens once the reading has been over for longer than the hold, and the last closing is at
                         least the reopen interval ago
    closed   otherwise   the hold starts anew
    open     calm        it closes once the reading has been calm for longer than the release hold
    open     otherwise   the release hold starts anew
    open     new month   a breach closes at once: the new month is judged afresh
    open     not wanted  it closes at once: the configuration does not ask for this kind any more

Silence heals nothing: players that turned unknown since the reading was last over still count as down when an open
`players_down`, `burn_rate` or `burn_rate_slow` is to be closed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from collector.alerts.readings import (
    KINDS,
    READINGS,
    SEVERITY,
    Facts,
    Kind,
    Reading,
    Rules,
    Severity,
    Watch,
    facts_of,
    summary_of,
)
from collector.alerts.wording import clock_text, length_text
from collector.views import FigureView

__all__ = ["KINDS", "Closed", "Decision", "Kind", "Memory", "OpenAlert", "Opened", "Rules", "Watch", "decide"]


class OpenAlert(NamedTuple):
    """What a decision needs to know of an alert that is open."""

    opened_ms: int
    month: str


@dataclass(frozen=True, slots=True)
class Memory:
    """What is remembered of one agreement between two figures."""

    watches: Mapping[Kind, Watch] = field(default_factory=dict)

    def of(self, kind: Kind) -> Watch:
        """What is remembered of one kind."""
        return self.watches.get(kind, Watch())


class Opened(NamedTuple):
    """An alarm begins to ring. `summary` is short and stays the same, `reason` has the numbers."""

    kind: Kind
    severity: Severity
    summary: str
    reason: str
    facts: Facts


class Closed(NamedTuple):
    """An alarm stops."""

    kind: Kind
    reason: str


class Decision(NamedTuple):
    """What to remember, what changed, and when to look again although nothing new was heard."""

    memory: Memory
    changes: list[Opened | Closed]
    wake_ms: int | None


class _Step(NamedTuple):
    watch: Watch
    change: Opened | Closed | None = None
    wake_ms: int | None = None


def decide(
    figure: FigureView, open_alerts: Mapping[Kind, OpenAlert], memory: Memory, rules: Rules, now_ms: int
) -> Decision:
    """Judge one figure at `now_ms` (wall-clock milliseconds); nothing but the arguments is read or changed."""
    watches: dict[Kind, Watch] = {}
    changes: list[Opened | Closed] = []
    wakes: list[int] = []
    for kind in KINDS:
        alert, watch = open_alerts.get(kind), memory.of(kind)
        if alert is not None and (reason := _ends_at_once(kind, alert, figure, rules)):
            changes.append(Closed(kind, reason))
            alert, watch = None, Watch()  # a new month may open at once: no reopen interval
        reading = READINGS[kind](figure, rules, watch)
        watch = _advance(watch, reading, figure, now_ms)
        if alert is None:
            step = _while_closed(kind, watch, reading, figure, rules, now_ms)
        else:
            step = _while_open(kind, alert, watch, reading, rules, now_ms)
        watches[kind] = step.watch
        changes += [] if step.change is None else [step.change]
        wakes += [] if step.wake_ms is None else [step.wake_ms]
    return Decision(Memory(watches), changes, min(wakes, default=None))


def _ends_at_once(kind: Kind, alert: OpenAlert, figure: FigureView, rules: Rules) -> str | None:
    if kind == "breach" and alert.month != figure.month:
        return f"{alert.month} is over; {figure.month} is judged afresh"
    if kind not in rules.kinds:
        return f"the configuration does not ask for {kind} alerts of this agreement any more"
    return None


def _advance(watch: Watch, reading: Reading, figure: FigureView, now_ms: int) -> Watch:
    """Start, keep or forget the two holds. A wall clock that stepped back never makes a hold longer."""
    closed_ms = None if watch.closed_ms is None else min(watch.closed_ms, now_ms)
    watch = replace(
        watch,
        over_since_ms=_since(watch.over_since_ms, now_ms) if reading.over else None,
        calm_since_ms=_since(watch.calm_since_ms, now_ms) if reading.calm else None,
        closed_ms=closed_ms,
    )
    return replace(watch, unknown_when_over=figure.unknown_now, resumed=False) if reading.over else watch


def _since(previous_ms: int | None, now_ms: int) -> int:
    return now_ms if previous_ms is None else min(previous_ms, now_ms)


def _while_closed(kind: Kind, watch: Watch, reading: Reading, figure: FigureView, rules: Rules, now_ms: int) -> _Step:
    if watch.over_since_ms is None or kind not in rules.kinds:
        return _Step(watch)
    due_ms = _after(watch.over_since_ms, rules.hold_of(kind))
    if watch.closed_ms is not None:
        due_ms = max(due_ms, watch.closed_ms + rules.reopen_ms)
    if now_ms < due_ms:
        return _Step(watch, wake_ms=due_ms)
    reason = f"{reading.phrase} since {clock_text(watch.over_since_ms)}, {reading.limit}"
    facts = {**facts_of(figure, watch.over_since_ms), **reading.facts}
    return _Step(watch, Opened(kind, SEVERITY[kind], summary_of(kind, figure), reason, facts))


def _while_open(kind: Kind, alert: OpenAlert, watch: Watch, reading: Reading, rules: Rules, now_ms: int) -> _Step:
    if watch.calm_since_ms is None:
        return _Step(watch)
    due_ms = _after(watch.calm_since_ms, rules.release_ms)
    if now_ms < due_ms:
        return _Step(watch, wake_ms=due_ms)
    before = "found calm after a restart of the collector: " if watch.resumed else ""
    reason = (
        f"{before}{reading.phrase}, {reading.calm_limit} since {clock_text(watch.calm_since_ms)}; "
        f"it was open for {length_text(now_ms - alert.opened_ms)}"
    )
    return _Step(Watch(closed_ms=now_ms), Closed(kind, reason))


def _after(since_ms: int, hold_ms: int) -> int:
    """The first millisecond at which something that began at `since_ms` has lasted longer than the hold."""
    return since_ms + hold_ms + 1 if hold_ms else since_ms
