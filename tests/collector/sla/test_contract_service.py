"""What a contract says beside its figure: one bad file per mistake, and what the good ones mean."""

# ruff: noqa: E501  # a message stands on one line

from __future__ import annotations

import json
import re
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from collector.sla.claims import claim_due_ms
from collector.sla.clock import Target
from collector.sla.contract import Contract, ContractError, parse_contract, read_contract
from collector.sla.instants import DAY_MS, HOUR_MS, parse_instant
from collector.sla.reading import Report, Value
from collector.sla.service import Deadline, Service, TargetTerm
from collector.sla.service_reading import SERVICE_KEYS

HOURS = {"timezone": "Europe/Madrid", "rules": [{"days": "mon-fri", "hours": ["09:00-18:00"]}]}
WORDS = {"en": "a", "es": "b"}
FULL: dict[str, Any] = {
    "name": "n",
    "timezone": "Europe/Madrid",
    "availability": {"weights": {"platform": 1}},
    "guaranteed": True,
    "finalise_after": "48 hours",
    "provider": {"name": "P", "timezone": "Europe/Lisbon", "holidays": "PT"},
    "customer": {"name": "C", "timezone": "Atlantic/Canary", "holidays": "ES-CN", "tier": "Gold"},
    "tiers": ["Basic", "Gold"],
    "default_tier": "Basic",
    "calendars": {"office": HOURS, "theirs": HOURS | {"timezone": "customer", "holidays": "customer"}},
    "desks": [
        {"id": "phone", "name": WORDS, "by_tier": {"Basic": "office", "Gold": "theirs"}},
        {"id": "mail", "name": WORDS, "hours": "always"},
    ],
    "incidents": {"clock_starts": "notice", "classified_by": "provider", "pauses": ["third_party"]},
    "severities": [
        {
            "id": "critical",
            "name": WORDS,
            "means": WORDS,
            "players_over": "0.2",
            "targets": [
                {"kind": "response", "within": "4 hours", "binding": "guaranteed", "desk": "phone"},
                {"kind": "resolution", "within": "3 days", "desk": "mail"},
            ],
        }
    ],
    "rights": [{"severity": "critical", "after": "7 business days", "hours": "office", "terminate": True}],
    "periods": [{"id": "end", "kind": "deadline", "what": WORDS, "within": "10 business days", "hours": HOURS}],
    "claims": {
        "to": "a@b",
        "subject": "s",
        "names": ["dates", "players"],
        "report": {"within": "24 hours", "after": "incident_start"},
        "claim": {"within": "30 days", "after": "month_end"},
        "decided_by": "provider",
    },
    "credit": {"of": "monthly_fee", "deducted_from": "next_invoice", "sole_remedy": True},
    "equipment": [{"what": WORDS, "owner": "customer", "counted": False}],
    "conditions": [WORDS],
    "readings": [WORDS],
    "unsaid": [WORDS],
}
GONE = object()
WRITE = "write '90 minutes', '48 hours', '7 business days' (with a calendar) or '3 days' (around the clock)"


def changed(path: str, value: object) -> dict[str, Any]:
    data = json.loads(json.dumps(FULL))  # a copy in which nothing is shared
    *front, last = [int(part) if part.isdigit() else part for part in path.split(".")]
    place: Any = data
    for part in front:
        place = place[part]
    if value is GONE:
        del place[last]
    else:
        place[last] = value
    return data


def read(data: dict[str, Any]) -> tuple[Contract, list[str]]:
    """The contract, and its warnings as lines."""
    report = Report("c.toml")
    contract = read_contract(Value(data, report, "", "contract"))
    report.settle()
    return contract, [str(finding) for finding in report.findings]


