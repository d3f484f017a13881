"""PURE. What is different between two registries, and from when on it changes what was counted already."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

from collector.registry.model import Registry
from collector.registry.records import Kind, Record, Records, Ref, to_records

BEGINNING_MS: Final = 0  # "since ever": evidence begins later than 1970
_FOREVER_MS: Final = 2**62


class FieldChange(NamedTuple):
    """One field of a record before and after."""

    name: str
    before: object
    after: object


@dataclass(frozen=True, slots=True)
class Change:
    """One record added (`before` None), removed (`after` None) or changed.

    `counts_from_ms` is the first instant whose counting the change touches, None where it touches no figure; one that
    lies in the past changes figures that somebody may have seen.
    """

    kind: Kind
    key: str
    before: Record | None
    after: Record | None
    counts_from_ms: int | None = None

    @property
    def action(self) -> Literal["added", "removed", "changed"]:
        """What happened to the record."""
        if self.before is None:
            return "added"
        return "removed" if self.after is None else "changed"

    def rewrites(self, now_ms: int) -> bool:
        """Whether it changes what was counted before `now_ms`."""
        return self.counts_from_ms is not None and self.counts_from_ms < now_ms

    def fields(self) -> Iterator[FieldChange]:
        """The fields that differ; of a record added or removed, all that say something."""
        return field_changes(self.before, self.after)


def field_changes(before: Record | None, after: Record | None) -> Iterator[FieldChange]:
    """The fields in which two records differ; None is a record that says nothing."""
    was, shall = before or {}, after or {}
    for name in dict.fromkeys([*shall, *was]):
        if was.get(name) != shall.get(name):
            yield FieldChange(name, was.get(name), shall.get(name))


def diff(current: Registry, wanted: Registry) -> list[Change]:
    """Changes that lead from `current` to `wanted`, by kind (tenants first), then by key."""
    return diff_records(to_records(current), to_records(wanted))


def diff_records(current: Records, wanted: Records) -> list[Change]:
    """Give the same for records."""
    refs = sorted(current.keys() | wanted.keys(), key=lambda ref: ref.order)
    return [
        Change(*ref, current.get(ref), wanted.get(ref), _counts_from(ref, current, wanted))
        for ref in refs
        if current.get(ref) != wanted.get(ref)
    ]


def _counts_from(ref: Ref, current: Records, wanted: Records) -> int | None:
    if ref.kind in {"output", "platform"}:
        return _subject_counts_from(current.get(ref), wanted.get(ref))
    if ref.kind == "calendar":
        starts = [start for records in (current, wanted) for start in _users_start(ref, records)]
        return min(starts, default=None) if ref in current and ref in wanted else None
    return None


def _subject_counts_from(before: Record | None, after: Record | None) -> int | None:
    """Earliest instant at which one of the two counts and the other does not, or counts otherwise."""
    was, shall = _counted(before), _counted(after)
    if was == shall:
        return None
    if was is None or shall is None or was.judged_by != shall.judged_by:
        return min(one.start for one in (was, shall) if one is not None)
    edges = []
    if was.start != shall.start:
        edges.append(min(was.start, shall.start))
    if was.end != shall.end:
        edges.append(min(was.end, shall.end))
    return min(edges)


class _Counted(NamedTuple):
    """The part of a subject's record that a contract's figure hangs on."""

    contract: str
    emission: str
    start: int
    end: int
    votes: Mapping[str, object] | None = None

    @property
    def judged_by(self) -> tuple[object, ...]:
        return self.contract, self.emission, self.votes


def _counted(record: Record | None) -> _Counted | None:
    if record is None or record["contract"] is None:
        return None
    start, end = record["active_from_ms"], record["active_until_ms"]
    counted = _Counted(
        record["contract"],
        record["emission"],
        BEGINNING_MS if start is None else start,
        _FOREVER_MS if end is None else end,
        (record["check"] or {}).get("votes"),
    )
    return counted if counted.start < counted.end else None


def _users_start(calendar: Ref, records: Records) -> Iterator[int]:
    tenant, _, name = calendar.key.partition("/")
    for ref, record in records.items():
        if ref.kind in {"output", "platform"} and record["tenant"] == tenant and record["emission"] == name:
            counted = _counted(record)
            if counted is not None:
                yield counted.start
