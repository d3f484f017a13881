"""PURE. Which refused messages of a batch are written down: a flood is counted in full and kept in part.

What the quarantine keeps in the end is decided in collector/ledger/quarantine_store.py; this here bounds what a batch
has to write, so that a flood of garbage does not keep the ledger from evidence.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collector.ledger.intake import Refused

OF_A_DEVICE_MAX: Final = 20
OF_STRANGERS_MAX: Final = 100  # devices that are not registered, and topics that name none
AT_ONCE_MAX: Final = 400
BYTES_MAX: Final = 1024 * 1024
DEVICE_BYTES_MAX: Final = 256 * 1024
_STRANGERS: Final = ""


class Refusals:
    """The refused messages that wait to be written down."""

    def __init__(self) -> None:
        self._waiting: list[Refused] = []
        self._counts: Counter[str] = Counter()
        self._bytes: Counter[str] = Counter()

    def __len__(self) -> int:
        """Count what waits."""
        return len(self._waiting)

    def add(self, refused: Refused, *, is_registered: bool) -> bool:
        """Let a message wait; False where this batch has enough of them."""
        size = len(refused.body)
        share = refused.device if is_registered else _STRANGERS
        most = OF_A_DEVICE_MAX if is_registered else OF_STRANGERS_MAX
        if self._counts[share] >= most or len(self._waiting) >= AT_ONCE_MAX:
            return False
        if self._bytes[share] + size > DEVICE_BYTES_MAX or self._bytes.total() + size > BYTES_MAX:
            return False
        self._counts[share] += 1
        self._bytes[share] += size
        self._waiting.append(refused)
        return True

    def take(self) -> list[Refused]:
        """Take all that waits."""
        waiting = self._waiting
        self._waiting = []
        self._counts.clear()
        self._bytes.clear()
        return waiting