BAD = [
    ("guaranteed", "no", "guaranteed: 'no' is neither true nor false; write true or false without quotes [contract.value.type]"),
    ("finalise_after", "soon", f"finalise_after: 'soon' is no target; {WRITE} [contract.target.invalid]"),
    ("finalise_after", "3 business days", f"finalise_after: '3 business days' needs a calendar; {WRITE} [contract.target.invalid]"),
    ("finalise_after", 72, 'finalise_after: 72 is no text; write it as "…" [contract.value.type]'),
    ("provider.tier", "Gold", "provider.tier: unknown key; use one of: holidays, name, timezone [contract.key.unknown]"),
    ("provider.timezone", "Lisbon", "provider.timezone: 'Lisbon' is no IANA time zone; use an IANA name such as 'Europe/Madrid' [contract.timezone.unknown]"),
    ("provider.holidays", "PT-XX", "provider.holidays: 'PT-XX' is no region of the holidays package; write country and subdivision, such as 'ES-Barcelona', or 'ES' [contract.holidays.unknown]"),
    ("customer.tier", "Silver", "customer.tier: 'Silver' is no tier of this file; use one of: Basic, Gold [contract.tier.unknown]"),
    ("default_tier", "gold", "default_tier: 'gold' is no tier of this file; did you mean 'Gold'? [contract.tier.unknown]"),
    ("tiers", ["Basic", "Gold", "Gold"], "tiers[2]: 'Gold' is in the list already; name each once [contract.id.duplicate]"),
    ("tiers", ["Basic", "Gold", 3], 'tiers[2]: 3 is no text; write it as "…" [contract.value.type]'),
    ("provider", [], "provider: [] is no table; write it as { … } [contract.value.type]"),
    ("calendars.spare", "09:00", "calendars.spare: '09:00' is no table; write it as { … } [calendar.value.type]"),
    ("calendars.always", HOURS, "calendars.always: 'always' means around the clock; choose another name [contract.calendar.reserved]"),
    ("calendars.office.timezone", "Mars", "calendars.office.timezone: 'Mars' is no IANA time zone; use an IANA name such as 'Europe/Madrid' [calendar.timezone.unknown]"),
    ("calendars.office.holidays", "ES-Barcelone", "calendars.office.holidays: 'ES-Barcelone' is no region of the holidays package; write country and subdivision, such as 'ES-Barcelona', or 'ES' [calendar.holidays.unknown]"),
    ("calendars.office.rules.0.hours", ["9-18"], "calendars.office.rules[0].hours[0]: '9-18' are no hours; write 'HH:MM-HH:MM', such as '09:00-18:00' [calendar.hours.invalid]"),
    ("desks.0.name.es", GONE, "desks[0].name.es: is missing; add es [contract.key.missing]"),
    ("desks.0.name", GONE, "desks[0].name: is missing; add name [contract.key.missing]"),
    ("desks.0.name", "Phone", "desks[0].name: 'Phone' is no table; write it as { … } [contract.value.type]"),
    ("desks", [*FULL["desks"], FULL["desks"][1]], "desks[2]: 'mail' is in the list already; give each its own id [contract.id.duplicate]"),
    ("desks.1.hours", "allways", "desks[1].hours: 'allways' is no calendar of this file; did you mean 'always'? [contract.calendar.unknown]"),
    ("desks.1.hours", GONE, "desks[1]: needs exactly one of `hours` and `by_tier`; give `hours` for everyone, or `by_tier` [contract.desk.hours]"),
    ("desks.0.hours", "office", "desks[0]: needs exactly one of `hours` and `by_tier`; give `hours` for everyone, or `by_tier` [contract.desk.hours]"),
    ("desks.0.by_tier.Silver", "office", "desks[0].by_tier.Silver: 'Silver' is no tier of this file; name it in `tiers` [contract.tier.unknown]"),
    ("desks.0.by_tier", "office", "desks[0].by_tier: 'office' is no table; write it as { … } [contract.value.type]"),
    ("incidents.clock_starts", "call", "incidents.clock_starts: 'call' is no word known here; use one of: incident, notice, ticket [contract.choice.unknown]"),
    ("incidents.pauses", ["lunch"], "incidents.pauses[0]: 'lunch' is no word known here; use one of: missing_access, outside_control, running_task, third_party [contract.choice.unknown]"),
    ("severities.0.players_over", "20", "severities[0].players_over: '20' is not between 0 and 1; write a share such as 0.20 [contract.value.range]"),
    ("severities.0.players_from", "0.2", "severities[0]: has both `players_over` and `players_from`; keep one: more than, or at least [contract.severity.twice]"),
    ("severities.0.targets.0.desk", "chat", "severities[0].targets[0].desk: 'chat' is no desk of this file; use one of: mail, phone [contract.desk.unknown]"),
    ("severities.0.targets.0.hours", "office", "severities[0].targets[0]: has both `desk` and `hours`; keep the one whose hours its clock runs in [contract.target.twice]"),
    ("severities.0.targets.0.within", "3 days", f"severities[0].targets[0].within: '3 days' cannot be judged with a calendar: a day of 24 h has no meaning in opening hours; {WRITE} [contract.target.invalid]"),
    ("severities.0.targets.1.within", "7 business days", f"severities[0].targets[1].within: '7 business days' needs a calendar; {WRITE} [contract.target.invalid]"),
    ("severities.0.targets.0.within", "0 hours", f"severities[0].targets[0].within: '0 hours' is no target; {WRITE} [contract.target.invalid]"),
    ("severities.0.targets.0.kind", "fix", "severities[0].targets[0].kind: 'fix' is no word known here; use one of: resolution, response [contract.choice.unknown]"),
    ("rights.0.severity", "major", "rights[0].severity: 'major' is no severity of this file; use one of: critical [contract.severity.unknown]"),
    ("rights.0.hours", GONE, f"rights[0].after: '7 business days' needs a calendar; {WRITE} [contract.target.invalid]"),
    ("rights.0.terminate", GONE, "rights[0]: grants nothing; add terminate = true, fee_percent, or both [contract.right.empty]"),
    ("rights.0.terminate", False, "rights[0]: grants nothing; add terminate = true, fee_percent, or both [contract.right.empty]"),
    ("rights.0.fee_percent", 101, "rights[0].fee_percent: 101 is not between 0 and 100; write a percentage such as 100 [contract.value.range]"),
    ("periods.0.hours", "always", f"periods[0].within: '10 business days' needs a calendar; {WRITE} [contract.target.invalid]"),
    ("periods.0.kind", "wait", "periods[0].kind: 'wait' is no word known here; use one of: deadline, notice [contract.choice.unknown]"),
    ("claims.claim.within", GONE, "claims.claim.within: is missing; add within [contract.key.missing]"),
    ("claims.claim.after", "month", "claims.claim.after: 'month' is no word known here; did you mean 'month_end'? [contract.choice.unknown]"),
    ("claims.claim.within", "30 business days", f"claims.claim.within: '30 business days' needs a calendar; {WRITE} [contract.target.invalid]"),
    ("claims.names", ["date"], "claims.names[0]: 'date' is no word known here; did you mean 'dates'? [contract.choice.unknown]"),
    ("claims.subject", "SLA {month}", "claims.subject: holds something in braces that nobody fills in; write {project} where the project's name belongs, and no other braces [contract.claims.subject]"),
    ("claims.adress", "x", "claims.adress: unknown key; use one of: claim, decided_by, names, report, subject, to [contract.key.unknown]"),
    ("credit.of", "fee", "credit.of: 'fee' is no word known here; use one of: affected_players_fee, affected_sites_fee, monthly_fee [contract.choice.unknown]"),
    ("equipment.0.owner", "nobody", "equipment[0].owner: 'nobody' is no word known here; use one of: customer, provider, third_party [contract.choice.unknown]"),
    ("equipment.0.counted", GONE, "equipment[0].counted: is missing; add counted [contract.key.missing]"),
    ("conditions", [{"en": "a"}], "conditions[0].es: is missing; add es [contract.key.missing]"),
    ("desk", [], "desk: unknown key; did you mean 'desks'? [contract.key.unknown]"),
]  # fmt: skip


