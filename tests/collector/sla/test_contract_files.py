"""The five agreements that are shipped: what their texts say, and only that."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path

import pytest

from collector.sla.calendar import Calendar
from collector.sla.clock import Target, judge_clock
from collector.sla.contract import Contract, check_contract_toml, parse_contract
from collector.sla.instants import parse_instant
from collector.sla.service import Deadline, Service, SupportHours

ROOT = Path(__file__).parents[3]
CASES = ROOT / "tests/cases"
FILES = sorted((ROOT / "contracts").glob("*.toml"))


def load(name: str) -> Contract:
    text = (ROOT / f"contracts/{name}.toml").read_text(encoding="utf-8")
    contract, findings = check_contract_toml(text, name)
    assert contract is not None, findings
    return contract


def calendar_of(hours: SupportHours | None) -> Calendar:
    assert hours is not None
    assert hours.calendar is not None
    return hours.calendar


def targets(service: Service) -> dict[str, list[Target | None]]:
    return {each.id: [target.within for target in each.targets] for each in service.severities}


def test_five_agreements_are_shipped() -> None:
    assert [file.stem for file in FILES] == ["admira", "alestra", "alhambra-mia", "itsafer", "mapal"]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_shipped_agreement_loads_and_names_its_provider(file: Path) -> None:
    service = load(file.stem).service
    assert service.provider.name
    for phrase in (*service.conditions, *service.readings, *service.unsaid):
        assert phrase.en != phrase.es


def test_admira_classes_failures_and_promises_24_48_and_72_hours() -> None:
    service = load("admira").service
    critical, major, minor = service.severities
    assert (critical.players_over, critical.players_from) == (Fraction(1, 5), None)
    assert (major.players_over, major.players_from) == (None, Fraction(1, 5))
    assert (minor.players_over, minor.players_from) == (None, None)
    assert targets(service) == {
        "critical": [Target(24, "hours"), Target(24, "hours")],
        "major": [Target(24, "hours"), Target(48, "hours")],
        "minor": [Target(24, "hours"), Target(72, "hours")],
    }
    assert [target.binding for target in critical.targets] == ["best_effort", "guaranteed"]
    assert service.incidents.clock_starts == "notice"


def test_admira_lets_the_customer_leave_after_seven_business_days_with_the_months_fee() -> None:
    [right] = load("admira").service.rights
    assert (right.severity, right.after, right.terminate, right.fee_percent) == (
        "critical",
        Target(7, "business days"),
        True,
        100,
    )
    case = json.loads((CASES / "clock-06-seven-business-days-over-la-merce.json").read_text(encoding="utf-8"))
    opened, at = parse_instant(case["opened_at"]), parse_instant(case["at"])
    figure = judge_clock(calendar_of(right.hours), opened, right.after, (), at)
    assert figure.due_at_ms == parse_instant(case["expect"]["due_at"])


def test_admira_answers_business_by_day_and_premium_around_the_clock_and_others_not_by_telephone() -> None:
    service = load("admira").service
    phone, helpdesk = service.desks
    business = calendar_of(phone.hours("Business"))
    assert business.open_intervals(parse_instant("2026-09-24T00:00:00Z"), parse_instant("2026-09-25T00:00:00Z")) == []
    assert business.open_intervals(parse_instant("2026-09-25T00:00:00Z"), parse_instant("2026-09-26T00:00:00Z")) == [
        (parse_instant("2026-09-25T06:00:00Z"), parse_instant("2026-09-25T18:00:00Z"))
    ]
    premium = phone.hours("Premium")
    assert premium is not None
    assert premium.calendar is None
    assert [tier for tier in service.tiers if phone.hours(tier) is None] == ["Trial", "Basic", "Pro"]
    assert helpdesk.everyone is not None
    assert helpdesk.everyone.calendar is None


def test_admira_asks_for_claims_within_thirty_days_of_the_incident() -> None:
    claims = load("admira").service.claims
    assert claims is not None
    assert claims.claim == Deadline(Target(30, "days"), "incident_start")
    assert claims.names == ("project", "dates", "times", "players")
    assert claims.to is None  # blacked out in the published text
    assert claims.decided_by == "provider"


def test_mapal_judges_as_the_worked_example_does() -> None:
    case = json.loads((CASES / "19-platform-only-natural-month.json").read_text(encoding="utf-8"))
    assert load("mapal") == parse_contract(case["contract"], "case.json")


def test_mapal_has_two_deadlines_of_24_hours_and_no_table() -> None:
    contract = load("mapal")
    claims = contract.service.claims
    assert claims is not None
    assert claims.report == Deadline(Target(24, "hours"), "incident_start")
    assert claims.claim == Deadline(Target(24, "hours"), "month_end")
    assert claims.names is None
    assert contract.discounts == ()
    assert contract.service.credit is not None
    assert contract.service.credit.of == "affected_sites_fee"


def test_mapal_names_four_levels_without_a_number() -> None:
    service = load("mapal").service
    assert targets(service) == {f"level-{number}": [None, None] for number in range(1, 5)}
    assert all(target.desk == "contact" for each in service.severities for target in each.targets)


def test_mapal_premium_is_reached_in_the_customers_hours_and_resolves_in_the_providers() -> None:
    text = (ROOT / "contracts/mapal.toml").read_text(encoding="utf-8")
    placed = text.replace(
        "[customer]", '[customer]\ntimezone = "Atlantic/Canary"\nholidays = "ES-CN"\ntier = "Premium"'
    )
    contract, findings = check_contract_toml(placed, "mapal.toml")
    assert contract is not None
    assert [finding.key for finding in findings] == ["calendars.provider-hours.holidays", "discounts"]
    contact, resolution = contract.service.desks
    morning = parse_instant("2026-03-10T08:30:00Z")
    assert not calendar_of(contact.hours("Premium")).open_intervals(morning, morning + 1)  # 08:30 on Tenerife
    assert calendar_of(resolution.hours("Premium")).open_intervals(morning, morning + 1)  # 09:30 in Madrid
    assert contract.service.tier == "Premium"
    assert load("mapal").service.tier == "Basic"


@pytest.mark.parametrize("path", sorted(CASES.glob("clock-0[2-57]-*.json")), ids=lambda path: path.stem)
def test_itsafers_seasonal_hours_and_pauses_give_the_worked_examples_clocks(path: Path) -> None:
    case = json.loads(path.read_text(encoding="utf-8"))
    amount, unit = case["target"].split()
    assert unit == "hours"
    pauses = [(parse_instant(start), None if end is None else parse_instant(end)) for start, end in case["pauses"]]
    standard = calendar_of(load("itsafer").service.desks[0].hours("Standard"))
    opened, at = parse_instant(case["opened_at"]), parse_instant(case["at"])
    figure = judge_clock(standard, opened, Target(int(amount), "hours"), pauses, at)
    due = case["expect"]["due_at"]
    assert figure.due_at_ms == (None if due is None else parse_instant(due))
    assert figure.elapsed_ms == case["expect"]["elapsed_ms"]


def test_itsafer_stands_still_while_others_work_and_gives_no_number() -> None:
    contract = load("itsafer")
    service = contract.service
    assert "third_party" in service.incidents.pauses
    assert service.incidents.clock_starts == "ticket"
    around = service.desks[0].hours("24x7")
    assert around is not None
    assert around.calendar is None
    assert targets(service) == {"incident": [None, None]}
    assert contract.guarantee.committed is None


def test_alestra_answers_around_the_clock_and_ends_within_ten_business_days() -> None:
    service = load("alestra").service
    [desk] = service.desks
    assert desk.everyone is not None
    assert desk.everyone.calendar is None
    assert {period.id: period.within for period in service.periods} == {
        "end-of-service": Target(10, "business days"),
        "data-deletion": Target(10, "business days"),
    }
    opened = parse_instant("2026-09-04T18:00:00Z")  # a Friday; 16 September is a holiday in Mexico
    due = judge_clock(calendar_of(service.periods[0].hours), opened, Target(10, "business days"), (), opened).due_at_ms
    assert due == parse_instant("2026-09-22T06:00:00Z")
    counted = {(each.owner, each.counted) for each in service.equipment}
    assert counted == {("provider", True), ("customer", False), ("third_party", False)}


def test_alhambra_promises_nothing_but_fifteen_minutes_for_privileges() -> None:
    contract = load("alhambra-mia")
    assert not contract.service.guaranteed
    assert contract.guarantee.committed is None
    assert (contract.availability.platform_weight, contract.availability.players_weight) == (1, 0)
    privileges, notice = contract.service.periods
    assert privileges.within == Target(15, "minutes")
    assert (notice.kind, notice.within) == ("notice", None)
