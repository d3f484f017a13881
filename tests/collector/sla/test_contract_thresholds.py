"""The hours that `contract explain` states, judged by the core: reached at that millisecond, and not one earlier."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from collector.sla.availability import (
    Evidence,
    MonthFigure,
    MonthSpan,
    Subject,
    Tally,
    judge_month,
    month_span,
    pooled_availability,
    tally_subject,
)
from collector.sla.bands import find_band, round_share
from collector.sla.contract import Contract, parse_contract, parse_contract_toml
from collector.sla.eligibility import is_eligible
from collector.sla.instants import DAY_MS, parse_instant
from collector.sla.table import discount_rows, step
from collector.sla.thresholds import affected_after_ms, least_affected_players, reach

ADMIRA = parse_contract_toml((Path(__file__).parents[3] / "contracts/admira.toml").read_text(encoding="utf-8"), "a")
OTHER_WEIGHT = {"0": "1", "0.2": "0.8", "0.5": "0.5", "0.83": "0.17", "1": "0"}
LATER = parse_instant("2027-01-01T00:00:00Z")
MONTHS = {30: "2026-06", 31: "2026-07"}  # no clock changes in either, in any zone used here


@st.composite
def contracts(draw: st.DrawFn) -> Contract:
    decimals = draw(st.integers(0, 3))
    unit = Fraction(1, 10**decimals)
    weight = draw(st.sampled_from(sorted(OTHER_WEIGHT)))
    data: dict[str, Any] = {
        "name": "n",
        "timezone": draw(st.sampled_from(["UTC", "Europe/Madrid", "Asia/Tokyo"])),
        "availability": {
            "weights": {"platform": weight, "players": OTHER_WEIGHT[weight]},
            "month": draw(st.sampled_from(["calendar", "fixed-31d"])),
            "player_base": draw(st.sampled_from(["total", "emission"])),
            "membership": draw(st.sampled_from(["at_calculation", "time_weighted"])),
        },
        "rounding": {"decimals": decimals, "mode": draw(st.sampled_from(["floor", "half_up"]))},
        "guarantee": {"committed": "99"},
        "discount_rules": {
            "gap": draw(st.sampled_from(["milder", "harsher", "none"])),
            "below": draw(st.sampled_from(["last", "none"])),
        },
    }
    edges = sorted(draw(st.sets(st.integers(0, int(99 / unit)), min_size=2, max_size=6)), reverse=True)
    bands = zip(edges[::2], edges[1::2], strict=False)
    data["discounts"] = [
        {"from": _decimal(top * unit), "to": _decimal(low * unit), "percent": 5 * number}
        for number, (top, low) in enumerate(bands, 1)
    ]
    return parse_contract(data, "c.toml")


def _decimal(number: Fraction) -> str:
    return f"{float(number):.3f}"


def judged(contract: Contract, days: int, platform_ms: int, players_ms: list[int]) -> MonthFigure:
    span = month_span(contract, MONTHS[days], LATER)
    tallies = [tally(contract, span, Subject("portal", "platform"), "down", platform_ms)]
    for number, down_ms in enumerate(players_ms):
        tallies.append(tally(contract, span, Subject(f"p{number}", "player"), "frozen", down_ms))
    return judge_month(contract, span, tallies)


def tally(contract: Contract, span: MonthSpan, subject: Subject, state: str, down_ms: int) -> Tally:
    evidence = [Evidence(span.start_ms, span.start_ms + down_ms, state)] if down_ms else []
    return tally_subject(contract, span, subject, evidence)


def shared_out(total_ms: int, players: int, longest_ms: int) -> list[int]:
    """A sum of down time on as few players as can hold it."""
    shares = []
    for _ in range(players):
        shares.append(min(total_ms, longest_ms))
        total_ms -= shares[-1]
    return shares


def figure_of(contract: Contract, days: int, platform_ms: int, players_ms: list[int]) -> Fraction:
    availability = judged(contract, days, platform_ms, players_ms).availability
    assert availability is not None
    return round_share(availability, contract.rounding)


@settings(max_examples=80, deadline=None)
@given(contracts(), st.sampled_from([30, 31]), st.integers(1, 4))
def test_each_row_is_reached_at_the_stated_millisecond_and_not_one_earlier(
    contract: Contract, days: int, players: int
) -> None:
    month_ms = days * DAY_MS
    quiet = [0] * players
    for row in discount_rows(contract):
        takes = reach(contract, row.highest, [days], players)
        ways = (
            (takes.platform, lambda ms: (ms, quiet), month_ms),
            (takes.players, lambda ms: (0, shared_out(ms, players, month_ms)), players * month_ms),
            (takes.each, lambda ms: (0, [ms] * players), month_ms),
        )
        for stated, down, longest in ways:
            if stated is None:
                assert figure_of(contract, days, *down(longest)) > row.highest
                continue
            assert figure_of(contract, days, *down(stated)) <= row.highest
            if stated > 0:
                assert figure_of(contract, days, *down(stated - 1)) > row.highest


@settings(max_examples=60, deadline=None)
@given(contracts())
def test_rows_hold_every_figure_under_the_level_once_and_say_what_the_core_gives(contract: Contract) -> None:
    assume(contract.rounding.decimals < 2)
    unit = step(contract.rounding)
    figures = []
    for row in discount_rows(contract):
        figure = row.highest
        while figure >= row.lowest:
            band = find_band(contract, figure)
            assert band is not None
            assert band.percent == row.percent
            assert band.literal == (row.kind == "band")
            figures.append(figure)
            figure -= unit
    committed = contract.guarantee.committed
    assert committed is not None
    assert figures == [committed - unit * count for count in range(1, int(committed / unit) + 1)]


@pytest.mark.parametrize("days", [30, 31])
def test_in_the_admira_agreement_the_stated_time_earns_the_stated_discount(days: int) -> None:
    for row in discount_rows(ADMIRA):
        takes = reach(ADMIRA, row.highest, [days], 10)
        assert takes.platform is not None
        assert takes.players is not None
        month_ms = days * DAY_MS
        for figure in (
            judged(ADMIRA, days, takes.platform, [0] * 10),
            judged(ADMIRA, days, 0, shared_out(takes.players, 10, month_ms)),
        ):
            assert figure.band is not None
            assert figure.band.percent == row.percent
            assert figure.availability is not None
            assert round_share(figure.availability, ADMIRA.rounding) == row.highest


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 100), st.sampled_from([30, 31]))
def test_a_player_is_affected_from_the_stated_millisecond_on(percent: int, days: int) -> None:
    assert ADMIRA.eligibility is not None
    terms = replace(ADMIRA.eligibility, player_downtime_over=Fraction(percent, 100))
    contract = replace(ADMIRA, eligibility=terms)
    stated = affected_after_ms(contract, days)
    assert stated is not None
    span = month_span(contract, MONTHS[days], LATER)
    player = Subject("p", "player")
    if stated <= days * DAY_MS:
        assert tally(contract, span, player, "frozen", stated).affected
    assert not tally(contract, span, player, "frozen", stated - 1).affected


@given(st.integers(1, 2000), st.integers(0, 100))
def test_the_stated_number_of_players_makes_a_month_eligible_and_one_less_does_not(players: int, percent: int) -> None:
    assert ADMIRA.eligibility is not None
    terms = replace(ADMIRA.eligibility, players_affected_over=Fraction(percent, 100))
    least = least_affected_players(replace(ADMIRA, eligibility=terms), players)
    assert least is not None
    assert is_eligible(terms, least, players)
    assert not is_eligible(terms, least - 1, players)


def test_without_conditions_nobody_need_be_affected() -> None:
    contract = replace(ADMIRA, eligibility=None)
    assert affected_after_ms(contract, 30) is None
    assert least_affected_players(contract, 10) is None


def test_months_judged_together_fall_at_the_stated_millisecond() -> None:
    assert ADMIRA.termination is not None
    under = ADMIRA.termination.below - step(ADMIRA.rounding)
    stated = reach(ADMIRA, under, [30, 31], 1).platform
    assert stated is not None

    def together(down_ms: int) -> Fraction:
        first = min(down_ms, 30 * DAY_MS)
        figures = [judged(ADMIRA, 30, first, [0]), judged(ADMIRA, 31, down_ms - first, [0])]
        return round_share(pooled_availability(ADMIRA, figures), ADMIRA.rounding)

    assert together(stated) == under
    assert together(stated - 1) == ADMIRA.termination.below


def test_a_kind_without_weight_reaches_nothing() -> None:
    rules = replace(ADMIRA.availability, platform_weight=Fraction(1), players_weight=Fraction(0))
    takes = reach(replace(ADMIRA, availability=rules), Fraction(98, 100), [30], 10)
    assert takes.platform is not None
    assert (takes.players, takes.each) == (None, None)
