"""What the ledger must say of one output, worked out naively from what was done to its player.

A *life* is one run of one agent process. What it saw is proved to the millisecond as far as it had come to disk when
the life ended; beyond that the ledger may know less, and never anything else:

    stretch                                            the ledger may say
    -------------------------------------------------  -----------------------------------------------
    seen, and on disk (or in the memory of the living)  that state
    seen, after the last sign of life on disk           that state, or what follows the life
    after a life, until the next one of that boot       unknown
    after a life, until another boot                    off, and before its first reading too
    from a disk that took nothing until one that did    that state, off or unknown
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple

GAP_MS = 30_000  # three readings of 5 s with 5 s of patience each: a longer silence is nobody's evidence
UNKNOWN = frozenset({"unknown"})
NOBODY_KNOWS = frozenset({"off", "unknown"})


class Sample(NamedTuple):
    """One reading, in true time."""

    at_ms: int
    state: str


class Span(NamedTuple):
    """What may be said of `[start_ms, end_ms)`."""

    start_ms: int
    end_ms: int
    may_be: frozenset[str]


@dataclass
class Life:
    """One output under one agent process. Marks are in true time; None: its disk took nothing of it."""

    boot: str
    start_ms: int
    samples: list[Sample] = field(default_factory=list)
    safe_ms: int | None = None  # on disk when it ended, as far as it was still there when the next life began
    durable: bool = False  # whether its disk ever took all that it remembered
    trouble: bool = False  # whether its disk was in trouble when it ended
    orderly: bool = False
    stated_ms: int = 0  # up to which a heartbeat stated an open run
    ended: bool = False

    @property
    def last_ms(self) -> int:
        """The last reading."""
        return self.samples[-1].at_ms if self.samples else self.start_ms

    @property
    def last_sign_ms(self) -> int:
        """Up to when its agent is known to have waited for a first reading."""
        return self.start_ms if self.safe_ms is None else self.safe_ms

    def states(self, sure_ms: int, *, lax: bool) -> Iterator[Span]:
        """What was seen between its readings. Where no disk remembers more, a heartbeat may have said a bit more."""
        for one, other in pairwise(self.samples):
            seen = frozenset({one.state})
            if other.at_ms - one.at_ms <= GAP_MS:
                yield Span(one.at_ms, other.at_ms, seen)
            else:
                yield Span(one.at_ms, one.at_ms + GAP_MS, UNKNOWN | seen if lax and one.at_ms >= sure_ms else UNKNOWN)
                yield Span(one.at_ms + GAP_MS, other.at_ms, UNKNOWN)


def allowed(lives: list[Life], from_ms: int, until_ms: int) -> list[Span]:
    """What may be said of an output from the beginning to the end, without gap or overlap."""
    spans: list[Span] = []
    at_ms, follows, lax = from_ms, UNKNOWN, False
    for number, life in enumerate(lives):
        lax = lax and not life.durable
        begins_ms = life.samples[0].at_ms if life.samples else life.last_sign_ms
        spans.append(Span(at_ms, life.start_ms, follows))
        after = lives[number + 1] if number + 1 < len(lives) else None
        heir = next(
            (one for one in lives[number + 1 :] if one.durable), after
        )  # reads what is on its disk, and goes on
        follows = _follows(life, heir)
        # between the agent's start and its first reading nobody looked
        unseen = Span(life.start_ms, begins_ms, NOBODY_KNOWS if lax else UNKNOWN)
        spans += _split(unseen, _sure_until(life), follows)
        remembered = not life.ended or (not life.trouble and after is not None and after.durable)
        lax = lax or not remembered
        sure_ms = life.start_ms if lax and not life.durable else _sure_until(life)
        for span in life.states(sure_ms, lax=lax):
            spans += _split(span, sure_ms, NOBODY_KNOWS if lax else follows)
        at_ms = max(begins_ms, life.last_ms)
        if lax:
            follows = NOBODY_KNOWS
            stated_ms = max(at_ms, life.stated_ms)
            last = frozenset({life.samples[-1].state}) if life.samples else UNKNOWN
            spans.append(Span(at_ms, stated_ms, NOBODY_KNOWS | last))
            at_ms = stated_ms
    spans.append(Span(at_ms, until_ms, follows))
    return [span for span in spans if span.start_ms < span.end_ms]


def _sure_until(life: Life) -> int:
    if not life.ended or (life.orderly and not life.trouble):
        return life.last_ms
    return life.last_sign_ms


def _follows(life: Life, after: Life | None) -> frozenset[str]:
    orderly = life.orderly and not life.trouble  # as far as its disk remembers
    if orderly or after is None or life.boot == after.boot or life.safe_ms is None:
        return UNKNOWN
    return frozenset({"off"})


def _split(span: Span, sure_ms: int, follows: frozenset[str]) -> Iterable[Span]:
    """Beyond what is sure, what follows the life may have begun already."""
    middle_ms = min(max(span.start_ms, sure_ms), span.end_ms)
    return Span(span.start_ms, middle_ms, span.may_be), Span(middle_ms, span.end_ms, span.may_be | follows)
