"""PURE. Which closed runs go into the next message, and when they go again. Agents and virtual players share it.

A run is sent until an ack covers it; the pause before it goes again doubles from `RESEND_MIN_S` to `RESEND_MAX_S`. Only
the oldest `WINDOW` runs are on their way at once, so that weeks of backlog do not flood a collector that is away. Each
time round, runs travel in smaller company: if one of them is what the collector refuses, it ends up alone, and the
others get through.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import islice
from typing import Final, NamedTuple, Protocol

import msgspec

from wire.messages import MAX_BODY_BYTES, Run

BATCH_RUNS: Final = 100
BATCH_BYTES: Final = MAX_BODY_BYTES - 8 * 1024  # what is left for the message around the runs, clocks included
WINDOW: Final = 500
RESEND_MIN_S: Final = 20.0
RESEND_MAX_S: Final = 300.0


Name = tuple[str, int]
"""A run's (spool, seq)."""


class Kept(Protocol):
    """A closed run with the spool that numbered it."""

    @property
    def spool(self) -> str:
        """Whose seq it is."""

    @property
    def run(self) -> Run:
        """The run."""


class Batch(NamedTuple):
    """Runs of one spool for one message."""

    spool: str
    runs: list[Run]


class _Sent(NamedTuple):
    again_s: float
    times: int


class Outbox:
    """What has been sent and not acknowledged, on one connection after another. Times are monotonic seconds."""

    def __init__(self) -> None:
        self._sent: dict[Name, _Sent] = {}

    def next(self, sendable: Iterable[Kept], now_s: float) -> Batch | None:
        """Take the next message's runs, oldest first; None: nothing to send now."""
        chosen: list[Kept] = []
        left_bytes, room = BATCH_BYTES, BATCH_RUNS
        for kept in islice(sendable, WINDOW):
            sent = self._sent.get((kept.spool, kept.run.seq))
            if sent is not None and sent.again_s > now_s:
                continue
            size = len(msgspec.json.encode(kept.run)) + 1
            room = min(room, max(1, BATCH_RUNS >> max(0, sent.times if sent else 0)))
            if chosen and (kept.spool != chosen[0].spool or size > left_bytes or len(chosen) >= room):
                break
            chosen.append(kept)
            left_bytes -= size
        if not chosen:
            return None
        for kept in chosen:
            self._note((kept.spool, kept.run.seq), now_s)
        return Batch(chosen[0].spool, [kept.run for kept in chosen])

    def wait_s(self, now_s: float) -> float | None:
        """Seconds until something goes again; None: nothing is on its way."""
        return max(0.0, min(sent.again_s for sent in self._sent.values()) - now_s) if self._sent else None

    def forget(self, waits: Callable[[Name], bool]) -> None:
        """Drop what no longer waits for an ack."""
        self._sent = {name: sent for name, sent in self._sent.items() if waits(name)}

    def reconnected(self) -> None:
        """Everything may go again at once: what was on its way is lost with the connection, and nobody refused it."""
        self._sent = {name: _Sent(0.0, sent.times - 1) for name, sent in self._sent.items()}

    def _note(self, name: Name, now_s: float) -> None:
        times = self._sent[name].times + 1 if name in self._sent else 0
        pause_s: float = min(RESEND_MAX_S, RESEND_MIN_S * 2.0 ** max(0, min(times, 10)))
        self._sent[name] = _Sent(now_s + pause_s, times)
