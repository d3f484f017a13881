"""Live figures are those of the contract core: the public cases, fed through the fleet, give the same numbers."""

import json
from datetime import datetime
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from collector.decisions.model import Decisions
from collector.evidence import RunRow
from collector.figures import agree, compute, count, is_emitting
from collector.fleet import OWN_DEVICE, Fleet
from collector.ledger.intake import DeviceRow, Outcome
from collector.registry.model import Calendar, Registry, Subject
from collector.sla import availability as sla
from collector.sla.contract import Contract, parse_contract
from common.clock import to_ms
from wire.topics import Address

CASES = Path(__file__).parents[1] / "cases"
LIMIT = Fraction(1, 5)


def ms(text: str) -> int:
    return to_ms(datetime.fromisoformat(text))


def subject_of(entry: dict[str, Any]) -> Subject:
    device = entry["id"] if entry["kind"] == "player" else ""
    output = "main" if device else entry["id"]
    return Subject("acme", device, output, entry["kind"], entry["id"], "case")


def feed(case: dict[str, Any]) -> tuple[Fleet, Registry]:
    subjects = {entry["id"]: subject_of(entry) for entry in case["subjects"]}
    registry = Registry(subjects={subject.key: subject for subject in subjects.values()})
    fleet = Fleet()
    fleet.take_registry(registry)
    rows: list[tuple[Address, RunRow]] = []
    devices: dict[Address, DeviceRow] = {}
    for seq, run in enumerate(case["runs"]):
        subject = subjects[run["subject"]]
        address = Address("acme", subject.device or OWN_DEVICE)
        devices.setdefault(address, DeviceRow(len(devices) + 1, address, 0, 0))
        start, end = ms(run["start"]), ms(run["end"])
        cause = run.get("cause")
        said = ("b", "b", start, end, start, end, start, end)
        rows.append((address, RunRow(1, "s", seq, subject.id, run["state"], cause, None, True, *said, "synced")))
    fleet.changed(Outcome(rows=rows, devices=devices), 0)
    return fleet, registry


@pytest.mark.parametrize("path", sorted(CASES.glob("0[1-9]-*.json")), ids=lambda path: path.stem)
def test_a_worked_example_fed_through_the_fleet_gives_its_figure(path: Path) -> None:
    case = json.loads(path.read_text())
    expected = case["expect"]["months"][0]
    fleet, registry = feed(case)
    agreements = agree(registry, {"case": parse_contract(case["contract"], path.name)})
    computed_ms, month = ms(case["computed_at"]), expected["month"]
    figure = compute(fleet, agreements.by_key["acme/case"], agreements.emissions, computed_ms, LIMIT, month)
    assert figure.percent == expected["percent"]
    assert figure.met == expected["met"]
    assert figure.players_downtime_ms == expected["players_downtime_ms"]
    assert figure.platform_downtime_ms == expected["platform_downtime_ms"]
    assert figure.affected_players == expected["affected_players"]
    assert figure.total_ms == expected["total_ms"]
    assert figure.availability == Fraction(*expected["availability"])


CONTRACT = {
    "name": "C",
    "timezone": "Europe/Madrid",
    "availability": {"weights": {"platform": "0.2", "players": "0.8"}},
}
NOON = ms("2026-03-10T11:00:00Z")  # a Tuesday, 12:00 in Madrid
SHOP = {"timezone": "Europe/Madrid", "rules": [{"days": "mon-sat", "hours": ["09:00-21:00"]}]}


def fleet_of(states: dict[str, str], now_ms: int = NOON) -> Fleet:
    fleet = Fleet()
    fleet.take_registry(players(*states))
    rows, devices = [], {}
    for number, (name, state) in enumerate(states.items(), 1):
        address = Address("acme", name)
        said = ("b", "b", 0, 9, 0, 9, now_ms - 60_000, now_ms)
        rows.append((address, RunRow(number, "s", 1, "main", state, None, None, False, *said, "synced")))
        devices[address] = DeviceRow(number, address, now_ms, now_ms, boot="b")
    fleet.changed(Outcome(rows=rows, devices=devices), now_ms)
    return fleet


def players(*names: str, **changes: Any) -> Registry:
    subjects = [Subject("acme", name, "main", "player", "", "c", **changes) for name in names]
    return Registry(
        calendars={"acme/shop": Calendar("acme", "shop", SHOP)}, subjects={each.key: each for each in subjects}
    )


