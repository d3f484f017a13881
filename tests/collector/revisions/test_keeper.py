"""The running collector closes months by itself, catches up, and makes one revision of a backlog."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import update

from collector.decisions.orders import Rule
from collector.figures import Agreement, agree
from collector.ledger.evidence_store import EvidenceStore, Received
from collector.ledger.ledger import Ledger
from collector.ledger.registry_store import read_registry
from collector.ledger.revision_store import list_revisions
from collector.ledger.run_queries import runs_of
from collector.ledger.schema import devices
from collector.revisions.keeper import Keeper
from collector.revisions.orders import CloseRequest
from common.clock import ManualClock
from common.config import ConfigError
from tests.collector.report.case_ledger import decide_at
from tests.collector.revisions.shop import (
    CONTRACT,
    END,
    MONTH,
    OFFSET,
    SETTLED,
    SPOOL,
    TENANT,
    TEXT,
    Shop,
    all_month,
    at,
    run,
)
from wire.messages import Heartbeat
from wire.topics import Address

HOUR = 3_600_000
MINUTE = 60_000


class Running:
    """A keeper over the shop's ledger, as a collector has it."""

    def __init__(self, shop: Shop, clock: ManualClock) -> None:
        self.shop, self.clock = shop, clock
        self.keeper = Keeper(shop.ledger, clock, [shop.file], self.agreements)

    def agreements(self) -> dict[str, Agreement]:
        registry = self.shop.ledger.read_now(read_registry)
        return agree(registry, {CONTRACT: self.shop.file.contract}).by_key

    async def pass_by(self, length_ms: int, every_ms: int = 5 * MINUTE) -> None:
        for _ in range(0, length_ms, every_ms):
            self.clock.advance(every_ms)
            await self.keeper.check()

    def made(self) -> list[tuple[str, int, str]]:
        listed = self.shop.ledger.read_now(list_revisions)
        return [(each.manifest.month, each.manifest.number, each.manifest.trigger) for each in listed]


@pytest.fixture
def running(shop: Shop) -> Running:
    return Running(shop, ManualClock(wall=END - HOUR))


async def test_a_month_is_closed_when_its_time_has_come_and_not_before(running: Running) -> None:
    await running.keeper.check()
    running.clock.wall = SETTLED - 1
    await running.keeper.check()
    assert running.made() == [("2026-02", 1, "settled")]
    running.clock.wall = SETTLED
    await running.keeper.check()
    assert running.made() == [("2026-02", 1, "settled"), (MONTH, 1, "settled")]
    await running.pass_by(HOUR)
    assert len(running.made()) == 2


async def test_months_that_ended_while_nobody_ran_are_closed_then_the_oldest_first(shop: Shop) -> None:
    shop.send(run("p1", "04-01T12:00", "06-20T00:00", "playing"))
    late = Running(shop, ManualClock(wall=END + 80 * 24 * HOUR))
    await late.keeper.check()
    assert [month for month, _, _ in late.made()] == ["2026-02", "2026-03", "2026-04", "2026-05"]
    again = Running(shop, late.clock)
    await again.keeper.check()
    assert len(again.made()) == 4


async def test_a_draining_backlog_makes_one_revision(running: Running) -> None:
    running.clock.wall = SETTLED
    await running.keeper.check()
    await running.keeper.check()  # what was closed is looked at once more, and is as it was
    for number in range(12):
        each = run("p3", f"03-20T{number:02}:00", f"03-20T{number:02}:30", "frozen")
        running.shop.send(each)
        running.keeper.decided()
        await running.pass_by(10 * MINUTE)
    assert (MONTH, 2, "evidence") not in running.made()
    await running.pass_by(2 * HOUR)
    assert [made for made in running.made() if made[0] == MONTH] == [(MONTH, 1, "settled"), (MONTH, 2, "evidence")]
    assert running.shop.revision().manifest.differences[2].facts["late"] == 12


async def test_a_backlog_that_never_rests_is_not_waited_for_longer_than_a_day(running: Running) -> None:
    running.clock.wall = SETTLED
    await running.keeper.check()
    for number in range(27):
        minute = f"{number:02}"
        running.shop.send(run("p3", f"03-20T12:{minute}", f"03-20T12:{number + 1:02}", "frozen"))
        running.keeper.decided()
        await running.pass_by(HOUR, every_ms=30 * MINUTE)
    assert (MONTH, 2, "evidence") in running.made()


async def test_only_runs_that_touch_a_closed_month_make_it_looked_at_again(running: Running) -> None:
    running.clock.wall = SETTLED
    await running.keeper.check()
    await running.keeper.check()
    assert running.keeper._suspects == set()
    running.shop.send(run("p3", "03-20T00:00", "03-20T10:00", "frozen"), first=7)
    address = Address(TENANT, "p3")
    rows = running.shop.ledger.read_now(lambda found: runs_of(found, address, "main", 0, SETTLED))
    grown = [row._replace(end_ms=row.end_ms + HOUR) for row in rows if row.end_ms > END]
    assert len(grown) == 1
    running.keeper.committed([(address, row) for row in grown])
    assert running.keeper._suspects == set()
    running.keeper.committed([(address, row) for row in rows if row.seq == 7])
    assert running.keeper._suspects == {(f"{TENANT}/{CONTRACT}", MONTH)}
    await running.pass_by(2 * HOUR)
    assert (MONTH, 2, "evidence") in running.made()


async def test_an_operator_s_order_and_the_keeper_do_not_make_two(running: Running) -> None:
    running.clock.wall = SETTLED
    order = CloseRequest(CONTRACT, MONTH, "ana")
    first, second, _ = await asyncio.gather(
        running.keeper.close(order), running.keeper.close(order), running.keeper.check()
    )
    assert (first.made, second.made) == (True, False)
    assert len([made for made in running.made() if made[0] == MONTH]) == 1


