"""The running collector's part: closes months when their time has come, catches up, and revises what changed since.

Every few minutes it looks at each agreement. Months that ended while nobody ran are closed then, the oldest first, so
that each knows those before it. Closed months are looked at again when something may have changed them: a run that
touches them was committed, somebody decided or registered something, another month of the agreement was closed, the
collector started, or a day has gone by. What changed waits until it has come to rest (`debounce.py`).

What it knows beside the ledger is only when to look; a restart loses nothing but the waiting.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final, TypeVar

import structlog

from collector.ledger.registry_store import read_registry
from collector.ledger.revision_store import OvertakenError, closed_months, first_evidence_ms, list_revisions
from collector.month_views import WaitingView
from collector.places import places_of
from collector.revisions.debounce import LONGEST_MS, Pending, is_ripe, note
from collector.revisions.drafting import BY_ITSELF, state_of
from collector.revisions.listing import plain_revision
from collector.revisions.look import see
from collector.revisions.make import keep, look, make
from collector.revisions.orders import CloseAnswer, CloseRequest
from collector.revisions.overview import Noticed, Place, provisional_view
from collector.revisions.reach import Reach
from collector.revisions.waiting import tell_waiting, what_waits
from collector.sla.instants import DAY_MS, HOUR_MS, format_month, local_date, parse_month
from common.clock import to_datetime
from common.config import ConfigError, Finding

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from sqlalchemy import Connection

    from collector.evidence import RunRow
    from collector.figures import Agreement
    from collector.ledger.access import LedgerAccess
    from collector.revisions.look import ContractFile, Sight
    from collector.revisions.seal import Packed
    from common.clock import Clock
    from wire.topics import Address

T = TypeVar("T")
log = structlog.get_logger(__name__)

CHECK_EVERY_S: Final = 300
LOOK_AGAIN_MS: Final = HOUR_MS  # at a month that may not be closed yet
EVERYTHING_EVERY_MS: Final = DAY_MS
_TRIES: Final = 3


class Keeper:
    """Closes and revises. `agreements` gives those that are judged now; `files` the contracts with their texts."""

    def __init__(
        self,
        ledger: LedgerAccess,
        clock: Clock,
        files: Iterable[ContractFile],
        agreements: Callable[[], Mapping[str, Agreement]],
    ) -> None:
        self._ledger = ledger
        self._clock = clock
        self._files = {file.id: file for file in files}
        self._agreements = agreements
        self._reach = Reach()
        self._turn = asyncio.Lock()
        self._suspects: set[Place] = set()
        self._pending: dict[Place, Pending] = {}
        self._looked_ms: dict[Place, int] = {}
        self._first: dict[str, int] = {}
        self._everything_ms: int | None = None
        self.noticed = Noticed()
        self.made_total = 0
        self.failed_total = 0

    async def run(self) -> None:
        """Look again and again; not before agents had time to be heard, who may know the time better."""
        while True:
            await asyncio.sleep(CHECK_EVERY_S)
            await self.check()

    def committed(self, rows: Iterable[tuple[Address, RunRow]]) -> None:
        """Note which closed months these runs may have changed."""
        for address, row in rows:
            self._suspects.update(self._reach.touched(address.tenant, row))

    def decided(self) -> None:
        """Note that somebody decided or registered something: every closed month may have changed."""
        self._everything_ms = None

    async def check(self) -> None:
        """Look at every agreement once; what fails is logged and tried again the next time."""
        now_ms = self._clock.wall_ms()
        everything = self._everything_ms is None or abs(now_ms - self._everything_ms) >= EVERYTHING_EVERY_MS
        if everything:
            self._everything_ms = now_ms
            self._first.clear()
        for agreement in list(self._agreements().values()):
            try:
                await self._check_agreement(agreement, now_ms, everything=everything)
            except Exception:
                self.failed_total += 1
                log.exception("months_not_checked", agreement=agreement.key)

    async def close(self, request: CloseRequest) -> CloseAnswer:
        """Carry out an operator's order; ConfigError where that cannot be."""
        file = self._files.get(request.contract)
        if file is None:
            message = f"the running collector has no contract {request.contract!r}"
            remedy = f"use one of: {', '.join(sorted(self._files)) or '(none is configured)'}"
            raise ConfigError(Finding("report.contract_unknown", "--contract", "", message, remedy))
        async with self._turn:
            for _ in range(_TRIES):
                sight = await self._ledger.read(lambda found: look(found, file, request, self._clock.wall_ms()))
                made = await asyncio.to_thread(make, sight, request)
                try:
                    return await self._keep(sight, made)
                except OvertakenError:
                    continue
        raise ConfigError(Finding("close.overtaken", "--month", "", "others close it too", "run the command again"))

    async def revisions(self, agreement: str | None = None) -> Sequence[Mapping[str, object]]:
        """Every revision of an agreement (`tenant/contract`; None: of all), as plain data."""
        tenant, contract = (None, None) if agreement is None else agreement.partition("/")[::2]
        found = await self._ledger.read(lambda connection: list_revisions(connection, tenant, contract))
        return await asyncio.to_thread(lambda: [plain_revision(each) for each in found])

    async def _check_agreement(self, agreement: Agreement, now_ms: int, *, everything: bool) -> None:
        tenant, name = agreement.tenant, agreement.contract_id
        closed = await self._ledger.read(lambda connection: closed_months(connection, tenant, name))
        if everything:
            self._suspects.update((agreement.key, month) for month in closed)
        for month in await self.ended_months(agreement, now_ms):
            place = (agreement.key, month)
            if month not in closed:
                await self._close_by_itself(agreement, month, now_ms)
            elif place in self._suspects:
                await self._revise(agreement, month, now_ms)

    async def ended_months(self, agreement: Agreement, now_ms: int) -> list[str]:
        """The months that are over, from the first of which there is evidence; the oldest first."""
        contract, key = agreement.contract, agreement.key
        if key not in self._first:
            first_ms = await self._ledger.read(lambda connection: _first_evidence_ms(connection, agreement))
            if first_ms is None:
                return []
            self._first[key] = parse_month(f"{local_date(contract.timezone, first_ms):%Y-%m}")
        first, last = self._first[key], contract.life.last
        if contract.life.first is not None:
            first = max(first, contract.life.first)
        running = parse_month(f"{to_datetime(now_ms).astimezone(contract.timezone):%Y-%m}")
        return [format_month(number) for number in range(first, running) if last is None or number <= last]

    async def _close_by_itself(self, agreement: Agreement, month: str, now_ms: int) -> None:
        place = (agreement.key, month)
        if abs(now_ms - self._looked_ms.get(place, -LOOK_AGAIN_MS)) < LOOK_AGAIN_MS:
            return
        async with self._turn:
            sight = await self._see(agreement, month, now_ms)
            if sight is None or sight.last is not None or sight.reason is None:
                if sight is not None and sight.figure is not None:
                    self.noticed.figures[place] = provisional_view(sight.figure, now_ms)
                if sight is None or not self._is_due(sight, now_ms):
                    self._looked_ms[place] = now_ms
                if sight is not None and sight.last is None and now_ms >= sight.settles_ms:
                    log.warning("month_not_closed_clock_ahead", agreement=agreement.key, month=month)
                return
            await self._make(sight)
        self._looked_ms.pop(place, None)

    def _is_due(self, sight: Sight, now_ms: int) -> bool:
        """Whether the month's time is over before it would be looked at again."""
        return now_ms < sight.settles_ms < now_ms + LOOK_AGAIN_MS

    async def _revise(self, agreement: Agreement, month: str, now_ms: int) -> None:
        place = (agreement.key, month)
        async with self._turn:
            sight = await self._see(agreement, month, now_ms)
            last = None if sight is None else sight.last
            waits = None if sight is None or last is None else await asyncio.to_thread(what_waits, sight.inputs, last)
            if sight is None or waits is None:
                self.noticed.waiting.pop(place, None)
                self._pending.pop(place, None)
                self._suspects.discard(place)
                if sight is not None:
                    self._reach.remember(sight.inputs, sight.span)
                return
            pending = note(self._pending.get(place), await asyncio.to_thread(state_of, sight.inputs), now_ms)
            self._pending[place] = pending
            self.noticed.waiting[place] = WaitingView(tell_waiting(waits), pending.first_ms + LONGEST_MS)
            if is_ripe(pending, now_ms):
                await self._make(sight)
                self._pending.pop(place, None)

    async def _see(self, agreement: Agreement, month: str, now_ms: int) -> Sight | None:
        """The month as the ledger has it; None where it has no evidence of it."""
        file = self._files[agreement.contract_id]
        try:
            return await self._ledger.read(lambda found: see(found, file, agreement.tenant, month, now_ms))
        except ConfigError as error:
            log.info("month_without_evidence", agreement=agreement.key, month=month, why=str(error))
            return None

    async def _make(self, sight: Sight) -> None:
        inputs = sight.inputs
        request = CloseRequest(inputs.contract_id, inputs.month, BY_ITSELF, inputs.tenant)
        made = await asyncio.to_thread(make, sight, request)
        try:
            await self._keep(sight, made)
        except OvertakenError:
            log.info("month_overtaken", agreement=inputs.agreement, month=inputs.month)

    async def _keep(self, sight: Sight, made: Packed | None) -> CloseAnswer:
        answer = await self._ledger.write(lambda connection: keep(connection, sight, made))
        if made is not None:
            self.made_total += 1
            manifest, inputs = made.frozen.manifest, sight.inputs
            told = {"revision": manifest.number, "trigger": manifest.trigger, "percent": manifest.outcome.percent}
            self.noticed.forget((inputs.agreement, inputs.month))
            log.info("month_closed", agreement=inputs.agreement, month=inputs.month, seal=answer.seal, **told)
            # Evidence may have come while it was judged, and other months are judged with it: look at all of them.
            tenant, name = inputs.tenant, inputs.contract_id
            closed = await self._ledger.read(lambda connection: closed_months(connection, tenant, name))
            self._suspects.update((inputs.agreement, month) for month in closed)
        return answer


def _first_evidence_ms(connection: Connection, agreement: Agreement) -> int | None:
    registry = read_registry(connection)
    places = [place for subject, _ in agreement.subjects for place in places_of(registry, subject)]
    return first_evidence_ms(connection, places)