@pytest.mark.parametrize(("path", "value", "line"), BAD, ids=range(len(BAD)))
def test_a_bad_term_beside_the_figure_is_refused_with_key_and_remedy(path: str, value: object, line: str) -> None:
    with pytest.raises(ContractError) as refused:
        parse_contract(changed(path, value), "c.toml")
    assert str(refused.value).split("\n") == [f"c.toml: {line}"]


@pytest.mark.parametrize(
    "terms",
    [
        {"guarantee": {"committed": 99}},
        {"discounts": [{"from": 98, "to": 90, "percent": 5}]},
        {"termination": {"window_months": 3, "below": 97}},
    ],
)
def test_what_is_outside_any_guarantee_promises_nothing(terms: dict[str, Any]) -> None:
    with pytest.raises(ContractError) as refused:
        parse_contract(FULL | {"guaranteed": False} | terms, "c.toml")
    assert str(refused.value) == (
        "c.toml: guaranteed: is false, yet the file holds a committed level, discounts or a right to terminate; remove `guaranteed`, or those tables [contract.guarantee.contradiction]"
    )


def test_what_is_left_out_is_not_said() -> None:
    small = {"name": "n", "timezone": "UTC", "availability": {"weights": {"players": 1}}}
    assert parse_contract(small, "c.toml").service == Service()
    assert Service().finalise_after_ms == 72 * HOUR_MS


def test_everything_that_is_said_is_kept() -> None:
    contract, warnings = read(FULL)
    service = contract.service
    assert warnings == []
    assert service.finalise_after_ms == 48 * HOUR_MS
    assert service.tier == "Gold"
    critical = service.severity("critical")
    assert critical.players_over == Fraction(1, 5)
    assert [target.within for target in critical.targets] == [Target(4, "hours"), Target(3, "days")]
    assert service.rights[0].after == Target(7, "business days")
    assert service.claims is not None
    assert service.claims.names == ("dates", "players")
    assert service.claims.claim == Deadline(Target(30, "days"), "month_end")
    assert service.credit is not None
    assert service.credit.sole_remedy
    assert service.readings[0].said_in("en") == "a"
    assert service.readings[0].said_in("es") == "b"


