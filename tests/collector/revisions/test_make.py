"""A month is closed, closed again, and revised: nothing that was published is overwritten."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from collector.decisions.orders import Announce, Rule
from collector.ledger import journal
from collector.ledger.revision_store import KIND, list_revisions
from collector.revisions.seal import Frozen
from collector.revisions.wording import tell
from common.config import ConfigError
from tests.collector.report.case_ledger import decide_at
from tests.collector.revisions.shop import CONTRACT, END, MONTH, SETTLED, TENANT, Shop, at, run

HOUR = 3_600_000


def result(frozen: Frozen) -> dict[str, Any]:
    return msgspec.json.decode(frozen.result, type=dict[str, Any])


def english(frozen: Frozen) -> list[str]:
    return [change.en for change in tell(frozen.manifest)]


def test_a_month_is_closed_once_its_time_for_late_evidence_is_over(shop: Shop) -> None:
    answer = shop.close(SETTLED)
    assert answer.made
    frozen = shop.revision()
    manifest = frozen.manifest
    assert (manifest.number, manifest.trigger, manifest.who, manifest.at_ms) == (1, "settled", "ana", SETTLED)
    assert (manifest.previous, manifest.differences) == (None, ())
    assert answer.seal == frozen.seal
    told = result(frozen)
    assert (told["status"], told["players"], told["players_downtime_ms"]) == ("complete", 3, 20 * HOUR)
    assert manifest.outcome.percent == told["percent"]


def test_closing_twice_changes_nothing(shop: Shop) -> None:
    first = shop.close(SETTLED)
    before = shop.ledger.read_now(journal.head)
    again = shop.close(SETTLED + 1000)
    assert (again.made, again.seal) == (False, first.seal)
    assert shop.ledger.read_now(journal.head) == before


def test_a_closing_is_in_the_journal_by_its_seal(shop: Shop) -> None:
    answer = shop.close()
    entry = shop.ledger.read_now(journal.entries)[-1]
    assert (entry.kind, entry.key, entry.before) == (KIND, f"{TENANT}/{CONTRACT}/{MONTH}/revision-1", None)
    assert isinstance(entry.after, dict)
    assert entry.after["seal"] == answer.seal
    assert shop.ledger.read_now(journal.verify) == []


def test_late_evidence_makes_a_revision_beside_the_old_one(shop: Shop) -> None:
    shop.close()
    old = shop.revision()
    shop.send(run("p3", "03-20T00:00", "03-20T10:00", "frozen"), run("p3", "03-20T10:00", "03-21T06:00", "playing"))
    assert shop.close(SETTLED + 50 * HOUR).made
    new = shop.revision()
    assert (new.manifest.number, new.manifest.trigger, new.manifest.previous) == (2, "evidence", old.seal)
    assert shop.revision(1) == old
    assert result(new)["players_downtime_ms"] == 30 * HOUR
    told = english(new)
    assert told[0].startswith("The figure was 99.28% and is 98.92% (10 h more downtime of players).")
    assert "p3: 2 runs came late; 20 h unknown became playing and 10 h unknown became frozen." in told
    assert "The discount was 0% (the level was reached) and is 5% (due)." in told


def test_a_ruling_makes_a_revision_that_names_who_ruled(shop: Shop) -> None:
    shop.close()
    order = Rule(TENANT, "p2", at("03-10T00:00"), at("03-10T20:00"), None, "customer", "they unplugged it")
    decide_at(shop.ledger, order, SETTLED + HOUR)
    assert shop.close(SETTLED + 2 * HOUR).made
    frozen = shop.revision()
    assert frozen.manifest.trigger == "decisions"
    assert result(frozen)["players_downtime_ms"] == 0
    told = "Ruling 1 by ana on p2, 2026-03-10 01:00:00 – 21:00:00: the customer's own doing (they unplugged it)."
    assert told in english(frozen)


def test_a_window_and_its_cancelling_make_revisions(shop: Shop) -> None:
    shop.close()
    times = at("03-10T00:00"), at("03-11T00:00")
    decide_at(shop.ledger, Announce(TENANT, "planned", ("*",), *times, "new screens"), at("03-01T00:00"))
    assert shop.close(SETTLED + HOUR).made
    assert result(shop.revision())["players_downtime_ms"] == 0
    assert any(
        text.startswith("Window 1 (planned maintenance) by ana, 2026-03-10 01:00:00")
        for text in english(shop.revision())
    )


def test_a_change_of_the_registry_makes_a_revision(shop: Shop) -> None:
    shop.close()
    shop.register(p2={"active_until": "2026-03-09T00:00:00Z"})
    assert shop.close(SETTLED + HOUR).made
    assert shop.revision().manifest.trigger == "registry"
    assert any(text.startswith("The registry says something else of p2") for text in english(shop.revision()))


@pytest.mark.parametrize("change", ["name", "later", "beyond"])
def test_what_judges_nothing_makes_no_revision(shop: Shop, change: str) -> None:
    shop.close()
    if change == "name":
        shop.text = shop.text.replace('"Small"', '"Smaller"')  # a closed month keeps its contract
    elif change == "later":
        shop.send(run("p1", "04-01T12:00", "04-09T00:00", "stopped"))
    else:
        shop.register(p2={"active_until": "2026-05-01T00:00:00Z"})
    assert not shop.close(SETTLED + HOUR).made


def test_an_operator_may_close_early_and_again_with_a_reason(shop: Shop) -> None:
    with pytest.raises(ConfigError, match=r"2026-03 is provisional: evidence may still come until 2026-04-03T22:00"):
        shop.close(END + HOUR)
    with pytest.raises(ConfigError, match=r"--why: is needed with --now"):
        shop.close(END + HOUR, now=True)
    assert shop.close(END + HOUR, now=True, why="the customer agreed").made
    assert (shop.revision().manifest.trigger, shop.revision().manifest.why) == ("operator", "the customer agreed")
    shop.text = shop.text.replace("committed = 99.00", "committed = 99.50")
    assert not shop.close(SETTLED).made
    assert shop.close(SETTLED, now=True, why="the level was mistyped").made
    assert "The contract's file is another; it was closed again with it by hand." in english(shop.revision())
    assert shop.revision().manifest.outcome.discount_percent is None or shop.revision().manifest.number == 2


def test_a_month_that_runs_cannot_be_closed_at_all(shop: Shop) -> None:
    with pytest.raises(ConfigError, match=r"2026-03 is not over"):
        shop.close(END - 1, now=True, why="why not")


def test_a_gap_that_no_number_can_fill_any_more_is_not_waited_for(shop: Shop) -> None:
    shop.send(run("p1", "04-01T12:00", "04-01T13:00", "playing"))  # an other device's numbers fill nothing
    with pytest.raises(ConfigError, match=r"is provisional"):
        shop.close(END)
    numbers = [run("p3", "02-01T00:00", "02-01T00:01", "playing") for _ in range(6, 20)]
    shop.send(*numbers, first=6)
    assert shop.close(END).made
    assert shop.revision().manifest.trigger == "all_reported"


def test_a_month_that_everybody_has_told_of_closes_at_once(shop: Shop) -> None:
    shop.send(run("p3", "03-20T00:00", "03-21T06:00", "off"))
    assert shop.close(END).made
    assert shop.revision().manifest.trigger == "all_reported"


def test_the_order_in_which_late_evidence_comes_does_not_matter(tmp_path: Any) -> None:
    from collector.ledger.ledger import Ledger

    late = [
        run("p3", "03-20T00:00", "03-20T10:00", "frozen"),
        run("p3", "03-20T10:00", "03-20T12:00", "black"),
        run("p3", "03-20T12:00", "03-21T06:00", "playing"),
    ]
    papers = []
    for order in ([0, 1, 2], [2, 0, 1], [1, 2, 0]):
        ledger = Ledger.open(tmp_path / f"{order}.db")
        other = Shop(ledger)
        other.register()
        other.send(
            run("p3", "02-28T12:00", "03-20T00:00", "playing"), run("p3", "03-21T06:00", "04-01T12:00", "playing")
        )
        other.close(SETTLED)
        for each in order:
            other.send(late[each], first=100 + each)
        other.close(SETTLED + HOUR)
        frozen = other.revision()
        papers.append((frozen.papers, frozen.result, frozen.manifest.substance, frozen.manifest.number))
        ledger.close()
    assert papers[0] == papers[1] == papers[2]


def test_every_revision_can_be_listed(shop: Shop) -> None:
    shop.close()
    shop.send(run("p3", "03-20T00:00", "03-21T06:00", "playing"))
    shop.close(SETTLED + HOUR)
    listed = shop.ledger.read_now(lambda connection: list_revisions(connection, TENANT, CONTRACT))
    assert [(each.manifest.month, each.manifest.number) for each in listed] == [(MONTH, 1), (MONTH, 2)]
