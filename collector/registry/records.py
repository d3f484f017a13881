"""PURE. The registry as flat records: one plain dict a thing, equal to the ledger's row and the journal's entry."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import fields
from typing import Any, Final, Literal, NamedTuple, get_args

import msgspec

from collector.registry.model import ALWAYS, Calendar, Device, PortalCheck, Registry, Site, Subject, Tenant

Kind = Literal["tenant", "site", "calendar", "device", "output", "platform"]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)  # in the order in which each may refer to those before it

Record = dict[str, Any]


class Ref(NamedTuple):
    """What a record is about; `key` as in `Registry`."""

    kind: Kind
    key: str

    @property
    def order(self) -> tuple[int, str]:
        """Sort by kind, then by key."""
        return KINDS.index(self.kind), self.key


Records = dict[Ref, Record]

# What a new record holds where nothing is said; a name is the id then.
DEFAULTS: Final[Mapping[Kind, Mapping[str, object]]] = {
    "tenant": {},
    "site": {},
    "calendar": {"rules": {}},
    "device": {"site": None, "role": "player"},
    "output": {
        "kind": "player",
        "contract": None,
        "emission": ALWAYS,
        "active_from_ms": None,
        "active_until_ms": None,
        "check": None,
    },
    "platform": {
        "device": "",
        "kind": "platform",
        "contract": None,
        "emission": ALWAYS,
        "active_from_ms": None,
        "active_until_ms": None,
        "check": None,
    },
}


def to_records(registry: Registry) -> Records:
    """Registry → records."""
    records: Records = {}
    parts: tuple[tuple[Kind, Mapping[str, Any]], ...] = (
        ("tenant", registry.tenants),
        ("site", registry.sites),
        ("calendar", registry.calendars),
        ("device", registry.devices),
    )
    for kind, things in parts:
        for key, thing in things.items():
            records[Ref(kind, key)] = _plain(thing)
    for key, subject in registry.subjects.items():
        records[Ref("output" if subject.kind == "player" else "platform", key)] = _plain(subject)
    return records


def to_registry(records: Iterable[tuple[Ref, Record]]) -> Registry:
    """Records → registry."""
    tenants: dict[str, Tenant] = {}
    sites: dict[str, Site] = {}
    calendars: dict[str, Calendar] = {}
    devices: dict[str, Device] = {}
    subjects: dict[str, Subject] = {}
    for (kind, key), record in records:
        if kind == "tenant":
            tenants[key] = Tenant(**record)
        elif kind == "site":
            sites[key] = Site(**record)
        elif kind == "calendar":
            calendars[key] = Calendar(**record)
        elif kind == "device":
            devices[key] = Device(**record)
        else:
            subjects[key] = _subject(record)
    return Registry(tenants, sites, calendars, devices, subjects)


def key_of(kind: Kind, record: Record) -> str:
    """The registry's key of a record."""
    if kind == "tenant":
        return str(record["id"])
    if kind == "output":
        return f"{record['tenant']}/{record['device']}/{record['id']}"
    return f"{record['tenant']}/{record['id']}"


def tenant_of(ref: Ref) -> str:
    """The tenant to whom a record belongs."""
    return ref.key.partition("/")[0]


def _plain(thing: object) -> Record:
    record = {field.name: getattr(thing, field.name) for field in fields(thing)}  # type: ignore[arg-type]
    if isinstance(record.get("check"), PortalCheck):
        record["check"] = msgspec.to_builtins(record["check"])
    if "rules" in record:
        record["rules"] = dict(record["rules"])
    return record


def _subject(record: Record) -> Subject:
    check = record["check"]
    return Subject(**{**record, "check": None if check is None else msgspec.convert(check, PortalCheck)})
