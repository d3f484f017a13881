"""PURE. What a month costs, in words: the conditions of a discount, the band that gave it, the right to leave."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from collector.report.model import Report
from collector.report.words import Words

Tone = Literal["good", "bad", "open", "plain"]


@dataclass(frozen=True, slots=True)
class Condition:
    """Something that must hold before a discount is due."""

    text: str
    found: str
    answer: str
    tone: Tone


@dataclass(frozen=True, slots=True)
class MonthRow:
    """One of the months that were judged; `here`: the one that the report is about."""

    month: str
    figure: str
    platform_down: str
    players_down: str
    players: str
    coverage: str
    here: bool


def conditions(report: Report, words: Words) -> list[Condition]:
    """Everything that a discount hangs on, in the order in which it is asked (SPEC 2.14)."""
    contract = report.contract
    found: list[Condition] = []
    if contract.availability.min_coverage is not None:
        found.append(_coverage_condition(report, words, contract.availability.min_coverage))
    if contract.guarantee.committed is None:
        return found
    found.append(_level_condition(report, words, contract.guarantee.committed))
    if contract.eligibility is not None:
        found.append(_players_condition(report, words))
    if contract.guarantee.window_months is not None:
        found.append(_window_condition(report, words, contract.guarantee.window_months))
    return found


def _condition(words: Words, text: str, found: str, answer: bool | None) -> Condition:  # noqa: FBT001  # the answer itself
    word = {True: "yes", False: "no", None: "open"}[answer]
    tone: Tone = "open" if answer is None else "plain"
    return Condition(text, found, words.say(word), tone)


def _coverage_condition(report: Report, words: Words, least: Fraction) -> Condition:
    figure = report.figure
    shares = {"players": figure.players_coverage, "platform": figure.platform_coverage}
    told = {
        name: words.say("nothing_counted") if share is None else words.percent(share) for name, share in shares.items()
    }
    text = words.say("condition_coverage", share=words.level(least))
    return _condition(words, text, words.say("found_coverage", **told), figure.assessable)


def _level_condition(report: Report, words: Words, committed: Fraction) -> Condition:
    figure, rounding = report.figure, report.contract.rounding
    text = words.say("condition_level", level=words.level(committed, rounding.decimals))
    found = words.say("no_figure") if figure.availability is None else words.figure(figure.availability, rounding)
    return _condition(words, text, found, None if figure.met is None else not figure.met)


def _players_condition(report: Report, words: Words) -> Condition:
    terms, figure = report.contract.eligibility, report.figure
    if terms is None or figure.affected_players is None:
        raise ValueError("the contract has no such condition")
    text = words.say(
        "condition_players", fleet=words.level(terms.players_affected_over), own=words.level(terms.player_downtime_over)
    )
    found = words.say("found_no_players")
    if figure.players:
        share = words.percent(Fraction(figure.affected_players, figure.players))
        numbers = {"affected": figure.affected_players, "players": figure.players}
        found = words.say("found_players", share=share, **numbers)
    return _condition(words, text, found, figure.eligible)


def _window_condition(report: Report, words: Words, length: int) -> Condition:
    rounding = report.contract.rounding
    text = words.many("condition_window", length)
    month = report.figure.span.month
    holding = [window for window in report.guarantee if window.first <= month <= window.last]
    fallen = next((window for window in holding if window.breached), None)
    if fallen is not None:
        figure = words.figure(fallen.availability, rounding)
        found = words.say("found_window", first=words.month(fallen.first), last=words.month(fallen.last), figure=figure)
    elif report.guarantee_window is None:
        found = words.say("found_window_open")
    else:
        found = words.many("found_window_kept", len(holding)) if holding else words.say("found_window_none")
    return _condition(words, text, found, report.guarantee_window)


def decision(report: Report, words: Words) -> str:
    """What is due, or why not, in a sentence."""
    percent = report.discount.percent
    if report.discount.reason == "window_open" and report.figure.band is not None:
        percent = report.figure.band.percent
    told = "" if percent is None else words.speech.percent(percent)
    return words.say(f"reason_{report.discount.reason}", percent=told)


def band(report: Report, words: Words) -> str | None:
    """Which band of the table gave the percentage, and why that one; None where the table was not asked."""
    if report.band is None or report.figure.availability is None or report.figure.band is None:
        return None
    figure = words.figure(report.figure.availability, report.contract.rounding)
    row = report.band.row
    if row is None:
        return words.say("band_none", figure=figure)
    span = words.speech.span(row.highest, row.lowest, report.contract.rounding.decimals)
    percent = words.speech.percent(report.figure.band.percent)
    return words.say(f"band_{report.band.source}", figure=figure, span=span, percent=percent)


def termination(report: Report, words: Words) -> str | None:
    """Whether the customer may leave; None where the contract has no such clause."""
    terms, rounding = report.contract.termination, report.contract.rounding
    if terms is None:
        return None
    level, months = words.level(terms.below, rounding.decimals), words.many("months", terms.window_months)
    fallen = next((window for window in report.termination if window.breached), None)
    if fallen is not None:
        figure = words.figure(fallen.availability, rounding)
        times = {"first": words.month(fallen.first), "last": words.month(fallen.last)}
        return words.say("termination_yes", figure=figure, level=level, **times)
    if not report.termination:
        return words.say("termination_unknown", months=months)
    return words.many("termination_no", len(report.termination), months=months, level=level)


def month_rows(report: Report, words: Words) -> list[MonthRow]:
    """Every month that was judged; none where that is the report's own alone."""
    if len(report.months) == 1:
        return []
    rounding = report.contract.rounding
    rows = []
    for each in report.months:
        known = [share for share in (each.players_coverage, each.platform_coverage) if share is not None]
        rows.append(
            MonthRow(
                month=words.month(each.span.month),
                figure="–" if each.availability is None else words.figure(each.availability, rounding),
                platform_down=words.length(each.platform_downtime_ms),
                players_down=words.length(each.players_downtime_ms),
                players=words.speech.whole(each.players),
                coverage=words.percent(min(known)) if known else "–",
                here=each.span.month == report.figure.span.month,
            )
        )
    return rows


def silence(report: Report, words: Words) -> str | None:
    """The months of which nothing is known, where periods that hold them would have been judged."""
    if not report.silent:
        return None
    told = words.say("silent_note", months=words.months(report.silent))
    if not report.unwatched:
        return told
    first = report.months[0].span.month
    return f"{told} {words.say('silent_early', month=words.month(first), first=first)}"
