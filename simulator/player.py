"""`VirtualPlayer`: a player that exists only here but speaks the real wire on a connection of its own.

It is whole but for the screen: its own clock and boots, spool, run machines, last will. Faults are methods;
`simulator.script` calls them by a script, tests call them directly.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import secrets
from collections import Counter
from dataclasses import dataclass
from typing import Final, TypedDict

from common.clock import monotonic_s
from simulator.clock import PlayerClock, TrueTime
from simulator.evidence import Evidence
from simulator.host import VirtualHost
from simulator.link import PlayerLink, Server, Voice
from simulator.past import Offline, past_of
from simulator.portal import BROKEN, UNREACHABLE, Portal, Seen
from simulator.truth import Truth
from wire.messages import Ack, BootClock, Gone, Heartbeat, Hello, Output, Runs
from wire.outbox import Outbox
from wire.runs import Closed, Instant
from wire.states import Cause, State
from wire.topics import Address

_GAP_INTERVALS: Final = 3
_KNOWN_BOOTS: Final = 64
_SHORTEST_UP_MS: Final = 60_000
_LONGEST_UP_MS: Final = 30 * 86_400_000


@dataclass(frozen=True, slots=True)
class Screen:
    """What is on one output."""

    state: State = "playing"
    cause: Cause | None = None
    detail: str | None = None


class _Stamp(TypedDict):
    boot: str
    sent_ms: int
    mono_ms: int
    synced: bool


class VirtualPlayer:
    """One player. `run()` is its life; everything else may be called while it runs.

    Args:
        address: tenant and device.
        server: the broker.
        password: for the user `tenant/device`; None connects without user name.
        interval_s: seconds between heartbeats, and between observations.
        true: the time that all players share.
        truth: told what really is on the screen.
        seed: repeats phases and jitter. Never ids: a spool names its runs for ever, also beyond this process.
        outputs: ids of its playback outputs.
        offline: what it has been through already, and nobody has heard of.
        portal: what it checks as a vantage point, under an output of its own; None: nothing.
    """

    def __init__(
        self,
        address: Address,
        server: Server,
        *,
        interval_s: float,
        true: TrueTime,
        truth: Truth,
        seed: int = 0,
        password: str | None = None,
        outputs: tuple[str, ...] = ("main",),
        offline: Offline | None = None,
        portal: Portal | None = None,
    ) -> None:
        self.address = address
        self._portal = portal
        self._linked = True
        self._network = True  # of the shop: the link hangs on it, and so does all else
        self._cut_off: Seen | None = None  # from the portal alone
        self._interval_s = interval_s
        self._true = true
        self._truth = truth
        self._chance = random.Random(f"{seed} {address}")
        self._host = VirtualHost(self._chance)
        self._screens = dict.fromkeys(outputs, Screen())
        past_ms = offline.length_ms if offline else 0
        up_ms = past_ms + self._chance.randrange(_SHORTEST_UP_MS, _LONGEST_UP_MS)
        self._clock = PlayerClock(true, _token(), up_ms)
        self._evidence = self._fresh_evidence()
        self._offsets: dict[str, int] = {}  # wall − mono of the boots whose clock was disciplined
        self._powered = True
        self._agent_runs = True
        self._due = False  # a heartbeat
        self._wake = asyncio.Event()
        self._outbox = Outbox()
        self._seen = self._clock.now()
        self._link = PlayerLink(
            address, server, password, Voice(self._will, self._hello, self._report, self._acknowledged), self._chance
        )
        if portal is not None:
            portal.watch(self._portal_changed)
        self._update_link()
        if offline is not None:
            self._remember(offline)

    @property
    def connected(self) -> bool:
        """Whether the broker has let it in and it has said hello."""
        return self._link.connected

    @property
    def backlog(self) -> int:
        """Closed runs that nobody has acknowledged yet."""
        return len(self._evidence)

    @property
    def clock(self) -> PlayerClock:
        """Its own clock."""
        return self._clock

    @property
    def counts(self) -> Counter[str]:
        """Its counters: `connections`, `disconnections`, `sent_heartbeat`, `sent_runs`, `unsent`, `acknowledged`."""
        return self._link.counts

    @property
    def screens(self) -> dict[str, Screen]:
        """What is on each output, while it has power."""
        return dict(self._screens)

    async def run(self) -> None:
        """Live until cancelled; then say goodbye to the broker."""
        self._change()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._link.run(), name=f"{self.address} link")
            group.create_task(self._watch(), name=f"{self.address} watch")

    def _remember(self, offline: Offline) -> None:
        now_ms = self._true.now_ms()
        for output in self._screens:
            for start_ms, end_ms, state in past_of(self._chance, offline, now_ms):
                self._truth.change(f"{self.address}/{output}", state, start_ms)
                run = Closed(state, None, None, self._clock.at(start_ms), self._clock.at(end_ms))
                self._evidence.keep(output, run)
        self._tell_truth(now_ms)
        self._observe(now_ms)

    # --- faults ---------------------------------------------------------------------------------------------------

    def show(
        self, state: State, cause: Cause | None = None, detail: str | None = None, output: str | None = None
    ) -> None:
        """From now on this is on the screen (of one output, or of all)."""
        for name in self._screens if output is None else (output,):
            self._screens[name] = Screen(state, cause, detail)
        self._change()
        self._speak()

    def lose_link(self) -> None:
        """The broker cannot be reached; playback goes on, and so does the spool."""
        self._linked = False
        self._update_link()

    def find_link(self) -> None:
        """The broker can be reached again."""
        self._linked = True
        self._update_link()

    def lose_network(self) -> None:
        """The shop's network is gone: no link, and a check of the portal that reaches nothing else either: no vote."""
        self._network = False
        self._change()
        self._update_link()

    def find_network(self) -> None:
        """The shop's network is back."""
        self._network = True
        self._change()
        self._update_link()

    def lose_portal(self, detail: str | None = None) -> None:
        """From here the portal, and only the portal, cannot be reached any more."""
        self._cut_off = Seen("down", detail or BROKEN)
        self._portal_changed()

    def find_portal(self) -> None:
        """It can be reached again."""
        self._cut_off = None
        self._portal_changed()

    def cut_power(self) -> None:
        """The machine is dark at once. Its last sign of life is its last observation, up to an interval ago."""
        self._powered = False
        self._tell_truth(self._true.now_ms())
        self._update_link()

    def boot(self, wall_ms: int | None = None, cause: Cause | None = None, *, spool_lost: bool = False) -> None:
        """The machine is on again and plays. `wall_ms`: its wall clock starts there, undisciplined."""
        self._clock.reboot(_token(), wall_ms)
        if spool_lost:
            self._evidence = self._fresh_evidence()
        else:
            self._evidence.rebooted(self._clock.boot_id(), self._clock.wall_ms(), cause)
        self._powered = self._agent_runs = True
        self.show("playing")
        self._update_link()

    def discipline_clock(self) -> None:
        """A time source is found: the wall clock is right from now on, and the player knows it."""
        self._clock.discipline()
        self._observe()
        self._speak()

    def step_clock(self, by_ms: int) -> None:
        """Somebody sets the wall clock, which has lost its time source and knows it."""
        self._clock.undiscipline()
        self._clock.step(by_ms)

    def kill_agent(self) -> None:
        """The agent vanishes without goodbye; what is on the screen stays there, unseen."""
        self._agent_runs = False
        self._update_link()

    def start_agent(self, *, spool_lost: bool = False) -> None:
        """The agent runs again, in the same boot: nobody's evidence covers the gap."""
        if spool_lost:
            self._evidence = self._fresh_evidence()
        else:
            self._evidence.cut_off()
        self._agent_runs = True
        self._observe()
        self._update_link()

    # --- what it sees ---------------------------------------------------------------------------------------------

    @property
    def vote(self) -> Seen | None:
        """What it sees of the portal; None where it checks none."""
        if self._portal is None:
            return None
        return (self._cut_off or self._portal.seen) if self._network else UNREACHABLE

    def _portal_changed(self) -> None:
        self._change()
        self._speak()

    def _sights(self) -> dict[str, Screen]:
        """What is to be seen on each output; the check of the portal is one of them."""
        vote = self.vote
        if vote is None or self._portal is None:
            return self._screens
        return self._screens | {self._portal.output: Screen(vote.state, None, vote.detail)}

    @property
    def _watching(self) -> bool:
        return self._powered and self._agent_runs

    async def _watch(self) -> None:
        self._observe()
        await asyncio.sleep(self._chance.random() * self._interval_s)  # a fleet does not speak in chorus
        while True:
            self._observe()
            self._speak()
            await asyncio.sleep(self._interval_s)

    def _change(self) -> None:
        """Tell truth and evidence at the very same moment, so that they can be compared to the millisecond."""
        true_ms = self._true.now_ms()
        self._tell_truth(true_ms)
        self._observe(true_ms)

    def _observe(self, true_ms: int | None = None) -> None:
        if not self._watching:
            return
        self._seen = self._clock.now() if true_ms is None else self._clock.at(true_ms)
        for output, screen in self._sights().items():
            if self._evidence.observe(output, screen.state, screen.cause, screen.detail, self._seen):
                self._wake.set()
        if self._clock.synced():
            self._offsets[self._clock.boot_id()] = self._seen.wall_ms - self._seen.mono_ms
            while len(self._offsets) > _KNOWN_BOOTS:
                del self._offsets[next(iter(self._offsets))]

    def _fresh_evidence(self) -> Evidence:
        gap_ms = int(self._interval_s * _GAP_INTERVALS * 1000) + 1000
        return Evidence(_token(), self._sights(), gap_ms, self._clock.boot_id())

    def _tell_truth(self, true_ms: int) -> None:
        for output, screen in self._sights().items():
            self._truth.change(f"{self.address}/{output}", screen.state if self._powered else "off", true_ms)

    # --- what it says ---------------------------------------------------------------------------------------------

    def _update_link(self) -> None:
        if self._watching and self._linked and self._network:
            self._link.allow()
        else:
            self._link.cut()

    def _will(self) -> Gone:
        return Gone(boot=self._clock.boot_id())

    def _hello(self) -> Hello:
        self._outbox.reconnected()
        self._speak()
        return Hello(
            spool=self._evidence.spool,
            agent="signwatch-simulator",
            interval_s=self._interval_s,
            outputs=[Output(id=output, probe="simulated") for output in self._sights()],
            host=self._host.facts(),
            clocks=[BootClock(boot=boot, offset_ms=offset) for boot, offset in self._offsets.items()],
            **self._stamp(self._clock.now()),
        )

    async def _report(self) -> None:
        """Say what there is to say next, as agents do: how it is, then a message of the oldest unacknowledged runs."""
        if self._due:
            self._due = False
            await self._beat()
        self._wake.clear()
        if not await self._send_runs() and not self._due:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._outbox.wait_s(monotonic_s())):
                    await self._wake.wait()

    async def _beat(self) -> None:
        playing = any(screen.state == "playing" for screen in self._screens.values())
        host = self._host.figures(self._seen.mono_ms, playing=playing) | {"spool_runs": self.backlog}
        if self._portal is not None and self.vote is not None:
            host[f"{self._portal.output}.latency_ms"] = self.vote.latency_ms
        spool, opened = self._evidence.spool, self._evidence.open_runs()
        await self._link.send("heartbeat", Heartbeat(spool=spool, open=opened, host=host, **self._stamp(self._seen)))

    async def _send_runs(self) -> bool:
        batch = self._outbox.next(self._evidence.sendable(), monotonic_s())
        if batch is None:
            return False
        boots = {boot for run in batch.runs for boot in (run.boot, run.end_boot)} - {self._clock.boot_id()}
        clocks = [BootClock(boot=boot, offset_ms=offset) for boot, offset in self._offsets.items() if boot in boots]
        stamp = self._stamp(self._clock.now())
        return await self._link.send("runs", Runs(spool=batch.spool, runs=batch.runs, clocks=clocks, **stamp))

    def _speak(self) -> None:
        self._due = True
        self._wake.set()

    def _stamp(self, at: Instant) -> _Stamp:
        return {
            "boot": self._clock.boot_id(),
            "sent_ms": at.wall_ms,
            "mono_ms": at.mono_ms,
            "synced": self._clock.synced(),
        }

    def _acknowledged(self, ack: Ack) -> None:
        if ack.spool == self._evidence.spool:
            self.counts["acknowledged"] += self._evidence.acknowledge(ack.seqs)
            self._outbox.forget(self._evidence.holds)
            self._wake.set()


def _token() -> str:
    return secrets.token_hex(16)
