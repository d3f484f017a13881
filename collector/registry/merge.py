"""PURE. Entries over the current registry → the registry that is wanted.

What no file mentions stays as it is, down to the single field. References must lead somewhere afterwards. Nothing is
removed unless it is asked for (`prune`), and then evidence decides how:

    has evidence, or was active before `until`   its `active_until` becomes `until`; its past goes on counting
    never active, no evidence                    it is deleted
    device                                       it is deleted with its last output, unless it ever reported
    site, calendar                               it is deleted when nothing refers to it
    tenant                                       never
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Final

from collector.registry.entries import Entry
from collector.registry.model import ALWAYS
from collector.registry.records import DEFAULTS, Record, Records, Ref, tenant_of
from collector.sla.reading import nearest
from common.clock import iso
from common.config import Finding
from wire.votes import LONGEST_PLATFORM, is_check, output_of

_SUBJECTS: Final = ("output", "platform")


def merge(current: Records, entries: Iterable[Entry]) -> tuple[Records, list[Finding]]:
    """Put what the entries say over the current records; the findings say which references lead nowhere."""
    wanted = dict(current)
    entries = list(entries)
    for entry in entries:
        wanted[entry.ref] = _merged(wanted.get(entry.ref), entry)
    findings = [finding for entry in entries for finding in _check(entry, wanted)]
    findings += [finding for entry in entries for finding in _check_new_output(entry, current)]
    return wanted, findings


def prune(wanted: Records, entries: Iterable[Entry], until_ms: int, evidence: Collection[str]) -> Records:
    """End what the files do not mention, within the tenants that they do; `evidence`: `tenant/device` that reported."""
    mentioned = {entry.ref for entry in entries}
    tenants = {tenant_of(ref) for ref in mentioned}
    kept: Records = {}
    for ref, record in wanted.items():
        if ref in mentioned or ref.kind not in _SUBJECTS or tenant_of(ref) not in tenants:
            kept[ref] = record
        elif not _never_counted(record, until_ms) or _has_evidence(ref, record, evidence):
            kept[ref] = _ended(record, until_ms)
    for drop in (_idle_devices, _unused_places):
        for ref in drop(kept, evidence):
            if ref not in mentioned and tenant_of(ref) in tenants:
                del kept[ref]
    return kept


def _merged(known: Record | None, entry: Entry) -> Record:
    base = known or {**entry.ids, "name": None, **DEFAULTS[entry.kind]}
    record: Record = {**base, **entry.values}
    if entry.kind == "calendar":
        record.pop("name", None)
    elif record["name"] is None:
        record["name"] = entry.ids["id"]
    return record


def _check(entry: Entry, wanted: Records) -> list[Finding]:
    record, tenant = wanted[entry.ref], tenant_of(entry.ref)
    findings = _must_exist(entry, "tenant", Ref("tenant", tenant), wanted) if entry.kind != "tenant" else []
    if entry.kind == "device" and record["site"] is not None:
        findings += _must_exist(entry, "site", Ref("site", f"{tenant}/{record['site']}"), wanted)
    if entry.kind in {"device", "platform"}:
        findings += _own_name(entry, wanted)
    if entry.kind in _SUBJECTS:
        if record["emission"] != ALWAYS:
            findings += _must_exist(entry, "emission", Ref("calendar", f"{tenant}/{record['emission']}"), wanted)
        findings += _check_active(entry, record)
    if entry.kind == "platform":
        findings += _check_votes(entry, record, wanted)
    return findings


def _check_votes(entry: Entry, record: Record, wanted: Records) -> list[Finding]:
    votes, tenant = (record["check"] or {}).get("votes"), record["tenant"]
    if not votes:
        return []
    points = [point for point in votes["points"] if point != "*"]
    unknown = [point for point in points if Ref("device", f"{tenant}/{point}") not in wanted]
    known = [ref.key.partition("/")[2] for ref in wanted if ref.kind == "device" and tenant_of(ref) == tenant]
    findings = [
        Finding(
            "registry.votes.unknown",
            entry.file,
            entry.at("check.votes.points"),
            f"there is no device {tenant}/{point}",
            nearest(point, known) if known else "add it to [[devices]]",
        )
        for point in unknown
    ]
    if len(record["id"]) > LONGEST_PLATFORM:
        message = f"{record['id']!r} is too long for what devices report as {output_of('…')!r}"
        findings.append(
            Finding(
                "registry.votes.id", entry.file, entry.at("id"), message, f"use at most {LONGEST_PLATFORM} characters"
            )
        )
    return findings


def _check_new_output(entry: Entry, current: Records) -> list[Finding]:
    """Names of checks are taken; whoever has such an output from before keeps it."""
    if entry.kind != "output" or entry.ref in current or not is_check(entry.ids["id"]):
        return []
    message = f"{entry.ids['id']!r} is how devices name their checks of a platform"
    remedy = "choose another id; a check needs no output, only `votes` of its platform"
    return [Finding("registry.output.check", entry.file, entry.at("id"), message, remedy)]


def _must_exist(entry: Entry, field: str, ref: Ref, wanted: Records) -> list[Finding]:
    if ref in wanted:
        return []
    known = [other.key.rpartition("/")[2] for other in wanted if other.kind == ref.kind and _beside(other, ref)]
    if field == "emission":
        known.append(ALWAYS)
    message = f"there is no {ref.kind} {ref.key}"
    remedy = nearest(ref.key.rpartition("/")[2], known) if known else f"add it to [[{ref.kind}s]]"
    return [Finding(f"registry.{field}.unknown", entry.file, entry.at(field), message, remedy)]


def _beside(one: Ref, other: Ref) -> bool:
    return one.kind == "tenant" or tenant_of(one) == tenant_of(other)


def _own_name(entry: Entry, wanted: Records) -> list[Finding]:
    """A device and a platform of one tenant may not share an id: windows and rulings name subjects by it."""
    other = Ref("platform" if entry.kind == "device" else "device", entry.key)
    if other not in wanted:
        return []
    message = f"{entry.key} is a {other.kind} already"
    return [Finding("registry.id.taken", entry.file, entry.at("id"), message, "choose another id")]


def _check_active(entry: Entry, record: Record) -> list[Finding]:
    start, end = record["active_from_ms"], record["active_until_ms"]
    if start is None or end is None or start <= end:
        return []
    message = f"{iso(end)} is before active_from, {iso(start)}"
    return [Finding("registry.active", entry.file, entry.at("active_until"), message, "correct one of the two")]


def _never_counted(record: Record, until_ms: int) -> bool:
    start, end = record["active_from_ms"], record["active_until_ms"]
    return start is not None and (start >= until_ms or start == end)


def _has_evidence(ref: Ref, record: Record, evidence: Collection[str]) -> bool:
    return ref.key in evidence or f"{record['tenant']}/{record['device']}" in evidence


def _ended(record: Record, until_ms: int) -> Record:
    start, end = record["active_from_ms"], record["active_until_ms"]
    until = until_ms if start is None else max(start, until_ms)
    return record if end is not None and end <= until else {**record, "active_until_ms": until}


def _idle_devices(records: Records, evidence: Collection[str]) -> list[Ref]:
    busy = {f"{record['tenant']}/{record['device']}" for ref, record in records.items() if ref.kind == "output"}
    return [ref for ref in records if ref.kind == "device" and ref.key not in busy and ref.key not in evidence]


def _unused_places(records: Records, _evidence: Collection[str]) -> list[Ref]:
    used = {ALWAYS}
    for ref, record in records.items():
        for kind, field in (("site", "site"), ("calendar", "emission")):
            if record.get(field):
                used.add(f"{kind}:{tenant_of(ref)}/{record[field]}")
    return [ref for ref in records if ref.kind in {"site", "calendar"} and f"{ref.kind}:{ref.key}" not in used]
