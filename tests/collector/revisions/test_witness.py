"""A table that was edited before the closing: the bundle's own journal gives it away, without the ledger."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import delete, update

from collector.decisions.orders import Announce, Cancel, DecisionRequest, Rule
from collector.ledger import schema
from collector.ledger.decisions_store import decide
from collector.revisions.verify import verify
from tests.collector.report.case_ledger import TENANT, decide_at
from tests.collector.revisions.shop import SETTLED, Shop, at
from tests.collector.revisions.test_bundle import export

HOUR = 3_600_000


@pytest.fixture
def decided(shop: Shop) -> Shop:
    """A window announced in time on p2's outage, and a ruling on it."""
    window = Announce(TENANT, "planned", ("p2",), at("03-10T00:00"), at("03-10T20:00"), "new screens")
    decide_at(shop.ledger, window, at("03-09T00:00"))
    ruling = Rule(TENANT, "p2", at("03-10T00:00"), at("03-10T05:00"), None, "customer", "unplugged")
    decide_at(shop.ledger, ruling, SETTLED - HOUR)
    return shop


def edited(shop: Shop, statement: Any) -> list[str]:
    shop.ledger.write_now(lambda connection: connection.execute(statement))
    shop.close()
    return verify(export(shop)).problems


def test_what_was_decided_is_what_the_papers_say(decided: Shop) -> None:
    decided.close()
    assert verify(export(decided)).problems == []


WINDOWS = schema.windows, "windows.json: window 1: the journal's entry 9 says something else"
RULINGS = schema.rulings, "rulings.json: ruling 1: the journal's entry 10 says something else"
PLAYERS = schema.subjects, "registry.json: acme/p2/main: the journal's entry 6 says something else"


@pytest.mark.parametrize(
    ("where", "values"),
    [
        (WINDOWS, {"announced_at_ms": at("03-01T00:00")}),
        (WINDOWS, {"end_ms": at("03-11T00:00")}),
        (WINDOWS, {"kind": "other"}),
        (RULINGS, {"cause": "power"}),
        (RULINGS, {"end_ms": at("03-10T20:00")}),
        (PLAYERS, {"active_until_ms": at("03-10T00:00")}),
    ],
)
def test_a_table_that_was_edited_before_the_closing_contradicts_the_journal(
    decided: Shop, where: tuple[Any, str], values: dict[str, Any]
) -> None:
    table, said = where
    statement = update(table).values(**values)
    if table is schema.subjects:
        statement = statement.where(table.c.device == "p2")
    assert edited(decided, statement) == [said]


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("acme/window-1", "windows.json: window 1: the journal has no entry about it"),
        ("acme/p2/main/ruling-1", "rulings.json: ruling 1: the journal has no entry about it"),
    ],
)
def test_a_decision_without_an_entry_is_none(decided: Shop, key: str, said: str) -> None:
    assert edited(decided, delete(schema.journal).where(schema.journal.c.key == key)) == [said]


def cancelled(shop: Shop, now_ms: int) -> None:
    order = DecisionRequest(Cancel(1, "rain"), "ana")
    shop.ledger.write_now(lambda connection: decide(connection, order, now_ms))


def test_a_window_that_was_cancelled_long_before_is_not_taken_as_it_once_was(decided: Shop) -> None:
    cancelled(decided, SETTLED - HOUR)
    blank = {"cancelled_at_ms": None, "cancelled_by": None, "cancelled_why": None}
    assert edited(decided, update(schema.windows).values(**blank)) == [
        "windows.json: window 1: the journal's entry 11 says something else"
    ]


def test_what_is_decided_while_the_month_is_judged_does_not_contradict_it(decided: Shop) -> None:
    from collector.revisions.make import keep, look, make
    from collector.revisions.orders import CloseRequest
    from tests.collector.revisions.shop import CONTRACT, MONTH

    request = CloseRequest(CONTRACT, MONTH, "ana")
    sight = decided.ledger.read_now(lambda connection: look(connection, decided.file, request, SETTLED))
    cancelled(decided, SETTLED - 1)  # its clock was read before, its turn to write came after
    made = make(sight, request)
    decided.ledger.write_now(lambda connection: keep(connection, sight, made))
    assert verify(export(decided)).problems == []
