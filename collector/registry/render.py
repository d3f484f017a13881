"""PURE. Changes as text for a person."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final

from collector.registry.diff import BEGINNING_MS, Change, FieldChange, field_changes
from collector.registry.records import Record
from common.clock import iso

_NAMED_ALREADY: Final = frozenset({"tenant", "device", "id", "kind"})  # the key says it


def render(changes: Sequence[Change], now_ms: int, limit: int | None = None) -> list[str]:
    """Lines to read: one a change (`limit`: the first so many), what it does to the past, and the count."""
    shown = changes if limit is None else changes[:limit]
    lines = [line for change in shown for line in render_change(change, now_ms)]
    hidden = changes[len(shown) :]
    if hidden:
        past = sum(change.rewrites(now_ms) for change in hidden)
        lines.append(f"… and {len(hidden)} more ({past} of them change the past); --full shows all")
    return [*lines, summary(changes, now_ms)]


def render_change(change: Change, now_ms: int) -> list[str]:
    """One change; a second line where it changes what was counted already."""
    lines = [describe(change.kind, change.key, change.before, change.after)]
    if change.rewrites(now_ms):
        lines.append(f"  ! changes what was counted {_since(change.counts_from_ms)}")
    return lines


def describe(kind: str, key: str, before: Record | None, after: Record | None) -> str:
    """What became of a record, on one line: `~ device   acme/p1  site "a" → "b"`."""
    sign = "+" if before is None else "-" if after is None else "~"
    steps = [
        f"{label(field.name)} {_step(sign, field)}"
        for field in field_changes(before, after)
        if sign == "~" or field.name not in _NAMED_ALREADY
    ]
    return f"{sign} {kind:<8} {key}  {', '.join(steps)}".rstrip()


def summary(changes: Iterable[Change], now_ms: int) -> str:
    """Count the changes: `3 added, 1 changed, 0 removed; 1 changes the past`."""
    changes = list(changes)
    if not changes:
        return "no difference"
    count = Counter(change.action for change in changes)
    past = sum(change.rewrites(now_ms) for change in changes)
    text = f"{count['added']} added, {count['changed']} changed, {count['removed']} removed"
    return f"{text}; {past} {'changes' if past == 1 else 'change'} the past" if past else text


def label(field: str) -> str:
    """A record field as the files call it: `active_from_ms` → `active_from`."""
    return field.removesuffix("_ms")


def value_text(field: str, value: object) -> str:
    """A record's value on one line; an instant as ISO 8601."""
    if value is None:
        return "none"
    if field.endswith("_ms") and isinstance(value, int):
        return iso(value)
    return json.dumps(value, ensure_ascii=False, sort_keys=True)


def _step(sign: str, field: FieldChange) -> str:
    before, after = value_text(field.name, field.before), value_text(field.name, field.after)
    return {"+": after, "-": before}.get(sign, f"{before} → {after}")


def _since(counts_from_ms: int | None) -> str:
    if counts_from_ms is None or counts_from_ms == BEGINNING_MS:
        return "since ever"
    return f"since {iso(counts_from_ms)}"
