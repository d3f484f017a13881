"""The difference between two registries, and whether it changes the past."""

from dataclasses import replace

import pytest

from collector.registry.diff import BEGINNING_MS, Change, diff
from collector.registry.model import Calendar, Device, Registry, Subject, Tenant
from collector.registry.render import render, summary

MARCH = 1_772_323_200_000
APRIL = 1_775_001_600_000
MAY = 1_777_593_600_000
OUTPUT = Subject("acme", "p1", "main", "player", "Left", "admira", "shop", MARCH)
CALENDAR = Calendar("acme", "shop", {"timezone": "Europe/Madrid"})
BEFORE = Registry(
    tenants={"acme": Tenant("acme", "Acme")},
    calendars={"acme/shop": CALENDAR},
    devices={"acme/p1": Device("acme", "p1", None, "Window")},
    subjects={OUTPUT.key: OUTPUT},
)


def with_output(output: Subject) -> Registry:
    return replace(BEFORE, subjects={output.key: output})


def only(changes: list[Change]) -> Change:
    (change,) = changes
    return change


def test_nothing_differs_from_itself() -> None:
    assert diff(BEFORE, BEFORE) == []


def test_everything_is_added_to_nothing_in_an_order_in_which_references_lead_backwards() -> None:
    assert [(change.action, change.kind) for change in diff(Registry(), BEFORE)] == [
        ("added", "tenant"),
        ("added", "calendar"),
        ("added", "device"),
        ("added", "output"),
    ]
    assert {change.action for change in diff(BEFORE, Registry())} == {"removed"}


def test_a_changed_field_is_shown_before_and_after() -> None:
    change = only(diff(BEFORE, replace(BEFORE, devices={"acme/p1": Device("acme", "p1", None, "Door")})))
    assert (change.kind, change.key) == ("device", "acme/p1")
    assert list(change.fields()) == [("name", "Window", "Door")]
    assert change.counts_from_ms is None


@pytest.mark.parametrize(
    ("after", "counts_from_ms"),
    [
        pytest.param({"name": "Right"}, None, id="a name counts nowhere"),
        pytest.param({"active_from_ms": APRIL}, MARCH, id="a later start takes away from the old one on"),
        pytest.param({"active_from_ms": None}, BEGINNING_MS, id="no start counts since ever"),
        pytest.param({"active_until_ms": MAY}, MAY, id="an end counts from itself"),
        pytest.param({"active_until_ms": MARCH}, MARCH, id="an end at the start takes everything away"),
        pytest.param({"contract": "other"}, MARCH, id="another contract judges all of it"),
        pytest.param({"contract": None}, MARCH, id="no contract judges none of it"),
        pytest.param({"emission": "always"}, MARCH, id="other hours count all of it anew"),
        pytest.param({"active_from_ms": APRIL, "active_until_ms": MAY}, MARCH, id="the earlier of two edges"),
    ],
)
def test_a_change_says_from_when_on_it_counts(after: dict[str, object], counts_from_ms: int | None) -> None:
    assert only(diff(BEFORE, with_output(replace(OUTPUT, **after)))).counts_from_ms == counts_from_ms


def test_a_change_of_hours_counts_for_the_first_subject_that_keeps_them() -> None:
    other = replace(BEFORE, calendars={"acme/shop": Calendar("acme", "shop", {"timezone": "Atlantic/Canary"})})
    assert only(diff(BEFORE, other)).counts_from_ms == MARCH
    nobody = replace(BEFORE, subjects={})
    assert only(diff(nobody, replace(other, subjects={}))).counts_from_ms is None


def test_a_change_rewrites_what_lies_before_now_and_nothing_else() -> None:
    change = only(diff(BEFORE, with_output(replace(OUTPUT, active_until_ms=APRIL))))
    assert change.rewrites(APRIL + 1)
    assert not change.rewrites(APRIL)


def test_the_difference_reads_like_a_sentence() -> None:
    output = replace(OUTPUT, name="Right", active_from_ms=None, active_until_ms=MAY)
    wanted = replace(with_output(output), tenants={"acme": Tenant("acme", "Acme"), "b": Tenant("b", "Ünï")})
    assert render(diff(BEFORE, wanted), now_ms=APRIL) == [
        '+ tenant   b  name "Ünï"',
        (
            '~ output   acme/p1/main  name "Left" → "Right", active_from 2026-03-01T00:00:00.000Z → none, '
            "active_until none → 2026-05-01T00:00:00.000Z"
        ),
        "  ! changes what was counted since ever",
        "1 added, 1 changed, 0 removed; 1 changes the past",
    ]


def test_a_long_difference_is_cut_but_counted() -> None:
    assert render(diff(Registry(), BEFORE), now_ms=APRIL, limit=1) == [
        '+ tenant   acme  name "Acme"',
        "… and 3 more (1 of them change the past); --full shows all",
        "4 added, 0 changed, 0 removed; 1 changes the past",
    ]


def test_no_difference_is_said_in_words() -> None:
    assert summary([], now_ms=APRIL) == "no difference"
