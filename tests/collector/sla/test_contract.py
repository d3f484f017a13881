"""One bad contract per mistake, each with its exact message."""

# ruff: noqa: E501  # a message stands on one line

from __future__ import annotations

import copy
import json
import re
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from collector.sla.calendar import parse_calendar
from collector.sla.contract import ContractError, parse_contract, parse_contract_toml, read_contract
from collector.sla.reading import Report, Value
from collector.sla.terms import DiscountRules, Guarantee, Life, Rounding

ROOT = Path(__file__).parents[3]
ADMIRA = json.loads((ROOT / "tests/cases/01-nothing-wrong.json").read_text(encoding="utf-8"))["contract"]
SMALLEST = {"name": "n", "timezone": "UTC", "availability": {"weights": {"players": 1}}}
GONE = object()


def changed(path: str, value: object) -> Any:
    """The ADmira terms with one key set otherwise, or taken away."""
    data = copy.deepcopy(ADMIRA)
    *front, last = [int(part) if part.isdigit() else part for part in path.split(".")]
    place = data
    for part in front:
        place = place[part]
    if value is GONE:
        del place[last]
    else:
        place[last] = value
    return data


BAD = [
    ("name", "", ["name: '' is no text; write it as \"…\" [contract.value.type]"]),
    ("name", 7, ['name: 7 is no text; write it as "…" [contract.value.type]']),
    ("name", GONE, ["name: is missing; add name [contract.key.missing]"]),
    (
        "timezone",
        "Europe/Madri",
        [
            "timezone: 'Europe/Madri' is no IANA time zone; use an IANA name such as 'Europe/Madrid' [contract.timezone.unknown]"
        ],
    ),
    ("timezone", None, ['timezone: null is no text; write it as "…" [contract.value.type]']),
    ("availability", GONE, ["availability: is missing; add availability [contract.key.missing]"]),
    ("availability", None, ["availability: null is no table; write it as { … } [contract.value.type]"]),
    ("guarante", {}, ["guarante: unknown key; did you mean 'guarantee'? [contract.key.unknown]"]),
    (
        "availability.weights.player",
        "0.8",
        ["availability.weights.player: unknown key; did you mean 'players'? [contract.key.unknown]"],
    ),
    ("availability.weights", GONE, ["availability.weights: is missing; add weights [contract.key.missing]"]),
    (
        "availability.weights.platform",
        "0.3",
        ["availability.weights: platform and players sum to 1.1, not to 1; share out exactly 1 [contract.weights.sum]"],
    ),
    (
        "availability.weights.platform",
        "1/5",
        ["availability.weights.platform: '1/5' is no decimal number; write a share such as 0.2 [contract.value.type]"],
    ),
    (
        "availability.weights.platform",
        0.2,
        [
            "availability.weights.platform: 0.2 came as a binary float; decode with parse_float=Decimal, or write it as text [contract.value.inexact]"
        ],
    ),
    (
        "availability.weights.platform",
        "-0.2",
        [
            "availability.weights.platform: '-0.2' is not between 0 and 1; write a share such as 0.2 [contract.value.range]"
        ],
    ),
    (
        "availability.weights.platform",
        True,
        ["availability.weights.platform: true is no decimal number; write a share such as 0.2 [contract.value.type]"],
    ),
    (
        "availability.weights.platform",
        Decimal("1E+400"),
        ["availability.weights.platform: 1E+400 is no decimal number; write a share such as 0.2 [contract.value.type]"],
    ),
    (
        "availability.weights.platform",
        Decimal("NaN"),
        ["availability.weights.platform: NaN is no decimal number; write a share such as 0.2 [contract.value.type]"],
    ),
    (
        "availability.month",
        "calender",
        ["availability.month: 'calender' is no word known here; did you mean 'calendar'? [contract.choice.unknown]"],
    ),
    ("availability.month", 31, ['availability.month: 31 is no text; write it as "…" [contract.value.type]']),
    (
        "availability.unknown",
        "up",
        ["availability.unknown: 'up' is no word known here; use one of: down, excluded [contract.choice.unknown]"],
    ),
    (
        "availability.excluded_causes",
        ["hardwear"],
        ["availability.excluded_causes[0]: 'hardwear' is no cause; did you mean 'hardware'? [contract.cause.unknown]"],
    ),
    (
        "availability.excluded_causes",
        "hardware",
        ["availability.excluded_causes: 'hardware' is no list; write it as [ … ] [contract.value.type]"],
    ),
    (
        "availability.excluded_causes",
        [None],
        ['availability.excluded_causes[0]: null is no text; write it as "…" [contract.value.type]'],
    ),
    (
        "availability.excluded_windows",
        [3],
        ['availability.excluded_windows[0]: 3 is no text; write it as "…" [contract.value.type]'],
    ),
    (
        "availability.min_notice_ms",
        -1,
        ["availability.min_notice_ms: -1 is out of range; choose 0 to 9007199254740992 [contract.value.range]"],
    ),
    (
        "availability.min_notice_ms",
        Decimal("1.5"),
        ["availability.min_notice_ms: 1.5 is no integer; write a whole number without quotes [contract.value.type]"],
    ),
    (
        "availability.min_notice_ms",
        10**4999,
        ["availability.min_notice_ms: this int is out of range; choose 0 to 9007199254740992 [contract.value.range]"],
    ),
    (
        "availability.min_coverage",
        "95",
        ["availability.min_coverage: '95' is not between 0 and 1; write a share such as 0.95 [contract.value.range]"],
    ),
    ("rounding.decimals", 13, ["rounding.decimals: 13 is out of range; choose 0 to 12 [contract.value.range]"]),
    (
        "rounding.mode",
        "up",
        ["rounding.mode: 'up' is no word known here; use one of: floor, half_up [contract.choice.unknown]"],
    ),
    (
        "guarantee.committed",
        "99.995",
        [
            "guarantee.committed: 99.995 is finer than the 2 decimals of a figure; write 2 decimals, or raise rounding.decimals [contract.level.too_fine]"
        ],
    ),
    (
        "guarantee.committed",
        "100.01",
        [
            "guarantee.committed: '100.01' is not between 0 and 100; write a percentage such as 99.00 [contract.value.range]"
        ],
    ),
    (
        "guarantee.window_months",
        0,
        ["guarantee.window_months: 0 is out of range; choose 1 to 1200 [contract.value.range]"],
    ),
    (
        "guarantee.window_months",
        "6",
        ["guarantee.window_months: '6' is no integer; write a whole number without quotes [contract.value.type]"],
    ),
    (
        "eligibility.player_downtime_over",
        GONE,
        ["eligibility.player_downtime_over: is missing; add player_downtime_over [contract.key.missing]"],
    ),
    (
        "eligibility.players_affected_over",
        "20",
        [
            "eligibility.players_affected_over: '20' is not between 0 and 1; write a share such as 0.20 [contract.value.range]"
        ],
    ),
    ("eligibility", None, ["eligibility: null is no table; write it as { … } [contract.value.type]"]),
    (
        "discounts.1.from",
        "98.71",
        [
            "discounts[1]: shares figures with discounts[0]; let each figure be in one band only [contract.bands.overlap]"
        ],
    ),
    (
        "discounts.0",
        {"from": "98.71", "to": "98.99", "percent": 5},
        ["discounts[0]: `to` lies above `from`; write the higher figure as `from` [contract.bands.inverted]"],
    ),
    (
        "discounts.0.percent",
        101,
        ["discounts[0].percent: 101 is not between 0 and 100; write a percentage such as 5 [contract.value.range]"],
    ),
    (
        "discounts.0",
        {"from": "x", "to": None, "percent": None},
        [
            "discounts[0].from: 'x' is no decimal number; write a percentage such as 99.00 [contract.value.type]",
            "discounts[0].to: null is no decimal number; write a percentage such as 99.00 [contract.value.type]",
            "discounts[0].percent: null is no decimal number; write a percentage such as 5 [contract.value.type]",
        ],
    ),
    ("discounts.0", [1], ["discounts[0]: [1] is no table; write it as { … } [contract.value.type]"]),
    ("discounts", {}, ["discounts: {} is no list; write it as [ … ] [contract.value.type]"]),
    (
        "discount_rules.gap",
        "mild",
        ["discount_rules.gap: 'mild' is no word known here; did you mean 'milder'? [contract.choice.unknown]"],
    ),
    ("termination.below", GONE, ["termination.below: is missing; add below [contract.key.missing]"]),
    (
        "termination.below",
        "97.001",
        [
            "termination.below: 97.001 is finer than the 2 decimals of a figure; write 2 decimals, or raise rounding.decimals [contract.level.too_fine]"
        ],
    ),
    (
        "life",
        {"from": "2026-05", "until": "2026-04"},
        ["life: `until` lies before `from`; swap them, or correct one [contract.life.inverted]"],
    ),
    (
        "life",
        {"from": "2026-5"},
        ["life.from: '2026-5' is no month; write it as YYYY-MM, such as '2026-03' [contract.month.invalid]"],
    ),
]


