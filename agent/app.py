"""The agent, put together: watches → evidence → spool → publisher, each in its own task of one group."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Final

import structlog

from agent import host, remedies
from agent.backlog import Bounds
from agent.causes import Inquest, Looks
from agent.combine import Panel
from agent.config import Output, Settings
from agent.endings import Witness
from agent.evidence import Evidence
from agent.host import Figures
from agent.journal import Journal, SpoolBusyError
from agent.judge import Calls, Judge
from agent.lastboot import boot_fact, last_boot
from agent.listening import open_servers
from agent.lookout import Lookout
from agent.machine import Machine
from agent.probes import PROBES
from agent.probes.base import Around, Expectation, Probe, Reading, Report
from agent.publisher import Publisher
from agent.remedies import FirstAid, remedy_of
from agent.schedule import schedule_of
from agent.spool import Spool
from agent.station import Station, rules_of, stands_ms
from agent.status import Status
from agent.watch import Watch
from common import systemd
from common.clock import Clock
from common.config import ConfigError, Finding
from common.connectivity import parse_target
from common.tasks import cancel
from wire.runs import Instant

if TYPE_CHECKING:
    from agent.checks import Check

log = structlog.get_logger(__name__)

RETRY_S: Final = 5.0  # between attempts to write to a disk that is in trouble
_DAY_MS: Final = 86_400_000
GOODBYE_S: Final = 8.0  # for the last words on the link; systemd gives 90 s by default


def open_spool(settings: Settings, clock: Clock) -> Spool:
    """Take over the spool; ConfigError where another agent holds it. What it holds, or a dead disk, stops nobody."""
    table, directory = settings.config.spool, settings.path(settings.config.spool.dir)
    bounds = Bounds(table.max_bytes, round(table.max_age_days * _DAY_MS))
    watched = [output.id for output in settings.config.outputs]
    try:
        witness = Witness(last_boot(), boot_fact(clock.boot_id()))
        journal, device = Journal(directory), str(settings.address)
        return Spool.open(journal, device, clock, bounds, table.sign_of_life_s, watched, witness)
    except SpoolBusyError:
        finding = Finding(
            "agent.spool_busy",
            str(settings.file),
            "spool.dir",
            f"another process holds {directory}",
            "stop the other agent, or give each its own directory",
        )
        raise ConfigError(finding) from None


def _lookout(settings: Settings, looks: Looks, clock: Clock) -> Lookout:
    config = settings.config
    needs_link = any(output.needs_link for output in config.outputs)
    targets = [parse_target(text) for text in config.connectivity.targets] if needs_link else []
    return Lookout(looks, clock, settings.path(config.spool.dir), settings.own_programs(), targets)


def _checks(settings: Settings, clock: Clock, machine: Machine) -> list[Check]:
    config = settings.config
    if not config.checks:
        return []
    from agent.checks import Check  # it speaks HTTP, which most players never do

    targets = [parse_target(text) for text in config.connectivity.targets]
    return [Check(table, settings.path, targets, clock, machine.settled) for table in config.checks]


class Agent:
    """One agent. `run` returns after `stop`, with everything that it saw on disk."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        config = settings.config
        self._settings = settings
        self._clock = clock
        self._changed = asyncio.Event()
        self._stop = asyncio.Event()
        self._ending = False
        self._mailboxes: dict[str, Callable[[Report], None]] = {}
        self._spool = open_spool(settings, clock)
        self._schedule = schedule_of(config.schedule) if config.schedule is not None else None
        self._machine = Machine(settings, clock)
        self._checks = _checks(settings, clock, self._machine)
        rules = {output.id: rules_of(output, settings.watched[output.id]) for output in config.outputs}
        rules |= {check.output: check.rules for check in self._checks}
        self._evidence = Evidence(self._spool, clock, rules)
        self._looks = Looks()
        self._lookout = _lookout(settings, self._looks, clock)
        self._aid: list[FirstAid] = []
        station = Station(settings, clock, self._spool, self._evidence, self._machine, self._more_figures)
        self._publisher = Publisher(settings, station, clock)
        self._status = Status(self._spool, self._evidence, self._publisher.link, clock)

    def stop(self) -> None:
        """End in good order."""
        self._stop.set()

    async def run(self) -> None:
        """Work until `stop` (or SIGTERM, SIGINT), then end every open run, say farewell, and let go of the spool."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.stop)
        watches = self._watches()
        servers = await open_servers(self._settings, self._status, self._mailboxes)
        try:
            await self._work(watches)
        finally:
            for server in servers:
                await server.close()

    async def _work(self, watches: list[Watch]) -> None:
        async with asyncio.TaskGroup() as group:
            watching = [group.create_task(watch.run()) for watch in watches]
            keeping = group.create_task(self._keep())
            publishing = group.create_task(self._publish())
            figures = group.create_task(self._machine.run())
            looking = group.create_task(self._lookout.run())
            watchdog = group.create_task(systemd.feed_watchdog(self._status.turning))
            systemd.notify("READY=1")
            log.info("started", device=str(self._settings.address), outputs=sorted(self._evidence.tracks))
            await self._stop.wait()
            systemd.notify("STOPPING=1")
            await cancel(*watching)
            for aid in self._aid:
                await aid.close()
            await self._end(keeping, publishing)
            await cancel(publishing, figures, looking, watchdog)

    async def _publish(self) -> None:
        await self._machine.clock_asked()
        await self._publisher.run()

    async def _end(self, keeping: asyncio.Task[None], publishing: asyncio.Task[None]) -> None:
        """Bring everything to disk, then say it.

        While the whole machine goes down the runs stay open: the next boot finds them, and tells how long it was dark.
        """
        goes_dark = await asyncio.to_thread(host.shutting_down)
        if not goes_dark:
            self._evidence.end_all()
        self._ending = True
        self._changed.set()
        await asyncio.wait({keeping})  # its last commit; a hung disk ends that too
        self._publisher.stop()
        await asyncio.wait({publishing}, timeout=GOODBYE_S)
        self._spool.close(orderly=True)
        log.info("stopped", waiting_runs=self._spool.depth)

    async def _keep(self) -> None:
        """Bring evidence to disk, at once when something changed; only then is it said."""
        table = self._settings.config
        alive_s = min(table.interval_s, table.spool.sign_of_life_s)
        while not self._ending:
            changed = await self._something_changed(RETRY_S if self._spool.trouble else alive_s)
            if not changed:  # a turn says as much
                self._spool.alive()
            await self._spool.commit()
            if changed:
                self._publisher.poke()

    async def _something_changed(self, patience_s: float) -> bool:
        try:
            async with asyncio.timeout(patience_s):
                await self._changed.wait()
        except TimeoutError:
            return False
        self._changed.clear()
        return True

    def _watches(self) -> list[Watch]:
        watches: list[Watch] = []
        for output in self._settings.config.outputs:
            all_watched, probes = self._settings.watched[output.id], dict[str, Probe]()
            expectation = Expectation()
            early = {watched.probe: asyncio.Event() for watched in all_watched}
            for watched in all_watched:
                around = Around(output.id, self._clock, early[watched.probe].set, self._mailboxes, expectation)
                probes[watched.probe] = PROBES[watched.probe].build(watched.options, around)
            judge = self._judge(output, probes)
            watches += [
                Watch(
                    f"{output.id}-{watched.probe}",
                    probes[watched.probe],
                    watched.interval_s,
                    watched.timeout_s,
                    self._clock,
                    partial(judge.take, watched.probe),
                    early[watched.probe],
                )
                for watched in all_watched
            ]
        return watches + [self._checking(check) for check in self._checks]

    def _checking(self, check: Check) -> Watch:
        take, interval_s = partial(self._take_vote, check.output), check.table.interval_s
        return Watch(check.output, check, interval_s, check.patience_s, self._clock, take, asyncio.Event())

    def _take_vote(self, output: str, reading: Reading, at: Instant, suspended_ms: int) -> None:
        if self._evidence.take(output, reading, at, suspended_ms):
            self._changed.set()

    def _more_figures(self) -> Figures:
        checked = {name: value for check in self._checks for name, value in check.figures.items()}
        return remedies.figures(self._aid) | checked

    def _judge(self, output: Output, probes: dict[str, Probe]) -> Judge:
        panel = Panel({watched.probe: stands_ms(watched) for watched in self._settings.watched[output.id]})
        inquest = Inquest(self._looks, needs_link=output.needs_link)
        calls = Calls(self._changed.set, self._lookout.wake)
        aid = self._first_aid(output, probes)
        return Judge(output.id, panel, self._schedule, inquest, self._evidence, self._clock, calls, aid)

    def _first_aid(self, output: Output, probes: dict[str, Probe]) -> FirstAid | None:
        table = output.first_aid
        if table is None:
            return None
        unless = self._settings.path(table.unless_file)
        remedy = remedy_of(table, probes)
        aid = FirstAid(output.id, table, remedy, self._evidence, self._clock, unless, self._changed.set)
        self._aid.append(aid)
        return aid
