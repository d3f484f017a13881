"""PURE. Devices that contradict themselves: two machines with one name, and two different runs with one name.

Two machines (a player that was replaced and still runs, a copied SD card) take the connection from each other again and
again. A boot id names one life of one machine; so the proof is a boot that speaks again after another one was heard,
where both lived at the same time. A message that was merely late is none: when it was sent, the other had not begun.
Within one boot, two agents are told apart by their spools in the same way.

Evidence of both is kept as each said it, and painted by the one rule for all (SPEC part 2): nothing is merged, and
nothing of either is left out. Which machine drives the screen no program can know: a person is told, and rules.
"""

from __future__ import annotations

from typing import Final, Literal, NamedTuple

from collector.evidence import RunRow

ConflictKind = Literal["two_machines", "contradiction"]

OVERLAP_MS: Final = 60_000  # by which two boots' clocks may disagree
VOICES_MAX: Final = 4  # remembered of one device

_SAID: Final = (
    "state",
    "cause",
    "end_boot",
    "start_mono_ms",
    "end_mono_ms",
    "said_start_ms",
    "said_end_ms",
)  # not `detail`: an agent whose disk is full may give it up


class Voice(NamedTuple):
    """One machine as it was heard last. `spool`: of its hello, "" before there was one."""

    boot: str
    spool: str
    mono_ms: int


class Life(NamedTuple):
    """When a boot began, and the last moment at which it is known to have lasted; true time."""

    began_ms: int
    alive_ms: int


def contradicts(known: RunRow, said: RunRow) -> str | None:
    """Why two statements under one name cannot both be true; None: they can."""
    if known.output != said.output:
        return f"run {said.seq} is of output {known.output!r}, and now of {said.output!r}"
    if known.boot != said.boot:
        return f"run {said.seq} began in boot {known.boot}, and now in {said.boot}"
    if not (known.closed and said.closed):
        return None
    for name in _SAID:
        one, other = getattr(known, name), getattr(said, name)
        if one != other:
            return f"run {said.seq} is closed with {name} {one!r}, and now with {other!r}"
    return None


def two_machines(back: Voice, now: Voice, other: Voice, lives: tuple[Life, Life]) -> str | None:
    """The proof that two machines have one name; None: there is none.

    `now` speaks, and was heard before as `back`; in between `other` was heard. `lives`: of the boots of those two.
    """
    if now.mono_ms <= back.mono_ms:
        return None  # it says nothing new: an old message
    if now.boot == other.boot:
        if now.mono_ms <= other.mono_ms:
            return None
        return f"two agents in boot {now.boot}: spool {now.spool} speaks again after {other.spool}"
    both_ms = min(life.alive_ms for life in lives) - max(life.began_ms for life in lives)
    if both_ms <= OVERLAP_MS:
        return None
    return f"boots {now.boot} and {other.boot} both lived for {both_ms // 1000} s: two machines have this name"
