"""What must hold whatever the evidence, and the edges that decide who is counted."""

from __future__ import annotations

from collections.abc import Collection
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.sla.availability import (
    Evidence,
    MonthFigure,
    MonthSpan,
    Subject,
    Window,
    applies,
    is_down,
    judge_month,
    month_span,
    tally_subject,
)
from collector.sla.calendar import Calendar, parse_calendar
from collector.sla.contract import Contract, parse_contract
from collector.sla.discounts import discount_due
from collector.sla.instants import DAY_MS, HOUR_MS, parse_instant, parse_month
from collector.sla.windows import guarantee_breached, guarantee_windows, termination_windows

LATER = parse_instant("2027-01-01T00:00:00Z")
START = parse_instant("2026-02-28T23:00:00Z")
SHOP = parse_calendar({"timezone": "Europe/Madrid", "rules": [{"hours": ["22:00-02:30", "09:00-12:00"]}]}, "x", "x")

hours = st.integers(0, 800)
evidence = st.lists(
    st.builds(
        lambda start, length, state: Evidence(START + start * HOUR_MS, START + (start + length) * HOUR_MS, state),
        hours,
        st.integers(1, 200),
        st.sampled_from(["playing", "frozen", "off", "idle", "unknown"]),
    ),
    max_size=6,
)


def terms(**keys: Any) -> Contract:
    rules = {"weights": {"platform": "0.2", "players": "0.8"}, "excluded_causes": ["content"]}
    rules |= {"excluded_windows": ["planned", "emergency"]} | keys.pop("rules", {})
    base = {"name": "n", "timezone": "Europe/Madrid", "availability": rules}
    return parse_contract(base | keys, "c.toml")


def month(contract: Contract, name: str = "2026-03", at: int = LATER) -> MonthSpan:
    return month_span(contract, name, at)


def player(**keys: Any) -> Subject:
    return Subject("p", "player", **keys)


def judge(
    contract: Contract,
    subjects: list[tuple[Subject, list[Evidence]]],
    span: MonthSpan | None = None,
    windows: Collection[Window] = (),
) -> MonthFigure:
    span = span or month(contract)
    tallies = [tally_subject(contract, span, subject, runs, windows) for subject, runs in subjects]
    return judge_month(contract, span, tallies)


@pytest.mark.parametrize(("name", "length_h"), [("2026-03", 743), ("2026-10", 745), ("2026-02", 672)])
def test_a_month_is_as_long_as_the_clocks_make_it(name: str, length_h: int) -> None:
    span = month(terms(), name)
    assert span.end_ms - span.start_ms == length_h * HOUR_MS == span.total_ms


def test_a_fixed_month_is_31_days_and_a_part_of_it_is_rounded_down() -> None:
    contract = terms(rules={"month": "fixed-31d"})
    assert month(contract).total_ms == 31 * DAY_MS
    begun = month(contract, at=START + 1)
    assert (begun.counted_ms, begun.total_ms, begun.provisional) == (1, 1, True)
    assert month(contract, "2026-10", month(contract, "2026-10").start_ms + 1).total_ms == 0


def test_a_month_not_begun_has_no_figure_and_counts_nobody() -> None:
    contract = terms(guarantee={"committed": "99"}, eligibility={"player_downtime_over": 0, "players_affected_over": 0})
    figure = judge(contract, [(player(), [])], month(contract, at=START))
    assert (figure.span.total_ms, figure.players, figure.affected_players) == (0, 0, 0)
    assert (figure.availability, figure.percent, figure.met, figure.platform_availability) == (None, None, None, None)
    assert (figure.eligible, figure.assessable, figure.players_coverage) == (False, True, None)
    assert month(contract, at=START - 1).counted_until_ms == START


