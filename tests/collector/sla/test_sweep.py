"""The fast road against the slow one, on random fleets: every figure of every subject and month, and every result."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any, Final

import pytest

from collector.sla import sweep
from collector.sla.availability import judge_month
from collector.sla.case import Case, parse_case
from collector.sla.columns import Columns, Row
from collector.sla.contract import parse_contract
from collector.sla.instants import DAY_MS, HOUR_MS
from collector.sla.sweep import FleetMonths, judge_fleet, tally_fleet
from collector.sla.tally import MonthSpan, Subject, Tally, Window, month_span, tally_subject
from collector.sla.terms import Eligibility
from collector.sla.timeline import Evidence, Ruling
from tests.collector.sla import fleets

FIELDS: Final = ("counted", "active_ms", "counted_ms", "known_ms", "down_ms", "accountable_ms", "affected")
CONTRACT: Final = parse_contract(
    {
        "name": "n",
        "timezone": "Europe/Madrid",
        "availability": {
            "weights": {"platform": "0.2", "players": "0.8"},
            "excluded_causes": ["content"],
            "excluded_windows": ["emergency"],
        },
        "eligibility": {"player_downtime_over": "0.01", "players_affected_over": "0.20"},
    },
    "c.toml",
)
MARCH: Final = month_span(CONTRACT, "2026-03", 2**42)
START: Final = MARCH.start_ms
PLAYER: Final = Subject("p", "player")


def random_case(seed: int, *, tidy: bool = False) -> Case:
    """One of the random fleets; a tidy one has no rulings, no platform, and no run that lies over another."""
    data = fleets.fleet(seed)
    case = parse_case(data | ({"rulings": []} if tidy else {}), "random.json")
    assert isinstance(case, Case)
    if not tidy:
        return case
    subjects = {
        name: replace(entry, evidence=untangled(entry.evidence))
        for name, entry in case.subjects.items()
        if entry.subject.kind == "player"
    }
    return replace(case, subjects=subjects)


def untangled(evidence: Sequence[Evidence]) -> list[Evidence]:
    """Runs from edge to edge, in turn in one of the states given; every fourth is left out."""
    edges = sorted({edge for run in evidence for edge in run[:2]})
    looks = [run[2:] for run in evidence]
    return [
        Evidence(*pair, *looks[number % len(looks)]) for number, pair in enumerate(pairwise(edges)) if number % 4 != 3
    ]


def columns(case: Case, seed: int = 0) -> Columns:
    """All runs in one heap; only a subject's own stay in their order."""
    queues: list[list[Row]] = [
        [(number, *run) for run in entry.evidence] for number, entry in enumerate(case.subjects.values())
    ]
    rng = random.Random(seed)
    heap: list[Row] = []
    while any(queues):
        heap.append(rng.choice([queue for queue in queues if queue]).pop(0))
    return Columns.from_rows(heap)


def spans_of(case: Case) -> list[MonthSpan]:
    return [month_span(case.contract, month, case.computed_at_ms) for month in case.months]


def arguments(case: Case, seed: int = 0) -> dict[str, Any]:
    entries = list(case.subjects.values())
    return {
        "subjects": [entry.subject for entry in entries],
        "runs": columns(case, seed),
        "windows": case.windows,
        "rulings": {number: entry.rulings for number, entry in enumerate(entries) if entry.rulings},
    }


def slowly(case: Case, span: MonthSpan) -> list[Tally]:
    return [
        tally_subject(case.contract, span, entry.subject, entry.evidence, case.windows, entry.rulings)
        for entry in case.subjects.values()
    ]


def row_of(fleet: FleetMonths, subject: int, month: int) -> dict[str, object]:
    return {name: getattr(fleet, name)[subject, month].item() for name in FIELDS}


def assert_both_roads_agree(case: Case, seed: int = 0) -> None:
    fleet = tally_fleet(case.contract, spans_of(case), **arguments(case, seed))
    figures = judge_fleet(case.contract, case.months, case.computed_at_ms, **arguments(case, seed))
    assert len(figures) == len(case.months)
    for month, span in enumerate(spans_of(case)):
        tallies = slowly(case, span)
        for subject, tally in enumerate(tallies):
            expected = {name: getattr(tally, name) for name in FIELDS}
            assert row_of(fleet, subject, month) == expected, f"seed {seed}, subject {subject}, {span.month}"
        assert figures[month] == judge_month(case.contract, span, tallies), f"seed {seed}, {span.month}"


@pytest.mark.parametrize("block", range(6))
def test_random_fleets_are_judged_alike_on_both_roads(block: int) -> None:
    for seed in range(block * 40, block * 40 + 40):
        assert_both_roads_agree(random_case(seed), seed)


