"""A registered shop in a ledger of the test's own."""

import pytest

from collector.ledger.ledger import Ledger
from tests.collector.revisions.shop import Shop, all_month, run


@pytest.fixture
def shop(ledger: Ledger) -> Shop:
    """Three players and a portal; p3 is unknown for 30 hours, p2 was black for 20."""
    made = Shop(ledger)
    made.register()
    made.send(*all_month("p1", "p2", "portal"))
    made.send(run("p2", "03-10T00:00", "03-10T20:00", "black"))
    made.send(run("p3", "02-28T12:00", "03-20T00:00", "playing"))
    made.send(run("p3", "03-21T06:00", "04-01T12:00", "playing"), first=20)  # the numbers between have not come
    return made
