"""PURE. The manifest of a revision: what it was made of, what came out, and by what. Its SHA-256 is the seal.

The manifest names every file by hash, the result too, and the seal of the revision before it; the journal's entry of
the closing names the seal. So one number on an invoice stands for everything below it.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Mapping
from typing import Any, Final, Literal, NamedTuple

import msgspec

from collector.revisions.inputs import MonthNumbers
from collector.revisions.papers import to_json
from collector.sla.verdict import Result

FORMAT: Final = 1
MANIFEST: Final = "manifest.json"
RESULT: Final = "result.json"
LEVEL: Final = 6  # of compression: 9 takes three times as long for a twentieth less

Trigger = Literal["settled", "all_reported", "operator", "evidence", "decisions", "registry", "months"]


def sha256(data: bytes) -> str:
    """The hash in hexadecimal, as `sha256sum` prints it."""
    return hashlib.sha256(data).hexdigest()


class Difference(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One thing that changed since the revision before. `facts` are numbers and names, for `wording.py`."""

    kind: str
    facts: dict[str, Any]


class Outcome(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What it came to, for lists: the keys of the result."""

    percent: str | None
    availability: tuple[int, int] | None
    discount_percent: int | str | None
    discount_reason: str


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One revision. `files` and `result`: SHA-256 of the bytes.

    `substance`: the fingerprint of what can move the figure (`substance.py`).
    """

    format: int
    tenant: str
    tenant_name: str
    contract: str
    contract_name: str
    month: str
    timezone: str
    start_ms: int
    end_ms: int
    number: int
    at_ms: int
    who: str
    why: str
    trigger: Trigger
    previous: str | None
    outcome: Outcome
    numbers: MonthNumbers
    differences: tuple[Difference, ...]
    substance: str
    versions: dict[str, str]
    files: dict[str, str]
    result: str


class Frozen(NamedTuple):
    """A revision as it is kept: the manifest, the papers (file → bytes), the result's bytes."""

    manifest: Manifest
    papers: Mapping[str, bytes]
    result: bytes

    @property
    def seal(self) -> str:
        """Give the SHA-256 of the manifest."""
        return sha256(manifest_bytes(self.manifest))


class Packed(NamedTuple):
    """A revision with its blobs compressed, so that the ledger's writer need not wait for that."""

    frozen: Frozen
    papers: bytes
    result: bytes


class Listed(NamedTuple):
    """A revision without its papers, for lists."""

    manifest: Manifest
    seal: str


def outcome_of(result: Result) -> Outcome:
    """The result's own words on figure and discount."""
    names = ("percent", "availability", "discount_percent", "discount_reason")
    return msgspec.convert({name: result[name] for name in names}, Outcome)


def result_bytes(result: Result) -> bytes:
    """The result as it is stored and hashed."""
    return to_json(result)


def manifest_bytes(manifest: Manifest) -> bytes:
    """The manifest as it is stored and hashed."""
    return to_json(manifest)


def pack(frozen: Frozen) -> Packed:
    """Compress what the ledger keeps: the papers as one blob, the result as another."""
    papers = msgspec.json.encode({name: data.decode() for name, data in sorted(frozen.papers.items())})
    return Packed(frozen, zlib.compress(papers, LEVEL), zlib.compress(frozen.result, LEVEL))


def unpack(blob: bytes) -> dict[str, bytes]:
    """The papers of a blob."""
    texts: dict[str, str] = msgspec.json.decode(zlib.decompress(blob), type=dict[str, str])
    return {name: text.encode() for name, text in texts.items()}
