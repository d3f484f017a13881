"""PURE. When an alarm rings and when it stops: a figure and what is open go in, openings and closings come out.

A *reading* is what a figure says of one kind of alarm. It is over (the alarm should ring), calm (it should stop), or
in between, which is the hysteresis. The transition table:

    alarm    reading     then
    -------  ----------  -----------------------------------------------------------------------------------------
    closed   over        it opens once the reading has been over for longer than the hold, and the last closing is at
                         least the reopen interval ago
    closed   otherwise   the hold starts anew
    open     calm        it closes once the reading has been calm for longer than the release hold
    open     otherwise   the release hold starts anew
    open     new month   a breach closes at once: the new month is judged afresh
    open     not wanted  it closes at once: the configuration does not ask for this kind any more

Silence heals nothing: players that turned unknown since the share was last over the limit still count as down when an
open `players_down` is to be closed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Final, Literal, NamedTuple, get_args

from collector.alerts.wording import clock_text, length_text, percent_text
from collector.views import FigureView

Kind = Literal["players_down", "breach", "players_unknown"]
Severity = Literal["critical", "warning"]
Facts = Mapping[str, int | str | None]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)
SEVERITY: Final[dict[Kind, Severity]] = {
    "players_down": "critical",
    "breach": "critical",
    "players_unknown": "warning",
}


@dataclass(frozen=True, slots=True)
class Rules:
    """The numbers of one agreement; times in milliseconds, `close_margin` a share below the limit."""

    hold_ms: int = 60_000
    release_ms: int = 60_000
    unknown_hold_ms: int = 300_000
    breach_hold_ms: int = 60_000
    reopen_ms: int = 300_000
    close_margin: Fraction = Fraction(1, 20)
    kinds: frozenset[Kind] = frozenset(KINDS)

    def hold_of(self, kind: Kind) -> int:
        """How long a reading must be over before this kind opens, in milliseconds."""
        return {
            "players_down": self.hold_ms,
            "breach": self.breach_hold_ms,
            "players_unknown": self.unknown_hold_ms,
        }[kind]


class OpenAlert(NamedTuple):
    """What a decision needs to know of an alert that is open."""

    opened_ms: int
    month: str


@dataclass(frozen=True, slots=True)
class Watch:
    """What is remembered of one kind between two figures."""

    over_since_ms: int | None = None
    calm_since_ms: int | None = None
    closed_ms: int | None = None  # the last closing
    unknown_when_over: int | None = None  # players unknown when the share was last over the limit
    resumed: bool = False  # open since before this process started, and not seen over since


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


class _Reading(NamedTuple):
    over: bool
    calm: bool
    phrase: str  # "13 of 40 players (32.50 %) down"
    limit: str  # "limit 20 %"
    calm_limit: str  # "at or under 15 %"


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
        reading = _READINGS[kind](figure, rules, watch)
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


def _advance(watch: Watch, reading: _Reading, figure: FigureView, now_ms: int) -> Watch:
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


def _while_closed(kind: Kind, watch: Watch, reading: _Reading, figure: FigureView, rules: Rules, now_ms: int) -> _Step:
    if watch.over_since_ms is None or kind not in rules.kinds:
        return _Step(watch)
    due_ms = _after(watch.over_since_ms, rules.hold_of(kind))
    if watch.closed_ms is not None:
        due_ms = max(due_ms, watch.closed_ms + rules.reopen_ms)
    if now_ms < due_ms:
        return _Step(watch, wake_ms=due_ms)
    reason = f"{reading.phrase} since {clock_text(watch.over_since_ms)}, {reading.limit}"
    facts = _facts(figure, watch.over_since_ms)
    return _Step(watch, Opened(kind, SEVERITY[kind], _summary(kind, figure), reason, facts))


def _while_open(kind: Kind, alert: OpenAlert, watch: Watch, reading: _Reading, rules: Rules, now_ms: int) -> _Step:
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


# --- readings: one a kind -------------------------------------------------------------------------------------------


def _players_down(figure: FigureView, rules: Rules, watch: Watch) -> _Reading:
    close = max(Fraction(0), figure.down_limit - rules.close_margin)
    before = figure.unknown_now if watch.unknown_when_over is None else watch.unknown_when_over
    newly_silent = max(0, figure.unknown_now - before)
    hidden = min(figure.active_now, figure.down_now + newly_silent)
    return _Reading(
        over=figure.down_share > figure.down_limit,
        calm=not figure.active_now or Fraction(hidden, figure.active_now) <= close,
        phrase=_count(figure.down_now, figure, "down"),
        limit=f"limit {percent_text(figure.down_limit)} %",
        calm_limit=f"at or under {percent_text(close)} %",
    )


def _players_unknown(figure: FigureView, rules: Rules, _watch: Watch) -> _Reading:
    close = max(Fraction(0), figure.down_limit - rules.close_margin)
    return _Reading(
        over=figure.unknown_share > figure.down_limit,
        calm=figure.unknown_share <= close,
        phrase=_count(figure.unknown_now, figure, "unknown"),
        limit=f"limit {percent_text(figure.down_limit)} %",
        calm_limit=f"at or under {percent_text(close)} %",
    )


def _breach(figure: FigureView, _rules: Rules, _watch: Watch) -> _Reading:
    if figure.committed is None:
        return _Reading(over=False, calm=True, phrase="the contract has no committed level", limit="", calm_limit="so")
    level = f"the committed {percent_text(figure.committed)} %"
    return _Reading(
        over=figure.met is False,
        calm=figure.met is True,
        phrase=f"availability {figure.percent or '–'} % in {figure.month} so far",
        limit=f"under {level}",
        calm_limit=f"not under {level}",
    )


_READINGS: Final = {"players_down": _players_down, "breach": _breach, "players_unknown": _players_unknown}


def _count(number: int, figure: FigureView, state: str) -> str:
    if not figure.active_now:
        return f"no active player is {state}: none is active"
    share = percent_text(Fraction(number, figure.active_now), fixed=True)
    return f"{number} of {figure.active_now} players ({share} %) {state}"


def _summary(kind: Kind, figure: FigureView) -> str:
    what = {
        "players_down": f"more than {percent_text(figure.down_limit)} % of the players are down",
        "players_unknown": f"more than {percent_text(figure.down_limit)} % of the players are unknown",
        "breach": f"the availability of {figure.month} is under the committed level",
    }[kind]
    return f"{figure.title} ({figure.tenant}): {what}"


def _facts(figure: FigureView, since_ms: int) -> Facts:
    return {
        "month": figure.month,
        "since_ms": since_ms,
        "active": figure.active_now,
        "down": figure.down_now,
        "unknown": figure.unknown_now,
        "limit_percent": percent_text(figure.down_limit),
        "availability_percent": figure.percent,
        "committed_percent": None if figure.committed is None else percent_text(figure.committed),
    }
