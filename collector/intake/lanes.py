"""PURE. What waits for the ledger: a queue for each lane, taken in turns.

A device has a lane of its own, so one that talks without end waits for itself and for nobody else. A turn is so many
runs and not so many messages, since one message may carry 500 of them; it ends with the message that fills it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable
from typing import Final, Generic, TypeVar

TURN_WEIGHT: Final = 100  # an agent's ordinary message of backlog

T = TypeVar("T")


class _Lane(Generic[T]):
    __slots__ = ("key", "waiting", "weight")

    def __init__(self, key: Hashable) -> None:
        self.key = key
        self.waiting: deque[tuple[int, T]] = deque()
        self.weight = 0


class Lanes(Generic[T]):
    """Queues that are served in turns. Order is kept within a lane, and only there."""

    def __init__(self) -> None:
        self._lanes: dict[Hashable, _Lane[T]] = {}
        self._turns: deque[_Lane[T]] = deque()
        self.weight = 0
        self._count = 0

    def __len__(self) -> int:
        """Count what waits."""
        return self._count

    def weight_of(self, key: Hashable) -> int:
        """Weigh what waits in one lane."""
        lane = self._lanes.get(key)
        return lane.weight if lane is not None else 0

    def put(self, key: Hashable, item: T, weight: int) -> None:
        """Let an item wait at the end of its lane."""
        lane = self._lanes.get(key)
        if lane is None:
            lane = self._lanes[key] = _Lane(key)
            self._turns.append(lane)
        lane.waiting.append((weight, item))
        lane.weight += weight
        self.weight += weight
        self._count += 1

    def take(self, weight: int) -> list[T]:
        """Take about so much: a turn of each lane, and again, until it is reached or nothing waits."""
        taken: list[T] = []
        while self._turns and weight > 0:
            lane = self._turns.popleft()
            weight -= self._turn(lane, min(weight, TURN_WEIGHT), taken)
            if lane.waiting:
                self._turns.append(lane)
            else:
                del self._lanes[lane.key]
        return taken

    def _turn(self, lane: _Lane[T], most: int, taken: list[T]) -> int:
        used = 0
        while lane.waiting and used < most:
            weight, item = lane.waiting.popleft()
            taken.append(item)
            used += weight
            self._count -= 1
        lane.weight -= used
        self.weight -= used
        return used
