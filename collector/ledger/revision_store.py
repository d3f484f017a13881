"""SQL of closed months. A revision comes with its journal entry; none is ever edited or removed here."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Any, Final

import msgspec
from sqlalchemy import and_, func, insert, select

from collector.ledger import journal
from collector.ledger.chain import Link
from collector.ledger.schema import devices, revisions, runs
from collector.ledger.schema import journal as journal_table
from collector.registry.model import OWN_DEVICE
from collector.revisions.seal import Frozen, Listed, Manifest, Packed, manifest_bytes, sha256, unpack

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy import Connection

    from wire.topics import Address

KIND: Final = "sla.revision"
_KEYS_AT_ONCE: Final = 500


class OvertakenError(Exception):
    """Somebody else made the next revision meanwhile; look again."""


def journal_key(manifest: Manifest) -> str:
    """Where the journal speaks of it."""
    return f"{manifest.tenant}/{manifest.contract}/{manifest.month}/revision-{manifest.number}"


def store(connection: Connection, packed: Packed) -> journal.Head:
    """Add a revision with its journal entry, in the caller's transaction; OvertakenError where its number is taken."""
    frozen, manifest = packed.frozen, packed.frozen.manifest
    last = latest_number(connection, manifest.tenant, manifest.contract, manifest.month)
    if last != manifest.number - 1:
        raise OvertakenError(f"{journal_key(manifest)}: the last one is {last}")
    told = manifest_bytes(manifest)
    row = {
        "tenant": manifest.tenant,
        "contract": manifest.contract,
        "month": manifest.month,
        "number": manifest.number,
        "at_ms": manifest.at_ms,
        "seal": sha256(told),
        "substance": manifest.substance,
        "manifest": told,
        "papers": packed.papers,
        "result": packed.result,
    }
    connection.execute(insert(revisions).values(**row))
    return journal.append(connection, [_entry(manifest, frozen.seal)], manifest.who, manifest.at_ms)


def _entry(manifest: Manifest, seal: str) -> journal.Decision:
    before = None if manifest.previous is None else {"revision": manifest.number - 1, "seal": manifest.previous}
    outcome: dict[str, Any] = msgspec.to_builtins(manifest.outcome)
    after = {"revision": manifest.number, "seal": seal, "why": manifest.why, "trigger": manifest.trigger, **outcome}
    return journal.Decision(KIND, journal_key(manifest), before, after)


def latest_number(connection: Connection, tenant: str, contract: str, month: str) -> int:
    """The number of a month's latest revision; 0: it was never closed."""
    columns = revisions.c
    query = select(func.max(columns.number)).where(
        columns.tenant == tenant, columns.contract == contract, columns.month == month
    )
    return connection.execute(query).scalar() or 0


def read_revision(connection: Connection, tenant: str, contract: str, month: str, number: int = 0) -> Frozen | None:
    """One revision of a month, the latest for `number` 0; None where there is none."""
    columns = revisions.c
    query = select(revisions).where(columns.tenant == tenant, columns.contract == contract, columns.month == month)
    if number:
        query = query.where(columns.number == number)
    row = connection.execute(query.order_by(columns.number.desc()).limit(1)).one_or_none()
    if row is None:
        return None
    return Frozen(_manifest(row.manifest), unpack(row.papers), zlib.decompress(row.result))


def list_revisions(
    connection: Connection, tenant: str | None = None, contract: str | None = None, month: str | None = None
) -> list[Listed]:
    """Every revision of an agreement (None: of all), by tenant, contract, month and number."""
    columns = revisions.c
    query = select(columns.manifest, columns.seal).order_by(
        columns.tenant, columns.contract, columns.month, columns.number
    )
    for column, wanted in ((columns.tenant, tenant), (columns.contract, contract), (columns.month, month)):
        if wanted is not None:
            query = query.where(column == wanted)
    return [Listed(_manifest(row.manifest), row.seal) for row in connection.execute(query)]


def closed_months(connection: Connection, tenant: str, contract: str) -> dict[str, str]:
    """Month → fingerprint of the substance of its latest revision, in order."""
    columns = revisions.c
    query = select(columns.month, columns.substance).where(columns.tenant == tenant, columns.contract == contract)
    return {row.month: row.substance for row in connection.execute(query.order_by(columns.month, columns.number))}


def journal_entries(connection: Connection, keys: Iterable[str]) -> list[Link]:
    """The journal's entries about these keys as they are stored, in order: with the hashes that prove them."""
    wanted, found = list(keys), []
    for first in range(0, len(wanted), _KEYS_AT_ONCE):
        query = select(journal_table).where(journal_table.c.key.in_(wanted[first : first + _KEYS_AT_ONCE]))
        found += [Link(*row) for row in connection.execute(query)]
    return sorted(found)


def first_evidence_ms(connection: Connection, places: Iterable[tuple[Address, str]]) -> int | None:
    """When the earliest run of these outputs that has a true time began; None: there is none.

    By the index over their ends, a step a place: of the first runs, one that ends earlier also begins earlier.
    """
    found: list[int] = []
    for address, output in places:
        query = (
            select(runs.c.start_ms)
            .join(devices, devices.c.id == runs.c.device_id)
            .where(devices.c.tenant == address.tenant, devices.c.device == address.device, runs.c.output == output)
            .where(runs.c.clock != "estimated")
            .order_by(runs.c.end_ms)
            .limit(1)
        )
        found += connection.execute(query).scalars()
    return min(found, default=None)


def is_contradicted(connection: Connection, instant_ms: int) -> bool:
    """Whether the collector's clock has passed an instant of which its agents know nothing yet.

    That is: agents were heard since, by the collector's clock, and none that has a synchronised clock of its own has
    evidence that reaches there. The collector's own checks are no witness: they go by the clock in question.
    """
    columns, told = devices.c, False
    heard = select(columns.id).where(columns.device != OWN_DEVICE, columns.last_received_ms >= instant_ms)
    for device_id in connection.execute(heard.order_by(columns.last_received_ms.desc())).scalars().all():
        own = select(func.max(runs.c.end_ms)).where(runs.c.device_id == device_id, runs.c.clock == "synced")
        until_ms = connection.execute(own).scalar()
        if until_ms is not None and until_ms >= instant_ms:
            return False
        told = told or until_ms is not None
    return told


def has_every_number(connection: Connection, address: Address, spool: str, first: int, last: int) -> bool:
    """Whether the ledger has every run of a spool in `[first, last]`, of whatever output."""
    query = (
        select(func.count())
        .select_from(runs.join(devices, and_(devices.c.id == runs.c.device_id)))
        .where(devices.c.tenant == address.tenant, devices.c.device == address.device)
        .where(runs.c.spool == spool, runs.c.seq >= first, runs.c.seq <= last)
    )
    return connection.execute(query).scalar() == last - first + 1


def _manifest(data: bytes) -> Manifest:
    return msgspec.json.decode(data, type=Manifest)
