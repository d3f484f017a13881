"""What the next revision of a closed month waits for is told before it is made, and not when nothing waits."""

from __future__ import annotations

import pytest

from collector.decisions.orders import Rule
from collector.revisions.look import see
from collector.revisions.shelf import Taken, Wanted, take_closed, with_waiting
from collector.revisions.waiting import Waiting, tell_waiting, what_waits
from tests.collector.report.case_ledger import decide_at
from tests.collector.revisions.shop import CONTRACT, MONTH, SETTLED, TENANT, Shop, at, run

HOUR = 3_600_000


def waits(shop: Shop) -> Waiting | None:
    sight = shop.ledger.read_now(lambda found: see(found, shop.file, TENANT, MONTH, SETTLED + HOUR))
    return what_waits(sight.inputs, shop.revision())


def taken(shop: Shop, number: int = 0) -> Taken:
    wanted = Wanted(CONTRACT, MONTH, TENANT, number)
    return shop.ledger.read_now(
        lambda found: with_waiting(found, take_closed(found, wanted), shop.file, SETTLED + HOUR)
    )


def test_nothing_waits_after_a_closing_nor_for_evidence_of_other_times(shop: Shop) -> None:
    shop.close()
    assert waits(shop) is None
    shop.send(run("p1", "04-03T00:00", "04-04T00:00", "black"))
    assert waits(shop) is None
    assert taken(shop).waiting is None


def test_late_evidence_waits_by_players_until_the_next_revision_is_made(shop: Shop) -> None:
    shop.close()
    shop.send(run("p3", "03-20T00:00", "03-20T10:00", "frozen"), run("p1", "03-05T00:00", "03-05T01:00", "black"))
    shop.send(run("portal", "03-06T00:00", "03-06T01:00", "down"))
    assert waits(shop) == Waiting(1, players=2, platforms=1)
    told = taken(shop).waiting
    assert told is not None
    assert told.en == (
        "Since revision 1: evidence of 2 players came late and evidence of 1 part of the platform came late. "
        "The next revision is made when this has come to rest."
    )
    assert told.es.startswith("Desde la revisión 1: llegaron pruebas tardías de 2 players y ")
    shop.close()
    assert waits(shop) is None
    assert taken(shop, 1).waiting is None  # what was replaced waits for nothing


def test_a_ruling_and_the_registry_wait_too(shop: Shop) -> None:
    shop.close()
    ruling = Rule(TENANT, f"{TENANT}/p2/main", at("03-10T00:00"), at("03-10T05:00"), None, "customer", "unplugged")
    decide_at(shop.ledger, ruling, SETTLED)
    assert waits(shop) == Waiting(1, decisions=1)
    shop.register(p1={"active_from": "2026-03-05T00:00:00Z"})
    assert waits(shop) == Waiting(1, decisions=1, registry=True)
    assert tell_waiting(Waiting(4, decisions=2, registry=True)).en.startswith(
        "Since revision 4: 2 windows or rulings changed and the registry changed. "
    )


@pytest.mark.parametrize("language", ["en", "es"])
def test_months_that_are_judged_with_it_are_told_in_words(language: str) -> None:
    told = tell_waiting(Waiting(1, months=True))
    assert "judged with it" in told.en if language == "en" else "conjuntamente" in told.es


def test_an_agreement_that_the_registry_has_no_more_waits_for_nothing(shop: Shop) -> None:
    shop.close()
    wanted = Wanted(CONTRACT, MONTH, TENANT)
    other = shop.file._replace(id="other")  # a contract that nobody is judged by
    found = shop.ledger.read_now(
        lambda connection: with_waiting(connection, take_closed(connection, wanted), other, SETTLED)
    )
    assert found.waiting is None
