"""Burn rates against a reading millisecond by millisecond (here: second by second), and what they must mean."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.sla.availability import judge_month
from collector.sla.burn import (
    LOOKBACK_MS,
    PAIRS,
    BurnFrame,
    BurnRate,
    before_month,
    burn_frame,
    burn_rates,
    first_level,
    stretch,
)
from collector.sla.contract import Contract
from collector.sla.instants import DAY_MS, HOUR_MS, MINUTE_MS
from collector.sla.intervals import Interval, normalise
from collector.sla.tally import MonthSpan, Subject, month_span, tally_subject
from tests.collector.sla.outlooks import SHOP, at, ms, terms

NOON = ms("2026-03-10T12:00")
FLEET = [Subject("a", "player"), Subject("b", "player"), Subject("x", "platform"), Subject("y", "platform")]
HALF_HOUR = 30 * MINUTE_MS

halves = st.lists(st.tuples(st.integers(-160, 2), st.integers(1, 40)), max_size=4)
downs = st.tuples(halves, halves, halves, halves).map(
    lambda fleet: [
        normalise((NOON + start * HALF_HOUR, NOON + (start + length) * HALF_HOUR) for start, length in one)
        for one in fleet
    ]
)


def frame_of(contract: Contract, subjects: Sequence[Subject] = FLEET, month: str = "2026-03") -> BurnFrame:
    frame = burn_frame(contract, subjects, month)
    assert frame is not None
    return frame


def rates_of(contract: Contract, down: Sequence[Sequence[Interval]], **keys: Any) -> tuple[BurnRate, ...]:
    return burn_rates(frame_of(contract, **keys), down, NOON)


def is_down(intervals: Sequence[Interval], instant: int) -> bool:
    return any(start <= instant < end for start, end in intervals)


@given(downs)
def test_each_window_burns_what_a_count_of_every_five_minutes_burns(down: list[list[Interval]]) -> None:
    step = 5 * MINUTE_MS  # every edge lies on a half hour, so nothing changes within a step
    for rate in rates_of(terms(), down):
        for length, told in ((rate.long_ms, rate.long_rate), (rate.short_ms, rate.short_rate)):
            instants = range(NOON - length, NOON, step)
            platform = sum(is_down(down[2], instant) or is_down(down[3], instant) for instant in instants)
            players = sum(is_down(one, instant) for one in down[:2] for instant in instants)
            lost = Fraction(1, 5) * Fraction(platform, len(instants))
            lost += Fraction(4, 5) * Fraction(players, 2 * len(instants))
            assert told == lost / Fraction(1, 100)


@pytest.mark.parametrize("month", ["2026-02", "2026-03", "2026-10", "2028-02"])
@pytest.mark.parametrize("length", ["calendar", "fixed-31d"])
@pytest.mark.parametrize("base", ["total", "emission"])
def test_a_rate_of_one_kept_up_for_the_month_spends_the_budget_exactly(month: str, length: str, base: str) -> None:
    contract = terms(rules={"month": length, "player_base": base})
    subjects = [Subject("a", "player", emission=SHOP), Subject("b", "player"), Subject("x", "platform")]
    whole = month_span(contract, month, ms("2029-01-01T00:00"))
    span = stretch(whole.start_ms, whole.end_ms, whole.end_ms)
    runs = [
        [at(span.start_ms, span.end_ms, up), at(span.start_ms + DAY_MS, span.start_ms + 4 * DAY_MS, down)]
        for up, down in (("playing", "stopped"), ("playing", "frozen"), ("up", "down"))
    ]
    tallies = [tally_subject(contract, whole, one, run) for one, run in zip(subjects, runs, strict=True)]
    availability = judge_month(contract, whole, tallies).availability
    assert availability is not None
    frame = frame_of(contract, subjects, month)
    (*_, days) = burn_rates(frame, [tally.accountable for tally in tallies], span.start_ms + 4 * DAY_MS)
    assert days.long_ms == 3 * DAY_MS
    assert days.long_rate * days.long_ms / (span.end_ms - span.start_ms) == (1 - availability) / Fraction(1, 100)


def test_limits_are_those_of_the_workbook_in_a_month_of_thirty_days() -> None:
    april = burn_rates(frame_of(terms(), month="2026-04"), [[]] * 4, ms("2026-04-10T12:00"))
    assert [rate.limit for rate in april] == [Fraction(144, 10), 6, 1]
    assert [(rate.severity, rate.long_ms, rate.short_ms) for rate in april] == [
        ("critical", HOUR_MS, 5 * MINUTE_MS),
        ("critical", 6 * HOUR_MS, 30 * MINUTE_MS),
        ("warning", 3 * DAY_MS, 6 * HOUR_MS),
    ]


def test_limits_are_scaled_to_the_real_length_of_the_month_changes_of_the_clocks_included() -> None:
    assert rates_of(terms(), [[]] * 4)[0].limit == Fraction(2, 100) * 743
    october = burn_rates(frame_of(terms(), month="2026-10"), [[]] * 4, ms("2026-10-10T12:00"))
    assert october[0].limit == Fraction(2, 100) * 745


@pytest.mark.parametrize(
    ("level", "weights", "reach"),
    [
        ("90.00", {"platform": "0.2", "players": "0.8"}, 10),
        ("98.00", {"platform": "0.2", "players": "0.8"}, 50),
        ("99.00", {"players": 1}, 100),
        ("99.00", {"platform": 1}, 100),
    ],
)
def test_everything_down_burns_at_one_over_what_may_be_lost_and_no_limit_lies_beyond(
    level: str, weights: dict[str, Any], reach: int
) -> None:
    contract = terms(rules={"weights": weights}, guarantee={"committed": level})
    everything = [[(NOON - LOOKBACK_MS, NOON)]] * 4
    for rate in rates_of(contract, everything):
        assert rate.long_rate == rate.short_rate == reach
        assert rate.limit <= reach
        assert rate.over
        assert rate.capped is (rate.limit == reach)
    assert any(rate.capped for rate in rates_of(contract, everything)) is (reach == 10)


@pytest.mark.parametrize(("base", "reach"), [("total", Fraction(28, 31)), ("emission", Fraction(28 + 4 * 31, 5 * 31))])
def test_a_short_month_that_is_counted_as_a_long_one_burns_a_little_slower(base: str, reach: Fraction) -> None:
    rules = {"month": "fixed-31d", "player_base": base, "weights": {"platform": "0.2", "players": "0.8"}}
    frame = frame_of(terms(rules=rules, guarantee={"committed": "90.00"}), month="2026-02")
    assert frame.reach == reach * 10
    now = ms("2026-02-10T12:00")
    for rate in burn_rates(frame, [[(now - LOOKBACK_MS, now)]] * 4, now):
        assert rate.long_rate == rate.short_rate == reach * 10


def test_what_is_not_watched_cannot_burn_and_lowers_the_cap() -> None:
    contract = terms(guarantee={"committed": "98.00"})
    only_platform = [Subject("x", "platform")]
    (fast, *_) = burn_rates(frame_of(contract, only_platform), [[(NOON - HOUR_MS, NOON)]], NOON)
    assert (fast.long_rate, fast.limit, fast.capped, fast.over) == (10, 10, True, True)


@pytest.mark.parametrize(
    ("keys", "subjects"),
    [
        ({"guarantee": {}}, FLEET),
        ({"guarantee": {"committed": "100.00"}}, FLEET),
        ({"guarantee": {"committed": "0.00"}}, FLEET),
        ({}, []),
        ({"rules": {"weights": {"players": 1}}}, [Subject("x", "platform")]),
        ({"rules": {"weights": {"platform": 1}}}, [Subject("a", "player")]),
    ],
)
def test_where_no_budget_can_burn_there_are_no_rates(keys: dict[str, Any], subjects: list[Subject]) -> None:
    assert burn_frame(terms(**keys), subjects, "2026-03") is None


def test_the_committed_level_is_meant_and_without_one_the_objective() -> None:
    assert first_level(terms(guarantee={"committed": "99.00", "objective": "99.90"})) == Fraction(99, 100)
    assert first_level(terms(guarantee={"objective": "99.90"})) == Fraction(999, 1000)
    chosen = burn_frame(terms(), FLEET, "2026-03", Fraction(95, 100))
    assert chosen is not None
    assert chosen.budget == Fraction(5, 100)


def test_a_player_that_the_month_will_not_be_judged_by_burns_nothing() -> None:
    leaves = Subject("gone", "player", active_until_ms=ms("2026-03-20T00:00"))
    down = [[(NOON - HOUR_MS, NOON)], []]
    at_end = rates_of(terms(), down, subjects=[leaves, Subject("b", "player")])
    assert at_end[0].long_rate == 0
    weighted = terms(rules={"membership": "time_weighted"})
    assert rates_of(weighted, down, subjects=[leaves, Subject("b", "player")])[0].long_rate > 0


def test_both_windows_must_burn_before_a_pair_is_over() -> None:
    contract = terms(rules={"weights": {"platform": 1}})
    for start, end, over in ((60, 0, True), (60, 5, False), (5, 0, False), (10, 0, True)):
        down = [(NOON - start * MINUTE_MS, NOON - end * MINUTE_MS)]
        (fast, *_) = rates_of(contract, [[], [], down, []])
        assert fast.over is over


def test_what_lies_before_the_longest_window_or_after_now_is_not_looked_at() -> None:
    old = (NOON - LOOKBACK_MS - HOUR_MS, NOON - LOOKBACK_MS)
    coming = (NOON, NOON + HOUR_MS)
    for rate in rates_of(terms(), [[old, coming], [old], [old], [coming]]):
        assert (rate.long_rate, rate.short_rate) == (0, 0)


def test_a_list_of_other_subjects_than_the_frame_has_is_refused() -> None:
    with pytest.raises(ValueError, match="zip"):
        rates_of(terms(), [[]])


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        ("2026-03-01T12:00", ("2026-02-26T12:00", "2026-02-28T23:00")),
        ("2026-03-03T23:00", None),
        ("2026-03-20T00:00", None),
        ("2026-02-20T00:00", ("2026-02-17T00:00", "2026-02-20T00:00")),
    ],
)
def test_early_in_a_month_the_windows_still_look_at_the_last_one(now: str, expected: tuple[str, str] | None) -> None:
    before = before_month(month_span(terms(), "2026-03", ms(now)))
    assert (before and (before.start_ms, before.end_ms)) == (expected and tuple(map(ms, expected)))
    assert before is None or before.computed_at_ms == ms(now)
    assert before is None or before.counted_ms == before.total_ms == before.end_ms - before.start_ms


def test_there_is_no_window_that_looks_back_further_than_it_says() -> None:
    assert max(pair.long_ms for pair in PAIRS) == LOOKBACK_MS
    assert all(pair.short_ms < pair.long_ms for pair in PAIRS)


@given(downs, st.integers(0, 8), st.sampled_from(["excluded", "down"]))
def test_the_months_own_tallies_and_what_lies_before_it_are_all_that_a_live_figure_needs(
    down: list[list[Interval]], days: int, unknown: str
) -> None:
    """As the live side calls it: at any moment, early in the month and late, with the same result as from one piece."""
    contract = terms(rules={"unknown": unknown})
    span = month_span(contract, "2026-03", NOON - days * DAY_MS)
    now = span.computed_at_ms
    shift = days * DAY_MS
    runs = [
        [at(start - shift, end - shift, "down" if number > 1 else "frozen") for start, end in one]
        for number, one in enumerate(down)
    ]
    frame = frame_of(contract)

    def accountable(within: MonthSpan) -> list[tuple[Interval, ...]]:
        pairs = zip(FLEET, runs, strict=True)
        return [tally_subject(contract, within, subject, evidence).accountable for subject, evidence in pairs]

    earlier = before_month(span)
    assert (earlier is not None) is (now - LOOKBACK_MS < span.start_ms)
    before = accountable(earlier) if earlier else [()] * len(FLEET)
    together = [(*one, *other) for one, other in zip(before, accountable(span), strict=True)]
    whole = accountable(stretch(now - LOOKBACK_MS, now, now))
    assert burn_rates(frame, together, now) == burn_rates(frame, whole, now)
