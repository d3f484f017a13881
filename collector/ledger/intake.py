"""What comes into the ledger, and what came of it."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collector.evidence import RunRow
    from collector.intake.reading import Statement
    from collector.ledger.conflict_store import ConflictRow
    from wire.topics import Address

DEFAULT_INTERVAL_MS: Final = 15_000


class Received(NamedTuple):
    """A message that was understood, and when it came (the collector's wall clock)."""

    address: Address
    message: Statement
    received_ms: int
    again: bool = False  # it came long ago: it says nothing of the present


class Refused(NamedTuple):
    """A message that was not, kept for a person to look at."""

    received_ms: int
    topic: str
    reason: str
    detail: str
    body: bytes
    device: str = ""  # tenant/device, as the topic names it; "": it names none


@dataclass(slots=True)
class DeviceRow:
    """What the ledger knows of a device that ever reported."""

    id: int
    address: Address
    first_seen_ms: int
    last_received_ms: int
    interval_ms: int = DEFAULT_INTERVAL_MS
    boot: str | None = None
    mono_ms: int = 0  # of that boot, when it last spoke
    gone: bool = False
    hello: dict[str, object] | None = None

    @property
    def outputs(self) -> tuple[str, ...]:
        """Ids of the outputs that its hello named."""
        outputs = (self.hello or {}).get("outputs")
        return tuple(str(output["id"]) for output in outputs) if isinstance(outputs, list) else ()


@dataclass(slots=True)
class Outcome:
    """What a committed batch changed. `rows` are the ledger's own, as they stand after the join, the latest last."""

    acks: dict[tuple[Address, str], list[int]] = field(default_factory=lambda: defaultdict(list))
    rows: list[tuple[Address, RunRow]] = field(default_factory=list)
    devices: dict[Address, DeviceRow] = field(default_factory=dict)
    let_go: Counter[str] = field(default_factory=Counter)  # refused messages that are kept no longer, by reason
    contradictions: int = 0  # runs that say otherwise than the ledger
    conflicts: list[ConflictRow] = field(default_factory=list)  # as they stand now

    def followed_by(self, later: Outcome) -> Outcome:
        """What both changed."""
        for key, seqs in later.acks.items():
            self.acks[key] += seqs
        self.rows += later.rows
        self.devices.update(later.devices)
        self.let_go += later.let_go
        self.contradictions += later.contradictions
        self.conflicts += later.conflicts
        return self
