"""`Fleet`: many virtual players in one process, and the director that makes them fail by a script.

Measured with 1,000 players, one heartbeat each 10 s, on one core of a small virtual machine: see docs/simulator.md.
"""

from __future__ import annotations

import asyncio
import itertools
import random
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, assert_never

import structlog

from common.clock import Clock, SystemClock, monotonic_s
from simulator.clock import TrueTime
from simulator.link import Server
from simulator.past import Offline
from simulator.player import VirtualPlayer
from simulator.portal import Portal
from simulator.script import Boot, BreakPortal, Deed, Script, Show, Simple, StartAgent, Step, StepClock, plan
from simulator.truth import Truth
from wire.topics import Address

log = structlog.get_logger(__name__)

DEFAULT_CONNECTS_PER_S: Final = 100.0


@dataclass(frozen=True, slots=True)
class FleetStats:
    """The fleet at one moment. `counts` are sums over the players since the start."""

    players: int
    connected: int
    backlog: int
    counts: Mapping[str, int]


def player_names(count: int, prefix: str = "player-") -> list[str]:
    """Give the ids of `count` players: `player-0001` and on."""
    return [f"{prefix}{number:04d}" for number in range(1, count + 1)]


class Fleet:
    """Virtual players of one tenant.

    Args:
        names: ids of the devices.
        server: the broker.
        tenant: the tenant of all of them.
        interval_s: seconds between heartbeats.
        passwords: one for all, or one for each `tenant/device`, or None for an open broker.
        seed: repeats everything that is drawn by chance.
        script: faults to come, none by default. `simulator.script_check.check` it first.
        truth: collects what really was on the screens.
        connects_per_s: how many players begin their lives in a second.
        outputs: ids of the playback outputs of each player.
        offline: what the players have been through already, and nobody has heard of.
        clock: the machine's clock.
        portal: a platform part that some of the players check; None: none does.
        points: who checks it, the vantage points.

    Raises:
        KeyError: there are passwords for each player, but none for one of them.
    """

    def __init__(
        self,
        names: Sequence[str],
        server: Server,
        *,
        tenant: str = "demo",
        interval_s: float = 10.0,
        passwords: Mapping[str, str] | str | None = None,
        seed: int = 0,
        script: Script | None = None,
        truth: Truth | None = None,
        connects_per_s: float = DEFAULT_CONNECTS_PER_S,
        outputs: tuple[str, ...] = ("main",),
        offline: Offline | None = None,
        clock: Clock | None = None,
        portal: Portal | None = None,
        points: Collection[str] = (),
    ) -> None:
        self.truth = Truth() if truth is None else truth
        self._true = TrueTime(SystemClock() if clock is None else clock)
        self._script = Script() if script is None else script
        self._seed = seed
        self._connects_per_s = connects_per_s
        self._portal = portal
        self._points = [name for name in names if name in points] if portal is not None else []
        self.players = {
            name: VirtualPlayer(
                Address(tenant, name),
                server,
                interval_s=interval_s,
                true=self._true,
                truth=self.truth,
                seed=seed,
                password=passwords[f"{tenant}/{name}"] if isinstance(passwords, Mapping) else passwords,
                outputs=outputs,
                offline=offline,
                portal=portal if name in self._points else None,
            )
            for name in names
        }

    async def run(self) -> None:
        """Let them live until cancelled; then they say goodbye, and the truth is finished."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._direct(), name="script")
                if self._portal is not None:
                    group.create_task(self._portal.run(), name="portal")
                for name in random.Random(self._seed).sample(list(self.players), len(self.players)):
                    group.create_task(self.players[name].run(), name=name)
                    await asyncio.sleep(1 / self._connects_per_s)
        finally:
            self.truth.finish(self._true.now_ms())

    def stats(self) -> FleetStats:
        """Give the fleet as it is now."""
        counts: Counter[str] = Counter()
        for player in self.players.values():
            counts.update(player.counts)
        return FleetStats(
            players=len(self.players),
            connected=sum(player.connected for player in self.players.values()),
            backlog=sum(player.backlog for player in self.players.values()),
            counts=dict(counts),
        )

    async def _direct(self) -> None:
        start_s = monotonic_s()
        every_s = self._script.repeat_every_s
        for repetition in itertools.count():
            begin_s = start_s + repetition * (every_s or 0)
            steps = plan(self._script, list(self.players), self._seed, repetition, self._points)
            for at_ms, together in itertools.groupby(steps, key=lambda step: step.at_ms):
                await asyncio.sleep(max(0.0, begin_s + at_ms / 1000 - monotonic_s()))
                self._perform(list(together))
            if every_s is None:
                return
            await asyncio.sleep(max(0.0, begin_s + every_s - monotonic_s()))

    def _perform(self, steps: list[Step]) -> None:
        for index, same in itertools.groupby(steps, key=lambda step: step.fault):
            fault, chosen = self._script.faults[index], list(same)
            names = [step.player for step in chosen]
            begins, ends = chosen[0].begins, chosen[0].ends
            note = fault.note if begins else fault.end_note if ends else None
            what = {"action": fault.action, "players": len(names), "first": names[0], "begins": begins, "ends": ends}
            log.info("fault", **what, **({"note": note} if note else {}))
            for step in chosen:
                perform(self.players[step.player], step.deed)


_SIMPLE: Final[Mapping[Simple, Callable[[VirtualPlayer], None]]] = {
    "lose_link": VirtualPlayer.lose_link,
    "find_link": VirtualPlayer.find_link,
    "lose_network": VirtualPlayer.lose_network,
    "find_network": VirtualPlayer.find_network,
    "find_portal": VirtualPlayer.find_portal,
    "cut_power": VirtualPlayer.cut_power,
    "discipline_clock": VirtualPlayer.discipline_clock,
    "kill_agent": VirtualPlayer.kill_agent,
}


def perform(player: VirtualPlayer, deed: Deed) -> None:
    """Let one player do or suffer one deed of the script."""
    match deed:
        case Show(state, cause, detail, output):
            player.show(state, cause, detail, output)
        case Boot(wall_ms, cause, spool_lost):
            player.boot(wall_ms, cause, spool_lost=spool_lost)
        case StartAgent(spool_lost):
            player.start_agent(spool_lost=spool_lost)
        case StepClock(by_ms):
            player.step_clock(by_ms)
        case BreakPortal(detail):
            player.lose_portal(detail)
        case str():
            _SIMPLE[deed](player)
        case _:
            assert_never(deed)
