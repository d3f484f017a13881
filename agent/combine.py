"""PURE. Several probes on one output, one judgement: worst evidence wins, and whoever could not ask does not vote.

Which of two that disagree is believed, worst first:

    error      the player says itself that it cannot play
    stopped    there is no player
    off        the screen is dark, whatever is sent to it
    idle       there is nothing to show: that explains a black or still picture, so it stands above both
    black      the picture is black
    frozen     the picture does not move, or the player does not answer
    playing    nobody has anything to say against it
    unknown    no vote: "could not ask" is never "off". Only where nobody votes is the output unknown

A vote stands until its probe votes again, or has been silent for too long. What a probe said once is one sample,
however often others speak meanwhile: a judgement that is only repeated is marked `again`, and the run machine counts
it as no further sample.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from agent.probes.base import Reading, tidy
from wire.runs import Instant
from wire.states import PlayerState, State

WORST_FIRST: Final[tuple[PlayerState, ...]] = ("error", "stopped", "off", "idle", "black", "frozen", "playing")
PATIENCE: Final = 3  # looks that a probe may miss before its last vote is no longer heard


class Vote(NamedTuple):
    """What one probe said last."""

    probe: str
    reading: Reading
    at: Instant
    stands_ms: int


class Judgement(NamedTuple):
    """What an output is, and when; `again`: it was judged so before, by the same look."""

    reading: Reading
    at: Instant
    again: bool


class Panel:
    """The probes of one output, and how they judge it together."""

    def __init__(self, stands_ms: dict[str, int]) -> None:
        """`stands_ms`: for how long a vote stands, by probe."""
        self._stands_ms = stands_ms
        self._votes: dict[str, Vote] = {}
        self._at: Instant | None = None
        self._told: Vote | None = None

    def hear(self, probe: str, reading: Reading, at: Instant) -> Judgement:
        """Take in what one probe saw; what the output is by that.

        A probe that was asked earlier may answer later than another: what is judged is never judged backwards.
        """
        if self._at is not None and self._at.mono_ms > at.mono_ms:
            at = self._at
        self._at = at
        self._votes[probe] = Vote(probe, reading, at, self._stands_ms[probe])
        standing = [vote for vote in self._votes.values() if at.mono_ms - vote.at.mono_ms <= vote.stands_ms]
        winner = judge(standing)
        again = winner.probe != probe and self._told is not None and _says(winner) == _says(self._told)
        self._told = winner
        detail = winner.reading.detail if len(self._stands_ms) == 1 else explain(winner, standing)
        return Judgement(winner.reading._replace(detail=detail), at, again)


def judge(votes: Sequence[Vote]) -> Vote:
    """The vote that is believed: the worst; of equals one with a cause, then the newest."""
    worst: dict[State, int] = {state: rank for rank, state in enumerate(WORST_FIRST)}
    return min(
        votes,
        key=lambda vote: (
            worst.get(vote.reading.state, len(worst)),
            vote.reading.cause is None,
            -vote.at.mono_ms,
        ),
    )


def explain(winner: Vote, votes: Sequence[Vote]) -> str | None:
    """Who decided and why, and what the others say: `picture: 99 % black (mpv: playing)`.

    None where all say that it plays and the one that is heard has nothing to add: each heartbeat would repeat it.
    """
    if winner.reading.detail is None and {vote.reading.state for vote in votes} == {"playing"}:
        return None
    others = ", ".join(f"{vote.probe}: {vote.reading.state}" for vote in votes if vote.probe != winner.probe)
    said = f"{winner.probe}: {winner.reading.detail or winner.reading.state}"
    return tidy(f"{said} ({others})" if others else said)


def _says(vote: Vote) -> tuple[object, ...]:
    return vote.reading.state, vote.reading.cause
