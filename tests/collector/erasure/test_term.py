"""A tenant is erased when its contract's term is over, and what speaks against it is told."""

from __future__ import annotations

from typing import Final

import pytest

from collector.erasure.term import obstacles
from collector.registry.model import Subject
from collector.sla.contract import Contract, parse_contract_toml
from collector.sla.instants import parse_instant

END: Final = parse_instant("2026-03-15T12:00:00+01:00")
PLAIN: Final = "[availability]\nweights = { players = 1 }\n"


def contract(more: str = "", top: str = "") -> Contract:
    return parse_contract_toml(f'name = "A"\ntimezone = "Europe/Madrid"\n{top}{PLAIN}{more}', "a.toml")


def subject(until_ms: int | None = END, contract_id: str | None = "a", from_ms: int | None = None) -> Subject:
    return Subject("acme", "p1", "main", "player", "main", contract_id, "always", from_ms, until_ms)


LATER: Final = parse_instant("2027-01-01T00:00:00+01:00")


def test_nothing_speaks_against_it_long_after_the_end() -> None:
    assert obstacles([subject()], {"a": contract()}, LATER) == []
    assert obstacles([], None, LATER) == []


def test_active_subjects_are_named() -> None:
    assert obstacles([subject(None, None)], {}, LATER) == [
        "1 of its subjects are active (acme/p1/main): give them an active_until in the registry"
    ]
    assert obstacles([subject(LATER + 1, None)], {}, LATER)
    assert obstacles([subject(LATER, None)], {}, LATER) == []


def test_a_subject_that_never_counted_does_not_count_here_either() -> None:
    assert obstacles([subject(END, "unknown", from_ms=END)], {}, LATER) == []


@pytest.mark.parametrize("contracts", [None, {}])
def test_terms_that_are_not_known_are_no_terms_that_are_over(contracts: dict[str, Contract] | None) -> None:
    (told,) = obstacles([subject()], contracts, LATER)
    assert told == "the terms of contract a are not known here: name the collector's file with --config"


def test_the_last_month_must_be_final() -> None:
    final = parse_instant("2026-04-04T00:00:00+02:00")  # 72 h after March
    assert obstacles([subject()], {"a": contract()}, final) == []
    assert obstacles([subject()], {"a": contract()}, final - 1) == [
        "the last month under contract a, 2026-03, is final only at 2026-04-03T22:00:00.000Z"
    ]


def test_a_contract_s_life_must_be_over() -> None:
    lives = {"a": contract('[life]\nuntil = "2026-12"\n')}
    end = parse_instant("2027-01-01T00:00:00+01:00")
    assert obstacles([subject()], lives, end) == []
    assert obstacles([subject()], lives, end - 1) == ["contract a runs until the end of 2026-12"]


def test_claims_must_be_past_their_deadlines() -> None:
    claimable = {"a": contract('[claims]\nto = "x@example.com"\nclaim = { within = "30 days", after = "month_end" }\n')}
    due = parse_instant("2026-05-01T00:00:00+02:00")
    assert obstacles([subject()], claimable, due) == []
    assert obstacles([subject()], claimable, due - 1) == [
        "a discount under contract a may be claimed until 2026-04-30T22:00:00.000Z"
    ]
