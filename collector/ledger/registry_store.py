"""SQL of the registry: read it, change it with a journal entry a change, and find who reports without being in it."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Final, NamedTuple

from sqlalchemy import and_, bindparam, delete, select

from collector.ledger import journal, schema
from collector.ledger.upsert import upsert
from collector.registry.files import read_files
from collector.registry.model import OWN_DEVICE
from collector.registry.newcomers import Stranger, to_newcomers
from collector.registry.plan import ApplyAnswer, ApplyRequest, MovedError, Plan, make_plan
from collector.registry.records import Kind, Record, Ref, key_of, to_registry

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from sqlalchemy import Connection, Table

    from collector.registry.diff import Change
    from collector.registry.entries import Entry
    from collector.registry.model import Registry
    from collector.views import Newcomer

_TABLES: Final[Mapping[Kind, Table]] = {
    "tenant": schema.tenants,
    "site": schema.sites,
    "calendar": schema.calendars,
    "device": schema.registered_devices,
    "output": schema.subjects,
    "platform": schema.subjects,
}


class Applied(NamedTuple):
    """What a request came to, and the registry after it."""

    answer: ApplyAnswer
    registry: Registry


def read_registry(connection: Connection) -> Registry:
    """Read one snapshot of the whole registry."""
    simple: tuple[Kind, ...] = ("tenant", "site", "calendar", "device")
    records = [
        _named(kind, dict(row)) for kind in simple for row in connection.execute(select(_TABLES[kind])).mappings()
    ]
    records += [
        _named("output" if row["kind"] == "player" else "platform", dict(row))
        for row in connection.execute(select(schema.subjects)).mappings()
    ]
    return to_registry(records)


def apply_changes(connection: Connection, changes: Sequence[Change], who: str, at_ms: int) -> journal.Head:
    """Write the changes and their journal entries in the caller's transaction; the journal's head after it."""
    for kind, table in _TABLES.items():
        key = tuple(column.name for column in table.primary_key)
        mine = [change for change in changes if change.kind == kind]
        upsert(connection, table, key, [change.after for change in mine if change.after is not None])
        gone = [change.before for change in mine if change.after is None and change.before is not None]
        if gone:
            statement = delete(table).where(and_(*(table.c[name] == bindparam(f"the_{name}") for name in key)))
            connection.execute(statement, [{f"the_{name}": record[name] for name in key} for record in gone])
    decisions = [
        journal.Decision(f"registry.{change.kind}", change.key, change.before, change.after) for change in changes
    ]
    return journal.append(connection, decisions, who, at_ms)


def apply_request(
    connection: Connection,
    request: ApplyRequest,
    at_ms: int,
    *,
    entries: Iterable[Entry] | None = None,
    contracts: Collection[str] | None = None,
) -> Applied:
    """Plan, and unless it is a dry run apply, in the caller's transaction.

    `entries`: the request's files, read already. ConfigError for files that cannot be used; MovedError where the
    changes are not those that the request expects.
    """
    plan = plan_request(connection, request, entries=entries, contracts=contracts)
    if request.expect is not None and request.expect != plan.fingerprint:
        raise MovedError("the registry was changed meanwhile")
    changes = [] if request.dry_run else plan.changes
    head = apply_changes(connection, changes, request.who, at_ms)
    answer = ApplyAnswer(plan.changes, plan.fingerprint, not request.dry_run, str(head), plan.warnings)
    return Applied(answer, plan.wanted)


def plan_request(
    connection: Connection,
    request: ApplyRequest,
    *,
    entries: Iterable[Entry] | None = None,
    contracts: Collection[str] | None = None,
) -> Plan:
    """What the request would change; ConfigError for files that cannot be used."""
    return make_plan(
        read_registry(connection),
        read_files(request.files) if entries is None else entries,
        prune_until_ms=request.prune_until_ms,
        evidence=reporting(connection),
        contracts=contracts,
    )


def reporting(connection: Connection) -> frozenset[str]:
    """`tenant/device` of every device that ever reported, `tenant/platform` of every platform that was ever checked."""
    devices, runs = schema.devices.c, schema.runs.c
    found = connection.execute(select(devices.id, devices.tenant, devices.device)).all()
    own = {row.id: row.tenant for row in found if row.device == OWN_DEVICE}
    checked = connection.execute(
        select(runs.device_id, runs.output).where(runs.device_id.in_(own)).group_by(runs.device_id, runs.output)
    )
    platforms = (f"{own[row.device_id]}/{row.output}" for row in checked)
    return frozenset([*(f"{row.tenant}/{row.device}" for row in found), *platforms])


def newcomers(connection: Connection) -> list[Newcomer]:
    """Devices and outputs that report but are not in the registry, by tenant and device."""
    registry = read_registry(connection)
    seen = _strange_outputs(connection)
    devices = schema.devices.c
    query = select(schema.devices).where(devices.device != OWN_DEVICE).order_by(devices.tenant, devices.device)
    strangers = [
        Stranger(
            row.tenant,
            row.device,
            tuple(sorted(seen.get(row.id, set()) | _greeted(row.hello))),
            row.first_seen_ms,
            row.last_received_ms,
        )
        for row in connection.execute(query)
    ]
    return to_newcomers(strangers, registry)


def _strange_outputs(connection: Connection) -> Mapping[int, set[str]]:
    """Outputs with evidence, of devices that are not registered (a registered one names its outputs in its hello)."""
    devices, runs, registered = schema.devices.c, schema.runs.c, schema.registered_devices.c
    query = (
        select(runs.device_id, runs.output)
        .join(schema.devices, devices.id == runs.device_id)
        .join(
            schema.registered_devices,
            and_(registered.tenant == devices.tenant, registered.id == devices.device),
            isouter=True,
        )
        .where(registered.id.is_(None))
        .group_by(runs.device_id, runs.output)
    )
    outputs: dict[int, set[str]] = defaultdict(set)
    for row in connection.execute(query):
        outputs[row.device_id].add(row.output)
    return outputs


def _greeted(hello: object) -> set[str]:
    if not isinstance(hello, dict):
        return set()
    return {output["id"] for output in hello.get("outputs", ())}


def _named(kind: Kind, record: Record) -> tuple[Ref, Record]:
    return Ref(kind, key_of(kind, record)), record
