"""PURE. Whether what a month was judged from is what the journal's entries in its bundle say was decided.

A table that was edited before the month was closed (a window that was announced later than it now says, a player that
leaves before its outage) comes out equal in itself; the journal's entry of the decision gives it away.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

import msgspec

from collector.decisions.model import RulingRecord, WindowRecord
from collector.revisions.inputs import Inputs
from collector.revisions.papers import REGISTRY, RULINGS, WINDOWS
from collector.sla.instants import MINUTE_MS

# What was decided while the month was being judged may be in the journal before the closing and not in the papers.
_WHILE_JUDGED_MS: Final = 10 * MINUTE_MS
_TERMS: Final = ("kind", "emission", "active_from_ms", "active_until_ms")

Entry = Mapping[str, Any]


def contradictions(inputs: Inputs, entries: Iterable[Entry]) -> Iterator[str]:
    """Each window, ruling and player that no entry about it tells as the papers do, one sentence each."""
    said: dict[str, list[Entry]] = {}
    for entry in entries:
        said.setdefault(str(entry.get("key")), []).append(entry)
    for key, where, what, told in _papers(inputs):
        about = said.get(key, [])
        if not about:
            yield f"{where}: {what}: the journal has no entry about it"
        elif all(_decided(entry, told) != told for entry in _valid(about, inputs.closed_at_ms)):
            yield f"{where}: {what}: the journal's entry {about[-1].get('id')} says something else"


def _papers(inputs: Inputs) -> Iterator[tuple[str, str, str, object]]:
    """What was decided: its key in the journal, its file, what it is called, and what the file says."""
    for each in inputs.windows:
        yield f"{each.window.tenant}/window-{each.window.id}", WINDOWS, f"window {each.window.id}", each.window
    for ruling in inputs.rulings:
        yield f"{ruling.subject}/ruling-{ruling.id}", RULINGS, f"ruling {ruling.id}", ruling
    for entry in inputs.subjects:
        if entry.kind == "player":
            terms = {name: getattr(entry, name) for name in _TERMS}
            yield entry.subject, REGISTRY, entry.subject, {**terms, "contract": inputs.contract_id}


def _valid(about: list[Entry], closed_at_ms: int) -> list[Entry]:
    """The last entry before the month was judged, and those since."""
    since_ms = closed_at_ms - _WHILE_JUDGED_MS
    at = [number for number, entry in enumerate(about) if not _is_since(entry.get("at_ms"), since_ms)]
    return about[at[-1] if at else 0 :]


def _is_since(at_ms: object, since_ms: int) -> bool:
    return isinstance(at_ms, int) and at_ms > since_ms


def _decided(entry: Entry, like: object) -> object:
    """What an entry says, in the form of `like`; None where it says nothing of that kind."""
    after = entry.get("after")
    try:
        if isinstance(like, (WindowRecord, RulingRecord)):
            return msgspec.json.decode(after or "", type=type(like))
        record = json.loads(after or "")
    except (TypeError, ValueError, msgspec.DecodeError):  # what is none of a journal is told by its hash
        return None
    return {name: record.get(name) for name in (*_TERMS, "contract")} if isinstance(record, dict) else None
