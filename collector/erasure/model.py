"""PURE. What an operator asks for, and the certificate that comes of it: the same here and over the admin socket."""

from __future__ import annotations

from typing import Annotated, Final

import msgspec

from collector.registry.plan import Who

ERASURE_FINISHED: Final = "tenant.erasure_finished"  # the journal's kind; `chain.ERASED` is the erasure itself
LONGEST_WHY: Final = 1000
Why = Annotated[str, msgspec.Meta(pattern=r"^[^\x00-\x1f\x7f]*\S[^\x00-\x1f\x7f]*$", max_length=LONGEST_WHY)]
TenantId = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9._-]{0,62}$")]


class EraseRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Erase a tenant. `force`: although its contract's term is not over. `dry_run`: only say what would be erased."""

    tenant: TenantId
    why: Why
    who: Who
    force: bool = False
    dry_run: bool = False


class Erased(msgspec.Struct, frozen=True):
    """What the erasure took away, as its journal entry keeps it. Instants are of the evidence, None: there was none.

    `rows` by table. `content_sha256`: of every row, so that a copy kept elsewhere can be compared. `redacted`: the
    journal's entries that lost their content, each with the hash of what is left. `forced`: what spoke against it.
    """

    tenant: str
    why: str
    forced: list[str]
    rows: dict[str, int]
    content_sha256: str
    evidence_from_ms: int | None
    evidence_until_ms: int | None
    redacted: list[tuple[int, str]]
    head_before: str


class Finished(msgspec.Struct, frozen=True):
    """What followed it: the file's free pages overwritten, points deleted. `influx` is a sentence."""

    entry: int
    file_bytes_before: int
    file_bytes_after: int
    influx: str
    influx_erased: bool


class Certificate(msgspec.Struct, frozen=True):
    """The erasure, to be kept by who asked for it. `entry`: its number in the journal, whose head is `journal_head`."""

    tenant: str
    who: str
    why: str
    at_ms: int
    entry: int
    erased: Erased
    finished: Finished | None
    journal_head: str
    signwatch: str


class EraseAnswer(msgspec.Struct, frozen=True):
    """`rows`: what there is to erase. `obstacles`: what speaks against it; erased only without any, or with `force`.

    `certificate` None: nothing was erased. `again`: it was erased before, and this is from then.
    `unfinished`: why what is written in the file's free pages could not be overwritten yet.
    """

    rows: dict[str, int]
    obstacles: list[str]
    certificate: Certificate | None = None
    again: bool = False
    unfinished: str = ""