def test_terms_beside_the_figure_do_not_make_another_contract_of_it() -> None:
    assert parse_contract(FULL, "c") == parse_contract(FULL | {"tiers": ["Basic", "Gold", "Best"]}, "c")
    assert parse_contract(FULL, "c") != parse_contract(FULL | {"name": "other"}, "c")


def test_a_calendar_goes_by_the_customers_place() -> None:
    contract, _ = read(FULL)
    calendar = contract.service.calendars["theirs"].calendar
    assert calendar is not None
    assert calendar.timezone.key == "Atlantic/Canary"
    assert calendar.holidays is not None
    assert (calendar.holidays.country, calendar.holidays.subdiv) == ("ES", "CN")


def test_a_place_that_is_not_named_is_warned_of_and_stood_in_for() -> None:
    contract, warnings = read(changed("customer", {"tier": "Gold"}))
    assert warnings == [
        "c.toml: calendars.theirs.timezone: goes by the customer's time zone, which the file does not name: Europe/Madrid stands in; add customer.timezone [contract.place.missing]",
        "c.toml: calendars.theirs.holidays: goes by the customer's public holidays, which the file does not name: it is open on them; add customer.holidays [contract.place.missing]",
    ]
    theirs = contract.service.calendars["theirs"]
    assert (theirs.zone_of, theirs.holidays_of) == ("customer", "customer")
    assert theirs.calendar is not None
    assert theirs.calendar.timezone.key == "Europe/Madrid"
    assert theirs.calendar.holidays is None


def test_a_calendar_that_nothing_goes_by_is_warned_of() -> None:
    _, warnings = read(changed("calendars.spare", HOURS))
    assert warnings == ["c.toml: calendars.spare: nothing goes by it; remove it, or name it [contract.calendar.unused]"]


def test_a_targets_clock_runs_in_the_hours_of_the_tier() -> None:
    service = parse_contract(FULL, "c.toml").service
    phone, mail = service.severity("critical").targets
    assert service.target_hours(phone) == service.calendars["theirs"]  # the customer bought Gold
    assert service.target_hours(phone, "Basic") == service.calendars["office"]
    assert service.target_hours(phone, "Nobody") is None
    assert service.target_hours(mail) == service.target_hours(TargetTerm("response"))


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        ("incident_start", "2026-04-09T10:00:00Z"),
        ("incident_end", "2026-04-09T12:30:00Z"),
        ("month_end", "2026-04-30T22:00:00Z"),
    ],
)
def test_a_claim_is_due_so_long_after_what_it_is_counted_from(after: Any, expected: str) -> None:
    incident = parse_instant("2026-03-10T10:00:00Z"), parse_instant("2026-03-10T12:30:00Z")
    month_end = parse_instant("2026-03-31T22:00:00Z")
    due = claim_due_ms(Deadline(Target(30, "days"), after), incident, month_end)
    assert due == parse_instant(expected)
    assert due - 30 * DAY_MS in {*incident, month_end}


def tables(data: object, path: str = "") -> list[str]:
    """Paths of every table whose keys are fixed; those of parties, tiers' hours, calendars and phrases are elsewhere."""
    if isinstance(data, list):
        return [found for number, each in enumerate(data) for found in tables(each, f"{path}.{number}")]
    if not isinstance(data, dict) or path.endswith(("calendars", "by_tier")) or set(data) in ({"en", "es"}, set(HOURS)):
        return []
    if set(data) == {"within", "after"}:  # documented in place: `{ within, after }`
        return []
    deeper = [found for key, each in data.items() for found in tables(each, f"{path}.{key}".lstrip("."))]
    return [path, *deeper] if path else deeper


@pytest.mark.parametrize("path", tables({key: FULL[key] for key in FULL if key in SERVICE_KEYS}))
def test_every_key_beside_the_figure_is_documented(path: str) -> None:
    """A reader that is asked for a wrong key lists the ones it knows."""
    document = (Path(__file__).parents[3] / "docs/contracts.md").read_text(encoding="utf-8")
    with pytest.raises(ContractError) as refused:
        parse_contract(changed(f"{path}.zzz", 1), "c.toml")
    table = re.sub(r"\.\d+", "[]", path)
    rows = [line for line in document.splitlines() if line.startswith("| `") and f"`{table}." in line.split("|")[1]]
    for key in refused.value.findings[0].remedy.removeprefix("use one of: ").split(", "):
        assert any(f".{key}`" in row.split("|")[1] for row in rows), key
