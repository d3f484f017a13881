from __future__ import annotations

import pytest
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from collector.alerts.config import AlertsConfig, LogChannel
from collector.alerts.desk import AlertDesk
from collector.ledger.ledger import Ledger
from collector.views import AlertView
from common.clock import ManualClock, SystemClock
from common.tasks import cancel, spawn
from tests.collector.alerts.samples import NOW_MS, breached, figure
from tests.fixtures.waiting import until

AT_ONCE = AlertsConfig(hold_s=0, release_s=0, reopen_s=0, breach_hold_s=0)


async def desk_of(ledger: Ledger, config: AlertsConfig = AT_ONCE, told: list[AlertView] | None = None) -> AlertDesk:
    desk = AlertDesk(ledger, config, ManualClock(NOW_MS), None if told is None else told.append)
    await desk.load()
    return desk


async def test_each_opening_and_closing_is_told_once_after_the_commit(ledger: Ledger) -> None:
    told: list[AlertView] = []
    desk = await desk_of(ledger, told=told)
    for step, down in enumerate((13, 14, 15, 6, 6, 0)):
        await desk.consider(figure(down_now=down), NOW_MS + step)
    assert [(view.kind, view.closed_ms) for view in told] == [("players_down", None), ("players_down", NOW_MS + 3)]
    assert await desk.history(10) == [told[1]]
    assert desk.open_alerts() == []


async def test_open_alerts_come_newest_first_and_agreements_do_not_mix(ledger: Ledger) -> None:
    desk = await desk_of(ledger)
    await desk.consider(figure(down_now=13), NOW_MS)
    await desk.consider(breached(tenant="bar"), NOW_MS + 1)
    assert [(view.agreement, view.kind) for view in desk.open_alerts()] == [
        ("bar/admira", "breach"),
        ("acme/admira", "players_down"),
    ]
    await desk.consider(figure(tenant="bar", down_now=0), NOW_MS + 2)
    assert [view.agreement for view in desk.open_alerts()] == ["acme/admira"]


async def test_a_breach_of_last_month_is_closed_by_a_desk_that_was_away_at_midnight(ledger: Ledger) -> None:
    before = await desk_of(ledger)
    await before.consider(breached(), NOW_MS)
    after = await desk_of(ledger)
    (closed,) = await after.consider(figure(month="2026-04"), NOW_MS + 86_400_000)
    assert closed.close_reason == "2026-03 is over; 2026-04 is judged afresh"


async def test_the_reopen_interval_survives_a_restart(ledger: Ledger) -> None:
    config = AlertsConfig(hold_s=0, release_s=0, reopen_s=300)
    before = await desk_of(ledger, config)
    await before.consider(figure(down_now=13), NOW_MS)
    await before.consider(figure(), NOW_MS + 1_000)
    after = await desk_of(ledger, config)
    assert await after.consider(figure(down_now=13), NOW_MS + 2_000) == []
    assert len(await after.consider(figure(down_now=13), NOW_MS + 301_000)) == 1


async def test_after_a_restart_players_that_were_not_heard_yet_do_not_close_the_alarm(ledger: Ledger) -> None:
    before = await desk_of(ledger)
    await before.consider(figure(down_now=13, unknown_now=2), NOW_MS)
    after = await desk_of(ledger)
    assert await after.consider(figure(down_now=0, unknown_now=40), NOW_MS + 1_000) == []
    assert [view.kind for view in after.open_alerts()] == ["players_down"]


async def test_alerts_of_an_agreement_that_is_gone_are_closed(ledger: Ledger) -> None:
    told: list[AlertView] = []
    desk = await desk_of(ledger, told=told)
    await desk.consider(figure(down_now=13), NOW_MS)
    assert await desk.keep_only({"acme/admira"}, NOW_MS + 1) == []
    (closed,) = await desk.keep_only({"bar/admira"}, NOW_MS + 2)
    assert closed.close_reason == "the agreement is not watched any more: no contract or no subject of it is left"
    assert desk.open_alerts() == []
    assert told[-1] == closed


async def test_a_hold_of_an_agreement_that_is_gone_opens_nothing(ledger: Ledger) -> None:
    clock = SystemClock()
    desk = AlertDesk(ledger, AlertsConfig(hold_s=0.1), clock)
    await desk.load()
    now_ms = clock.wall_ms()
    for tenant in ("acme", "bar"):
        await desk.consider(figure(tenant=tenant, down_now=13, computed_ms=now_ms), now_ms)
    assert await desk.keep_only({"bar/admira"}, now_ms) == []
    task = spawn(desk.run(), "desk")
    await until(desk.open_alerts, "the agreement that is left rings")
    await cancel(task)
    assert [view.agreement for view in desk.open_alerts()] == ["bar/admira"]


async def test_a_ledger_that_cannot_be_written_changes_nothing_and_the_next_figure_decides_anew(
    ledger: Ledger,
) -> None:
    told: list[AlertView] = []
    desk = await desk_of(ledger, told=told)
    ledger.write_now(lambda c: c.execute(text("ALTER TABLE alerts RENAME TO elsewhere")) and None)
    with pytest.raises(SQLAlchemyError):
        await desk.consider(figure(down_now=13), NOW_MS)
    assert (told, desk.open_alerts()) == ([], [])
    ledger.write_now(lambda c: c.execute(text("ALTER TABLE elsewhere RENAME TO alerts")) and None)
    assert [view.kind for view in await desk.consider(figure(down_now=13), NOW_MS + 1)] == ["players_down"]


async def test_a_hold_that_runs_out_while_nothing_new_is_heard_rings_all_the_same(ledger: Ledger) -> None:
    clock = SystemClock()
    desk = AlertDesk(ledger, AlertsConfig(hold_s=0.2, channels=(LogChannel(),)), clock)
    await desk.load()
    task = spawn(desk.run(), "desk")
    now_ms = clock.wall_ms()
    assert await desk.consider(figure(down_now=13, computed_ms=now_ms), now_ms) == []
    await until(desk.open_alerts, "the alarm rings without another figure")
    await cancel(task)
    (view,) = desk.open_alerts()
    assert view.opened_ms - now_ms > 200


async def test_a_figure_that_has_grown_old_does_not_ring(ledger: Ledger) -> None:
    clock = SystemClock()
    desk = AlertDesk(ledger, AlertsConfig(hold_s=0.1), clock)
    await desk.load()
    now_ms = clock.wall_ms()
    await desk.consider(figure(down_now=13, computed_ms=now_ms - 130_000), now_ms)
    await desk.consider(figure(tenant="bar", down_now=13, computed_ms=now_ms), now_ms)
    task = spawn(desk.run(), "desk")
    await until(desk.open_alerts, "the fresh figure rings")
    await cancel(task)
    assert [view.agreement for view in desk.open_alerts()] == ["bar/admira"]
