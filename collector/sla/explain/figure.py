"""PURE. What is measured, what is promised, what a missed level earns, and how much downtime each figure takes."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Final

from collector.sla.bands import round_share
from collector.sla.clock import Target
from collector.sla.explain.sections import Grid, Section
from collector.sla.explain.speech import Speech
from collector.sla.instants import DAY_MS, HOUR_MS, MINUTE_MS, format_month
from collector.sla.table import Row, discount_rows, step
from collector.sla.terms import PLANNED, Contract, Termination
from collector.sla.thresholds import (
    FIXED_MONTH_DAYS,
    Reach,
    affected_after_ms,
    least_affected_players,
    reach,
)

_SHORT_DAYS: Final = 30
_LONG_DAYS: Final = 31


def sections(contract: Contract, speech: Speech, players: int) -> Iterator[Section]:
    """The sections about the figure."""
    yield Section(speech.say("head_measured"), list(_measured(contract, speech)))
    yield Section(speech.say("head_promised"), list(_promised(contract, speech)))
    yield Section(speech.say("head_discount"), list(_discount(contract, speech, players)))
    levels = contract.guarantee.committed is not None or contract.termination is not None
    yield Section(speech.say("head_hours" if levels else "head_scale"), list(_hours(contract, speech, players)))


def _measured(contract: Contract, speech: Speech) -> Iterator[str]:
    rules = contract.availability
    if contract.service.provider.name:
        yield speech.say("provider", name=contract.service.provider.name)
    yield _formula(contract, speech)
    yield speech.say("month_fixed" if rules.month == "fixed-31d" else "month_calendar")
    yield speech.say("zone", zone=contract.timezone.key)
    if rules.players_weight > 0:
        yield speech.say(f"players_{rules.player_base}")
        yield speech.say(f"members_{rules.membership}")
    yield speech.say(f"unknown_{rules.unknown}")
    if rules.min_coverage is not None:
        yield speech.say("coverage", share=speech.percent(rules.min_coverage * 100))
    yield from _left_out(contract, speech)
    decimals = speech.many("decimals", contract.rounding.decimals)
    yield speech.say(f"round_{contract.rounding.mode}", decimals=decimals)


def _formula(contract: Contract, speech: Speech) -> str:
    rules = contract.availability
    base = speech.say(f"base_{rules.player_base}")
    if rules.players_weight == 0:
        return speech.say("formula_platform")
    if rules.platform_weight == 0:
        return speech.say("formula_players", base=base)
    platform, players = speech.number(rules.platform_weight), speech.number(rules.players_weight)
    return speech.say("formula_both", platform=platform, players=players, base=base)


def _left_out(contract: Contract, speech: Speech) -> Iterator[str]:
    rules = contract.availability
    causes = [speech.say(f"cause_{cause}") for cause in rules.excluded_causes]
    yield (
        speech.say("causes", causes=speech.listing(sorted(causes, key=str.casefold)))
        if causes
        else speech.say("causes_none")
    )
    if not rules.excluded_windows:
        yield speech.say("windows_none")
        return
    usual = ("emergency", PLANNED)
    kinds = [speech.say(f"window_{kind}") if kind in usual else kind for kind in sorted(rules.excluded_windows)]
    yield speech.say("windows" if causes else "windows_only", kinds=speech.listing(kinds))
    if PLANNED in rules.excluded_windows:
        notice = rules.min_notice_ms
        yield speech.say("notice_least", time=_time(notice, speech)) if notice else speech.say("notice_before")


def _time(duration_ms: int, speech: Speech) -> str:
    """A round time in words, another one by its parts."""
    if duration_ms % HOUR_MS == 0:
        return speech.target(Target(duration_ms // HOUR_MS, "hours"))
    if duration_ms % MINUTE_MS == 0 and duration_ms < HOUR_MS:
        return speech.target(Target(duration_ms // MINUTE_MS, "minutes"))
    return speech.duration(duration_ms)


def _promised(contract: Contract, speech: Speech) -> Iterator[str]:
    terms, decimals = contract.guarantee, contract.rounding.decimals
    if not contract.service.guaranteed:
        yield speech.say("no_guarantee")
    elif terms.committed is None:
        yield speech.say("no_level")
    if terms.objective is not None:
        yield speech.say("objective", level=speech.percent(terms.objective * 100, decimals))
    if terms.committed is not None:
        yield speech.say("committed", level=speech.percent(terms.committed * 100, decimals))
        if terms.window_months is not None and terms.window_months > 1:
            yield speech.say("window", months=speech.many("months", terms.window_months))
    if contract.termination is not None:
        yield _termination(contract.termination, speech, decimals)
    if (life := _life(contract, speech)) is not None:
        yield speech.say("life", life=life)


def _termination(terms: Termination, speech: Speech, decimals: int) -> str:
    level = speech.percent(terms.below * 100, decimals)
    if terms.window_months == 1:
        return speech.say("termination_month", level=level)
    return speech.say("termination", months=speech.many("months", terms.window_months), level=level)


def _life(contract: Contract, speech: Speech) -> str | None:
    first, last = contract.life.first, contract.life.last
    if first is not None and last is not None:
        return speech.say("life_both", first=format_month(first), last=format_month(last))
    if first is not None:
        return speech.say("life_from", first=format_month(first))
    return None if last is None else speech.say("life_until", last=format_month(last))


def _discount(contract: Contract, speech: Speech, players: int) -> Iterator[str]:
    if contract.guarantee.committed is None:
        return
    yield from _eligibility(contract, speech, players)
    credit = contract.service.credit
    if credit is None:
        return
    if credit.of is not None:
        yield speech.say("credit_of", what=speech.say(f"credit_{credit.of}"))
    if credit.deducted_from is not None:
        yield speech.say(f"credit_{credit.deducted_from}")
    if credit.sole_remedy:
        yield speech.say("credit_sole")


def _eligibility(contract: Contract, speech: Speech, players: int) -> Iterator[str]:
    terms = contract.eligibility
    least = least_affected_players(contract, players)
    short, long = (affected_after_ms(contract, days) for days in (_SHORT_DAYS, _LONG_DAYS))
    if terms is None or least is None or short is None or long is None:
        if (contract.guarantee.window_months or 1) == 1:
            yield speech.say("every_month")
        return
    share = speech.percent(terms.player_downtime_over * 100)
    yield speech.say("eligible_player", share=share, short=speech.duration(short), long=speech.duration(long))
    share = speech.percent(terms.players_affected_over * 100)
    if least > players:
        yield speech.say("eligible_never", share=share)
    else:
        count = speech.many("players", players)
        yield speech.say("eligible_fleet", share=share, players=count, least=speech.whole(least))


def _hours(contract: Contract, speech: Speech, players: int) -> Iterator[str | Grid]:
    committed = contract.guarantee.committed
    if committed is not None:
        yield speech.say("hours_note")
        if contract.availability.month == "calendar":
            yield speech.say("hours_days")
        if contract.availability.players_weight:
            yield speech.say("hours_players")
        short, long = (_rows(contract, speech, players, days) for days in (_SHORT_DAYS, _LONG_DAYS))
        if short == long:
            yield Grid(speech.say("hours_both"), long)
        else:
            yield Grid(speech.say("hours_month", days=_SHORT_DAYS), short)
            yield Grid(speech.say("hours_month", days=_LONG_DAYS), long)
    if contract.termination is not None:
        yield from _leaving(contract, contract.termination, speech, players)
    yield from _one_hour(contract, speech)


def _rows(contract: Contract, speech: Speech, players: int, days: int) -> list[list[str]]:
    """Heading, then what brings a month of so many days to each row of the table."""
    rules = contract.availability
    heading = [speech.say("column_figure"), speech.say("column_discount")]
    if rules.platform_weight:
        heading.append(speech.say("column_platform"))
    if rules.players_weight:
        heading.append(speech.say("column_sum", players=speech.many("players", players)))
        heading.append(speech.say("column_each"))
    rows = [heading]
    for label, amount, highest in _figures(contract, speech):
        rows.append([label, amount, *_cells(contract, speech, reach(contract, highest, [days], players))])
    return rows


def _figures(contract: Contract, speech: Speech) -> Iterator[tuple[str, str, Fraction]]:
    """Each row's label, discount and highest figure."""
    committed, decimals = contract.guarantee.committed, contract.rounding.decimals
    rows = discount_rows(contract)
    for row in rows:
        yield label(row, speech, decimals), speech.percent(row.percent), row.highest
    if committed is not None and not rows:
        level = speech.say("row_under", level=speech.percent(committed * 100, decimals))
        yield level, speech.say("no_amount"), committed - step(contract.rounding)