@pytest.mark.parametrize("block", range(6))
def test_tidy_fleets_never_need_the_slow_road(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> Tally:
        raise AssertionError("the slow road was taken")

    monkeypatch.setattr(sweep, "tally_subject", refuse)
    for seed in range(block * 40, block * 40 + 40):
        assert_both_roads_agree(random_case(seed, tidy=True), seed)


@pytest.mark.slow
@pytest.mark.parametrize("block", range(100, 150))
def test_thousands_of_random_fleets_are_judged_alike_on_both_roads(block: int) -> None:
    for seed in range(block * 100, block * 100 + 100):
        assert_both_roads_agree(random_case(seed), seed)
        assert_both_roads_agree(random_case(seed, tidy=True), seed)


@pytest.mark.parametrize(("rows", "subjects"), [(1, 1), (1, 100), (3, 2), (100, 3)])
def test_it_does_not_matter_how_much_is_worked_on_at_once(
    rows: int, subjects: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweep, "_ROWS_AT_ONCE", rows)
    monkeypatch.setattr(sweep, "_SUBJECTS_AT_ONCE", subjects)
    for seed in range(15):
        assert_both_roads_agree(random_case(seed), seed)
        assert_both_roads_agree(random_case(seed, tidy=True), seed)


def test_as_many_rows_are_taken_at_once_as_fit_and_always_a_whole_subject(monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[tuple[int, int, int]] = []
    take = sweep._Sweep.take

    def spy(self: sweep._Sweep, first: int, last: int, runs: Columns) -> Any:
        taken.append((first, last, len(runs)))
        return take(self, first, last, runs)

    monkeypatch.setattr(sweep._Sweep, "take", spy)
    monkeypatch.setattr(sweep, "_ROWS_AT_ONCE", 4)
    monkeypatch.setattr(sweep, "_SUBJECTS_AT_ONCE", 3)
    lengths = [2, 2, 6, 1, 0, 0, 0]
    rows: list[Row] = [
        (subject, START + number, START + number + 1, "playing", None)
        for subject, length in enumerate(lengths)
        for number in range(length)
    ]
    tally_fleet(CONTRACT, [MARCH], [Subject(str(n), "player") for n in range(7)], Columns.from_rows(rows))
    assert taken == [(0, 2, 4), (2, 3, 6), (3, 6, 1), (6, 7, 0)]


def slow_subjects(monkeypatch: pytest.MonkeyPatch, rows: Sequence[Row], subjects: Sequence[Subject]) -> list[str]:
    """Ids of the subjects that take the slow road."""
    asked: list[str] = []

    def spy(*given: Any) -> Tally:
        asked.append(given[2].id)
        return tally_subject(*given)

    monkeypatch.setattr(sweep, "tally_subject", spy)
    tally_fleet(CONTRACT, [MARCH], subjects, Columns.from_rows(rows))
    return asked


def test_only_a_run_that_shows_again_after_the_one_over_it_needs_the_slow_road(monkeypatch: pytest.MonkeyPatch) -> None:
    def run(subject: int, start: int, end: int) -> Row:
        return subject, START + start, START + end, "frozen", None

    rows = [
        *(run(0, 0, 10), run(0, 5, 20)),  # the later one ends later
        *(run(1, 0, 10), run(1, 5, 10)),  # … or at the same time
        *(run(2, 0, 10), run(2, 0, 10)),  # the same statement twice
        *(run(3, 0, 10), run(3, 5, 9)),  # the earlier one shows again
        *(run(4, 0, 10), run(4, 10, 12)),  # they touch
        *(run(5, 0, 10),),
        *(run(6, 5, 6),),  # another subject's
    ]
    assert slow_subjects(monkeypatch, rows, [Subject(f"p{number}", "player") for number in range(7)]) == ["p3"]


def test_a_subject_is_asked_for_once_a_month_however_many_reasons_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    rows: list[Row] = [(0, START, START + 10, "down", None), (0, START + 1, START + 2, "up", None)]
    assert slow_subjects(monkeypatch, rows, [Subject("portal", "platform")]) == ["portal"]


def judged(rows: Sequence[Row], subject: Subject = PLAYER, windows: Sequence[Window] = ()) -> dict[str, object]:
    return row_of(tally_fleet(CONTRACT, [MARCH], [subject], Columns.from_rows(rows), windows), 0, 0)


def test_what_a_player_was_is_told_in_milliseconds() -> None:
    at = START + DAY_MS
    rows: list[Row] = [
        (0, at, at + 5, "frozen", None),
        (0, at + 5, at + 12, "frozen", "content"),
        (0, at + 12, at + 25, "playing", None),
        (0, at + 30, at + 47, "unknown", None),
    ]
    assert judged(rows) == {
        "counted": True,
        "active_ms": MARCH.total_ms,
        "counted_ms": MARCH.total_ms,
        "known_ms": 25,
        "down_ms": 12,
        "accountable_ms": 5,
        "affected": False,
    }


def test_a_window_shrinks_what_is_accountable_and_nothing_else() -> None:
    rows: list[Row] = [(0, START, START + 20 * HOUR_MS, "frozen", None)]
    window = Window("emergency", frozenset({"p"}), START + HOUR_MS, START + 11 * HOUR_MS)
    without, within = judged(rows), judged(rows, windows=[window])
    assert (without["accountable_ms"], without["affected"]) == (20 * HOUR_MS, True)
    assert within == without | {"accountable_ms": 10 * HOUR_MS}
    elsewhere = replace(window, subjects=frozenset({"q"}))
    assert judged(rows, windows=[elsewhere]) == without


def test_players_that_windows_name_differently_are_treated_differently() -> None:
    at = [START + number * HOUR_MS for number in range(5)]
    first = Window("emergency", frozenset({"p0", "p1"}), at[0], at[1])
    second = Window("emergency", frozenset({"p1", "p2"}), at[1], at[3])
    subjects = [Subject(f"p{number}", "player") for number in range(4)]
    rows: list[Row] = [(number, at[0], at[4], "frozen", None) for number in range(4)]
    fleet = tally_fleet(CONTRACT, [MARCH], subjects, Columns.from_rows(rows), [first, second])
    assert fleet.accountable_ms.ravel().tolist() == [3 * HOUR_MS, HOUR_MS, 2 * HOUR_MS, 4 * HOUR_MS]


def test_a_player_of_one_millisecond_is_judged_by_it() -> None:
    rows: list[Row] = [(0, START, START + 5, "frozen", None)]
    for subject in (
        replace(PLAYER, active_until_ms=START + 1),
        replace(PLAYER, active_from_ms=START + 4, active_until_ms=START + 10**6),
    ):
        assert judged(rows, subject)["down_ms"] == 1


def test_one_players_evidence_that_ends_where_the_nexts_begins_stays_its_own() -> None:
    at = [START + number * HOUR_MS for number in range(4)]
    rows: list[Row] = [(number, at[number], at[number + 1], "frozen", None) for number in range(3)]
    fleet = tally_fleet(
        CONTRACT, [MARCH], [Subject(f"p{number}", "player") for number in range(3)], Columns.from_rows(rows)
    )
    assert fleet.known_ms.ravel().tolist() == fleet.down_ms.ravel().tolist() == [HOUR_MS] * 3


def test_time_between_two_runs_that_nobody_told_of_stays_unknown() -> None:
    spans = [(0, 0, 10), (1, 0, 3), (1, 10, 12)]
    rows: list[Row] = [(number, START + start, START + end, "playing", None) for number, start, end in spans]
    subjects = [Subject("p0", "player"), Subject("p1", "player")]
    assert tally_fleet(CONTRACT, [MARCH], subjects, Columns.from_rows(rows)).known_ms.ravel().tolist() == [10, 5]


def test_evidence_from_outside_the_months_counts_for_its_part_inside() -> None:
    rows: list[Row] = [
        (0, START - DAY_MS, START - 5, "frozen", None),
        (0, START - 5, START + 7, "frozen", None),
        (0, MARCH.end_ms - 3, MARCH.end_ms + DAY_MS, "frozen", None),
        (0, MARCH.end_ms + DAY_MS, MARCH.end_ms + 2 * DAY_MS, "frozen", None),
    ]
    assert judged(rows)["down_ms"] == 10


def test_a_fleet_of_nobody_and_no_months_are_no_error() -> None:
    nobody = judge_fleet(CONTRACT, ["2026-03"], 2**42, [], Columns.from_rows([]))
    assert nobody == [judge_month(CONTRACT, MARCH, [])]
    assert judge_fleet(CONTRACT, [], 2**42, [PLAYER], Columns.from_rows([])) == []


def test_months_need_not_follow_each_other() -> None:
    spans = [month_span(CONTRACT, month, 2**42) for month in ("2026-05", "2026-03")]
    rows: list[Row] = [(0, START, spans[0].start_ms + 7, "frozen", None)]
    fleet = tally_fleet(CONTRACT, spans, [PLAYER], Columns.from_rows(rows))
    assert fleet.spans == spans
    assert fleet.down_ms.tolist() == [[7, MARCH.total_ms]]


def test_milliseconds_are_64_bit_integers_and_never_floats() -> None:
    fleet = tally_fleet(CONTRACT, [MARCH], [PLAYER], Columns.from_rows([]))
    times = (fleet.active_ms, fleet.counted_ms, fleet.known_ms, fleet.down_ms, fleet.accountable_ms)
    assert {str(column.dtype) for column in times} == {"int64"}


@pytest.mark.parametrize("eligibility", [None, CONTRACT.eligibility])
@pytest.mark.parametrize("subjects", [[], [PLAYER]])
def test_who_is_affected_is_told_by_flags_even_where_nobody_can_be(
    eligibility: Eligibility | None, subjects: list[Subject]
) -> None:
    fleet = tally_fleet(replace(CONTRACT, eligibility=eligibility), [MARCH], subjects, Columns.from_rows([]))
    assert (str(fleet.affected.dtype), fleet.affected.shape) == ("bool", (len(subjects), 1))


def test_a_run_of_no_subject_is_refused() -> None:
    for number in (1, -1):
        runs = Columns.from_rows([(number, START, START + 1, "playing", None)])
        with pytest.raises(ValueError, match=f"a run of subject {number}, and there are 1 subjects"):
            tally_fleet(CONTRACT, [MARCH], [PLAYER], runs)
        with pytest.raises(ValueError, match=r"a ruling on subject 3, and there are 1 subjects"):
            tally_fleet(CONTRACT, [MARCH], [PLAYER], Columns.from_rows([]), rulings={3: [Ruling(0, 1, None, None, 0)]})
