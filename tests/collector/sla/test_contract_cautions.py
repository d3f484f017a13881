"""One file per warning, each with its exact message: someone will be invoiced by what it is about."""

# ruff: noqa: E501  # a message stands on one line

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from collector.sla.cautions import cautions, weights_without_subject
from collector.sla.contract import check_contract_toml, parse_contract, parse_contract_toml

ROOT = Path(__file__).parents[3]
CALM: dict[str, Any] = {
    "name": "n",
    "timezone": "UTC",
    "availability": {
        "weights": {"platform": "0.2", "players": "0.8"},
        "player_base": "emission",
        "membership": "time_weighted",
    },
    "guarantee": {"committed": "99.00"},
    "discounts": [{"from": "98.99", "to": "95.00", "percent": 5}, {"from": "94.99", "to": "0", "percent": 10}],
}


def rules(**keys: Any) -> dict[str, Any]:
    return {"availability": CALM["availability"] | keys}


def bands(*rows: tuple[str, str, int]) -> dict[str, Any]:
    return {"discounts": [{"from": top, "to": low, "percent": percent} for top, low, percent in rows]}


KEEP = "keep it only if the agreement says so"
FEBRUARY = (
    "availability.month: a February of 28 days is judged against 31: down from beginning to end, it still reads {}%; "
    f'{KEEP}; "calendar" takes each month at its length [contract.month.fixed]'
)
WARNED: list[tuple[dict[str, Any], list[str]]] = [
    (rules(month="fixed-31d"), [FEBRUARY.format("1.93")]),
    (rules(month="fixed-31d", weights={"platform": 1}), [FEBRUARY.format("9.67")]),
    (rules(month="fixed-31d", weights={"players": 1}), []),
    (
        rules(player_base="total"),
        [
            f'availability.player_base: a screen is measured against the whole month: one that plays 12 h a day and is dark all month counts as down for no more than half of it; {KEEP}; "emission" measures it against its own hours [contract.player_base.total]'
        ],
    ),
    (rules(player_base="total", weights={"platform": 1}), []),
    (
        rules(membership="at_calculation"),
        [
            f'availability.membership: a player that is removed a minute before the end of the month takes its down time along; {KEEP}; "time_weighted" counts each for as long as it was active [contract.membership.at_calculation]'
        ],
    ),
    (
        {"rounding": {"mode": "half_up"}},
        [
            f'rounding.mode: 98.995% is rounded up to 99.00% and keeps the committed level; {KEEP}; "floor" never lifts a figure to a level [contract.rounding.half_up]'
        ],
    ),
    (
        {"rounding": {"mode": "half_up", "decimals": 2}, "termination": {"window_months": 3, "below": 97}},
        [
            f'rounding.mode: 98.995% is rounded up to 99.00% and keeps the committed level; {KEEP}; "floor" never lifts a figure to a level [contract.rounding.half_up]',
            f'rounding.mode: 96.995% is rounded up to 97.00% and keeps the termination level; {KEEP}; "floor" never lifts a figure to a level [contract.rounding.half_up]',
        ],
    ),
    (
        {"rounding": {"mode": "half_up"}, "guarantee": {}, "discounts": []},
        [],
    ),
    (
        {"guarantee": {}},
        [
            "guarantee.committed: is missing, so no discount is ever due, whatever the table says; add the level that is owed [contract.level.missing]"
        ],
    ),
    (
        {"discounts": []},
        [
            "discounts: no discount is written: a month under 99.00% earns nothing; add the agreement's table, if it has one [contract.bands.none]"
        ],
    ),
    (
        bands(("99.50", "99.00", 2), ("98.99", "0", 5)),
        [
            "discounts: the band 99.50 to 99.00% reaches up to the committed 99.00%; end it below: from the committed level on nothing is due [contract.bands.over_level]"
        ],
    ),
    (
        bands(("98.99", "95.00", 10), ("94.99", "0", 5)),
        [
            "discounts: 94.99 to 0.00% earns 5%, less than the 10% of the better figures above it; check the percentages [contract.bands.order]"
        ],
    ),
    (
        bands(("98.99", "98.00", 5), ("97.50", "0", 10)),
        [
            "discounts: no band holds 97.99 to 97.51%; keep the hole only if the agreement has it [contract.bands.hole]",
            'discount_rules.gap: 97.99 to 97.51% earns 5% under "milder" (10% under "harsher", 0% under "none"), which favours the provider; agree on one reading in writing [contract.discount.one_sided]',
        ],
    ),
    (
        bands(("98.99", "98.00", 5), ("97.98", "0", 10)) | {"discount_rules": {"gap": "harsher"}},
        [
            "discounts: no band holds 97.99%; keep the hole only if the agreement has it [contract.bands.hole]",
            'discount_rules.gap: 97.99% earns 10% under "harsher" (5% under "milder", 0% under "none"), which favours the customer; agree on one reading in writing [contract.discount.one_sided]',
        ],
    ),
    (
        bands(("98.50", "0", 5)),
        [
            "discounts: no band holds 98.99 to 98.51%; keep the hole only if the agreement has it [contract.bands.hole]",
            'discount_rules.gap: 98.99 to 98.51% earns 0% under "milder" (5% under "harsher", 0% under "none"), which favours the provider; agree on one reading in writing [contract.discount.one_sided]',
        ],
    ),
    (
        bands(("98.99", "97.00", 5)),
        [
            "discounts: the table ends: nothing is written for 96.99% or less; end it there only if the agreement does [contract.bands.end]",
            'discount_rules.below: 96.99% or less earns 5% under "last" (0% under "none"), which favours the customer; agree on one reading in writing [contract.discount.one_sided]',
        ],
    ),
    (
        bands(("98.99", "97.00", 5)) | {"discount_rules": {"below": "none"}},
        [
            "discounts: the table ends: nothing is written for 96.99% or less; end it there only if the agreement does [contract.bands.end]",
            'discount_rules.below: 96.99% or less earns 0% under "none" (5% under "last"), which favours the provider; agree on one reading in writing [contract.discount.one_sided]',
        ],
    ),
    (
        bands(("98.99", "97.00", 0)),
        [
            "discounts: the table ends: nothing is written for 96.99% or less; end it there only if the agreement does [contract.bands.end]"
        ],
    ),
]


