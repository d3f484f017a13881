"""The journal: every decision, appended for ever and chained by hash (registry now; rulings and windows use it too).

Entry n is hashed as the canonical JSON of `[n, at_ms, who, kind, key, before, after, previous hash]`, with SHA-256.
`before` and `after` are stored as the very text that was hashed, so one changed byte is found; a removed entry leaves a
hole in the numbers and breaks the chain. A cut-off tail leaves a sound, shorter chain: the row in `journal_head` says
how long it was. Who can rewrite the file can rewrite that row as well; so each `registry apply` prints the head, and
`verify` takes one that was kept elsewhere.
"""

from __future__ import annotations

import hashlib
import json
import re
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from sqlalchemy import func, select

from collector.ledger.schema import journal, journal_head
from collector.ledger.upsert import upsert

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from sqlalchemy import Connection, Row

GENESIS: Final = "0" * 64
_THE_HEAD: Final = 1
_HEAD: Final = re.compile(r"(?P<entries>[0-9]{1,15}):(?P<hash>[0-9a-f]{64})")


class Decision(NamedTuple):
    """What is to be kept: `before` and `after` are JSON values, None where there was or is nothing."""

    kind: str  # e.g. registry.device
    key: str  # e.g. acme/player-0001
    before: object
    after: object


class Entry(NamedTuple):
    """One line of the journal."""

    id: int
    at_ms: int
    who: str
    kind: str
    key: str
    before: object
    after: object
    hash: str


class Head(NamedTuple):
    """How long the journal is, and the hash of its last entry."""

    entries: int
    hash: str

    def __str__(self) -> str:
        """Give the form that a person notes down: `42:9f2c…`."""
        return f"{self.entries}:{self.hash}"


def parse_head(text: str) -> Head:
    """Read `42:9f2c…`; ValueError where it is something else."""
    match = _HEAD.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text!r} is no head of a journal")
    return Head(int(match["entries"]), match["hash"])


def canonical(value: object) -> str:
    """JSON in its one form: sorted keys, no spaces, UTF-8."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def head(connection: Connection) -> Head:
    """Where the chain ends, as the ledger remembers it."""
    found = connection.execute(
        select(journal_head.c.entries, journal_head.c.hash).where(journal_head.c.id == _THE_HEAD).with_for_update()
    ).one_or_none()
    return Head(found.entries, found.hash) if found else Head(0, GENESIS)


def append(connection: Connection, decisions: Sequence[Decision], who: str, at_ms: int) -> Head:
    """Append the decisions in the caller's transaction; the head after it.

    A journal that was tampered with is not healed and does not stop the work: the chain goes on from the remembered
    head, and `verify` goes on finding the break.
    """
    last = head(connection)
    position = max(last.entries, connection.execute(select(func.max(journal.c.id))).scalar() or 0)
    rows, previous = [], last.hash
    for number, decision in enumerate(decisions, position + 1):
        row = _row(number, at_ms, who, decision, previous)
        previous = row["hash"]
        rows.append(row)
    if not rows:
        return last
    connection.execute(journal.insert(), rows)
    after = Head(rows[-1]["id"], previous)
    upsert(connection, journal_head, ("id",), [{"id": _THE_HEAD, "entries": after.entries, "hash": after.hash}])
    return after


def entries(connection: Connection, limit: int | None = None, key: str = "") -> list[Entry]:
    """The latest `limit` entries (all: None), oldest first; `key` keeps those about it and what is below it."""
    query = select(journal).order_by(journal.c.id.desc())
    if key:
        query = query.where((journal.c.key == key) | journal.c.key.startswith(f"{key}/", autoescape=True))
    found = connection.execute(query.limit(limit) if limit is not None else query)
    return [_entry(row) for row in found][::-1]


def verify(connection: Connection, noted: Head | None = None) -> list[str]:
    """Walk the whole chain: one sentence a problem, none where all is well.

    `noted` is a head that somebody kept elsewhere: it must lie on the chain. It alone finds a journal that was
    rewritten together with its remembered head.
    """
    problems: list[str] = []
    last = Head(0, GENESIS)
    noted_hash = GENESIS if noted and noted.entries == 0 else None
    for row in connection.execute(select(journal).order_by(journal.c.id)):
        problems += _problems(row, last)
        last = Head(row.id, row.hash)
        if noted and row.id == noted.entries:
            noted_hash = row.hash
    remembered = head(connection)
    if remembered != last:
        problems.append(f"the journal ends with entry {last.entries}, but its head says {remembered.entries}: cut off")
    if noted and noted_hash != noted.hash:
        problems.append(f"entry {noted.entries} is not the one whose hash was noted: the journal was rewritten")
    return problems


def _problems(row: Row[Any], last: Head) -> Iterator[str]:
    if row.id != last.entries + 1:
        yield f"entry {last.entries + 1} is missing: entry {row.id} follows entry {last.entries}"
    if row.previous_hash != last.hash:
        yield f"entry {row.id} does not continue entry {last.entries}: its link to it is another hash"
    fields = (row.at_ms, row.who, row.kind, row.key, row.before, row.after, row.previous_hash)
    if _hash(row.id, fields) != row.hash:
        yield f"entry {row.id} ({row.kind} {row.key}) was changed: it does not have the hash it was written with"


def _row(number: int, at_ms: int, who: str, decision: Decision, previous: str) -> dict[str, Any]:
    before, after = _text(decision.before), _text(decision.after)
    return {
        "id": number,
        "at_ms": at_ms,
        "who": who,
        "kind": decision.kind,
        "key": decision.key,
        "before": before,
        "after": after,
        "previous_hash": previous,
        "hash": _hash(number, (at_ms, who, decision.kind, decision.key, before, after, previous)),
    }


def _hash(number: int, fields: Iterable[object]) -> str:
    return hashlib.sha256(canonical([number, *fields]).encode()).hexdigest()


def _text(value: object) -> str | None:
    return None if value is None else canonical(value)


def _entry(row: Row[Any]) -> Entry:
    return Entry(row.id, row.at_ms, row.who, row.kind, row.key, _value(row.before), _value(row.after), row.hash)


def _value(text: str | None) -> object:
    if text is None:
        return None
    try:
        return json.loads(text)
    except ValueError:
        return {"unreadable": text}  # somebody edited it; `verify` says so
