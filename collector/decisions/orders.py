"""PURE. What an operator orders and what is answered: the same on the command line and over the admin socket.

Nobody can say when a window was announced or a ruling was made: an order has no such field, the collector's clock says.
"""

from __future__ import annotations

import msgspec

from collector.decisions.model import RulingRecord, WindowRecord
from collector.registry.plan import Who
from common.config import Finding


class Announce(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="announce"):
    """Announce a window now. `tenant` "": the only one there is."""

    tenant: str
    kind: str
    subjects: tuple[str, ...]
    start_ms: int
    end_ms: int
    why: str


class Cancel(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="cancel"):
    """Take a window back. It stays in the ledger and leaves nothing out any more."""

    id: int
    why: str


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="rule"):
    """Decide on the state of an interval that has passed, on its cause, or on both."""

    tenant: str
    subject: str
    start_ms: int
    end_ms: int
    state: str | None
    cause: str | None
    why: str


class Occurrence(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One recurrence of an iCalendar event. `occurrence` names it among the event's; `cancelled`: by its STATUS."""

    uid: str
    occurrence: str
    start_ms: int
    end_ms: int
    why: str
    cancelled: bool = False


class Import(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="import"):
    """Bring the windows of an iCalendar file in line with its events, as far as they begin within `[from, until)`."""

    tenant: str
    file: str
    kind: str
    subjects: tuple[str, ...]
    occurrences: tuple[Occurrence, ...]
    from_ms: int
    until_ms: int


Order = Announce | Cancel | Rule | Import


class DecisionRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One order, by whom. `dry_run`: only say what it would change."""

    order: Order
    who: Who
    dry_run: bool = False


class DecisionAnswer(msgspec.Struct, frozen=True):
    """What was decided (ids are 0 in a dry run), where the journal ends now, and what a person should look at."""

    announced: list[WindowRecord]
    cancelled: list[WindowRecord]
    ruled: list[RulingRecord]
    unchanged: int
    applied: bool
    journal_head: str
    warnings: list[Finding]
