"""PURE. What a figure says of each kind of alarm: one function a kind, and the numbers that an agreement sets for it.

A reading is *over* (the alarm should ring), *calm* (it should stop), or in between, which is the hysteresis. What then
becomes of the alarm is told by the transition table of `rules.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from types import MappingProxyType
from typing import Final, Literal, NamedTuple, get_args

from collector.alerts.wording import percent_text, span_text, times_text
from collector.sla.burn import BurnRate
from collector.views import FigureView

Kind = Literal["players_down", "breach", "players_unknown", "burn_rate", "burn_rate_slow"]
Severity = Literal["critical", "warning"]
Facts = Mapping[str, int | str | None]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)
SEVERITY: Final[dict[Kind, Severity]] = {
    "players_down": "critical",
    "breach": "critical",
    "players_unknown": "warning",
    "burn_rate": "critical",
    "burn_rate_slow": "warning",
}


@dataclass(frozen=True, slots=True)
class Rules:
    """The numbers of one agreement; times in milliseconds.

    `close_margin`: how far below the limit a share of players must be to be calm. `burn_close`: the part of its limit
    down to which a burn rate must fall to be calm.
    """

    hold_ms: int = 60_000
    release_ms: int = 60_000
    unknown_hold_ms: int = 300_000
    breach_hold_ms: int = 60_000
    burn_hold_ms: int = 0
    reopen_ms: int = 300_000
    close_margin: Fraction = Fraction(1, 20)
    burn_close: Fraction = Fraction(4, 5)
    kinds: frozenset[Kind] = frozenset(KINDS)

    def hold_of(self, kind: Kind) -> int:
        """How long a reading must be over before this kind opens, in milliseconds."""
        return {
            "players_down": self.hold_ms,
            "breach": self.breach_hold_ms,
            "players_unknown": self.unknown_hold_ms,
            "burn_rate": self.burn_hold_ms,
            "burn_rate_slow": self.burn_hold_ms,
        }[kind]


@dataclass(frozen=True, slots=True)
class Watch:
    """What is remembered of one kind between two figures."""

    over_since_ms: int | None = None
    calm_since_ms: int | None = None
    closed_ms: int | None = None  # the last closing
    unknown_when_over: int | None = None  # players unknown when the share was last over the limit
    resumed: bool = False  # open since before this process started, and not seen over since


class Reading(NamedTuple):
    """One kind of alarm, as one figure has it."""

    over: bool
    calm: bool
    phrase: str  # "13 of 40 players (32.50 %) down"
    limit: str  # "limit 20 %"
    calm_limit: str  # "at or under 15 %"
    facts: Facts = MappingProxyType({})  # of this kind, beside those of every kind


def _players_down(figure: FigureView, rules: Rules, watch: Watch) -> Reading:
    close = max(Fraction(0), figure.down_limit - rules.close_margin)
    hidden = min(figure.active_now, figure.down_now + _newly_silent(figure, watch))
    return Reading(
        over=figure.down_share > figure.down_limit,
        calm=not figure.active_now or Fraction(hidden, figure.active_now) <= close,
        phrase=_count(figure.down_now, figure, "down"),
        limit=f"limit {percent_text(figure.down_limit)} %",
        calm_limit=f"at or under {percent_text(close)} %",
    )


def _newly_silent(figure: FigureView, watch: Watch) -> int:
    """Players that turned unknown since the reading was last over."""
    before = figure.unknown_now if watch.unknown_when_over is None else watch.unknown_when_over
    return max(0, figure.unknown_now - before)


def _players_unknown(figure: FigureView, rules: Rules, _watch: Watch) -> Reading:
    close = max(Fraction(0), figure.down_limit - rules.close_margin)
    return Reading(
        over=figure.unknown_share > figure.down_limit,
        calm=figure.unknown_share <= close,
        phrase=_count(figure.unknown_now, figure, "unknown"),
        limit=f"limit {percent_text(figure.down_limit)} %",
        calm_limit=f"at or under {percent_text(close)} %",
    )


def _breach(figure: FigureView, _rules: Rules, _watch: Watch) -> Reading:
    if figure.committed is None:
        return Reading(over=False, calm=True, phrase="the contract has no committed level", limit="", calm_limit="so")
    level = f"the committed {percent_text(figure.committed)} %"
    return Reading(
        over=figure.met is False,
        calm=figure.met is True,
        phrase=f"availability {figure.percent or '–'} % in {figure.month} so far",
        limit=f"under {level}",
        calm_limit=f"not under {level}",
    )


def _burning(severity: Severity, figure: FigureView, rules: Rules, watch: Watch) -> Reading:
    """Over: one pair of windows of this severity burns at its limit; calm: none burns at more than a part of it."""
    pairs = [rate for rate in figure.burn if rate.severity == severity]
    if not pairs:
        return Reading(over=False, calm=True, phrase="there is no error budget to burn", limit="", calm_limit="so")
    worst = max(pairs, key=lambda rate: rate.rate / rate.limit)
    long, short = span_text(worst.long_ms), span_text(worst.short_ms)
    rates = times_text(worst.long_rate), times_text(worst.short_rate)
    limit = times_text(worst.limit)
    return Reading(
        over=any(rate.over for rate in pairs),
        calm=all(_unhidden(rate, figure, watch) <= rules.burn_close * rate.limit for rate in pairs),
        phrase=f"the error budget burns at {rates[0]} times the even rate over {long} and {rates[1]} over {short}",
        limit=f"limit {limit}",
        calm_limit=f"at or under {percent_text(rules.burn_close)} % of the limit {limit}",
        facts={
            "burn_windows": f"{long} / {short}",
            "burn_long": rates[0],
            "burn_short": rates[1],
            "burn_limit": limit,
        },
    )


def _unhidden(rate: BurnRate, figure: FigureView, watch: Watch) -> Fraction:
    """What a pair burns if the players that fell silent were down throughout the short window."""
    if not figure.active_now:
        return rate.rate
    share = Fraction(_newly_silent(figure, watch), figure.active_now)
    return min(rate.long_rate, rate.short_rate + figure.players_weight * share / rate.budget)


def _burn_rate(figure: FigureView, rules: Rules, watch: Watch) -> Reading:
    return _burning("critical", figure, rules, watch)


def _burn_rate_slow(figure: FigureView, rules: Rules, watch: Watch) -> Reading:
    return _burning("warning", figure, rules, watch)


READINGS: Final = {
    "players_down": _players_down,
    "breach": _breach,
    "players_unknown": _players_unknown,
    "burn_rate": _burn_rate,
    "burn_rate_slow": _burn_rate_slow,
}


def _count(number: int, figure: FigureView, state: str) -> str:
    if not figure.active_now:
        return f"no active player is {state}: none is active"
    share = percent_text(Fraction(number, figure.active_now), fixed=True)
    return f"{number} of {figure.active_now} players ({share} %) {state}"


def summary_of(kind: Kind, figure: FigureView) -> str:
    """The title of an alarm, which never changes."""
    what = {
        "players_down": f"more than {percent_text(figure.down_limit)} % of the players are down",
        "players_unknown": f"more than {percent_text(figure.down_limit)} % of the players are unknown",
        "breach": f"the availability of {figure.month} is under the committed level",
        "burn_rate": "the error budget burns fast",
        "burn_rate_slow": "the error budget burns faster than the month lasts",
    }[kind]
    return f"{figure.title} ({figure.tenant}): {what}"


def facts_of(figure: FigureView, since_ms: int) -> Facts:
    """The numbers behind a reason that every kind has."""
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
