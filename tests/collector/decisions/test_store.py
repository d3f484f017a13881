"""Decisions in a real ledger: dated, journaled, never edited."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from collector.decisions.model import Decisions, WindowRecord
from collector.decisions.orders import Cancel, DecisionRequest, Import, Occurrence, Order
from collector.ledger import journal
from collector.ledger.decisions_store import (
    Decided,
    decide,
    read_decisions,
    read_every_decision,
    read_rulings,
    read_windows,
)
from collector.ledger.ledger import Ledger
from collector.ledger.registry_store import apply_request
from collector.registry.files import SourceFile
from collector.registry.plan import ApplyRequest
from collector.sla.instants import HOUR_MS
from collector.sla.tally import Window
from collector.sla.timeline import Ruling
from common.config import ConfigError
from tests.collector.decisions.samples import NOW, REGISTRY_TOML, announce, at, rule


@pytest.fixture
def book(ledger: Ledger) -> Iterator[Ledger]:
    """A ledger with the registry of the samples."""
    apply(ledger, REGISTRY_TOML)
    return ledger


def apply(ledger: Ledger, text: str) -> None:
    request = ApplyRequest([SourceFile("registry.toml", text)], "ana")
    ledger.write_now(lambda connection: apply_request(connection, request, NOW))


def order(ledger: Ledger, wanted: Order, now_ms: int = NOW, *, dry_run: bool = False) -> Decided:
    return ledger.write_now(lambda connection: decide(connection, DecisionRequest(wanted, "ana", dry_run), now_ms))


def decisions(ledger: Ledger) -> Decisions:
    return ledger.read_now(lambda connection: read_decisions(connection, "acme"))


def windows(ledger: Ledger) -> list[WindowRecord]:
    return ledger.read_now(read_windows)


def test_a_window_comes_back_as_it_was_announced_and_as_the_core_applies_it(book: Ledger) -> None:
    (announced,) = order(book, announce(subjects=("p2",))).answer.announced
    assert windows(book) == [announced]
    expected = Window("planned", frozenset({"acme/p2/left", "acme/p2/right"}), at("14T02:00"), at("14T04:00"), NOW)
    assert decisions(book).windows == (expected,)


def test_rulings_come_back_in_the_order_of_their_making(book: Ledger) -> None:
    order(book, rule(cause="power"), NOW + 5)
    order(book, rule(cause="customer"), NOW)  # the clock was set back meanwhile
    order(book, rule(state="off", cause=None), NOW)
    found = decisions(book).rulings["acme/p1/main"]
    times = (at("10T09:00"), at("10T10:00"))
    assert found == (
        Ruling(*times, None, "customer", NOW),
        Ruling(*times, "off", None, NOW),
        Ruling(*times, None, "power", NOW + 5),
    )


def test_a_cancelled_window_stays_in_the_ledger_and_out_of_the_figures(book: Ledger) -> None:
    number = order(book, announce()).answer.announced[0].id
    order(book, Cancel(number, "postponed"), NOW + 1)
    assert decisions(book).windows == ()
    (kept,) = windows(book)
    assert (kept.announced_at_ms, kept.cancelled_at_ms, kept.cancelled_why) == (NOW, NOW + 1, "postponed")


def test_every_decision_is_journaled_with_who_when_and_why(book: Ledger) -> None:
    before = len(book.read_now(journal.entries))
    number = order(book, announce()).answer.announced[0].id
    order(book, Cancel(number, "postponed"), NOW + 1)
    head = order(book, rule(), NOW + 2).answer.journal_head
    entries = book.read_now(journal.entries)[before:]
    assert [(entry.kind, entry.key, entry.at_ms, entry.who) for entry in entries] == [
        ("window.planned", f"acme/window-{number}", NOW, "ana"),
        ("window.planned", f"acme/window-{number}", NOW + 1, "ana"),
        ("ruling", "acme/p1/main/ruling-1", NOW + 2, "ana"),
    ]
    assert isinstance(entries[1].before, dict)
    assert isinstance(entries[1].after, dict)
    assert (entries[1].before["cancelled_why"], entries[1].after["cancelled_why"]) == (None, "postponed")
    assert head == str(book.read_now(journal.head))
    assert book.read_now(journal.verify) == []


def test_a_refused_order_and_a_dry_run_write_nothing(book: Ledger) -> None:
    before = book.read_now(journal.head)
    with pytest.raises(ConfigError):
        order(book, rule(cause="gremlins"))
    tried = order(book, announce(), dry_run=True).answer
    assert (tried.applied, [window.id for window in tried.announced]) == (False, [0])
    assert windows(book) == []
    assert book.read_now(journal.head) == before


def test_an_import_is_one_transaction_and_can_be_repeated(book: Ledger) -> None:
    found = tuple(
        Occurrence("a@cal", f"{day}", at(f"{day}T02:00"), at(f"{day}T02:00") + HOUR_MS, "weekly") for day in (15, 22)
    )
    wanted = Import("", "work.ics", "planned", ("site:bcn-01",), found, NOW, at("31T00:00"))
    assert len(order(book, wanted).answer.announced) == 2
    again = order(book, wanted, NOW + HOUR_MS).answer
    assert (again.announced, again.cancelled, again.unchanged) == ([], [], 2)
    assert {window.announced_at_ms for window in windows(book)} == {NOW}


def test_a_site_s_window_covers_who_stands_there_when_the_month_is_judged(book: Ledger) -> None:
    order(book, announce(subjects=("site:bcn-01",)))
    newcomer = '[[devices]]\ntenant = "acme"\nid = "p3"\nsite = "bcn-01"\n[[devices.outputs]]\nid = "main"\n'
    apply(book, newcomer)
    assert decisions(book).windows[0].subjects == {"acme/p1/main", "acme/p2/left", "acme/p2/right", "acme/p3/main"}


def test_tenants_do_not_see_each_other_s_decisions(book: Ledger) -> None:
    apply(book, '[[tenants]]\nid = "beta"\n[[platforms]]\ntenant = "beta"\nid = "portal"\n')
    order(book, announce_for("acme"))
    order(book, announce_for("beta"))
    order(book, rule())
    everything = book.read_now(read_every_decision)
    assert {tenant: len(made.windows) for tenant, made in everything.items()} == {"acme": 1, "beta": 1}
    assert everything["beta"].rulings == {}
    assert everything["acme"] == decisions(book)
    assert [window.tenant for window in book.read_now(lambda found: read_windows(found, "beta"))] == ["beta"]
    assert book.read_now(lambda found: read_rulings(found, "beta")) == []


def announce_for(tenant: str) -> Order:
    return replace(announce(), tenant=tenant)


def test_decisions_survive_the_ledger_s_closing(tmp_path: Path) -> None:
    first = Ledger.open(tmp_path / "kept.db")
    apply(first, REGISTRY_TOML)
    order(first, announce())
    first.close()
    second = Ledger.open(tmp_path / "kept.db")
    assert len(windows(second)) == 1
    second.close()
