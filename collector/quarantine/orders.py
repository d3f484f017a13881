"""PURE. What an operator asks of the quarantine and what is answered: the same here and over the admin socket."""

from __future__ import annotations

import msgspec

from collector.registry.plan import Who

MOST_AT_ONCE = 1000


class Selection(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which refused messages; what is empty leaves nothing out. `[since_ms, until_ms)` by the collector's clock."""

    ids: tuple[int, ...] = ()
    reason: str = ""
    device: str = ""
    topic: str = ""
    since_ms: int | None = None
    until_ms: int | None = None


class Retry(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="retry"):
    """Take messages in once more, as they came and with the time at which they came."""

    selection: Selection


class Drop(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="drop"):
    """Delete messages that nobody needs any more; the journal keeps who did, and why."""

    selection: Selection
    why: str


class QuarantineRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One order, by whom."""

    order: Retry | Drop
    who: Who


class Retried(msgspec.Struct, frozen=True):
    """What came of one message. `taken`: it is in the ledger now, and no longer in the quarantine."""

    id: int
    taken: bool
    reason: str  # "" where it was taken
    detail: str


class QuarantineAnswer(msgspec.Struct, frozen=True):
    """What was done: each message that was tried, or how many were dropped by reason; `left`: more were chosen."""

    retried: list[Retried] = []
    dropped: dict[str, int] = {}
    left: int = 0
    journal_head: str = ""
