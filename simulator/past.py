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
    """How long a player has been offline when it begins its life here, and what its screens did meanwhile.

    Of every stretch of playing and the trouble after it, the trouble takes `trouble_share` on average where that is
    given; else playing and trouble change at any moment. In the last `calm_days` nothing changed any more.
    """

    days: float
    changes_per_day: int
    trouble_share: float | None = None
    calm_days: float = 0

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
    restless_days = max(offline.days - offline.calm_days, 0)
    inner = range(start_ms + 1, start_ms + round(restless_days * DAY_MS))
    changes = min(round(restless_days * offline.changes_per_day), len(inner))
    if offline.calm_days:
        changes -= changes % 2  # they play in the end
    edges = [start_ms, *sorted(chance.sample(inner, changes)), now_ms]
    if offline.trouble_share is not None:
        edges = _with_short_troubles(chance, edges, offline.trouble_share)
    for number, (begin_ms, end_ms) in enumerate(pairwise(edges)):
        yield PastRun(begin_ms, end_ms, chance.choice(_TROUBLES) if number % 2 else "playing")


def _with_short_troubles(chance: random.Random, edges: list[int], share: float) -> list[int]:
    """Let each trouble, from an odd edge to the even one after it, begin later, but end when it did."""
    moved = list(edges)
    for begins in range(1, len(edges) - 1, 2):
        before_ms, after_ms = edges[begins - 1], edges[begins + 1]
        length_ms = round((after_ms - before_ms) * min(share * 2 * chance.random(), 1))
        moved[begins] = min(max(after_ms - length_ms, before_ms + 1), after_ms - 1)
    return moved
