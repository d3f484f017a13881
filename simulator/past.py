"""PURE. What a player that has been offline for days has seen meanwhile: its screens changed so many times a day."""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import pairwise
from typing import Final, NamedTuple

from wire.states import State

DAY_MS: Final = 86_400_000
_TROUBLES: Final[tuple[State, ...]] = ("frozen", "black", "stopped", "error", "idle")


class Offline(NamedTuple):
    """How long a player has been offline when it begins its life here, and how often a screen changed a day."""

    days: float
    changes_per_day: int

    @property
    def length_ms(self) -> int:
        """How long that is."""
        return round(self.days * DAY_MS)


class PastRun(NamedTuple):
    """A screen in one state over `[start_ms, end_ms)`, true time."""

    start_ms: int
    end_ms: int
    state: State


def past_of(chance: random.Random, offline: Offline, now_ms: int) -> Iterator[PastRun]:
    """One screen's runs of that time, the oldest first, without gap: it plays, and every other run is a trouble."""
    start_ms = now_ms - offline.length_ms
    inner = range(start_ms + 1, now_ms)
    changes = min(round(offline.days * offline.changes_per_day), len(inner))
    edges = [start_ms, *sorted(chance.sample(inner, changes)), now_ms]
    for number, (begin_ms, end_ms) in enumerate(pairwise(edges)):
        yield PastRun(begin_ms, end_ms, chance.choice(_TROUBLES) if number % 2 else "playing")
