"""What most of the collector needs of `collector.ledger.ledger.Ledger`, and no more."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from sqlalchemy import Connection

T = TypeVar("T")


class LedgerAccess(Protocol):
    """The one way to the ledger: each `work` in a transaction of its own."""

    async def write(self, work: Callable[[Connection], T]) -> T:
        """Run `work` in one transaction; it is committed when this returns."""

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Run `work` on committed data."""
