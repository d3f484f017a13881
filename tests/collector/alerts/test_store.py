from __future__ import annotations

import pytest
from sqlalchemy.exc import IntegrityError

from collector.ledger import alert_store as store
from collector.ledger.ledger import Ledger
from collector.views import AlertView
from tests.collector.alerts.samples import NOW_MS, alert

FACTS = {"month": "2026-03", "unknown": 0}
HORIZON_MS = 4_000_000


def opened(ledger: Ledger, *channels: str, **changes: object) -> AlertView:
    return ledger.write_now(lambda c: store.open_alert(c, alert(**changes), FACTS, channels))


def due(ledger: Ledger, channel: str, now_ms: int = NOW_MS) -> list[tuple[int, str]]:
    found = ledger.read_now(lambda c: store.read_due(c, channel, now_ms, HORIZON_MS))
    return [(delivery.alert.view.id, delivery.event) for delivery in found]


def test_an_alert_and_its_deliveries_are_stored_together(ledger: Ledger) -> None:
    view = opened(ledger, "hook", "log")
    assert ledger.read_now(store.read_open) == [store.StoredAlert(view, FACTS)]
    assert due(ledger, "hook") == due(ledger, "log") == [(view.id, "opened")]
    assert due(ledger, "elsewhere") == []


def test_the_ledger_itself_refuses_a_second_open_alert_of_a_kind(ledger: Ledger) -> None:
    first = opened(ledger, "hook")
    with pytest.raises(IntegrityError):
        opened(ledger, "hook", opened_ms=NOW_MS + 1)
    assert due(ledger, "hook") == [(first.id, "opened")]
    opened(ledger, agreement="acme/other")
    opened(ledger, kind="breach")


def test_an_alert_closes_once(ledger: Ledger) -> None:
    view = opened(ledger)
    closed = ledger.write_now(lambda c: store.close_alert(c, view.id, "calm", NOW_MS + 5, []))
    assert closed is not None
    assert (closed.closed_ms, closed.close_reason, closed.reason) == (NOW_MS + 5, "calm", view.reason)
    assert ledger.write_now(lambda c: store.close_alert(c, view.id, "calm", NOW_MS + 9, ["hook"])) is None
    assert due(ledger, "hook") == []
    assert ledger.read_now(store.read_open) == []
    assert ledger.read_now(store.read_last_closings) == {("acme/admira", "players_down"): NOW_MS + 5}


def test_a_closing_waits_until_its_opening_is_through(ledger: Ledger) -> None:
    view = opened(ledger, "hook", "log")
    ledger.write_now(lambda c: store.close_alert(c, view.id, "calm", NOW_MS, ["hook", "log"]))
    other = opened(ledger, "hook", agreement="acme/other")
    assert due(ledger, "hook") == [(view.id, "opened"), (other.id, "opened")]
    first = ledger.read_now(lambda c: store.read_due(c, "hook", NOW_MS, HORIZON_MS))[0]
    ledger.write_now(lambda c: store.mark_delivered(c, first.id, 1, NOW_MS))
    assert due(ledger, "hook") == [(view.id, "closed"), (other.id, "opened")]
    assert due(ledger, "log") == [(view.id, "opened")]


def test_a_postponed_delivery_is_due_later_or_when_the_clock_has_stepped_far_back(ledger: Ledger) -> None:
    opened(ledger, "hook")
    (delivery,) = ledger.read_now(lambda c: store.read_due(c, "hook", NOW_MS, HORIZON_MS))
    ledger.write_now(lambda c: store.mark_postponed(c, delivery.id, 1, NOW_MS + 9_000, "HTTP 503"))
    assert due(ledger, "hook", NOW_MS + 8_999) == []
    assert ledger.read_now(lambda c: store.read_next_due(c, "hook")) == NOW_MS + 9_000
    assert len(due(ledger, "hook", NOW_MS + 9_000)) == 1
    assert len(due(ledger, "hook", NOW_MS - 86_400_000)) == 1


def test_a_delivery_that_is_given_up_stays_visible_with_its_error(ledger: Ledger) -> None:
    view = opened(ledger, "hook", "log")
    (delivery,) = ledger.read_now(lambda c: store.read_due(c, "hook", NOW_MS, HORIZON_MS))
    ledger.write_now(lambda c: store.mark_failed(c, delivery.id, 5, NOW_MS, "HTTP 404: no such hook"))
    assert due(ledger, "hook") == []
    ((failed, error),) = ledger.read_now(lambda c: store.read_failed(c, 10))
    assert (failed.channel, failed.alert.view.id, failed.attempts, error) == (
        "hook",
        view.id,
        5,
        "HTTP 404: no such hook",
    )
    assert ledger.read_now(store.count_deliveries) == {"pending": 1, "delivered": 0, "failed": 1}


def test_what_waits_for_a_channel_that_is_gone_is_given_up(ledger: Ledger) -> None:
    opened(ledger, "hook", "log")
    assert ledger.write_now(lambda c: store.fail_orphans(c, ["log"], NOW_MS)) == 1
    assert due(ledger, "hook") == []
    assert len(due(ledger, "log")) == 1


def test_the_latest_alerts_come_newest_first(ledger: Ledger) -> None:
    for minute, kind in enumerate(("players_down", "breach", "players_unknown")):
        opened(ledger, kind=kind, opened_ms=NOW_MS + minute * 60_000)
    latest = ledger.read_now(lambda c: store.read_latest(c, 2))
    assert [view.kind for view in latest] == ["players_unknown", "breach"]
