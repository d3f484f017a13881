"""The month keeper of a collector in a process of its own, so that it can be killed: it looks three times, and ends.

python -m tests.collector.revisions.closer LEDGER CONTRACT
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from collector.figures import agree
from collector.ledger.ledger import Ledger, LedgerError
from collector.ledger.registry_store import read_registry
from collector.revisions.keeper import Keeper
from collector.revisions.look import read_source
from common.clock import ManualClock
from tests.collector.revisions.shop import CONTRACT, SETTLED

LOOKS = 3


async def look(ledger: Ledger, contract: str) -> None:
    """As every five minutes, at the moment at which the month's time for late evidence is over."""
    file = read_source(CONTRACT, contract)
    agreements = agree(ledger.read_now(read_registry), {CONTRACT: file.contract}).by_key
    keeper = Keeper(ledger, ManualClock(wall=SETTLED), [file], lambda: agreements)
    for _ in range(LOOKS):
        await keeper.check()


if __name__ == "__main__":
    try:
        opened = Ledger.open(Path(sys.argv[1]))
    except LedgerError as error:
        sys.exit(str(error))
    asyncio.run(look(opened, sys.argv[2]))
    opened.close()