def contract(**availability: object) -> Contract:
    rules = {**CONTRACT["availability"], **availability}  # type: ignore[dict-item]
    return parse_contract({**CONTRACT, "availability": rules}, "c.toml")


def test_players_down_now_are_counted_among_the_active_ones() -> None:
    agreements = agree(players("a", "b", "c", "d"), {"c": contract()})
    census = count(
        fleet_of({"a": "playing", "b": "frozen", "c": "stopped"}),
        agreements.by_key["acme/c"],
        agreements.emissions,
        NOON,
    )
    assert (census.active, census.emitting, census.down, census.unknown) == (4, 4, 2, 1)


def test_unknown_counts_as_down_only_where_the_contract_says_so() -> None:
    agreements = agree(players("a", "b"), {"c": contract(unknown="down")})
    census = count(fleet_of({"a": "playing"}), agreements.by_key["acme/c"], agreements.emissions, NOON)
    assert (census.down, census.unknown) == (1, 1)


def test_outside_its_emission_hours_nobody_is_down() -> None:
    night = ms("2026-03-10T23:00:00Z")
    agreements = agree(players("a", "b", emission="shop"), {"c": contract()})
    census = count(fleet_of({"a": "off", "b": "off"}, night), agreements.by_key["acme/c"], agreements.emissions, night)
    assert (census.active, census.emitting, census.down) == (2, 0, 0)


def test_emission_hours_are_half_open() -> None:
    agreements = agree(players("a", emission="shop"), {})
    (subject,) = players("a", emission="shop").subjects.values()
    emission = agreements.emissions[subject.key]
    opening, closing = ms("2026-03-10T08:00:00Z"), ms("2026-03-10T20:00:00Z")
    assert not is_emitting(subject, emission, opening - 1)
    assert is_emitting(subject, emission, opening)
    assert is_emitting(subject, emission, closing - 1)
    assert not is_emitting(subject, emission, closing)


def test_a_contract_that_is_not_given_is_told_and_harms_nobody_else() -> None:
    agreements = agree(players("a"), {})
    assert agreements.by_key == {}
    assert agreements.missing == {"c": {"acme/a/main"}}


def test_a_device_that_left_the_link_is_unknown_now_and_its_time_is_not_down() -> None:
    fleet = fleet_of({"a": "frozen"})
    fleet.tick(NOON + 46_000)
    agreements = agree(players("a"), {"c": contract()})
    figure = compute(fleet, agreements.by_key["acme/c"], agreements.emissions, NOON + 46_000, LIMIT)
    assert (figure.down_now, figure.unknown_now) == (0, 1)
    assert figure.players_downtime_ms == 60_000


def test_windows_and_rulings_count_in_the_live_figure_as_on_the_invoice() -> None:
    fleet = fleet_of({"a": "frozen", "b": "frozen", "c": "frozen"})
    window = sla.Window("planned", frozenset({"acme/a/main"}), NOON - 60_000, NOON + 60_000, NOON - 120_000)
    ruling = sla.Ruling(NOON - 60_000, NOON, "playing", None, NOON)
    decisions = {"acme": Decisions((window,), {"acme/b/main": (ruling,)})}
    terms = {"c": contract(excluded_windows=["planned"])}
    agreements = agree(players("a", "b", "c"), terms, decisions)
    figure = compute(fleet, agreements.by_key["acme/c"], agreements.emissions, NOON, LIMIT)
    assert figure.players_downtime_ms == 60_000  # c's alone
    assert figure.down_now == 2  # announced maintenance rings no alarm; a ruling about the past does not change the now


def test_the_live_figure_tells_how_fast_the_budget_burns() -> None:
    agreements = agree(players("a", "b"), {"c": parse_contract({**CONTRACT, "guarantee": {"committed": "99.00"}}, "c")})
    agreement, emissions = agreements.by_key["acme/c"], agreements.emissions
    calm = compute(fleet_of({"a": "playing", "b": "playing"}), agreement, emissions, NOON, LIMIT)
    assert calm.burn
    assert all(rate.long_rate == 0 for rate in calm.burn)
    ill = compute(fleet_of({"a": "frozen", "b": "playing"}), agreement, emissions, NOON, LIMIT)
    assert all(rate.long_rate > 0 for rate in ill.burn)
