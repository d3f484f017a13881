"""What a draft says of the five agreements that ship: deadlines, clocks, amounts, and what is missing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

import pytest

from collector.claims.draft import draft_claim
from collector.claims.model import Draft, GapId
from collector.claims.money import parse_fee
from collector.report.dossier import Member, Run
from collector.report.judge import make_report
from collector.sla.instants import format_instant, parse_instant
from collector.sla.tally import Subject
from tests.collector.claims.samples import bad_month, contract, draft
from tests.collector.report.samples import at, dossier, platform, player, run

ONE_MONTH = ("window_months = 6", "window_months = 1")  # ADmira without the wait for six months
SOON = parse_instant("2026-04-01T10:00:00Z")
EUR = parse_fee("12345.67", "EUR")


def gaps(found: Draft) -> list[GapId]:
    return [gap.id for gap in found.gaps]


def numbers(found: Draft, identity: GapId) -> Sequence[int]:
    return next(gap.numbers for gap in found.gaps if gap.id == identity)


def test_an_incident_has_its_own_deadline_where_the_agreement_counts_from_it() -> None:
    found = draft("admira", ONE_MONTH)
    dues = [
        (each.number, format_instant(each.claim_by.due_ms or 0), each.claim_by.past)
        for each in found.incidents
        if each.claim_by
    ]
    assert dues == [
        (1, "2026-04-04T00:00:00.000Z", True),
        (2, "2026-04-09T09:00:00.000Z", True),
        (3, "2026-04-19T10:00:00.000Z", False),
    ]
    assert found.month_claim_by is None
    assert numbers(found, "claim_past") == (1, 2)


@pytest.mark.parametrize(("late_ms", "past"), [(0, False), (1, True)])
def test_exactly_at_its_deadline_a_claim_is_in_time(late_ms: int, past: bool) -> None:
    asked_ms = parse_instant("2026-04-09T09:00:00Z") + late_ms
    found = draft("admira", ONE_MONTH, computed_at_ms=asked_ms)
    assert [each.claim_by.past for each in found.incidents if each.claim_by] == [True, past, False]
    month = draft("mapal", computed_at_ms=parse_instant("2026-04-01T22:00:00Z") + late_ms).month_claim_by
    assert month is not None
    assert (month.due_ms, month.past) == (parse_instant("2026-04-01T22:00:00Z"), past)


def test_deadlines_are_judged_at_the_time_of_asking_even_where_the_figures_are_older() -> None:
    report = bad_month("admira", ONE_MONTH)
    found = draft_claim(report, asked_ms=report.computed_at_ms + 30 * 86_400_000)
    assert found.asked_ms > report.computed_at_ms
    assert [each.claim_by.past for each in found.incidents if each.claim_by] == [True, True, True]


def test_a_month_s_deadline_before_its_figures_are_final_is_told() -> None:
    found = draft("mapal", computed_at_ms=SOON)
    assert gaps(found)[:4] == ["no_table", "settling", "settles_later", "report_unproven"]
    told = next(gap for gap in found.gaps if gap.id == "settles_later")
    assert told.values == {
        "due_ms": parse_instant("2026-04-01T22:00:00Z"),
        "settles_ms": parse_instant("2026-04-03T22:00:00Z"),
    }


def test_each_incident_had_to_be_reported_within_a_day_and_no_ledger_knows_whether_it_was() -> None:
    found = draft("mapal")
    (incident,) = found.incidents  # the players have no weight in this agreement
    assert incident.report_by is not None
    assert incident.report_by.due_ms == at("06T00:00")
    assert numbers(found, "report_past") == numbers(found, "report_unproven") == (1,)


def test_what_is_due_comes_with_its_amount() -> None:
    found = draft("admira", ONE_MONTH, fee=EUR)
    assert (found.outcome, found.credit_is_open) == ("due", False)
    assert found.credit is not None
    assert (found.credit.percent, found.credit.exact) == (15, Fraction("1851.8505"))
    assert "fee" not in gaps(found)
    assert "reading" in gaps(found)  # 97.61 % lies in the table's hole


def test_an_amount_that_hangs_on_other_months_is_told_as_such() -> None:
    found = draft("admira", fee=EUR)
    assert (found.outcome, found.credit_is_open) == ("open", True)
    assert found.credit is not None
    assert "window_open" in gaps(found)


def test_without_a_table_there_is_a_claim_and_no_amount() -> None:
    found = draft("mapal", fee=EUR)
    assert (found.outcome, found.credit) == ("open", None)
    assert "no_table" in gaps(found)
    assert not {"fee", "credit_of"} & set(gaps(found))


@pytest.mark.parametrize(
    ("name", "reason"), [("alestra", "no_level"), ("itsafer", "no_level"), ("alhambra-mia", "no_guarantee")]
)
def test_where_nothing_is_promised_there_is_nothing_to_claim_and_no_deadline_is_invented(
    name: str, reason: GapId
) -> None:
    found = draft(name, fee=EUR)
    assert (found.outcome, found.credit, found.month_claim_by) == ("nothing", None, None)
    assert gaps(found)[0] == reason
    assert {each.claim_by for each in found.incidents} == {None}
    assert not {"no_claims", "fee", "project"} & set(gaps(found))


def test_a_month_in_progress_claims_nothing_yet_but_its_deadlines_run() -> None:
    found = draft("admira", ONE_MONTH, computed_at_ms=at("25T12:00"))
    assert (found.outcome, gaps(found)[0]) == ("open", "in_progress")
    assert [each.claim_by.past for each in found.incidents if each.claim_by] == [False, False, False]


def test_too_little_evidence_leaves_it_open() -> None:
    silent = Member(Subject("acme/dark/main", "player"), "dark")
    terms = contract("admira", ONE_MONTH, ("min_notice_ms = 0", "min_coverage = 0.9\nmin_notice_ms = 0"))
    found = draft_claim(make_report(dossier(player("p"), silent, platform("portal"), contract=terms)))
    assert (found.outcome, found.report.discount.reason) == ("open", "coverage")
    assert {"coverage", "unknown_time"} <= set(gaps(found))


def test_what_was_mended_before_the_earliest_deadline_was_in_time_whenever_it_was_reported() -> None:
    found = draft("admira", ONE_MONTH)
    (critical,) = found.incidents[1].classes
    assert critical.severity.id == "critical"
    response, resolution = critical.clocks
    assert response.verdict == "no_evidence"
    assert (resolution.due_ms, resolution.verdict) == (at("11T09:00"), "depends")  # two days, and who knows when told
    (right,) = critical.rights
    assert (format_instant(right.due_ms or 0), right.verdict) == ("2026-03-19T23:00:00.000Z", "in_time")
    (minor,) = found.incidents[2].classes
    assert [clock.verdict for clock in minor.clocks] == ["no_evidence", "in_time"]


def test_a_clock_that_begins_with_the_incident_itself_can_be_told_late() -> None:
    found = draft("admira", ONE_MONTH, ('clock_starts = "notice"', 'clock_starts = "incident"'))
    (critical,) = found.incidents[1].classes
    assert critical.clocks[1].verdict == "late"
    assert "clock_start" not in gaps(found)


def test_pauses_that_no_ledger_knows_leave_a_clock_open() -> None:
    pauses = ('clock_starts = "notice"', 'clock_starts = "incident"\npauses = ["third_party"]')
    found = draft("admira", ONE_MONTH, pauses)
    assert found.incidents[1].classes[0].clocks[1].verdict == "depends"
    assert {"pauses"} == {"clock_start", "pauses"} & set(gaps(found))


def test_hours_of_a_place_that_nobody_named_are_told() -> None:
    premium = ('# tier = "Premium"', 'tier = "Premium"')
    number = (
        'targets = [{ kind = "response", desk = "contact" }, ',
        'targets = [{ kind = "response", within = "8 hours", desk = "contact" }, ',
    )
    found = draft("mapal", premium, number)
    clocks = [clock for each in found.incidents[0].classes for clock in each.clocks]
    assert {clock.verdict for clock in clocks} == {"no_evidence", "no_number"}
    assert {"stand_in", "no_numbers", "class_open"} <= set(gaps(found))


def test_a_tier_that_a_desk_does_not_serve_has_no_clock() -> None:
    phone = (
        '{ kind = "resolution", within = "24 hours", binding = "guaranteed", desk = "helpdesk" }',
        '{ kind = "resolution", within = "24 hours", binding = "guaranteed", desk = "phone" }',
    )
    found = draft("admira", ONE_MONTH, phone, ('name = "ADmira"\n', 'name = "ADmira"\n[customer]\ntier = "Basic"\n'))
    assert found.incidents[1].classes[0].clocks[1].verdict == "not_served"
    assert "not_served" in gaps(found)


def test_an_incident_that_went_on_when_the_month_began_is_due_by_its_earliest_known_start() -> None:
    began = parse_instant("2026-02-20T08:00:00Z")
    early = Member(
        Subject("acme/early/main", "player"),
        "early",
        runs=[Run(began, at("02T00:00"), "stopped"), Run(at("02T00:00"), at("31T23:00"), "playing")],
    )
    terms = contract("admira", ONE_MONTH)
    found = draft_claim(make_report(dossier(early, platform("portal"), contract=terms)))
    (incident,) = found.incidents
    assert (incident.start_ms, incident.began_before) == (began, True)
    assert incident.claim_by is not None
    assert incident.claim_by.due_ms == began + 30 * 86_400_000
    assert numbers(found, "began_before") == (1,)


def test_an_incident_that_lasts_beyond_the_month_is_told_and_its_clock_is_not_stopped() -> None:
    lasting = player("late", run("31T12:00", "31T22:00", "black"))
    found = draft_claim(make_report(dossier(lasting, platform("portal"), contract=contract("admira", ONE_MONTH))))
    (incident,) = found.incidents
    assert incident.lasts
    assert incident.classes[0].clocks[1].verdict == "running"
    assert numbers(found, "lasts") == (1,)


def test_a_deadline_from_the_end_of_an_incident_has_not_begun_while_it_lasts() -> None:
    terms = contract("admira", ONE_MONTH, ('after = "incident_start" }', 'after = "incident_end" }'))
    members = (
        player("late", run("31T12:00", "31T22:00", "black")),
        player("done", run("02T00:00", "03T00:00", "black")),
    )
    found = draft_claim(make_report(dossier(*members, platform("portal"), contract=terms)))
    assert [each.claim_by.due_ms for each in found.incidents if each.claim_by] == [
        at("03T00:00") + 30 * 86_400_000,
        None,
    ]


def test_sites_that_a_claim_must_name_are_missed_where_a_player_has_none() -> None:
    found = draft(
        "admira", ONE_MONTH, ('names = ["project", "dates"', 'names = ["project", "services", "sites", "dates"')
    )
    assert numbers(found, "sites") == (1, 2)
    assert "services" in gaps(found)
    assert "project" in gaps(found)
    assert "project" not in gaps(draft_claim(found.report, project="Girona shops"))


def test_estimated_clocks_and_silence_are_told() -> None:
    report = bad_month("admira", ONE_MONTH)
    told = replace(report, silent=["2025-12"], unknown_ms={"player": 5, "platform": 0})
    assert {"silent", "unknown_time"} <= set(gaps(draft_claim(told)))
    loose = Member(
        Subject("acme/loose/main", "player"),
        "loose",
        runs=[Run(at("01T00:00"), at("31T23:00"), "playing", None, "estimated")],
    )
    estimated = draft_claim(make_report(dossier(loose, platform("portal"), contract=contract("admira"))))
    assert "estimated" in gaps(estimated)
