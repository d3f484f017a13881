"""PURE. What an operator asks for, what it would change, and what is said back: the same here and over the socket."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Annotated, Final

import msgspec

from collector.registry.diff import Change, diff_records
from collector.registry.entries import Entry
from collector.registry.files import SourceFile, refuse
from collector.registry.merge import merge, prune
from collector.registry.model import Registry
from collector.registry.records import to_records, to_registry
from collector.sla.reading import nearest
from common.config import Finding

LONGEST_WHO: Final = 200
Who = Annotated[str, msgspec.Meta(pattern=r"^[^\x00-\x1f\x7f]+$", max_length=LONGEST_WHO)]


class ApplyRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Files to apply. `prune_until_ms`: end at that instant what they do not mention; None: leave it alone.

    `expect` is the fingerprint of the changes that the operator has seen; anything else is not applied.
    """

    files: list[SourceFile]
    who: Who
    dry_run: bool = False
    prune_until_ms: int | None = None
    expect: str | None = None


class ApplyAnswer(msgspec.Struct, frozen=True):
    """The changes, whether they were applied, where the journal ends now, and what a person should look at."""

    changes: list[Change]
    fingerprint: str
    applied: bool
    journal_head: str
    warnings: list[Finding]


class MovedError(Exception):
    """The registry changed between the look and the word; nothing was applied."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What entries mean for the current registry."""

    changes: list[Change]
    wanted: Registry
    warnings: list[Finding]

    @property
    def fingerprint(self) -> str:
        """Name exactly these changes."""
        return hashlib.sha256(msgspec.json.encode(self.changes, order="deterministic")).hexdigest()


def make_plan(
    current: Registry,
    entries: Iterable[Entry],
    *,
    prune_until_ms: int | None = None,
    evidence: Collection[str] = frozenset(),
    contracts: Collection[str] | None = None,
) -> Plan:
    """Compare what the entries want with what there is.

    `evidence`: `tenant/device` of those that ever reported. `contracts`: the ids that the collector judges by (None:
    not known here). ConfigError where a reference leads nowhere.
    """
    entries = list(entries)
    records = to_records(current)
    wanted, findings = merge(records, entries)
    refuse(findings)
    if prune_until_ms is not None:
        wanted = prune(wanted, entries, prune_until_ms, evidence)
    warnings = [] if contracts is None else _unknown_contracts(entries, contracts)
    return Plan(diff_records(records, wanted), to_registry(wanted.items()), warnings)


def _unknown_contracts(entries: Iterable[Entry], contracts: Collection[str]) -> list[Finding]:
    """One warning a contract: it may be added to the collector later, or it is a misspelling that judges nobody."""
    first: dict[str, Entry] = {}
    for entry in entries:
        contract = entry.values.get("contract")
        if isinstance(contract, str) and contract not in contracts:
            first.setdefault(contract, entry)
    remedy = "a new one needs its file in [contracts] files"
    return [
        Finding(
            "registry.contract.unknown",
            entry.file,
            entry.at("contract"),
            f"the collector has no contract {contract!r}: nothing judges what names it",
            f"{nearest(contract, contracts)} ({remedy})" if contracts else remedy,
            "warning",
        )
        for contract, entry in first.items()
    ]
