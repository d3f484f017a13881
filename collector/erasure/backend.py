"""Where an order to erase goes: into the ledger itself, or to the collector that holds it (which forgets at once)."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from collector.erasure.model import EraseAnswer, EraseRequest
from collector.erasure.shell import Eraser, PointEraser
from collector.ledger.ledger import Ledger, LedgerBusyError
from collector.registry.backend import ask, readable
from common.clock import SystemClock
from common.config import ConfigError, Finding

if TYPE_CHECKING:
    from collections.abc import Mapping

    from collector.sla.contract import Contract

ROUTE: Final = "/tenant/erase"
TIMEOUT_S: Final = 3600  # a large ledger is written anew


def erase(
    path: Path, request: EraseRequest, contracts: Mapping[str, Contract] | None, points: PointEraser | None
) -> EraseAnswer:
    """Carry it out; ConfigError where ledger or collector refuse. `contracts`, `points`: as configured, if known."""
    if not path.exists():
        remedy = "check the path, or start the collector once"
        raise ConfigError(Finding("ledger.unusable", str(path), "", "no such ledger", remedy))
    try:
        with readable(path):
            ledger = Ledger.open(path)
            try:
                return asyncio.run(_here(ledger, request, contracts, points))
            finally:
                ledger.close()
    except LedgerBusyError as busy:
        return msgspec.json.decode(ask(path, ROUTE, request, busy, TIMEOUT_S), type=EraseAnswer)


async def _here(
    ledger: Ledger, request: EraseRequest, contracts: Mapping[str, Contract] | None, points: PointEraser | None
) -> EraseAnswer:
    return await Eraser(ledger, SystemClock(), contracts, points)(request)
