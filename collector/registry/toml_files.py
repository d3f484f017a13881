"""PURE. A registry in TOML → entries. `docs/registry.md` lists the keys."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, datetime
from typing import Final

from collector.registry.entries import FIELDS, SCOPE, Entry, read_fields, read_id
from collector.registry.model import ALWAYS
from collector.registry.records import Kind, key_of
from collector.sla.calendar import read_calendar
from collector.sla.reading import Report, Table, Value
from common.config import parse_toml

_TABLES: Final = ("tenants", "sites", "calendars", "devices", "platforms")
CALENDAR_KEYS: Final = ("timezone", "holidays", "rules", "closed", "open")
OUTPUT_KEYS: Final = ("name", "contract", "emission", "active_from", "active_until")
PLATFORM_KEYS: Final = ("name", "contract", "active_from", "active_until", "check")


def read_toml(text: str, file: str) -> list[Entry]:
    """TOML text → entries; ConfigError with every finding otherwise."""
    report = Report(file)
    top = Value(parse_toml(text.removeprefix("\ufeff"), file), report, "", SCOPE).table([], _TABLES)
    readers = (_tenant, _site, _calendar, _device, _platform)
    entries = [
        entry
        for name, read in zip(_TABLES, readers, strict=True)
        if (tables := top.get(name)) is not None
        for member in tables.items()
        for entry in read(member)
    ]
    report.settle()
    return entries


def _tenant(value: Value) -> Iterator[Entry]:
    yield _entry("tenant", value, value.table(["id"], ["name"]), ("id",), ("name",))


def _site(value: Value) -> Iterator[Entry]:
    yield _entry("site", value, value.table(["tenant", "id"], ["name"]), ("tenant", "id"), ("name",))


def _calendar(value: Value) -> Iterator[Entry]:
    table = value.table(["tenant", "id", "timezone"], CALENDAR_KEYS[1:])
    rules = {name: member.data for name in CALENDAR_KEYS if (member := table.get(name)) is not None}
    if "timezone" in rules:  # its absence is noted already
        read_calendar(Value(rules, value.report, value.key, "calendar"))
    entry = _entry("calendar", value, table, ("tenant", "id"), (), {"rules": _without_dates(rules)})
    if entry.ids["id"] == ALWAYS:
        value.refuse("id.taken", f"{ALWAYS!r} means around the clock", "choose another id")
    yield entry


def _device(value: Value) -> Iterator[Entry]:
    table = value.table(["tenant", "id"], ["site", "name", "role", "outputs"])
    device = _entry("device", value, table, ("tenant", "id"), ("site", "name", "role"))
    yield device
    outputs = table.get("outputs")
    for output in outputs.items() if outputs else ():
        inner = {"tenant": device.ids["tenant"], "device": device.ids["id"]}
        yield _entry("output", output, output.table(["id"], OUTPUT_KEYS), ("id",), OUTPUT_KEYS, inherited=inner)


def _platform(value: Value) -> Iterator[Entry]:
    table = value.table(["tenant", "id"], PLATFORM_KEYS)
    yield _entry("platform", value, table, ("tenant", "id"), PLATFORM_KEYS)


def _entry(
    kind: Kind,
    value: Value,
    table: Table,
    ids: tuple[str, ...],
    fields: tuple[str, ...],
    values: Mapping[str, object] | None = None,
    *,
    inherited: Mapping[str, str] | None = None,
) -> Entry:
    named = {name: read_id(member) if (member := table.get(name)) else "?" for name in ids}
    record = {**(inherited or {}), **named}
    mentioned = read_fields({name: table.get(name) for name in fields if name in FIELDS})
    return Entry(kind, key_of(kind, record), record, {**mentioned, **(values or {})}, value.report.file, value.key)


def _without_dates(data: object) -> object:
    """TOML's bare dates as text, since the ledger keeps a calendar as JSON."""
    if isinstance(data, Mapping):
        return {str(name): _without_dates(member) for name, member in data.items()}
    if isinstance(data, list):
        return [_without_dates(member) for member in data]
    return data.isoformat() if isinstance(data, date) and not isinstance(data, datetime) else data
