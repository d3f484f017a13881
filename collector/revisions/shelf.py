"""Closed months out of the ledger, for reading: one revision with what lists and bundles say about it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from collector.ledger import journal
from collector.ledger.revision_store import journal_entries, journal_key, list_revisions, read_revision
from collector.revisions.bundle import JournalPart
from collector.revisions.look import see
from collector.revisions.papers import from_papers
from collector.revisions.waiting import tell_waiting, what_waits
from common.config import ConfigError, Finding

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

    from collector.revisions.look import ContractFile
    from collector.revisions.seal import Frozen
    from collector.sla.service import Phrase


class Taken(NamedTuple):
    """A revision; the number of the month's latest; when the month was first closed.

    `waiting`: what the next revision already waits for; None: nothing, or nobody looked.
    """

    frozen: Frozen
    latest: int
    first_at_ms: int
    waiting: Phrase | None = None


class Wanted(NamedTuple):
    """Which one. `tenant` "": the only one. `number` 0: the latest."""

    contract: str
    month: str
    tenant: str = ""
    number: int = 0


def take(connection: Connection, wanted: Wanted) -> Taken | None:
    """The revision; None where the month was never closed. ConfigError for another customer or number."""
    listed = [each.manifest for each in list_revisions(connection, None, wanted.contract, wanted.month)]
    tenants = sorted({manifest.tenant for manifest in listed})
    if not tenants or (wanted.tenant and wanted.tenant not in tenants):
        return None
    if not wanted.tenant and len(tenants) > 1:
        message = f"is needed: {wanted.month} is closed for several"
        raise ConfigError(Finding("report.tenant", "--tenant", "", message, f"use one of: {', '.join(tenants)}"))
    own = [manifest for manifest in listed if manifest.tenant == (wanted.tenant or tenants[0])]
    numbers = [manifest.number for manifest in own]
    if wanted.number and wanted.number not in numbers:
        message = f"{wanted.month} has no revision {wanted.number}"
        remedy = f"use one of: {', '.join(map(str, numbers))}"
        raise ConfigError(Finding("revision.unknown", "--revision", "", message, remedy))
    frozen = read_revision(connection, own[0].tenant, wanted.contract, wanted.month, wanted.number)
    if frozen is None:
        raise LookupError(f"{wanted} was listed and is not there")
    return Taken(frozen, numbers[-1], own[0].at_ms)


def with_waiting(connection: Connection, taken: Taken, file: ContractFile, now_ms: int) -> Taken:
    """The same, the latest revision together with what the next one already waits for."""
    manifest = taken.frozen.manifest
    if manifest.number < taken.latest:
        return taken
    try:
        sight = see(connection, file, manifest.tenant, manifest.month, now_ms)
    except ConfigError:  # the registry judges nobody under this contract any more: no revision will be made
        return taken
    waiting = what_waits(sight.inputs, taken.frozen)
    return taken if waiting is None else taken._replace(waiting=tell_waiting(waiting))


def take_closed(connection: Connection, wanted: Wanted) -> Taken:
    """The same; ConfigError where the month was never closed."""
    taken = take(connection, wanted)
    if taken is None:
        message = f"{wanted.month} of {wanted.contract!r} is not closed: there is no revision of it"
        raise ConfigError(Finding("revision.none", "--month", "", message, "see `signwatch sla revisions`"))
    return taken


def journal_keys(taken: Taken) -> list[str]:
    """Of what the journal is asked for a bundle: closings, windows, rulings, and who was registered."""
    inputs, manifest = from_papers(taken.frozen.papers), taken.frozen.manifest
    numbers = range(1, manifest.number + 1)
    base = journal_key(manifest).rpartition("-")[0]
    keys = [f"{base}-{number}" for number in numbers]
    keys += [f"{each.window.tenant}/window-{each.window.id}" for each in inputs.windows]
    keys += [f"{ruling.subject}/ruling-{ruling.id}" for ruling in inputs.rulings]
    keys += [entry.subject for entry in inputs.subjects if entry.kind == "player"]
    return keys


def journal_part(connection: Connection, taken: Taken, keys: Sequence[str] | None = None) -> JournalPart:
    """What the journal said of the month when it was closed. `keys`: those of the bundle, where they are known already.

    It ends with the entry of the closing, so that the same revision is the same bundle at any time.
    """
    manifest = taken.frozen.manifest
    entries = journal_entries(connection, journal_keys(taken) if keys is None else keys)
    own = next(link for link in reversed(entries) if link.key == journal_key(manifest))
    chosen = tuple(link._asdict() for link in entries if link.id <= own.id)
    return JournalPart(str(journal.Head(own.id, own.hash)), chosen)
