"""An agreement's months for people who look: each as it stands, from the first evidence to the one that is running."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from collector.ledger.revision_store import list_revisions
from collector.month_views import MonthStatus, MonthView, ProvisionalView, RevisionView, WaitingView
from collector.report.words import Words
from collector.revisions.wording import discount_text, tell, trigger_text
from collector.sla.instants import local_date, parse_month
from collector.sla.service import Phrase
from collector.sla.tally import month_span

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from collector.figures import Agreement
    from collector.ledger.access import LedgerAccess
    from collector.revisions.seal import Listed
    from collector.sla.availability import MonthFigure
    from collector.views import FigureView

Place = tuple[str, str]  # agreement, month


@dataclass
class Noticed:
    """What the keeper saw when it last looked: figures of months that are not closed, what closed ones wait for."""

    figures: dict[Place, ProvisionalView] = field(default_factory=dict)
    waiting: dict[Place, WaitingView] = field(default_factory=dict)

    def forget(self, place: Place) -> None:
        """Drop both: a revision was made."""
        self.figures.pop(place, None)
        self.waiting.pop(place, None)


def provisional_view(figure: MonthFigure, computed_ms: int) -> ProvisionalView:
    """A month's figure as it was computed then."""
    return ProvisionalView(figure.percent, figure.players_coverage, figure.platform_coverage, computed_ms)


async def months_of(
    ledger: LedgerAccess,
    key: str,
    agreement: Agreement | None,
    ended: Sequence[str],
    noticed: Noticed,
    live: FigureView | None,
    now_ms: int,
) -> list[MonthView]:
    """Every month of `tenant/contract`, the newest first. `ended`: those that are over; `live`: its figure of now.

    `agreement` None: nobody is judged by it any more; then its closed months.
    """
    closed = await _revisions(ledger, key)
    names = {*closed, *ended}
    if agreement is not None:
        names.update(_running(agreement, now_ms))
    views = []
    for name in sorted(names, reverse=True):
        place, revisions = (key, name), closed.get(name, ())
        status: MonthStatus = "closed" if revisions else "settling" if name in ended else "running"
        figure = None if revisions else noticed.figures.get(place) if name in ended else _of(live, name)
        waiting = noticed.waiting.get(place) if revisions else None
        settles_ms = None if agreement is None else _settles_ms(agreement, name, now_ms)
        views.append(MonthView(name, status, settles_ms, figure, revisions, waiting))
    return views


def _running(agreement: Agreement, now_ms: int) -> list[str]:
    """The month that is running, where it lies in the contract's life."""
    life, month = agreement.contract.life, f"{local_date(agreement.contract.timezone, now_ms):%Y-%m}"
    number = parse_month(month)
    begun = life.first is None or number >= life.first
    return [month] if begun and (life.last is None or number <= life.last) else []


def _settles_ms(agreement: Agreement, month: str, now_ms: int) -> int:
    return month_span(agreement.contract, month, now_ms).end_ms + agreement.contract.service.finalise_after_ms


def _of(live: FigureView | None, month: str) -> ProvisionalView | None:
    if live is None or live.month != month:
        return None
    return ProvisionalView(live.percent, live.coverage_players, live.coverage_platform, live.computed_ms)


async def _revisions(ledger: LedgerAccess, key: str) -> dict[str, list[RevisionView]]:
    tenant, _, contract = key.partition("/")
    found = await ledger.read(lambda connection: list_revisions(connection, tenant, contract))
    return await asyncio.to_thread(_by_month, found)


def _by_month(listed: Iterable[Listed]) -> dict[str, list[RevisionView]]:
    found: dict[str, list[RevisionView]] = {}
    for each in listed:
        found.setdefault(each.manifest.month, []).append(revision_view(each))
    return found


def revision_view(listed: Listed) -> RevisionView:
    """One revision for people."""
    manifest = listed.manifest
    zone = ZoneInfo(manifest.timezone)
    due = [discount_text(Words(language, zone), manifest.outcome) for language in ("en", "es")]
    return RevisionView(
        number=manifest.number,
        at_ms=manifest.at_ms,
        who=manifest.who,
        why=Phrase(trigger_text(manifest, "en"), trigger_text(manifest, "es")),
        seal=listed.seal,
        percent=manifest.outcome.percent,
        discount=Phrase(*due),
        changes=tell(manifest),
    )