@pytest.mark.parametrize(("path", "value", "lines"), BAD, ids=range(len(BAD)))
def test_a_bad_contract_is_refused_with_key_and_remedy(path: str, value: object, lines: list[str]) -> None:
    with pytest.raises(ContractError) as refused:
        parse_contract(changed(path, value), "c.toml")
    assert str(refused.value).split("\n") == [f"c.toml: {line}" for line in lines]


def test_every_mistake_is_told_at_once() -> None:
    with pytest.raises(ContractError) as refused:
        parse_contract({"name": 1, "timezone": "Mars/Olympus", "availability": {"weights": {}}}, "c.toml")
    assert [finding.id for finding in refused.value.findings] == [
        "contract.value.type",
        "contract.timezone.unknown",
        "contract.weights.sum",
    ]
    assert {finding.file for finding in refused.value.findings} == {"c.toml"}


@pytest.mark.parametrize("data", [None, [], "x", 3])
def test_what_is_no_table_is_no_contract(data: object) -> None:
    with pytest.raises(ContractError, match="is no table; write it as"):
        parse_contract(data, "c.toml")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a = ", "is not TOML: Invalid value"),
        ("x = 1\nx = 2", "is not TOML: Cannot overwrite a value"),
        ("a = " + "[" * 3000, "is not TOML: it is nested too deeply"),
        ("name = 1e99999999999999999999", "NaN is no text"),
    ],
)
def test_what_is_no_toml_is_refused(text: str, problem: str) -> None:
    with pytest.raises(ContractError, match=problem):
        parse_contract_toml(text, "c.toml")


