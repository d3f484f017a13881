"""Where an order goes: into the ledger itself, or to the collector that holds it (and then counts with it at once)."""

from __future__ import annotations

from pathlib import Path

import msgspec

from collector.decisions.orders import DecisionAnswer, DecisionRequest
from collector.ledger.decisions_store import decide
from collector.ledger.ledger import Ledger, LedgerBusyError
from collector.registry.backend import ask, readable
from common.config import ConfigError, Finding

ROUTE = "/decisions"


def order(path: Path, request: DecisionRequest, now_ms: int) -> DecisionAnswer:
    """Carry out one order; ConfigError where ledger, collector or the order's own sense refuse.

    `now_ms` dates it where no collector runs; a running one uses its own clock.
    """
    if not path.exists():
        raise ConfigError(
            Finding("ledger.unusable", str(path), "", "no such ledger", "check the path, or start the collector once")
        )
    try:
        return _order_here(path, request, now_ms)
    except LedgerBusyError as busy:
        return msgspec.json.decode(ask(path, ROUTE, request, busy), type=DecisionAnswer)


def _order_here(path: Path, request: DecisionRequest, now_ms: int) -> DecisionAnswer:
    with readable(path):
        ledger = Ledger.open(path)
        try:
            return ledger.write_now(lambda connection: decide(connection, request, now_ms)).answer
        finally:
            ledger.close()
