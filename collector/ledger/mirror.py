"""PURE. What the journal says that the decided tables hold, and where they differ from it.

The journal is played from its first entry on: each decision names a thing and what it became. A table that holds
something else was edited behind the journal's back, and so was one that a later decision found other than the journal
had left it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from collector.ledger.chain import ERASED, Link, canonical

REGISTRY: Final = "registry"
WINDOW: Final = "window"
RULING: Final = "ruling"
REVISION: Final = "sla.revision"  # of its row the journal has number and seal; the seal stands for all the rest
_SHOWN: Final = 3  # fields of a difference


class Thing(NamedTuple):
    """What a decision is about: `group` is `registry.device`, `window` or `ruling`."""

    group: str
    key: str

    def __str__(self) -> str:
        return f"{self.group} {self.key}"


Held = Mapping[Thing, object]  # thing → its record as JSON value


class Replay:
    """The tables as the journal tells them, entry by entry."""

    def __init__(self) -> None:
        self.records: dict[Thing, str] = {}  # canonical JSON
        self.written_by: dict[Thing, int] = {}

    def step(self, link: Link) -> Iterator[str]:
        """Play one entry: a sentence where it found something else than the journal had left."""
        if link.kind == ERASED:
            self._forget(link.key)
            return
        thing = thing_of(link)
        if thing is None or link.redacted_by is not None:
            return
        if thing.group == REVISION:
            self.records[thing], self.written_by[thing] = _sealed(link), link.id
            return
        if self.records.get(thing) != link.before:
            left = self.written_by.get(thing)
            source = f"entry {left} had left it" if left else "the journal tells: nothing was there"
            yield f"entry {link.id} found {thing} other than {source}: its table was edited before"
        if link.after is None:
            self.records.pop(thing, None)
        else:
            self.records[thing] = link.after
        self.written_by[thing] = link.id

    def compare(self, held: Held) -> Iterator[str]:
        """After the last entry: where the tables differ from what was played, one sentence a thing."""
        for thing in sorted(self.records.keys() | held.keys()):
            expected, found = self.records.get(thing), held.get(thing)
            if found is None:
                yield f"{thing} is missing from its table, though entry {self.written_by[thing]} wrote it"
            elif expected is None:
                taken = self.written_by.get(thing)
                why = f"entry {taken} took it away" if taken else "no entry of the journal wrote it"
                yield f"{thing} is in its table, but {why}"
            elif canonical(found) != expected:
                yield f"{thing} is not what entry {self.written_by[thing]} wrote: {_difference(expected, found)}"

    def _forget(self, tenant: str) -> None:
        for thing in list(self.records):
            if thing.key == tenant or thing.key.startswith(f"{tenant}/"):
                del self.records[thing]
                self.written_by.pop(thing, None)


def thing_of(link: Link) -> Thing | None:
    """What an entry is about; None where no table mirrors it."""
    group = link.kind.partition(".")[0]
    if group == REGISTRY or link.kind == REVISION:
        return Thing(link.kind, link.key)
    return Thing(group, link.key) if group in {WINDOW, RULING} else None


def _sealed(link: Link) -> str:
    after = _loaded(link.after or "")
    told = after if isinstance(after, dict) else {}
    return canonical({name: told.get(name) for name in ("revision", "seal")})


def _difference(expected: str, found: object) -> str:
    was = _loaded(expected)
    if not isinstance(was, dict) or not isinstance(found, dict):
        return "it cannot be read"
    names = [name for name in sorted(was.keys() | found.keys()) if was.get(name) != found.get(name)]
    steps = [f"{name} {_text(was.get(name))} → {_text(found.get(name))}" for name in names[:_SHOWN]]
    return ", ".join([*steps, "…"] if len(names) > _SHOWN else steps) or "it is written in another form"


def _loaded(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError:
        return None


def _text(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)
