"""What must hold of every fleet, in every zone and month: sums add up, and what should change nothing does not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.sla.availability import MonthFigure, judge_month
from collector.sla.calendar import Calendar, parse_calendar
from collector.sla.contract import Contract, parse_contract
from collector.sla.instants import DAY_MS, HOUR_MS, first_day, format_month, local_ms, parse_month
from collector.sla.intervals import total, union
from collector.sla.tally import (
    MonthSpan,
    Subject,
    Tally,
    Window,
    active_interval,
    counted_time,
    is_down,
    month_span,
    tally_subject,
)
from collector.sla.timeline import Evidence, Ruling, paint, rule
from collector.sla.windows import guarantee_windows

LATER: Final = 2**43
FEW: Final = settings(max_examples=40)  # ten thousand more under --slow
# East and west of Greenwich, north and south, with odd offsets, and a zone that once skipped a whole day.
ZONES: Final = (
    *("Europe/Madrid", "UTC", "America/Los_Angeles", "America/St_Johns", "Pacific/Kiritimati", "Pacific/Pago_Pago"),
    *("Asia/Kathmandu", "Australia/Lord_Howe", "Pacific/Auckland", "Pacific/Apia", "Africa/Cairo"),
)
# Changes of the clocks in both hemispheres, leap and common Februaries, the turn of the year, Apia's missing 30th.
FIRST_MONTHS: Final = ("2026-02", "2024-02", "2026-09", "2026-12", "2011-11", "2100-01", "2026-06")
STATES: Final = ("playing", "frozen", "off", "idle", "unknown")
FIELDS: Final = ("active_ms", "counted_ms", "known_ms", "down_ms", "accountable_ms")


@dataclass(frozen=True)
class Fleet:
    """Some subjects with their runs over a few months in a row, under a contract."""

    contract: Contract
    months: list[str]
    subjects: list[tuple[Subject, list[Evidence]]]
    windows: list[Window]
    rulings: list[Ruling]

    def span(self, month: str) -> MonthSpan:
        return month_span(self.contract, month, LATER)

    def tallies(self, span: MonthSpan) -> list[Tally]:
        return [tally_subject(self.contract, span, *pair, self.windows, self.rulings) for pair in self.subjects]

    def figures(self) -> list[MonthFigure]:
        return [judge_month(self.contract, self.span(month), self.tallies(self.span(month))) for month in self.months]

    def whole(self) -> MonthSpan:
        """All the months as one: nothing that is summed may care where months meet."""
        first, last = self.span(self.months[0]), self.span(self.months[-1])
        length_ms = last.end_ms - first.start_ms
        return replace(
            first,
            end_ms=last.end_ms,
            counted_until_ms=last.end_ms,
            counted_ms=length_ms,
            total_ms=sum(self.span(month).total_ms for month in self.months),
        )


@st.composite
def fleets(draw: st.DrawFn, lengths: Sequence[str] = ("calendar", "fixed-31d")) -> Fleet:
    months = draw(st.integers(1, 4))
    rules = {
        "weights": draw(st.sampled_from([{"platform": "0.2", "players": "0.8"}, {"platform": "1"}, {"players": "1"}])),
        "month": draw(st.sampled_from(lengths)),
        "player_base": draw(st.sampled_from(["total", "emission"])),
        "membership": draw(st.sampled_from(["at_calculation", "time_weighted"])),
        "unknown": draw(st.sampled_from(["excluded", "down"])),
        "excluded_causes": ["content"],
        "excluded_windows": ["emergency"],
    }
    guarantee = {"committed": "99", "window_months": months}
    zone = draw(st.sampled_from(ZONES))
    data = {"name": "n", "timezone": zone, "availability": rules, "guarantee": guarantee}
    contract = parse_contract(data, "c.toml")
    first = parse_month(draw(st.sampled_from(FIRST_MONTHS)))
    begin = local_ms(contract.timezone, first_day(first)) - 2 * DAY_MS
    hours = 24 * (31 * months + 4)
    names = [format_month(first + number) for number in range(months)]
    subjects = [draw(_subjects(number, zone, begin, hours)) for number in range(draw(st.integers(0, 3)))]
    windows = draw(
        st.lists(_intervals(begin, hours).map(lambda pair: Window("emergency", frozenset("*"), *pair)), max_size=2)
    )
    rulings = draw(st.lists(_rulings(begin, hours), max_size=2))
    return Fleet(contract, names, subjects, windows, rulings)


def _intervals(begin_ms: int, hours: int) -> st.SearchStrategy[tuple[int, int]]:
    at = st.one_of(
        st.integers(0, hours).map(lambda hour: begin_ms + hour * HOUR_MS),
        st.integers(0, hours * HOUR_MS).map(lambda offset_ms: begin_ms + offset_ms),
    )
    return st.tuples(at, at).filter(lambda pair: pair[0] != pair[1]).map(lambda pair: (min(pair), max(pair)))


@st.composite
def _rulings(draw: st.DrawFn, begin_ms: int, hours: int) -> Ruling:
    start_ms, end_ms = draw(_intervals(begin_ms, hours))
    return Ruling(start_ms, end_ms, None, draw(st.sampled_from(["content", "customer"])), begin_ms)


@st.composite
def _subjects(draw: st.DrawFn, number: int, zone: str, begin_ms: int, hours: int) -> tuple[Subject, list[Evidence]]:
    platform = draw(st.booleans())
    active: Any = draw(st.one_of(st.none(), _intervals(begin_ms, hours))) or (None, None)
    kept = draw(st.sampled_from([(None, None), (active[0], None), (None, active[1]), active]))
    states = st.sampled_from(("up", "down", "unknown") if platform else STATES)
    runs = draw(
        st.lists(st.builds(lambda pair, state: Evidence(*pair, state), _intervals(begin_ms, hours), states), max_size=5)
    )
    emission = None if platform else draw(st.sampled_from([None, *(_calendar(zone, kind) for kind in HOURS)]))
    return Subject(f"s{number}", "platform" if platform else "player", *kept, emission), runs


# Shop hours; hours that pass midnight; a season that passes the turn of the year, closed else.
HOURS: Final = {
    "shop": [{"days": "mon-sat", "hours": ["09:30-21:30"]}],
    "night": [{"hours": ["22:00-02:30", "01:30-03:30"]}],
    "season": [{"from": "10-20", "to": "03-10", "hours": ["00:00-24:00"]}],
}
_CALENDARS: dict[tuple[str, str], Calendar] = {}


def _calendar(zone: str, kind: str) -> Calendar:
    made = _CALENDARS.get((zone, kind))
    if made is None:
        made = _CALENDARS[zone, kind] = parse_calendar({"timezone": zone, "rules": HOURS[kind]}, "c", kind)
    return made


@FEW
@given(fleets())
def test_months_add_up_to_the_time_that_they_span(fleet: Fleet) -> None:
    by_month = [fleet.tallies(fleet.span(month)) for month in fleet.months]
    for number, whole in enumerate(fleet.tallies(fleet.whole())):
        for field in FIELDS:
            assert sum(getattr(tallies[number], field) for tallies in by_month) == getattr(whole, field), field
    parts = [figure.platform_downtime_ms for figure in fleet.figures()]
    together = union(each.accountable for each in fleet.tallies(fleet.whole()) if each.kind == "platform")
    assert sum(parts) == total(together)


@FEW
@given(fleets())
def test_months_add_up_to_the_figure_of_their_window(fleet: Fleet) -> None:
    figures = fleet.figures()
    (window,) = guarantee_windows(fleet.contract, figures).values()
    assert (window.first, window.last) == (fleet.months[0], fleet.months[-1])
    rules, whole = fleet.contract.availability, fleet.whole()
    platform_ms = total(union(each.accountable for each in fleet.tallies(whole) if each.kind == "platform"))
    players_ms, divisor = _players(fleet)
    lost = rules.platform_weight * Fraction(platform_ms, whole.total_ms)
    lost += rules.players_weight * players_ms / divisor if divisor else 0
    assert window.availability == max(Fraction(0), 1 - lost)


def _players(fleet: Fleet) -> tuple[int, Fraction]:
    """Down time and divisor of the players over all months (SPEC 2.6 and 2.7), month by month from their tallies."""
    rules, down_ms, divisor = fleet.contract.availability, 0, Fraction(0)
    for month in fleet.months:
        span = fleet.span(month)
        counted = [each for each in fleet.tallies(span) if each.counted]
        down_ms += sum(each.accountable_ms for each in counted)
        if rules.player_base == "emission":
            divisor += sum(each.counted_ms for each in counted)
        elif rules.membership == "time_weighted":
            divisor += Fraction(sum(each.active_ms for each in counted) * span.total_ms, span.counted_ms)
        else:
            divisor += len(counted) * span.total_ms
    return down_ms, divisor


@FEW
@given(fleets(["calendar"]))
def test_with_time_weighted_players_one_long_month_has_the_figure_of_its_parts(fleet: Fleet) -> None:
    rules = replace(fleet.contract.availability, membership="time_weighted")
    weighted = replace(fleet, contract=replace(fleet.contract, availability=rules))
    (window,) = guarantee_windows(weighted.contract, weighted.figures()).values()
    whole = weighted.whole()
    assert judge_month(weighted.contract, whole, weighted.tallies(whole)).availability == window.availability


@FEW
@given(fleets())
def test_the_time_in_each_state_sums_to_the_counted_time_and_its_parts(fleet: Fleet) -> None:
    span = fleet.span(fleet.months[0])
    for (subject, runs), tally in zip(fleet.subjects, fleet.tallies(span), strict=True):
        by_state: Counter[str] = Counter()
        down_ms = 0
        for start_ms, end_ms in counted_time(span, subject, *active_interval(span, subject)):
            for begin, end, state, cause in rule(paint(runs, start_ms, end_ms), fleet.rulings, LATER):
                by_state[state] += end - begin
                down_ms += (end - begin) * is_down(fleet.contract, state, cause).down
        assert by_state.total() == tally.counted_ms
        assert by_state.total() - by_state["unknown"] == tally.known_ms
        assert down_ms == tally.down_ms


@FEW
@given(fleets(), st.randoms(use_true_random=False))
def test_splitting_repeating_and_reordering_runs_changes_no_figure(fleet: Fleet, rng: Any) -> None:
    changed = []
    for subject, runs in fleet.subjects:
        apart = _with_own_starts(runs)
        pieces = [piece for run in apart for piece in _split(run, rng, {other.start_ms for other in apart})]
        pieces += rng.sample(pieces, len(pieces) // 2)
        rng.shuffle(pieces)
        changed.append((subject, apart, pieces))
    before = replace(fleet, subjects=[(subject, runs) for subject, runs, _ in changed])
    after = replace(fleet, subjects=[(subject, runs) for subject, _, runs in changed])
    assert after.figures() == before.figures()


def _with_own_starts(runs: Sequence[Evidence]) -> list[Evidence]:
    """One run of each start, so that no order decides a tie."""
    return list({run.start_ms: run for run in runs}.values())


def _split(run: Evidence, rng: Any, starts: set[int]) -> list[Evidence]:
    """The run in two, before the next one that lies over it begins: what a restart makes of it."""
    limit = min([start for start in starts if start > run.start_ms] + [run.end_ms])
    if limit - run.start_ms < 2 or (limit in starts and limit < run.end_ms and rng.random() < 0.5):
        return [run]
    at = rng.randint(run.start_ms + 1, min(limit, run.end_ms) - 1)
    return [run._replace(end_ms=at), run._replace(start_ms=at)]


@FEW
@given(fleets(), st.data())
def test_an_excluded_window_never_lowers_a_figure_of_any_month(fleet: Fleet, data: st.DataObject) -> None:
    span = fleet.whole()
    pair = data.draw(_intervals(span.start_ms, (span.end_ms - span.start_ms) // HOUR_MS))
    more = replace(fleet, windows=[*fleet.windows, Window("emergency", frozenset("*"), *pair)])
    for before, after in zip(fleet.figures(), more.figures(), strict=True):
        assert after.availability is not None
        assert before.availability is not None
        assert after.availability >= before.availability
        assert (after.players, after.players_denominator_ms) == (before.players, before.players_denominator_ms)


@FEW
@given(fleets(), st.data())
def test_more_down_time_never_raises_a_figure_of_any_month(fleet: Fleet, data: st.DataObject) -> None:
    span = fleet.whole()
    start, end = data.draw(_intervals(span.start_ms, (span.end_ms - span.start_ms) // HOUR_MS))
    worse = [(subject, _worse(subject, runs, start, end)) for subject, runs in fleet.subjects]
    for before, after in zip(fleet.figures(), replace(fleet, subjects=worse).figures(), strict=True):
        assert after.availability is not None
        assert before.availability is not None
        assert after.availability <= before.availability


def _worse(subject: Subject, runs: list[Evidence], start: int, end: int) -> list[Evidence]:
    """The same timeline, but down for the provider's own software within `[start, end)`."""
    state = "down" if subject.kind == "platform" else "frozen"
    edges = sorted({edge for run in runs for edge in run[:2]})
    if not edges:
        return [Evidence(start, end, state)]
    known = [Evidence(*piece) for piece in paint(runs, edges[0], edges[-1]) if piece[2] != "unknown"]
    kept = [part for run in known for part in _outside(run, start, end)]
    return sorted([*kept, Evidence(start, end, state)])


def _outside(run: Evidence, start: int, end: int) -> list[Evidence]:
    parts = [run._replace(end_ms=min(run.end_ms, start)), run._replace(start_ms=max(run.start_ms, end))]
    return [part for part in parts if part.start_ms < part.end_ms]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("held", "more"),
    [
        (test_months_add_up_to_the_time_that_they_span, []),
        (test_months_add_up_to_the_figure_of_their_window, []),
        (test_the_time_in_each_state_sums_to_the_counted_time_and_its_parts, []),
        (test_splitting_repeating_and_reordering_runs_changes_no_figure, [st.randoms(use_true_random=False)]),
        (test_an_excluded_window_never_lowers_a_figure_of_any_month, [st.data()]),
        (test_more_down_time_never_raises_a_figure_of_any_month, [st.data()]),
    ],
)
def test_each_holds_of_ten_thousand_fleets(held: Any, more: list[st.SearchStrategy[Any]]) -> None:
    settings(max_examples=10_000)(given(fleets(), *more)(held.hypothesis.inner_test))()
