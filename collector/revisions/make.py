"""One month, from the ledger's present to its next revision: the same for the command line and the running collector.

Three steps, so that neither the reader nor the writer waits for the arithmetic: look (reading), draft (no ledger at
all), store (writing). `OvertakenError` from the last: look again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from collector.ledger.revision_store import store
from collector.revisions.drafting import Order, draft
from collector.revisions.look import ContractFile, Sight, find_tenant, see
from collector.revisions.orders import CloseAnswer, CloseRequest, check_reason, check_time
from collector.revisions.seal import Packed, manifest_bytes, pack
from collector.revisions.versions import versions

if TYPE_CHECKING:
    from sqlalchemy import Connection


def look(connection: Connection, file: ContractFile, request: CloseRequest, now_ms: int) -> Sight:
    """Look at the month of an order; ConfigError where it cannot be carried out."""
    check_reason(request)
    tenant = find_tenant(connection, file, request.tenant, request.month)
    sight = see(connection, file, tenant, request.month, now_ms, anew=request.now)
    if sight.last is None or now_ms < sight.span.end_ms:
        check_time(request, sight.span.end_ms, sight.settles_ms, sight.reason, now_ms)
    return sight


def make(sight: Sight, request: CloseRequest) -> Packed | None:
    """The revision that an order makes, ready to be stored; None where nothing changed."""
    by_hand = request.now
    trigger = "operator" if by_hand else sight.reason if sight.last is None else None
    frozen = draft(sight.inputs, sight.last, Order(request.who, request.why, trigger), versions())
    return None if frozen is None else pack(frozen)


def keep(connection: Connection, sight: Sight, made: Packed | None) -> CloseAnswer:
    """Store what was made, if anything, and answer."""
    head = "" if made is None else str(store(connection, made))
    frozen = sight.last if made is None else made.frozen
    if frozen is None:
        raise ValueError("a month without a revision always gets one")
    return CloseAnswer(made is not None, frozen.seal, msgspec.Raw(manifest_bytes(frozen.manifest)), head)