@pytest.mark.parametrize(
    ("active_from", "active_until", "at_calculation", "time_weighted"),
    [
        (None, None, True, True),
        (0, None, True, True),
        (-1, None, True, True),
        (-1, 0, True, True),
        (None, -1, False, True),
        (0, 0, False, False),
        (1, None, False, False),
    ],
)
def test_who_is_counted_at_the_end_of_the_counted_month(
    active_from: int | None, active_until: int | None, at_calculation: bool, time_weighted: bool
) -> None:
    at = START + 10 * DAY_MS  # the player's edges are given in ms from there
    edges = [None if edge is None else at + edge for edge in (active_from, active_until)]
    if active_from == 0:
        edges[0] = at
        at_calculation = time_weighted = False
    for membership, expected in (("at_calculation", at_calculation), ("time_weighted", time_weighted)):
        contract = terms(rules={"membership": membership})
        tally = tally_subject(
            contract, month(contract, at=at), player(active_from_ms=edges[0], active_until_ms=edges[1]), []
        )
        assert tally.counted is expected


def test_the_instant_now_says_what_is_known_down_and_accountable() -> None:
    contract = terms()
    assert is_down(contract, "playing") == (True, False, False)
    assert is_down(contract, "frozen") == (True, True, True)
    assert is_down(contract, "frozen", "content") == (True, True, False)
    assert is_down(contract, "idle") == (True, True, False)
    assert is_down(contract, "unknown") == (False, False, False)
    assert is_down(terms(rules={"unknown": "down"}), "unknown") == (False, True, True)


def test_a_planned_window_applies_only_if_it_was_announced_in_time() -> None:
    def planned(announced: int | None, kind: str = "planned") -> Window:
        return Window(kind, frozenset({"kind:player"}), START, START + 1, announced)

    contract = terms(rules={"min_notice_ms": 1000})
    assert applies(contract, planned(START - 1000), player())
    assert not applies(contract, planned(START - 999), player())
    assert not applies(contract, planned(None), player())
    assert not applies(terms(), planned(START), player())
    assert applies(terms(), planned(START - 1), player())
    assert applies(contract, planned(None, "emergency"), player())
    assert not applies(contract, planned(None, "other"), player())
    assert not applies(contract, planned(START - 1000), Subject("portal", "platform"))


@given(evidence, st.sampled_from([None, SHOP]), st.sampled_from(["excluded", "down"]))
def test_the_time_by_state_sums_to_the_counted_time(
    runs: list[Evidence], emission: Calendar | None, unknown: str
) -> None:
    contract = terms(rules={"unknown": unknown, "excluded_causes": []})
    span = month(contract)
    tally = tally_subject(contract, span, player(emission=emission), runs)
    up = [run if run.state in {"playing", "unknown"} else run._replace(state="playing") for run in runs]
    never_down = tally_subject(terms(), span, player(emission=emission), up)
    assert never_down.known_ms == tally.known_ms
    assert never_down.down_ms == 0
    silent_ms = tally.counted_ms - tally.known_ms
    expected = (
        tally.counted_ms if emission is None else sum(b - a for a, b in SHOP.open_intervals(span.start_ms, span.end_ms))
    )
    assert tally.counted_ms == expected
    assert 0 <= tally.accountable_ms == tally.down_ms <= tally.counted_ms
    assert silent_ms >= 0


@given(evidence, hours, st.integers(1, 300), st.sampled_from([None, SHOP]))
def test_an_excluded_window_never_lowers_a_figure(
    runs: list[Evidence], start: int, length: int, emission: Calendar | None
) -> None:
    contract = terms()
    subjects = [(player(emission=emission), runs), (Subject("portal", "platform"), runs)]
    window = Window("emergency", frozenset({"*"}), START + start * HOUR_MS, START + (start + length) * HOUR_MS)
    assert judge(contract, subjects, windows=[window]).availability >= judge(contract, subjects).availability


