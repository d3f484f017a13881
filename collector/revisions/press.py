"""What people download of closed months, drawn from the frozen revision: reports, claims, tables, bundles.

To draw a report of hundreds of players takes seconds. So it is done in a thread, one at a time; few may wait for their
turn, others are told to come back; and what was drawn is kept, since a revision never changes. Of the ledger it only
needs the reader, and only for reading.
"""

from __future__ import annotations

import asyncio
import re
from collections import OrderedDict
from typing import TYPE_CHECKING, Final, NamedTuple

from collector.claims.as_html import as_html as claim_as_html
from collector.claims.draft import draft_claim
from collector.ledger.revision_store import list_revisions
from collector.month_views import Paper, PaperForm, PaperRequest, PressBusyError
from collector.report.as_csv import as_csv
from collector.report.as_html import as_html
from collector.revisions.bundle import write_bundle
from collector.revisions.edition import frozen_json, report_of
from collector.revisions.shelf import Taken, Wanted, journal_keys, journal_part, take_closed

if TYPE_CHECKING:
    from collector.ledger.access import LedgerAccess
    from collector.revisions.bundle import JournalPart
    from collector.sla.service import Language
    from common.clock import Clock

MOST_WAITING: Final = 4  # the one that is drawn among them
KEPT_BYTES: Final = 32 << 20

_TYPES: Final[dict[PaperForm, tuple[str, str]]] = {
    "report": ("html", "text/html"),
    "claim": ("html", "text/html"),
    "csv": ("csv", "text/csv"),
    "json": ("json", "application/json"),
    "bundle": ("zip", "application/zip"),
}
_IN_A_LANGUAGE: Final = frozenset({"report", "claim"})
_UNSAFE: Final = re.compile(r"[^A-Za-z0-9._-]")


class _Key(NamedTuple):
    """What a drawn file depends on. `latest`: a report says when its revision was replaced."""

    seal: str
    latest: int
    form: PaperForm
    language: Language


class Press:
    """Draws. ConfigError where there is no such revision, or this signwatch cannot show it."""

    def __init__(self, ledger: LedgerAccess, clock: Clock) -> None:
        self._ledger = ledger
        self._clock = clock
        self._turn = asyncio.Lock()
        self._waiting = 0
        self._kept: OrderedDict[_Key, Paper] = OrderedDict()
        self.drawn_total = 0

    async def draw(self, wanted: PaperRequest) -> Paper:
        """The file, kept or new; PressBusyError where too many wait."""
        key = await self._key(wanted)
        if key is not None and (kept := self._kept.get(key)) is not None:
            self._kept.move_to_end(key)
            return kept
        if self._waiting >= MOST_WAITING:
            raise PressBusyError
        self._waiting += 1
        try:
            async with self._turn:
                return (self._kept.get(key) if key is not None else None) or await self._draw(wanted)
        finally:
            self._waiting -= 1

    async def _key(self, wanted: PaperRequest) -> _Key | None:
        """Under what it is kept; None: not at all, or there is nothing of that number."""
        if wanted.form == "claim":  # tells how much time is left
            return None
        where = (wanted.tenant, wanted.contract, wanted.month)
        found = await self._ledger.read(lambda connection: list_revisions(connection, *where))
        listed = {each.manifest.number: each.seal for each in found}
        latest = max(listed, default=0)
        seal = listed.get(wanted.revision or latest)
        return None if seal is None else _key_of(wanted, seal, latest)

    async def _draw(self, wanted: PaperRequest) -> Paper:
        place = Wanted(wanted.contract, wanted.month, wanted.tenant, wanted.revision)
        taken = await self._ledger.read(lambda connection: take_closed(connection, place))
        journal = await self._journal(taken) if wanted.form == "bundle" else None
        body = await asyncio.to_thread(_body, wanted, taken, journal, self._clock.wall_ms())
        self.drawn_total += 1
        paper = _paper(wanted, taken, body)
        if wanted.form != "claim":
            self._keep(_key_of(wanted, taken.frozen.seal, taken.latest), paper)
        return paper

    async def _journal(self, taken: Taken) -> JournalPart:
        keys = await asyncio.to_thread(journal_keys, taken)
        return await self._ledger.read(lambda connection: journal_part(connection, taken, keys))

    def _keep(self, key: _Key, paper: Paper) -> None:
        """Keep it; what was not asked for longest goes first."""
        self._kept[key] = paper
        self._kept.move_to_end(key)
        while sum(len(each.body) for each in self._kept.values()) > KEPT_BYTES:
            self._kept.popitem(last=False)


def _key_of(wanted: PaperRequest, seal: str, latest: int) -> _Key:
    return _Key(seal, latest, wanted.form, wanted.language if wanted.form in _IN_A_LANGUAGE else "en")


def _body(wanted: PaperRequest, taken: Taken, journal: JournalPart | None, now_ms: int) -> bytes:
    """The file's bytes: all the arithmetic there is."""
    if journal is not None:
        return write_bundle(taken.frozen, journal)
    if wanted.form == "json":
        return frozen_json(*taken).encode()
    report = report_of(*taken)
    if wanted.form == "csv":
        return as_csv(report).encode()
    if wanted.form == "claim":
        return claim_as_html(draft_claim(report, asked_ms=now_ms), wanted.language).encode()
    return as_html(report, wanted.language).encode()


def _paper(wanted: PaperRequest, taken: Taken, body: bytes) -> Paper:
    ending, content_type = _TYPES[wanted.form]
    manifest = taken.frozen.manifest
    parts = [manifest.tenant, manifest.contract, manifest.month, f"r{manifest.number}"]
    parts += [wanted.form] if wanted.form == "claim" else []
    parts += [wanted.language] if wanted.form in _IN_A_LANGUAGE else []
    return Paper(f"{_UNSAFE.sub('_', '-'.join(parts))}.{ending}", content_type, body)
