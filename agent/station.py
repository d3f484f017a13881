"""What the agent has to say, for the publisher: evidence and spool in the words of the wire."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol, TypedDict

import msgspec

from agent import host
from agent.combine import PATIENCE
from agent.config import Output, Settings, Watched
from agent.evidence import Evidence
from agent.host import Figures
from agent.records import Kept
from agent.spool import Spool
from agent.telling import Told, is_due
from common.clock import Clock
from signwatch import __version__
from wire.messages import Ack, BootClock, Heartbeat, Hello, Run
from wire.messages import Output as WireOutput
from wire.outbox import Name
from wire.runs import Confirm, Rules
from wire.votes import output_of

_MS = 1000


class Gauges(Protocol):
    """Who reads this machine's figures."""

    @property
    def figures(self) -> Figures:
        """The latest of each."""

    def told(self) -> None:
        """They have been said."""


class Stamp(TypedDict):
    """What every message says of the clocks."""

    boot: str
    sent_ms: int
    mono_ms: int
    synced: bool


def stamp(clock: Clock) -> Stamp:
    """Read the clocks for a message."""
    return Stamp(boot=clock.boot_id(), sent_ms=clock.wall_ms(), mono_ms=clock.mono_ms(), synced=clock.synced())


def stands_ms(watched: Watched) -> int:
    """PURE. For how long what a probe said is heard: after so many looks without a word it is nobody's evidence."""
    return round(PATIENCE * (watched.interval_s + watched.timeout_s) * _MS)


def rules_of(output: Output, watched: Sequence[Watched]) -> Rules:
    """PURE. The run machine's rules as an output's table gives them; states not named keep the machine's own.

    Each of an output's probes is heard whenever it is asked, so the quickest one says how long silence may last.
    """
    confirm = {str(state): Confirm(table.samples, round(table.hold_s * _MS)) for state, table in output.confirm.items()}
    return Rules(confirm, max_gap_ms=min(map(stands_ms, watched)))


class Station:
    """Fulfils `agent.publisher.Station`."""

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        spool: Spool,
        evidence: Evidence,
        machine: Gauges,
        more: Callable[[], Figures] = dict,
    ) -> None:
        """`more`: further figures besides the machine's and the spool's."""
        self._config = settings.config
        self._clock = clock
        self._spool = spool
        self._evidence = evidence
        self._machine = machine
        self._more = more
        self._facts = host.facts()
        self._version = __version__
        self._every_ms = round(settings.config.host_interval_s * _MS)
        self._told: Told | None = None  # on this connection

    def hello(self) -> Hello:
        """Who we are, now; said where a connection begins, whose first heartbeat then states everything."""
        self._told = None
        return Hello(
            **stamp(self._clock),
            spool=self._spool.id,
            agent=self._version,
            interval_s=self._config.interval_s,
            outputs=[
                *(WireOutput(id=output.id, probe="+".join(output.probes)) for output in self._config.outputs),
                *(WireOutput(id=output_of(check.id), probe=check.kind) for check in self._config.checks),
            ],
            role=self._config.role,
            host=self._facts | self._clock_figures() | self._damage(),
            clocks=self._spool.clocks(),
        )

    def heartbeats(self) -> list[Heartbeat]:
        """What is open now; at least one message, and one for each spool id that numbered an open run."""
        said = stamp(self._clock)
        stated = self._evidence.stated(said["mono_ms"], self._clock.suspended_ms())
        by_spool: dict[str, list[Run]] = {self._spool.id: []}
        for one in stated:
            by_spool.setdefault(one.spool, []).append(msgspec.structs.replace(one.run, boot=None))
        beats = [
            Heartbeat(**said, spool=spool, open=runs) for spool, runs in by_spool.items() if runs or len(by_spool) == 1
        ]
        beats[0].host = self._due_figures(said["mono_ms"])
        return beats

    def sendable(self) -> Iterator[Kept]:
        """Closed runs, oldest first."""
        return self._spool.sendable()

    def holds(self, name: Name) -> bool:
        """Whether that run still waits for its ack."""
        return self._spool.holds(name)

    def acknowledged(self, ack: Ack) -> None:
        """The collector has these."""
        self._spool.acknowledge(ack.spool, ack.seqs)

    def clocks_of(self, runs: Sequence[Run]) -> list[BootClock]:
        """What is remembered of the clocks of their boots, where that is not this one: a message tells its own."""
        boots = {boot for run in runs for boot in (run.boot, run.end_boot)} - {self._clock.boot_id()}
        return [known for known in self._spool.clocks() if known.boot in boots]

    def _due_figures(self, mono_ms: int) -> Figures:
        """The host figures where they are to be stated now, else nothing."""
        figures = self.figures()
        if not is_due(self._told, figures, mono_ms, self._every_ms):
            return {}
        self._told = Told(figures, mono_ms)
        self._machine.told()
        return figures

    def figures(self) -> Figures:
        """The machine's figures and the spool's."""
        spool: Figures = {"spool_runs": self._spool.depth, "spool_bytes": self._spool.size_bytes}
        if self._spool.trouble:
            spool["spool_error"] = self._spool.trouble
        if self._spool.given_up:
            spool["spool_given_up_runs"] = self._spool.given_up
        return self._machine.figures | spool | self._more() | self._damage()

    def _clock_figures(self) -> Figures:
        return {name: value for name, value in self._machine.figures.items() if name.startswith("clock_")}

    def _damage(self) -> Figures:
        return {"spool_damaged_files": self._spool.damaged} if self._spool.damaged else {}
