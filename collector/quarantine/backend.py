"""Where an order goes: into the ledger itself, or to the collector that holds it (and then counts with it at once)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from collector.ledger.evidence_store import EvidenceStore
from collector.ledger.ledger import Ledger, LedgerBusyError
from collector.quarantine.orders import QuarantineAnswer, QuarantineRequest
from collector.quarantine.retry import carry_out
from collector.registry.backend import ask, readable
from common.config import ConfigError, Finding

if TYPE_CHECKING:
    from sqlalchemy import Connection

ROUTE: Final = "/quarantine"


def order(path: Path, request: QuarantineRequest, now_ms: int) -> QuarantineAnswer:
    """Carry out one order; ConfigError where the ledger or the collector refuses.

    `now_ms` dates it where no collector runs; a running one uses its own clock.
    """
    if not path.exists():
        raise ConfigError(
            Finding("ledger.unusable", str(path), "", "no such ledger", "check the path, or start the collector once")
        )
    try:
        return _order_here(path, request, now_ms)
    except LedgerBusyError as busy:
        return msgspec.json.decode(ask(path, ROUTE, request, busy), type=QuarantineAnswer)


def _order_here(path: Path, request: QuarantineRequest, now_ms: int) -> QuarantineAnswer:
    store = EvidenceStore()

    def work(connection: Connection) -> QuarantineAnswer:
        store.load(connection)
        return carry_out(connection, store, request, now_ms).answer

    with readable(path):
        ledger = Ledger.open(path)
        try:
            return ledger.write_now(work)
        finally:
            ledger.close()