def test_the_shipped_admira_contract_is_the_contract_of_the_examples() -> None:
    text = (ROOT / "contracts/admira.toml").read_text(encoding="utf-8")
    assert parse_contract_toml(text, "admira.toml") == parse_contract(ADMIRA, "case.json")


def test_what_is_left_out_takes_its_default() -> None:
    contract = parse_contract(SMALLEST, "c.toml")
    rules = contract.availability
    assert (rules.platform_weight, rules.players_weight) == (0, 1)
    assert (rules.month, rules.player_base) == ("calendar", "total")
    assert (rules.membership, rules.unknown) == ("at_calculation", "excluded")
    assert (rules.excluded_causes, rules.excluded_windows) == (frozenset(), frozenset())
    assert (rules.min_notice_ms, rules.min_coverage) == (0, None)
    assert contract.rounding == Rounding(2, "floor")
    assert contract.guarantee == Guarantee(None, None, None)
    assert (contract.eligibility, contract.termination, contract.discounts) == (None, None, ())
    assert contract.discount_rules == DiscountRules("milder", "last")
    assert contract.life == Life(None, None)


def test_empty_tables_take_their_defaults_too() -> None:
    tables = {"rounding": {}, "guarantee": {}, "discount_rules": {}, "life": {}, "discounts": []}
    assert parse_contract(SMALLEST | tables, "c.toml") == parse_contract(SMALLEST, "c.toml")


def test_a_toml_number_is_read_exactly() -> None:
    text = 'name = "n"\ntimezone = "UTC"\navailability.weights = { platform = 0.1, players = 0.9 }'
    assert parse_contract_toml(text, "c.toml").availability.platform_weight == Fraction(1, 10)


def test_levels_are_shares_and_may_be_written_with_more_zeros_than_decimals() -> None:
    contract = parse_contract(SMALLEST | {"rounding": {"decimals": 0}, "guarantee": {"committed": "99.00"}}, "c.toml")
    assert contract.guarantee.committed == Fraction(99, 100)


def test_bands_are_sorted_whatever_their_order_in_the_file() -> None:
    rows = [{"from": "90", "to": "80", "percent": 20}, {"from": "99", "to": "91", "percent": Decimal("2.5")}]
    contract = parse_contract(SMALLEST | {"discounts": rows}, "c.toml")
    assert [band.percent for band in contract.discounts] == [Fraction(5, 2), 20]


def test_an_unusual_kind_of_window_is_only_warned_of() -> None:
    report = Report("c.toml")
    rules = {"weights": {"players": 1}, "excluded_windows": ["planed"]}
    contract = read_contract(Value(SMALLEST | {"availability": rules}, report, "", "contract"))
    report.settle()
    assert contract.availability.excluded_windows == {"planed"}
    assert [(finding.id, finding.level) for finding in report.findings] == [("contract.window_kind.unusual", "warning")]


def test_a_value_without_bottom_can_still_be_named() -> None:
    deep = []
    deep.append(deep)
    with pytest.raises(ContractError, match=r"name: \[\[\.\.\.\]\] is no text"):
        parse_contract(SMALLEST | {"name": deep}, "c.toml")


def test_a_long_value_is_cut_short_in_the_message() -> None:
    with pytest.raises(ContractError) as refused:
        parse_contract(SMALLEST | {"timezone": ["x" * 500]}, "c.toml")
    assert len(str(refused.value)) < 200


def test_every_key_of_a_contract_and_of_a_calendar_is_documented() -> None:
    """A reader that is asked for a wrong key lists the ones it knows."""
    documents = {name: (ROOT / f"docs/{name}.md").read_text(encoding="utf-8") for name in ("contracts", "calendars")}
    for path in ("", "availability", "rounding", "guarantee", "eligibility", "discount_rules", "termination", "life"):
        with pytest.raises(ContractError) as refused:
            parse_contract(
                changed(f"{path}.zzz".lstrip("."), 1) if path != "life" else ADMIRA | {"life": {"zzz": 1}}, "c"
            )
        for key in refused.value.findings[0].remedy.removeprefix("use one of: ").split(", "):
            assert (
                f"`{path}.{key}".replace("`.", "`") in documents["contracts"] or f"`.{key}`" in documents["contracts"]
            )
    with pytest.raises(ContractError) as refused:
        parse_calendar({"timezone": "UTC", "zzz": 1, "rules": [{"hours": [], "zzz": 1}]}, "c", "")
    for finding in refused.value.findings:
        for key in finding.remedy.removeprefix("use one of: ").split(", "):
            assert re.search(rf"`(rules\[\])?\.?{key}`", documents["calendars"]), key