def test_terms_that_leave_nothing_open_are_not_warned_of() -> None:
    assert cautions(parse_contract(CALM, "c.toml"), "c.toml") == []


@pytest.mark.parametrize(("terms", "lines"), WARNED, ids=range(len(WARNED)))
def test_what_someone_will_be_invoiced_by_is_warned_of(terms: dict[str, Any], lines: list[str]) -> None:
    findings = cautions(parse_contract(CALM | terms, "c.toml"), "c.toml")
    assert [str(finding) for finding in findings] == [f"c.toml: {line}" for line in lines]
    assert {finding.level for finding in findings} <= {"warning"}


def test_the_published_admira_table_loads_and_one_warning_is_for_its_hole() -> None:
    text = (ROOT / "contracts/admira.toml").read_text(encoding="utf-8")
    contract, findings = check_contract_toml(text, "admira.toml")
    assert contract == parse_contract_toml(text, "admira.toml")
    assert [finding.id for finding in findings] == [
        "contract.month.fixed",
        "contract.player_base.total",
        "contract.membership.at_calculation",
        "contract.bands.hole",
        "contract.discount.one_sided",
        "contract.bands.end",
        "contract.discount.one_sided",
    ]
    hole, amounts = findings[3:5]
    assert hole.message == "no band holds 98.25 to 97.26%"
    assert '15% under "milder" (20% under "harsher", 0% under "none")' in amounts.message


def test_a_file_with_an_error_gives_its_findings_and_no_contract() -> None:
    contract, findings = check_contract_toml('name = "n"\ntimezone = "Mars"', "c.toml")
    assert contract is None
    assert [finding.id for finding in findings] == ["contract.key.missing", "contract.timezone.unknown"]


def test_a_kind_that_weighs_something_needs_a_subject() -> None:
    contract = parse_contract(CALM, "c.toml")
    assert weights_without_subject(contract, {"platform", "player"}, "c.toml") == []
    assert [str(finding) for finding in weights_without_subject(contract, set(), "c.toml")] == [
        "c.toml: availability.weights.platform: weighs 0.2, and no platform is judged by this contract; register a platform, or take its weight away [contract.weights.no_subject]",
        "c.toml: availability.weights.players: weighs 0.8, and no player is judged by this contract; register a player, or take its weight away [contract.weights.no_subject]",
    ]
    assert {finding.level for finding in weights_without_subject(contract, set(), "c.toml")} == {"error"}
    alone = parse_contract(CALM | rules(weights={"platform": 1}), "c.toml")
    assert weights_without_subject(alone, {"platform"}, "c.toml") == []
