"""Whether the ledger is still what was decided: the journal's chain, and the tables against the journal."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec
from sqlalchemy import JSON, Text, select, type_coerce

from collector.ledger import journal, schema
from collector.ledger.chain import GENESIS, Head, Walk
from collector.ledger.mirror import REGISTRY, REVISION, RULING, WINDOW, Replay, Thing
from collector.revisions.seal import Manifest, sha256, unpack

if TYPE_CHECKING:
    from sqlalchemy import Connection, Table

_EVERY: Final = 1000  # entries between two words on progress


class Verdict(NamedTuple):
    """What `verify` found. `erasures`: the entries that erased a tenant → how many entries they redacted."""

    problems: list[str]
    head: Head
    erasures: dict[int, int]


UNKNOWN: Final = Verdict([], Head(0, GENESIS), {})  # of a ledger that is not brought up to date yet


def verify(
    connection: Connection, noted: Head | None = None, tell: Callable[[int, int], None] = lambda _done, _all: None
) -> Verdict:
    """Walk the chain and play the decisions; `tell` hears how many entries of how many are done.

    `noted` is a head that somebody kept elsewhere: it must lie on the chain.
    """
    head = journal.head(connection)
    walk, replay, problems = Walk(noted), Replay(), list[str]()
    for link in journal.links(connection):
        problems += walk.step(link)
        problems += replay.step(link)
        if link.id % _EVERY == 0:
            tell(link.id, head.entries)
    problems += walk.end(head)
    problems += replay.compare(dict(_held(connection)))
    return Verdict(problems, head, walk.erasures)


def _held(connection: Connection) -> Iterator[tuple[Thing, object]]:
    """Every decided row as the journal would write it, whatever state it is in."""
    for kind, table in (("tenant", schema.tenants), ("site", schema.sites), ("calendar", schema.calendars)):
        for row in _rows(connection, table):
            yield Thing(f"{REGISTRY}.{kind}", _key(row)), row
    for row in _rows(connection, schema.registered_devices):
        yield Thing(f"{REGISTRY}.device", _key(row)), row
    for row in _rows(connection, schema.subjects):
        yield Thing(f"{REGISTRY}.{'output' if row['device'] else 'platform'}", _key(row)), row
    for row in _rows(connection, schema.windows):
        yield Thing(WINDOW, f"{row['tenant']}/window-{row['id']}"), row
    for row in _rows(connection, schema.rulings):
        yield Thing(RULING, f"{row['subject']}/ruling-{row['id']}"), row
    for row in _rows(connection, schema.revisions):
        key = f"{row['tenant']}/{row['contract']}/{row['month']}/revision-{row['number']}"
        yield Thing(REVISION, key), {"revision": row["number"], "seal": _seal(row)}


def _seal(row: dict[str, Any]) -> str:
    """The seal of a stored revision; what is wrong with it where the row is not what its manifest says."""
    if sha256(row["manifest"]) != row["seal"]:
        return "the manifest does not have it"
    try:
        manifest = msgspec.json.decode(row["manifest"], type=Manifest)
        papers, result = unpack(row["papers"]), zlib.decompress(row["result"])
    except (msgspec.DecodeError, zlib.error, UnicodeDecodeError) as error:
        return f"the row cannot be read ({error})"
    if {name: sha256(data) for name, data in papers.items()} != manifest.files or sha256(result) != manifest.result:
        return "papers or result do not have the hashes of the manifest"
    names = ("tenant", "contract", "month", "number", "at_ms", "substance")
    other = [name for name in names if row[name] != getattr(manifest, name)]
    return f"{', '.join(other)}: not as in the manifest" if other else str(row["seal"])


def _key(row: dict[str, Any]) -> str:
    return "/".join(str(row[name]) for name in ("tenant", "device", "id") if row.get(name))


def _rows(connection: Connection, table: Table) -> Iterator[dict[str, Any]]:
    """Rows with their JSON columns as stored, since somebody may have written anything there."""
    documents = {column.name for column in table.columns if isinstance(column.type, JSON)}
    columns = [type_coerce(each, Text).label(each.name) if each.name in documents else each for each in table.columns]
    for row in connection.execute(select(*columns)).mappings():
        yield {name: _document(value) if name in documents else value for name, value in row.items()}


def _document(text: object) -> object:
    """The value of a JSON column; the text itself where nothing of ours wrote it so, be it by a single space."""
    if text is None:
        return None
    try:
        value = json.loads(str(text))
        return value if json.dumps(value) == text else text  # as SQLAlchemy writes it
    except ValueError:
        return text