async def test_a_contract_that_the_collector_does_not_have_is_told(running: Running) -> None:
    with pytest.raises(ConfigError, match="has no contract 'admira'; use one of: case"):
        await running.keeper.close(CloseRequest("admira", MONTH, "ana"))


GUARANTEE = TEXT.replace("committed = 99.00", "committed = 99.00\nwindow_months = 2") + '[life]\nfrom = "2026-03"\n'


async def test_a_month_whose_guarantee_becomes_known_later_is_revised_then(ledger: Ledger) -> None:
    shop = Shop(ledger, GUARANTEE)
    shop.register()
    shop.send(*all_month("p1", "p2", "portal", until="05-10T00:00"))
    shop.send(run("p3", "02-28T12:00", "03-20T00:00", "playing"), run("p3", "03-20T00:00", "04-30T23:00", "black"))
    march = Running(shop, ManualClock(wall=SETTLED))
    await march.pass_by(2 * HOUR)
    assert march.made() == [(MONTH, 1, "settled")]
    assert shop.revision().manifest.outcome.discount_reason == "window_open"
    march.clock.wall = SETTLED + 30 * 24 * HOUR
    await march.pass_by(2 * HOUR)
    assert march.made() == [(MONTH, 1, "settled"), (MONTH, 2, "months"), ("2026-04", 1, "settled")]
    assert shop.revision().manifest.outcome.discount_reason == "due"
    assert shop.revision(1).manifest.outcome.discount_reason == "window_open"


async def test_what_fails_is_counted_and_tried_again(running: Running) -> None:
    running.clock.wall = SETTLED
    files, running.keeper._files = running.keeper._files, {}
    await running.keeper.check()
    assert (running.keeper.failed_total, running.made()) == (1, [])
    running.keeper._files = files
    await running.keeper.check()
    assert (MONTH, 1, "settled") in running.made()


def heard(shop: Shop, device: str, sent_ms: int, received_ms: int) -> None:
    """A message of a device whose own clock is synchronised, as the collector's clock receives it."""
    mono_ms = sent_ms - OFFSET
    message = Heartbeat(boot="b" * 32, sent_ms=sent_ms, mono_ms=mono_ms, synced=True, spool=SPOOL, open=[])
    store, received = EvidenceStore(), [Received(Address(TENANT, device), message, received_ms)]
    shop.ledger.write_now(lambda connection: (store.load(connection), store.apply(connection, received, [])))


JUMP = 40 * 24 * HOUR


@pytest.fixture
def half_a_month(ledger: Ledger) -> Running:
    """In the middle of March, while everybody plays, the collector's clock jumps ahead by 40 days."""
    shop = Shop(ledger)
    shop.register()
    shop.send(*all_month("p1", "p2", "p3", "portal", until="03-15T00:00"))
    heard(shop, "p1", END - 16 * 24 * HOUR, END - 16 * 24 * HOUR + JUMP)
    return Running(shop, ManualClock(wall=END - 16 * 24 * HOUR + JUMP))


async def test_a_clock_that_jumps_ahead_closes_no_month_that_agents_have_not_lived(half_a_month: Running) -> None:
    await half_a_month.keeper.check()
    assert [month for month, _, _ in half_a_month.made()] == ["2026-02"]
    with pytest.raises(ConfigError, match=r"no agent with a synchronised clock.* set the clock; if it is right"):
        await half_a_month.keeper.close(CloseRequest(CONTRACT, MONTH, "ana"))
    half_a_month.clock.wall = END - 15 * 24 * HOUR  # it comes back
    await half_a_month.keeper.check()
    assert len(half_a_month.made()) == 1


async def test_when_one_agent_has_lived_past_the_month_it_is_closed(half_a_month: Running) -> None:
    half_a_month.shop.send(run("p2", "03-15T00:00", "04-01T00:00", "playing"))
    await half_a_month.keeper.check()
    assert (MONTH, 1, "settled") in half_a_month.made()


async def test_a_fleet_that_is_silent_for_good_contradicts_nobody(half_a_month: Running) -> None:
    half_a_month.shop.ledger.write_now(
        lambda connection: connection.execute(update(devices).values(last_received_ms=0))
    )
    await half_a_month.keeper.check()
    assert (MONTH, 1, "settled") in half_a_month.made()


async def test_a_person_who_knows_better_closes_it_all_the_same(half_a_month: Running) -> None:
    answer = await half_a_month.keeper.close(CloseRequest(CONTRACT, MONTH, "ana", now=True, why="all players are sold"))
    assert answer.made


async def test_a_clock_that_was_set_back_takes_no_ruling_out_of_a_revision(running: Running) -> None:
    shop = running.shop
    ruling = Rule(TENANT, "p2", at("03-10T00:00"), at("03-10T20:00"), None, "customer", "unplugged")
    decide_at(shop.ledger, ruling, SETTLED + 20 * 24 * HOUR)
    running.clock.wall = SETTLED + 30 * 24 * HOUR
    await running.keeper.check()
    before = shop.revision().manifest
    running.clock.wall = SETTLED
    shop.send(run("p3", "03-20T00:00", "03-21T06:00", "playing"))
    await running.keeper.close(CloseRequest(CONTRACT, MONTH, "ana"))
    after = shop.revision().manifest
    assert (after.number, after.at_ms) == (2, before.at_ms)
    assert after.numbers.players_downtime_ms == before.numbers.players_downtime_ms == 0