@given(evidence, st.integers(1, 300), st.sampled_from([None, SHOP]), st.sampled_from(["total", "emission"]))
def test_more_down_time_never_raises_a_figure(
    runs: list[Evidence], length: int, emission: Calendar | None, base: str
) -> None:
    contract = terms(rules={"player_base": base})
    last = max((run.start_ms for run in runs), default=START)
    on_top = Evidence(last, last + length * HOUR_MS, "frozen")
    before = judge(contract, [(player(emission=emission), runs)]).availability
    assert judge(contract, [(player(emission=emission), [*runs, on_top])]).availability <= before


@given(evidence, st.integers(1, 743))
def test_the_union_of_two_platform_parts_is_between_the_worse_one_and_their_sum(
    runs: list[Evidence], shift: int
) -> None:
    contract = terms()
    moved = [run._replace(start_ms=run.start_ms + shift * HOUR_MS, end_ms=run.end_ms + shift * HOUR_MS) for run in runs]
    one, other = (Subject("a", "platform"), runs), (Subject("b", "platform"), moved)
    both = judge(contract, [one, other]).platform_downtime_ms
    parts = [judge(contract, [part]).platform_downtime_ms for part in (one, other)]
    assert max(parts) <= both <= sum(parts)


def test_each_part_is_given_on_its_own_for_display() -> None:
    contract = terms()
    span = month(contract)
    half = Evidence(span.start_ms, span.start_ms + span.counted_ms // 2, "frozen")
    figure = judge(contract, [(player(), [half]), (Subject("portal", "platform"), [])])
    assert figure.players_availability == Fraction(1, 2)
    assert figure.platform_availability == 1
    assert figure.availability == Fraction(6, 10)


def test_availability_is_never_under_zero() -> None:
    contract = terms(rules={"weights": {"players": 1}, "player_base": "total", "month": "fixed-31d"})
    october = month(contract, "2026-10")
    runs = [Evidence(october.start_ms, october.end_ms, "frozen")]
    figure = judge(contract, [(player(), runs)], october)
    assert (figure.availability, figure.players_availability, figure.percent) == (0, 0, "0.00")


def test_windows_are_not_known_while_a_month_is_missing_and_a_short_life_is_one_window() -> None:
    contract = terms(
        guarantee={"committed": "99.00", "window_months": 6},
        termination={"window_months": 2, "below": "97.00"},
        life={"from": "2026-02", "until": "2026-03"},
    )
    figures = [judge(contract, [(player(), [])], month(contract, name)) for name in ("2026-02", "2026-03")]
    january, february = parse_month("2026-01"), parse_month("2026-02")
    known = guarantee_windows(contract, figures)
    assert [(window.first, window.last) for window in known.values()] == [("2026-02", "2026-03")]
    assert guarantee_breached(contract, february, known) is False
    assert guarantee_breached(contract, january, known) is False  # no window holds it
    assert guarantee_breached(contract, february, guarantee_windows(contract, figures[:1])) is None
    assert len(termination_windows(contract, figures)) == 1
    assert termination_windows(contract, figures[1:]) == {}


def test_a_window_that_cannot_be_assessed_is_known_only_if_it_falls() -> None:
    contract = terms(
        rules={"weights": {"players": 1}, "min_coverage": 1}, guarantee={"committed": "50", "window_months": 1}
    )
    span = month(contract)
    dark = [Evidence(span.start_ms, span.end_ms - 1, "frozen")]
    assert guarantee_windows(contract, [judge(contract, [(player(), [])])]) == {}
    [window] = guarantee_windows(contract, [judge(contract, [(player(), dark)])]).values()
    assert window.breached


def test_a_month_that_is_not_assessable_is_told_so_before_anything_else_but_provisional() -> None:
    contract = terms(rules={"min_coverage": 1})
    figure = judge(contract, [(player(), [])])
    assert not figure.assessable
    assert discount_due(contract, figure, guarantee_window=True) == discount_due(
        contract, figure, guarantee_window=None
    )
    assert discount_due(contract, figure, guarantee_window=True).reason == "coverage"
