"""A desk whose months are those of a real ledger: a real keeper closes and revises, a real press draws."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from collector.figures import Agreement, agree
from collector.ledger.registry_store import read_registry
from collector.month_views import MonthView, Paper, PaperRequest
from collector.revisions.keeper import Keeper
from collector.revisions.overview import months_of
from collector.revisions.press import Press
from common.clock import ManualClock
from tests.collector.revisions.shop import CONTRACT, SETTLED, TENANT, Shop, all_month, run
from tests.collector.web.fake_desk import FakeDesk

KEY = f"{TENANT}/{CONTRACT}"
HOUR = 3_600_000


class ShopDesk(FakeDesk):
    """The shop's months; everything else is invented."""

    def __init__(self, shop: Shop, clock: ManualClock) -> None:
        super().__init__(clock=clock)
        self.shop = shop
        self.keeper = Keeper(shop.ledger, clock, [shop.file], self.agreements)
        self.press = Press(shop.ledger, clock)
        figure = FakeDesk.with_fleet(3, clock).figure_views[0]
        named = {"tenant": TENANT, "contract": CONTRACT, "title": "Small", "month": "2026-04", "percent": "99.97"}
        self.figure_views = [replace(figure, **named)]  # type: ignore[arg-type]

    def agreements(self) -> dict[str, Agreement]:
        registry = self.shop.ledger.read_now(read_registry)
        return agree(registry, {CONTRACT: self.shop.file.contract}).by_key

    async def months(self, agreement: str) -> Sequence[MonthView] | None:
        found, now_ms = self.agreements().get(agreement), self.now_ms()
        ended = [] if found is None else await self.keeper.ended_months(found, now_ms)
        live = next((view for view in self.figure_views if view.key == agreement), None)
        months = await months_of(self.shop.ledger, agreement, found, ended, self.keeper.noticed, live, now_ms)
        return months if months or found is not None else None

    async def paper(self, wanted: PaperRequest) -> Paper:
        return await self.press.draw(wanted)


def make_shop(shop: Shop) -> Shop:
    """Three players and a portal; two days of p3 in March are missing."""
    shop.register()
    shop.send(*all_month("p1", "p2", "portal"))
    shop.send(run("p2", "03-10T00:00", "03-10T20:00", "black"))
    shop.send(run("p3", "02-28T12:00", "03-20T00:00", "playing"))
    shop.send(run("p3", "03-22T00:00", "04-01T12:00", "playing"), first=20)
    return shop


def deliver_late(shop: Shop) -> None:
    """What p3 did in the missing days comes after all."""
    shop.send(run("p3", "03-20T00:00", "03-20T10:00", "frozen"))


async def revise(desk: ShopDesk, clock: ManualClock) -> None:
    """Close March when its time has come, let evidence come late, and wait until revision 2 is made."""
    clock.wall = SETTLED
    await desk.keeper.check()
    await desk.keeper.check()
    deliver_late(desk.shop)
    desk.keeper.decided()
    for _ in range(3):
        clock.advance(HOUR)
        await desk.keeper.check()
