"""What a probe is: it is asked, and it says what it saw. Nothing here knows of MQTT, spools or deadlines.

A probe never decides what is an outage (that is `wire.runs`, with a debounce for each state) and never times itself:
the deadline comes from outside (`agent.watch`). It may ask to be asked early, by calling `Around.wake`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol, runtime_checkable

from common.clock import Clock
from common.config import Section
from wire.states import Cause, PlayerState, State

DETAIL_CHARS = 200  # a heartbeat of 32 outputs must stay under 64 KiB however much the probes have to say


class Reading(NamedTuple):
    """What a probe saw. A probe that could not ask says `unknown`: "could not ask" is never "off".

    Only a check of a service (agent/checks.py) says `up` or `down`.
    """

    state: State
    cause: Cause | None = None
    detail: str | None = None


class Probe(Protocol):
    """One way to learn whether an output is really playing."""

    silence: Reading
    """What it means when the deadline passes without an answer."""

    async def read(self) -> Reading:
        """Ask once. May be cancelled at the deadline; any exception becomes `unknown`."""

    async def close(self) -> None:
        """Let go of sockets and tasks."""


class RemedyError(Exception):
    """A remedy could not be given; the text says why."""


@runtime_checkable
class Remedying(Protocol):
    """A probe that can also make its player play again (first aid, see `agent.remedies`)."""

    async def remedy(self) -> str:
        """Try once, and say what was done; RemedyError where it could not be done. May be cancelled at a deadline."""


class Report(NamedTuple):
    """What the player's own software says of one output, as posted to the agent."""

    state: PlayerState
    cause: Cause | None
    detail: str | None


@dataclass(slots=True)
class Expectation:
    """What an output's probes tell each other. `moving`: whether the picture is meant to move; None: nobody knows."""

    moving: bool | None = None


@dataclass(frozen=True, slots=True)
class Around:
    """What a probe may use of its surroundings.

    `wake` asks for an early reading (callable from the event loop only); `mailboxes` is where a probe that is told,
    rather than asks, leaves the function that takes in a report for its output. `expectation` is shared by the probes
    of the output.
    """

    output: str
    clock: Clock
    wake: Callable[[], None] = lambda: None
    mailboxes: dict[str, Callable[[Report], None]] = field(default_factory=dict)
    expectation: Expectation = field(default_factory=Expectation)


class Complaint(NamedTuple):
    """What is wrong with a probe's own table although every key has the right type. `id` is stable."""

    id: str
    key: str
    message: str
    remedy: str


class ProbeKind(NamedTuple):
    """An entry of the register: the type of the probe's own table, how to build the probe from it, what to refuse.

    `least_interval_s`: a probe that is dear to ask is asked no more often than this, unless its own table says so.
    `heals`: its probes are `Remedying`.
    `processes`: names of the programs that play, as far as the table tells: what they use is nobody else's doing.
    """

    options: type[Section]
    build: Callable[[Any, Around], Probe]
    summary: str
    complaints: Callable[[Any], Iterable[Complaint]] = lambda _: ()
    least_interval_s: float = 0.0
    processes: Callable[[Any], Iterable[str]] = lambda _: ()
    heals: bool = False


def tidy(detail: str | None) -> str | None:
    """Commentary fit for the wire: valid UTF-8, one line, at most `DETAIL_CHARS` characters."""
    if not detail:
        return None
    text = detail.encode("utf-8", "replace").decode("utf-8")
    text = "".join(character if character.isprintable() else " " for character in text)
    return text if len(text) <= DETAIL_CHARS else text[: DETAIL_CHARS - 1] + "…"
