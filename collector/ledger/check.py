"""Whether the ledger holds what it must: sound pages, the schema of the code, and rows that can be true together."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Final

from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import String, and_, cast, func, or_, select, tuple_
from sqlalchemy.exc import DatabaseError

from collector.ledger import migrate, schema
from collector.registry.model import ALWAYS
from wire.states import CAUSES, PLAYER_STATES

if TYPE_CHECKING:
    from sqlalchemy import Column, ColumnElement, Connection, Select
    from sqlalchemy.sql.base import ReadOnlyColumnCollection

_SHOWN: Final = 3
_STATES: Final = PLAYER_STATES | {"up", "down"}
_CLOCKS: Final = ("synced", "received", "estimated")

Tell = Callable[[str, int, int], None]


def check(connection: Connection, tell: Tell = lambda *_: None) -> list[str]:
    """One sentence a problem, none where all is well; `tell` hears each step, with how many of how many are done."""
    rules = list(_rules())
    steps = 2 + len(rules)
    tell("the file's pages", 0, steps)
    problems = [f"the file is damaged: {line}" for line in _damage(connection)]
    if problems:
        return problems  # what else is wrong with it follows from that
    tell("the schema", 1, steps)
    problems += _schema(connection)
    if problems:
        return problems
    for number, (name, query) in enumerate(rules, 2):
        tell(name, number, steps)
        count = connection.execute(select(func.count()).select_from(query.subquery())).scalar_one()
        if count:
            found = ", ".join(str(row[0]) for row in connection.execute(query.limit(_SHOWN)))
            problems.append(f"{count} {name}: {found}{', …' if count > _SHOWN else ''}")
    tell("done", steps, steps)
    return problems


def _damage(connection: Connection) -> list[str]:
    if connection.dialect.name != "sqlite":
        return []
    try:
        lines = [str(row[0]) for row in connection.exec_driver_sql("PRAGMA integrity_check(10)")]
    except DatabaseError as error:  # so badly that the check itself cannot go on
        return [str(error.orig)]
    return [] if lines == ["ok"] else lines


def _schema(connection: Connection) -> Iterator[str]:
    if not migrate.is_current(connection):
        yield f"its schema is {migrate.revision(connection)}, an older one: start the collector once"
        return
    for difference in compare_metadata(MigrationContext.configure(connection), schema.metadata):
        yield f"its schema is not the one of its version: {difference!r}"


def _rules() -> Iterator[tuple[str, Select[Any]]]:
    """What no row may be, and the query that names those which are."""
    yield from _evidence_rules()
    yield from _registry_rules()
    windows, rulings, deliveries, alerts = schema.windows.c, schema.rulings.c, schema.deliveries.c, schema.alerts.c
    tenants = select(schema.tenants.c.id)
    yield "windows that end before they start", select(windows.id).where(windows.end_ms < windows.start_ms)
    yield "windows of tenants that do not exist", select(windows.id).where(windows.tenant.not_in(tenants))
    yield "rulings that end before they start", select(rulings.id).where(rulings.end_ms < rulings.start_ms)
    yield "rulings of tenants that do not exist", select(rulings.id).where(rulings.tenant.not_in(tenants))
    yield "rulings on a state or cause that is none", select(rulings.id).where(_no_word(rulings))
    yield "alerts that closed before they opened", select(alerts.id).where(alerts.closed_ms < alerts.opened_ms)
    lost = select(deliveries.id).where(deliveries.alert_id.not_in(select(alerts.id)))
    yield "deliveries of alerts that do not exist", lost


def _evidence_rules() -> Iterator[tuple[str, Select[Any]]]:
    runs, marks, devices = schema.runs.c, schema.clock_marks.c, schema.devices.c
    name = cast(runs.device_id, String) + "/" + runs.spool + "/" + cast(runs.seq, String)
    known = select(devices.id)
    yield "runs that end before they start", select(name).where(runs.end_ms < runs.start_ms)
    yield "runs in a state or of a cause that is none", select(name).where(_no_word(runs))
    yield "runs by a clock that is none", select(name).where(runs.clock.not_in(_CLOCKS))
    yield "runs that are neither open nor closed", select(name).where(runs.closed.not_in((True, False)))
    yield "runs of devices that do not exist", select(name).where(runs.device_id.not_in(known))
    yield "clocks of devices that do not exist", select(marks.boot).where(marks.device_id.not_in(known))


def _registry_rules() -> Iterator[tuple[str, Select[Any]]]:
    devices, subjects, sites, calendars = (
        table.c for table in (schema.registered_devices, schema.subjects, schema.sites, schema.calendars)
    )
    tenants = select(schema.tenants.c.id)
    for what, table in (("sites", sites), ("calendars", calendars), ("devices", devices), ("subjects", subjects)):
        named = table.tenant + "/" + table.id
        yield f"{what} of tenants that do not exist", select(named).where(table.tenant.not_in(tenants))
    standing = tuple_(devices.tenant, devices.site).in_(select(sites.tenant, sites.id))
    yield "devices at sites that do not exist", select(devices.id).where(devices.site.is_not(None), ~standing)
    name = subjects.tenant + "/" + subjects.device + "/" + subjects.id
    running = tuple_(subjects.tenant, subjects.device).in_(select(devices.tenant, devices.id))
    yield "outputs of devices that are not registered", select(name).where(subjects.kind == "player", ~running)
    emitting = tuple_(subjects.tenant, subjects.emission).in_(select(calendars.tenant, calendars.id))
    yield (
        "subjects with calendars that do not exist",
        select(name).where(subjects.emission != ALWAYS, ~emitting),
    )


def _no_word(columns: ReadOnlyColumnCollection[str, Column[Any]]) -> ColumnElement[bool]:
    """Where a state or a cause is set and is none of the wire's."""
    no_state = and_(columns.state.is_not(None), columns.state.not_in(sorted(_STATES)))
    return or_(no_state, and_(columns.cause.is_not(None), columns.cause.not_in(sorted(CAUSES))))
