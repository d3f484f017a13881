"""PURE. How much a device may send: two token buckets, one of messages and one of runs.

Far above what an honest agent sends, weeks of backlog and reconnecting included: an agent has at most 500 runs on their
way, and waits 20 s and more before it repeats one. Over its allowance a device is shed: its heartbeats first (they
restate), from the lower half of the bucket; then everything. What is shed is not acknowledged, so runs come again.

`admits` is called for every message: what it needs is worked out beforehand.
"""

from __future__ import annotations

from typing import Final, NamedTuple

_MILLISECONDS: Final = 1000


class Rate(NamedTuple):
    """What a bucket holds at most, and how fast it is filled again."""

    burst: int
    per_s: float


class Limits(NamedTuple):
    """One device's two rates, or those of all devices together that are not registered."""

    messages: Rate
    runs: Rate


class Allowance:
    """One device's two buckets. `limited`: it has been shed, and its buckets have not been half full since."""

    __slots__ = ("_at_ms", "_half", "_limits", "_messages", "_runs", "limited", "shed")

    def __init__(self, limits: Limits, now_ms: int) -> None:
        self._limits = limits
        self._half = limits.messages.burst / 2
        self._messages = float(limits.messages.burst)
        self._runs = float(limits.runs.burst)
        self._at_ms = now_ms
        self.limited = False
        self.shed = 0

    def admits(self, now_ms: int, restates: bool) -> bool:  # noqa: FBT001 - a keyword costs as much as the rest
        """Whether another message is taken now; it is paid for. `restates`: a heartbeat, which is given up first."""
        if now_ms != self._at_ms:
            self._fill(now_ms)
        if self._messages < (self._half if restates else 1.0) or self._runs <= 0:
            return False
        self._messages -= 1
        return True

    def pay(self, runs: int) -> None:
        """Take the price of a message's runs; a bucket may go below zero by one message."""
        self._runs -= runs

    def refuse(self) -> bool:
        """Count a message that was shed; whether this begins an episode."""
        self.shed += 1
        begins = not self.limited
        self.limited = True
        return begins

    def recovers(self) -> bool:
        """Whether an episode ends here: both buckets are half full again."""
        limits = self._limits
        if not self.limited or self._messages * 2 < limits.messages.burst or self._runs * 2 < limits.runs.burst:
            return False
        self.limited = False
        return True

    def _fill(self, now_ms: int) -> None:
        elapsed_s = (now_ms - self._at_ms) / _MILLISECONDS
        self._at_ms = now_ms
        if elapsed_s > 0:  # a wall clock may be set back: that gives nothing
            messages, runs = self._limits
            self._messages = min(messages.burst, self._messages + elapsed_s * messages.per_s)
            self._runs = min(runs.burst, self._runs + elapsed_s * runs.per_s)
