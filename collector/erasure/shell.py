"""An erasure from the order to the certificate, in steps each of which may be the last before a crash.

1. One transaction takes the rows away, redacts the journal and writes the entry that says so.
2. The file is written anew, so that nothing of it is left in free pages; points are deleted from InfluxDB.
3. A second entry notes that.

Asked again, it goes on behind the last step that was taken: after 1 with 2, after 3 it gives the certificate once more.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeVar

from sqlalchemy.exc import DatabaseError

from collector.erasure.model import Certificate, EraseAnswer, EraseRequest, Finished
from collector.erasure.term import obstacles
from collector.ledger import erasure, journal
from collector.ledger.registry_store import read_registry
from common.config import ConfigError, Finding

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from collector.sla.contract import Contract
    from common.clock import Clock

T = TypeVar("T")
NO_INFLUX = "InfluxDB is not configured here: points of the tenant, if there are any, are not erased"


class Compactable(Protocol):
    """What an erasure needs of `collector.ledger.ledger.Ledger`."""

    async def write(self, work: Callable[[Connection], T]) -> T:
        """Run `work` in one transaction."""

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Run `work` on committed data."""

    async def compact(self) -> tuple[int, int]:
        """Write the file anew; its bytes before and after."""


class PointEraser(Protocol):
    """Deletes a tenant's points: whether that was done, and a sentence."""

    async def __call__(self, tenant: str) -> tuple[bool, str]:
        """Delete them; never raises for what a network does."""


async def _nowhere(_tenant: str) -> None:
    return None


def _nothing(_connection: Connection) -> None:
    return None


@dataclass(frozen=True)
class Eraser:
    """Carries an erasure out. `contracts` None: not known here.

    `reload`: what keeps rows of the ledger in memory reads them anew, inside the transaction; `forget`: what lives in
    memory forgets the tenant, after it.
    """

    ledger: Compactable
    clock: Clock
    contracts: Mapping[str, Contract] | None = None
    points: PointEraser | None = None
    reload: Callable[[Connection], object] = _nothing
    forget: Callable[[str], Awaitable[None]] = _nowhere

    async def __call__(self, request: EraseRequest) -> EraseAnswer:
        """Erase, or only look; ConfigError where there is nothing that is or was this tenant."""
        rows, against, past = await self.ledger.read(lambda found: self._look(found, request.tenant))
        if not rows and past is None:
            remedy = "signwatch registry export shows the tenants there are"
            message = "nothing in this ledger is of this tenant, and nothing was erased"
            raise ConfigError(Finding("tenant.unknown", "TENANT", "", f"{request.tenant}: {message}", remedy))
        if request.dry_run or (rows and against and not request.force):
            return EraseAnswer(rows, against)
        if rows:
            await self._erase(request, against)
        return await self._finish(request, again=not rows)

    def _look(self, connection: Connection, tenant: str) -> tuple[dict[str, int], list[str], erasure.Past | None]:
        subjects = (each for each in read_registry(connection).subjects.values() if each.tenant == tenant)
        against = obstacles(subjects, self.contracts, self.clock.wall_ms())
        return erasure.count(connection, tenant), against, erasure.latest(connection, tenant)

    async def _erase(self, request: EraseRequest, against: list[str]) -> None:
        def work(connection: Connection) -> None:
            erasure.erase(connection, request, against, self.clock.wall_ms())
            self.reload(connection)

        try:
            await self.ledger.write(work)
        except BaseException:
            await self.ledger.write(self.reload)  # what was read anew was rolled back
            raise
        await self.forget(request.tenant)

    async def _finish(self, request: EraseRequest, *, again: bool) -> EraseAnswer:
        tenant, unfinished = request.tenant, ""
        past = await self.ledger.read(lambda found: erasure.latest(found, tenant))
        if past is not None and past.finished is None:
            again = False
            try:
                finished = await self._overwrite(tenant, past.entry)
                at_ms = self.clock.wall_ms()
                await self.ledger.write(lambda found: erasure.finish(found, tenant, finished, request.who, at_ms))
            except DatabaseError as error:
                unfinished = f"the file could not be written anew ({error.orig}); run the command again"
        certificate = await self.ledger.read(lambda found: _certificate(found, tenant))
        return EraseAnswer({}, [], certificate, again, unfinished)

    async def _overwrite(self, tenant: str, entry: journal.Entry) -> Finished:
        before, after = await self.ledger.compact()
        done, said = (False, NO_INFLUX) if self.points is None else await self.points(tenant)
        return Finished(entry.id, before, after, said, done)


def _certificate(connection: Connection, tenant: str) -> Certificate | None:
    past = erasure.latest(connection, tenant)
    return None if past is None else erasure.certificate(connection, past)