def label(row: Row, speech: Speech, decimals: int) -> str:
    """The figures of a row, and whether the table holds them."""
    if row.kind == "end":
        span = speech.say("row_or_less", level=speech.percent(row.highest * 100, decimals))
        return speech.say("row_end", span=span)
    span = speech.span(row.highest, row.lowest, decimals)
    return speech.say("row_hole", span=span) if row.kind == "hole" else span


def _cells(contract: Contract, speech: Speech, takes: Reach) -> list[str]:
    rules = contract.availability
    cells = [takes.platform] if rules.platform_weight else []
    cells += [takes.players, takes.each] if rules.players_weight else []
    return [speech.say("impossible") if cell is None else speech.duration(cell) for cell in cells]


def _leaving(contract: Contract, terms: Termination, speech: Speech, players: int) -> Iterator[str]:
    """What it takes in short months and in long ones, in one sentence where that is the same."""
    under = terms.below - step(contract.rounding)
    short, long = (reach(contract, under, [days] * terms.window_months, players) for days in (_SHORT_DAYS, _LONG_DAYS))
    told = [(str(_SHORT_DAYS), short), (str(_LONG_DAYS), long)]
    if short == long:
        told = [(speech.say("days_both"), long)]
    months = speech.many("months", terms.window_months)
    for days, takes in told:
        yield speech.say("hours_termination", months=months, days=days, parts=_parts(takes, speech))


def _parts(takes: Reach, speech: Speech) -> str:
    parts = []
    if takes.platform is not None:
        parts.append(speech.say("part_platform", time=speech.duration(takes.platform)))
    if takes.players is not None:
        parts.append(speech.say("part_players", time=speech.duration(takes.players)))
    return speech.say("or").join(parts) or speech.say("part_never")


def _one_hour(contract: Contract, speech: Speech) -> Iterator[str]:
    """What one hour costs: a sense of scale, above all where no level is promised."""
    rules = contract.availability
    total_ms = (FIXED_MONTH_DAYS if rules.month == "fixed-31d" else _SHORT_DAYS) * DAY_MS
    base_ms = _SHORT_DAYS * DAY_MS if rules.player_base == "emission" else total_ms
    for key, weight, whole_ms in (
        ("one_hour_platform", rules.platform_weight, total_ms),
        ("one_hour_players", rules.players_weight, base_ms),
    ):
        if weight:
            figure = round_share(1 - weight * Fraction(HOUR_MS, whole_ms), contract.rounding)
            yield speech.say(key, figure=speech.percent(figure * 100, contract.rounding.decimals))
