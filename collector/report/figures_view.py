"""PURE. The report's figures in words: the month's figure, its formula with the numbers filled in, what is known."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from collector.report.model import Report
from collector.report.verdict_view import Tone, decision
from collector.report.words import Words
from collector.sla.bands import round_share

_EXACT_DECIMALS: Final = 6


@dataclass(frozen=True, slots=True)
class Card:
    """One of the figures in large."""

    label: str
    value: str
    notes: Sequence[str]
    tone: Tone


@dataclass(frozen=True, slots=True)
class Term:
    """`− weight × part ÷ whole`, each with its name; `whole` None: there is nothing to divide by."""

    weight: str
    part: str
    part_name: str
    whole: str | None
    whole_name: str


@dataclass(frozen=True, slots=True)
class Formula:
    """The formula of SPEC 2.8 with the month's numbers. `value` None: the month has no figure yet."""

    terms: Sequence[Term]
    exact: str
    rounding: str
    value: str | None


def cards(report: Report, words: Words) -> list[Card]:
    """Figure, coverage, discount."""
    return [_figure_card(report, words), _discount_card(report, words), *_coverage_cards(report, words)]


def _figure_card(report: Report, words: Words) -> Card:
    figure, terms = report.figure, report.contract.guarantee
    rounding = report.contract.rounding
    label = words.say("availability_to_date" if report.status == "in_progress" else "availability")
    value = words.say("no_figure") if figure.availability is None else words.figure(figure.availability, rounding)
    notes, tone = [], "plain"
    if terms.committed is None:
        notes.append(words.say("no_level"))
    else:
        answer = {True: "reached", False: "not_reached", None: "not_assessable"}[figure.met]
        tone = {True: "good", False: "bad", None: "open"}[figure.met]
        level = words.level(terms.committed, rounding.decimals)
        notes.append(f"{words.say('committed')} {level}: {words.say(answer)}")
    if terms.objective is not None and figure.availability is not None:
        reached = round_share(figure.availability, rounding) >= terms.objective
        level = words.level(terms.objective, rounding.decimals)
        notes.append(f"{words.say('objective')} {level}: {words.say('reached' if reached else 'not_reached')}")
    return Card(label, value, notes, tone)  # type: ignore[arg-type]  # one of the three


def _discount_card(report: Report, words: Words) -> Card:
    percent = report.discount.percent
    tone: Tone = "open" if percent is None else "bad" if percent else "plain"
    value = words.say("discount_open") if percent is None else words.speech.percent(percent)
    credit = report.contract.service.credit
    notes = []
    if percent and credit is not None and credit.of is not None:
        notes.append(words.say("of_what", what=words.speech.say(f"credit_{credit.of}")))
    return Card(words.say("discount"), value, [*notes, decision(report, words)], tone)


def _coverage_cards(report: Report, words: Words) -> Iterator[Card]:
    figure, rules = report.figure, report.contract.availability
    parts = (
        ("players", figure.players_coverage, rules.players_weight, report.players),
        ("platform", figure.platform_coverage, rules.platform_weight, report.platforms),
    )
    notes = [
        f"{words.say(name)}: {words.say('nothing_counted') if share is None else words.percent(share)}"
        for name, share, weight, subjects in parts
        if weight or subjects
    ]
    known = [share for _, share, weight, _ in parts if weight and share is not None]
    value = words.percent(min(known)) if known else words.say("nothing_counted")
    tone: Tone = "plain" if figure.assessable else "bad"
    yield Card(words.say("coverage"), value, [words.say("coverage_note"), *notes], tone)


def formula(report: Report, words: Words) -> Formula:
    """The formula with its numbers filled in."""
    contract, figure = report.contract, report.figure
    rules, rounding = contract.availability, contract.rounding
    terms = []
    if rules.platform_weight:
        down, whole = words.exactly(figure.platform_downtime_ms), words.exactly(figure.span.total_ms)
        terms.append(
            Term(
                words.speech.number(rules.platform_weight),
                down,
                words.say("term_platform"),
                whole,
                words.say("term_total"),
            )
        )
    if rules.players_weight:
        terms.append(_players_term(report, words))
    share = figure.availability
    exact = "" if share is None else words.percent(share, _EXACT_DECIMALS)
    if share is not None and (share * 100 * 10**_EXACT_DECIMALS).denominator != 1:
        exact += " …"
    return Formula(
        terms=terms,
        exact=exact,
        rounding=words.many(f"round_{rounding.mode}", rounding.decimals),
        value=None if share is None else words.figure(share, rounding),
    )


def _players_term(report: Report, words: Words) -> Term:
    figure, rules = report.figure, report.contract.availability
    whole: str | None = words.exactly(figure.players_denominator_ms)
    name = "term_base_total"
    if rules.player_base == "emission":
        name = "term_base_emission"
    elif rules.membership == "time_weighted":
        name = "term_base_weighted"
    else:
        whole = f"{words.speech.whole(figure.players)} × {words.exactly(figure.span.total_ms)}"
    if figure.players_denominator_ms == 0:
        whole, name = None, "term_nothing"
    down = words.exactly(figure.players_downtime_ms)
    return Term(words.speech.number(rules.players_weight), down, words.say("term_players"), whole, words.say(name))


def notes(report: Report, words: Words) -> Iterator[str]:
    """What a reader must know beside the formula."""
    figure, rules = report.figure, report.contract.availability
    if figure.span.total_ms != figure.span.counted_ms:
        total, counted = words.exactly(figure.span.total_ms), words.exactly(figure.span.counted_ms)
        yield words.say("month_note", total=total, counted=counted)
    if any(report.unknown_ms.values()):
        unknown = {"players": report.unknown_ms["player"], "platform": report.unknown_ms["platform"]}
        told = {name: words.exactly(length_ms) for name, length_ms in unknown.items()}
        yield words.say("unknown_note" if rules.unknown == "excluded" else "unknown_down_note", **told)
    gone = sum(each.tally.active_ms > 0 and not each.tally.counted for each in report.players)
    if gone:
        yield words.many("gone_note", gone)
    if report.estimated_ms:
        yield words.say("estimated_note", length=words.exactly(report.estimated_ms))
        worst = report.furthest_off
        if worst is None or worst.off_ms is None:
            yield words.say("estimated_open_note")
        else:
            yield words.say("estimated_off_note", off=words.exactly(worst.off_ms), name=worst.member.name)
