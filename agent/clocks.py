"""PURE. What is remembered of each boot's clock while a time source disciplined it: a few moments, the newest included.

A good clock has one `wall − mono` for a whole boot. It is noted again where it moved by more than `MOVED_MS`, so that
a boot that was never online can be placed although its clock was stepped, or its oscillator is off.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Final

from agent.records import ClockFact
from wire.messages import BootClock

MOVED_MS: Final = 250
FACTS_MAX: Final = 32  # of a boot; then every second one goes
SAID_MAX: Final = 64  # in one hello


class Clocks:
    """The facts of each boot, oldest first; boots in the order in which they were first noted."""

    def __init__(self, facts: Iterable[ClockFact] = ()) -> None:
        self._facts: dict[str, list[ClockFact]] = {}
        for fact in facts:
            self._add(fact)

    def note(self, boot: str, mono_ms: int, wall_ms: int) -> ClockFact | None:
        """Note what a disciplined clock says now; None where that is nothing new."""
        offset_ms = wall_ms - mono_ms
        known = self._facts.get(boot)
        if known and abs(known[-1].offset_ms - offset_ms) <= MOVED_MS:
            return None
        fact = ClockFact(boot, offset_ms, mono_ms)
        self._add(fact)
        return fact

    def keep(self, boots: Collection[str]) -> None:
        """Forget all others."""
        self._facts = {boot: facts for boot, facts in self._facts.items() if boot in boots}

    def facts(self) -> list[ClockFact]:
        """Everything that is remembered."""
        return [fact for facts in self._facts.values() for fact in facts]

    def offsets(self) -> dict[str, int]:
        """Each boot's newest `wall − mono`, in milliseconds."""
        return {boot: facts[-1].offset_ms for boot, facts in self._facts.items()}

    def told(self, boots: Collection[str]) -> list[BootClock]:
        """What hello says of these boots: of each as much as there is room for, of the newest 64 the last at least."""
        known = [facts for boot, facts in self._facts.items() if boot in boots][-SAID_MAX:]
        share = SAID_MAX // len(known) if known else 0
        return [
            BootClock(boot=fact.boot, offset_ms=fact.offset_ms, mono_ms=fact.mono_ms or None)
            for facts in known
            for fact in _spread(facts, share)
        ]

    def _add(self, fact: ClockFact) -> None:
        facts = self._facts.setdefault(fact.boot, [])
        facts.append(fact)
        if len(facts) > FACTS_MAX:
            self._facts[fact.boot] = [facts[0], *facts[1:-1:2], facts[-1]]


def _spread(facts: list[ClockFact], number: int) -> list[ClockFact]:
    """At most so many, the last one included, the others evenly before it."""
    step = -(-len(facts) // number)
    return facts[::-step][::-1]
