"""The journal: every decision, appended for ever and chained by hash (registry, windows, rulings, erasures).

What is hashed and how stands in `chain.py`: one changed byte is found, and a removed entry leaves a hole in the numbers
and breaks the chain. A cut-off tail leaves a sound, shorter chain: the row in `journal_head` says how long it was. Who
can rewrite the file can rewrite that row as well; so each command that decides prints the head, and `verify` takes one
that was kept elsewhere.
"""

from __future__ import annotations

import json
import secrets
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from sqlalchemy import func, select, update

from collector.ledger.chain import GENESIS, LATEST_FORM, Head, Link, canonical, parse_head, redacted, sealed, walk
from collector.ledger.schema import journal, journal_head
from collector.ledger.upsert import upsert

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from sqlalchemy import Connection, Row

__all__ = ["GENESIS", "Decision", "Entry", "Head", "canonical", "parse_head"]

_THE_HEAD: Final = 1
_SALT_BYTES: Final = 16


class Decision(NamedTuple):
    """What is to be kept: `before` and `after` are JSON values, None where there was or is nothing."""

    kind: str  # e.g. registry.device
    key: str  # e.g. acme/player-0001
    before: object
    after: object


class Entry(NamedTuple):
    """One line of the journal. `redacted_by`: the entry that erased its content; who, key, before, after are empty."""

    id: int
    at_ms: int
    who: str
    kind: str
    key: str
    before: object
    after: object
    hash: str
    redacted_by: int | None = None


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
    added: list[Link] = []
    previous = last.hash
    for number, decision in enumerate(decisions, position + 1):
        added.append(_link(number, at_ms, who, decision, previous))
        previous = added[-1].hash
    if not added:
        return last
    connection.execute(journal.insert(), [link._asdict() for link in added])
    after = Head(added[-1].id, previous)
    upsert(connection, journal_head, ("id",), [{"id": _THE_HEAD, "entries": after.entries, "hash": after.hash}])
    return after


def entries(connection: Connection, limit: int | None = None, key: str = "") -> list[Entry]:
    """The latest `limit` entries (all: None), oldest first; `key` keeps those about it and what is below it."""
    query = select(journal).order_by(journal.c.id.desc())
    if key:
        query = query.where((journal.c.key == key) | journal.c.key.startswith(f"{key}/", autoescape=True))
    found = connection.execute(query.limit(limit) if limit is not None else query)
    return [_entry(row) for row in found][::-1]


def links(connection: Connection) -> Iterator[Link]:
    """Every row as it is stored, in order."""
    return (Link(*row) for row in connection.execute(select(journal).order_by(journal.c.id)))


def verify(connection: Connection, noted: Head | None = None) -> list[str]:
    """Walk the whole chain: one sentence a problem, none where all is well.

    `noted` is a head that somebody kept elsewhere: it must lie on the chain. It alone finds a journal that was
    rewritten together with its remembered head.
    """
    return walk(links(connection), head(connection), noted)


def about(connection: Connection, tenant: str, but: Collection[str]) -> list[Link]:
    """Every entry with content about a tenant and what is below it, but for those of some kinds; in order."""
    mine = (journal.c.key == tenant) | journal.c.key.startswith(f"{tenant}/", autoescape=True)
    mine |= (journal.c.kind == "quarantine.drop") & journal.c.after.contains(f"{tenant}/", autoescape=True)
    query = select(journal).where(mine, journal.c.kind.not_in(but)).order_by(journal.c.id)
    return [Link(*row) for row in connection.execute(query)]


def redact(connection: Connection, erased: Sequence[Link], by: int) -> None:
    """Take the content out of entries; entry `by` must list each with its stub (`chain.stub`)."""
    for link in erased:
        connection.execute(update(journal).where(journal.c.id == link.id).values(**redacted(link, by)._asdict()))


def _link(number: int, at_ms: int, who: str, decision: Decision, previous: str) -> Link:
    before, after = _text(decision.before), _text(decision.after)
    salt = secrets.token_hex(_SALT_BYTES)
    return sealed(
        Link(
            *(number, at_ms, who, decision.kind, decision.key, before, after, previous, ""),
            form=LATEST_FORM,
            salt=salt,
            content_hash=None,
            redacted_by=None,
        )
    )


def _text(value: object) -> str | None:
    return None if value is None else canonical(value)


def _entry(row: Row[Any]) -> Entry:
    return Entry(
        row.id, row.at_ms, row.who, row.kind, row.key, _value(row.before), _value(row.after), row.hash, row.redacted_by
    )


def _value(text: str | None) -> object:
    if text is None:
        return None
    try:
        return json.loads(text)
    except ValueError:
        return {"unreadable": text}  # somebody edited it; `verify` says so
