"""PURE. Whether what judges a month has changed, told by hashes: cheap to keep, cheap to compare.

Part of the substance is what can move a figure: who was counted when, the evidence within the month, windows, rulings,
the rules of calendars. Not part of it, so that no invoice is written anew for it: names and sites, texts of details,
the contract's file and the holidays (a closed month keeps those that it was closed with; a person may close it again).
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from collector.ledger.chain import digest
from collector.revisions.inputs import Inputs
from collector.sla.tally import MonthSpan

_NO_SUBSTANCE = frozenset({"why", "announced_by", "cancelled_by", "cancelled_why", "uid", "occurrence", "who"})


def substance(inputs: Inputs, span: MonthSpan) -> dict[str, str]:
    """Name of each part → its hash, in the order of the names."""
    parts: dict[str, object] = {}
    for entry in inputs.subjects:
        active = (_within(entry.active_from_ms, span), _within(entry.active_until_ms, span))
        parts[f"subject:{entry.subject}"] = [entry.kind, entry.emission, *active]
        runs = inputs.evidence.get(entry.subject, ())
        parts[f"evidence:{entry.subject}"] = [
            (run.start_ms, run.end_ms, run.state, run.cause, run.clock) for run in runs
        ]
    for name, calendar in inputs.calendars.items():
        parts[f"calendar:{name}"] = calendar.rules
    for frozen in inputs.windows:
        record = _plain(frozen.window)
        parts[f"window:{frozen.window.id}"] = [record, sorted(frozen.applies_to)]
    for ruling in inputs.rulings:
        parts[f"ruling:{ruling.id}"] = _plain(ruling)
    return {name: digest(parts[name]) for name in sorted(parts)}


def fingerprint(parts: Mapping[str, str]) -> str:
    """One hash over all of them."""
    return digest(dict(parts))


def _within(instant_ms: int | None, span: MonthSpan) -> int | None:
    """An end of an active interval where it lies within the month; elsewhere it changes nothing."""
    return instant_ms if instant_ms is not None and span.start_ms < instant_ms < span.end_ms else None


def _plain(record: msgspec.Struct) -> dict[str, object]:
    fields: dict[str, object] = msgspec.to_builtins(record)
    return {name: value for name, value in fields.items() if name not in _NO_SUBSTANCE}
