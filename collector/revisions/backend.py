"""Where an order to close goes: into the ledger itself, or to the collector that holds it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from collector.ledger.ledger import Ledger, LedgerBusyError
from collector.registry.backend import ask, readable
from collector.revisions.make import keep, look, make
from collector.revisions.orders import CloseAnswer, CloseRequest
from common.config import ConfigError, Finding

if TYPE_CHECKING:
    from pathlib import Path

    from collector.revisions.look import ContractFile

ROUTE: Final = "/revisions"


def close(path: Path, file: ContractFile, request: CloseRequest, now_ms: int) -> CloseAnswer:
    """Carry out one order; ConfigError where ledger, collector or the order's own sense refuse.

    A running collector uses its own clock, and the contract file that it was started with.
    """
    if not path.exists():
        message, remedy = "no such ledger", "check the path, or start the collector once"
        raise ConfigError(Finding("ledger.unusable", str(path), "", message, remedy))
    try:
        with readable(path):
            ledger = Ledger.open(path)
            try:
                sight = ledger.read_now(lambda connection: look(connection, file, request, now_ms))
                made = make(sight, request)
                return ledger.write_now(lambda connection: keep(connection, sight, made))
            finally:
                ledger.close()
    except LedgerBusyError as busy:
        return msgspec.json.decode(ask(path, ROUTE, request, busy), type=CloseAnswer)
