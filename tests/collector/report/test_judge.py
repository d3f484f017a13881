"""A report comes to the core's figures, and what it tells adds up to them, for any fleet."""

from __future__ import annotations

import json
from dataclasses import replace
from fractions import Fraction

import pytest

from collector.report.as_json import as_json
from collector.report.judge import find_source, make_report
from collector.sla.instants import DAY_MS
from collector.sla.verdict import judge
from tests.collector.report.samples import (
    admira,
    at,
    case_of,
    complaints,
    dossier_of,
    platform,
    player,
    report,
    ruling,
    run,
    window,
)
from tests.collector.sla.fleets import fleet


@pytest.mark.parametrize("seed", range(120))
def test_a_random_fleet_is_told_to_the_millisecond(seed: int) -> None:
    case = case_of(fleet(seed))
    expected = judge(case)
    for number, month in enumerate(case.months):
        told = make_report(dossier_of(case, month))
        found = as_json(told)
        wanted = expected["months"][number]  # type: ignore[index]
        assert {key: found[key] for key in wanted} == wanted
        assert found["guarantee_windows"] == expected["guarantee_windows"]
        assert found["termination_right"] == expected["termination_right"]
        assert list(complaints(told)) == []
        json.dumps(found)


def test_a_window_takes_only_what_no_cause_has_taken() -> None:
    told = report(
        player("p1", run("10T09:00", "10T10:00", "off", "power"), run("10T10:00", "10T11:00", "frozen")),
        windows=[window(4, "10T09:00", "10T10:30"), window(5, "10T10:15", "10T10:45")],
    )
    assert [(use.record.id, use.players_ms // 60_000) for use in told.windows] == [(4, 30), (5, 15)]
    assert [(each.cause, each.players_ms // 60_000) for each in told.causes] == [("power", 60)]
    assert told.figure.players_downtime_ms == 15 * 60_000


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({}, None),
        ({"kind": "emergency"}, "kind"),
        ({"announced_at_ms": at("10T09:00")}, "late"),
        ({"cancelled_at_ms": at("09T00:00"), "cancelled_by": "bo", "cancelled_why": "x"}, "cancelled"),
    ],
)
def test_a_window_that_does_nothing_says_why(changes: dict[str, object], reason: str | None) -> None:
    told = report(
        player("p1", run("10T09:00", "10T10:00", "frozen")), windows=[window(1, "10T09:00", "10T12:00", **changes)]
    )
    assert [use.not_applied for use in told.windows] == [reason]
    assert told.figure.players_downtime_ms == (0 if reason is None else 3_600_000)


def test_windows_of_other_months_and_of_nobody_here_are_not_told() -> None:
    others = [
        window(1, "10T09:00", "10T12:00", subjects=("acme/p9/main",)),
        window(2, "10T09:00", "10T12:00", subjects=("kind:platform",)),
    ]
    assert report(player("p1"), windows=others).windows == []


def test_rulings_made_later_than_the_report_are_not_told() -> None:
    early = ruling(1, "acme/p1/main", "10T09:00", "10T10:00", cause="power")
    late = ruling(2, "acme/p1/main", "10T09:00", "10T10:00", state="playing", at_ms=at("31T00:00") + 30 * DAY_MS)
    told = report(player("p1", run("10T09:00", "10T10:00", "off"), rulings=[early, late]))
    assert [each.id for each in told.rulings] == [1]
    assert [each.cause for each in told.causes] == ["power"]


@pytest.mark.parametrize(
    ("computed", "status"),
    [("20T00:00", "in_progress"), ("31T22:00", "settling"), ("31T23:59", "settling")],
)
def test_a_month_is_provisional_while_it_runs_and_while_evidence_may_come(computed: str, status: str) -> None:
    told = report(player("p1"), platform("portal"), computed_at_ms=at(computed))
    assert (told.status, told.provisional) == (status, True)
    assert told.figure.span.provisional is (status == "in_progress")
    settled = report(player("p1"), computed_at_ms=at("31T22:00") + 3 * DAY_MS)
    assert (settled.status, settled.provisional) == ("complete", False)


def test_evidence_of_an_estimated_clock_is_marked_where_it_shows() -> None:
    told = report(
        player("p1", run("10T09:00", "10T10:00", "frozen", clock="estimated"), run("11T09:00", "11T10:00", "black"))
    )
    assert told.estimated_ms == 3_600_000
    assert [incident.estimated for incident in told.incidents] == [True, False]


def test_the_player_whose_clock_may_be_off_by_most_is_named_where_all_bounds_are_known() -> None:
    near = player("p1", run("10T09:00", "10T10:00", "frozen", clock="estimated", off_ms=3000))
    far = player("p2", run("10T09:00", "10T10:00", "frozen", clock="estimated", off_ms=12_000))
    lost = player("p3", run("10T09:00", "10T10:00", "frozen", clock="estimated"))
    worst = report(near, far).furthest_off
    assert worst is not None
    assert (worst.member.name, worst.off_ms) == ("p2", 12_000)
    assert report(near, far, lost).furthest_off is None
    assert report(player("p1")).furthest_off is None


@pytest.mark.parametrize(
    ("until", "percent", "source", "given"),
    [("02T11:00", "98.81", "literal", 5), ("02T18:00", "98.06", "gap", 15), ("03T06:00", "96.77", "below", 40)],
)
def test_the_band_that_gave_the_discount_is_named(until: str, percent: str, source: str, given: int) -> None:
    told = report(player("p1", run("02T00:00", until, "frozen")))
    assert told.figure.percent == percent
    assert told.figure.band is not None
    assert told.figure.band.percent == given
    assert told.band is not None
    assert told.band.row is not None
    assert (told.band.source, told.band.row.percent) == (source, given)


@pytest.mark.parametrize("gap", ["milder", "harsher", "none"])
@pytest.mark.parametrize("below", ["last", "none"])
@pytest.mark.parametrize("hours", range(7, 40))
def test_the_row_that_is_named_gives_what_the_core_gives(gap: str, below: str, hours: int) -> None:
    rules = replace(admira().discount_rules, gap=gap, below=below)  # type: ignore[arg-type]
    down = run("02T00:00", f"{2 + hours // 24:02d}T{hours % 24:02d}:00", "frozen")
    told = report(player("p1", down), contract=replace(admira(), discount_rules=rules))
    if told.figure.band is None:
        assert told.band is None
    else:
        assert told.band is not None
        assert told.figure.band.percent == (told.band.row.percent if told.band.row else 0)
        assert told.figure.band.literal is (told.band.source == "literal")


def test_no_band_is_named_where_the_level_was_kept() -> None:
    told = report(player("p1"))
    assert (told.band, told.figure.met) == (None, True)
    assert find_source(told.contract, told.figure) is None


def test_shares_of_players_without_counted_time_are_none() -> None:
    told = report(player("p1"), computed_at_ms=at("01T00:00") - DAY_MS)
    assert [each.share for each in told.players] == [None]
    assert told.figure.availability is None
    assert report(player("p1", run("10T00:00", "11T00:00", "black"))).players[0].share == Fraction(24, 743)
