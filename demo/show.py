"""`Show`: writes the files, starts every part as a process of its own, tells the story, and ends it all in order."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from common import tasks
from common.clock import monotonic_s
from demo import chain, files, stage
from demo.children import Child, DemoError
from demo.line import Line
from demo.portal import Portal
from demo.watch import Watch

_READY_S: Final = 60.0
_LOOK_S: Final = 0.2
_TRIES: Final = 5
_AGAIN_S: Final = 4.0  # a collector that was killed is started again after 3 s


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line says. `duration_s` None: until Ctrl-C."""

    folder: Path
    port: int
    keep: bool
    duration_s: float | None
    once: bool
    mpv: str | None  # its path, None: the push probe and a stand-in


class Show:
    """One demonstration. `run` returns when it is over; DemoError says what stood in the way."""

    def __init__(self, options: Options, tell: Callable[[str], None]) -> None:
        self._options = options
        self._folder = options.folder.resolve()
        self._tell = tell
        self._begun_s = monotonic_s()
        self._children: list[Child] = []
        self._story_begins = asyncio.Event()
        self._ports = _ports(options)
        line = Line(self._ports.line, self._ports.beyond, self._story)
        self._portal = Portal(self._ports.portal, line, self._story)
        self._watch = Watch(options.port, stage.TENANT)
        self._last_month: chain.LastMonth | None = None  # of the second customer, where it is to be brought in

    async def run(self, stop: asyncio.Event) -> None:
        """Show everything until `stop` is set or the duration has passed."""
        with files.alone(self._folder):
            try:
                keep = self._options.keep
                self._last_month = await files.prepare(self._folder, self._ports, self._tell, keep=keep)
                await self._portal.start()
                async with asyncio.TaskGroup() as group:
                    group.create_task(self._until_over(stop), name="over")
                    await self._start_everything(group)
            except BaseExceptionGroup as ended:
                _give_reason(ended)
            finally:
                await self._end()

    # --- parts ----------------------------------------------------------------------------------------------------

    async def _start_everything(self, group: asyncio.TaskGroup) -> None:
        self._tell("starting the collector: broker, ledger, figures, alarm and page in one process")
        collector = self._start(group, "collector", *files.SIGNWATCH, "collector", "run", "--config", "collector.toml")
        await self._wait(self._watch.ready, collector, "the collector takes in evidence")
        player, agent = self._start_this_machine(group)
        await self._wait(self._this_machine_plays, agent, "the agent on this machine has reported")
        self._tell(f"starting {stage.PLAYERS} simulated players in {len(stage.SHOPS)} shops")
        self._start(group, "simulator", *self._simulate(), hear=self._heard)
        self._invite(collector, player, agent)
        group.create_task(self._second_customer(group))
        await self._story_begins.wait()  # the times told from here on are the story's
        group.create_task(self._fail_the_portal())
        group.create_task(self._watch.tell_changes(self._story))

    def _start(
        self, group: asyncio.TaskGroup, name: str, *argv: str, hear: Callable[[str], None] | None = None
    ) -> Child:
        child = Child(name, argv, self._folder, hear)
        self._children.append(child)
        group.create_task(child.keep(self._story), name=name)
        return child

    def _start_this_machine(self, group: asyncio.TaskGroup) -> tuple[Child, Child]:
        mpv = self._options.mpv
        if mpv is not None:
            self._tell("starting a real mpv (it plays a test picture into nowhere) and a real agent that watches it")
            player = self._start(group, "player", *_mpv_command(mpv, files.mpv_socket(self._folder)))
        else:
            self._tell("mpv is not installed (sudo apt-get install mpv): a stand-in reports through the push probe")
            port = str(self._ports.push)
            player = self._start(group, "player", sys.executable, "-P", "-m", "demo.player_software", port)
        return player, self._start(group, "agent", *files.SIGNWATCH, "agent", "run", "--config", "agent.toml")

    def _simulate(self) -> list[str]:
        return [
            *(*files.SIGNWATCH, "simulate", "--port", str(self._ports.broker), "--tenant", stage.TENANT),
            *("--players", str(stage.PLAYERS), "--interval-s", str(stage.INTERVAL_S)),
            *("--password-file", "players.toml", "--script", "story.toml", "--log-format", "json"),
            *("--portal", stage.PORTAL, "--portal-url", f"http://127.0.0.1:{self._ports.portal}/"),
            *("--points", *stage.points()),
        ]

    async def _second_customer(self, group: asyncio.TaskGroup) -> None:
        """Bring in its last month as players bring a backlog, close it, let a person rule on it, and go on live."""
        month = self._last_month
        if month is not None:
            await files.signwatch(self._folder, *chain.backlog(month, self._ports.broker))
            for order in (chain.closing(month), chain.ruling(month), chain.closing(month)):
                await self._patiently(order)
        self._tell(
            f"    Also  http://127.0.0.1:{self._options.port}/agreements/{chain.TENANT}/{chain.CONTRACT}/months\n"
            "          another customer's last month: closed, revised after a ruling; its reports, proof and claim\n"
        )
        self._start(group, "chain", *files.SIGNWATCH, *chain.live(self._ports.broker))

    async def _patiently(self, order: list[str]) -> None:
        """Run one of our commands, again where the collector was not there: the visitor may just have killed it."""
        for _ in range(_TRIES - 1):
            with contextlib.suppress(DemoError):
                await files.signwatch(self._folder, *order)
                return
            await asyncio.sleep(_AGAIN_S)
        await files.signwatch(self._folder, *order)

    async def _this_machine_plays(self) -> bool:
        return await self._watch.state_of(stage.TENANT, stage.THIS_MACHINE) == "playing"

    async def _wait(self, condition: Callable[[], Awaitable[bool]], child: Child, what: str) -> None:
        deadline_s = monotonic_s() + _READY_S
        while not await condition():
            if monotonic_s() > deadline_s:
                raise DemoError(f"waited {_READY_S:g} s in vain until {what}; the end of {child.log}:\n{child.tail()}")
            await asyncio.sleep(_LOOK_S)
        self._tell(what)

    async def _end(self) -> None:
        if self._children:
            self._tell("ending: " + ", ".join(child.name for child in reversed(self._children)))
        for child in reversed(self._children):
            await child.stop()
        await self._portal.stop()

    # --- the story ------------------------------------------------------------------------------------------------

    def _invite(self, collector: Child, player: Child, agent: Child) -> None:
        page, portal = f"http://127.0.0.1:{self._options.port}/", f"http://127.0.0.1:{self._ports.portal}"
        frozen = "freezes" if self._options.mpv else "falls silent: unknown"
        self._tell(
            f"\n    Open  {page}\n\n"
            f"    Try   kill -STOP {player.pid}    the real player {frozen}; kill -CONT {player.pid} lets it go on\n"
            f"          kill -9 {player.pid}       the real player dies; it is started again\n"
            f"          kill -9 {agent.pid}       the agent dies; its spool has kept the evidence\n"
            f"          kill -9 {collector.pid}       the collector dies; what it acknowledged is in the ledger\n"
            f"          curl -X POST '{portal}/fail?seconds=30'    the portal fails for all: it costs availability\n"
            f"          curl -X POST '{portal}/cut?seconds=30'     this machine's network fails: it costs nothing\n"
            f"          {page}platform/{stage.TENANT}/{stage.PORTAL}    who votes on the portal, and what decided\n"
            f"    Logs  {self._folder / 'logs'}\n"
            f"    End   Ctrl-C\n"
        )

    def _heard(self, line: str) -> None:
        try:
            said: dict[str, Any] = json.loads(line)
        except ValueError:
            return  # not one of its structured lines; it is in the log
        if said.get("event") == "simulation_begins":
            self._begun_s = monotonic_s()
            self._story_begins.set()
        elif said.get("event") == "fault" and said.get("note"):
            self._story(str(said["note"]))

    async def _fail_the_portal(self) -> None:
        next_s = self._begun_s + stage.PORTAL_FAILS_AT_S
        while True:
            await asyncio.sleep(max(0.0, next_s - monotonic_s()))
            await self._portal.fail(stage.PORTAL_FAILS_FOR_S)
            next_s += stage.STORY_REPEATS_S

    def _story(self, sentence: str) -> None:
        minutes, seconds = divmod(int(monotonic_s() - self._begun_s), 60)
        self._tell(f"{minutes:02d}:{seconds:02d}  {sentence}")

    async def _until_over(self, stop: asyncio.Event) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._options.duration_s):
                await (self._told_once(stop) if self._options.once else stop.wait())
        raise _OverError

    async def _told_once(self, stop: asyncio.Event) -> None:
        begins = tasks.spawn(self._story_begins.wait(), "story begins")
        stopped = tasks.spawn(stop.wait(), "stop")
        await asyncio.wait({begins, stopped}, return_when=asyncio.FIRST_COMPLETED)
        await asyncio.wait({stopped}, timeout=stage.STORY_LASTS_S)
        await tasks.cancel(begins, stopped)


class _OverError(Exception):
    """Ends the task group: the show is over."""


def _give_reason(ended: BaseExceptionGroup[BaseException]) -> None:
    """Raise what went wrong, the plain DemoError where there is one; nothing where the show is just over."""
    _, wrong = ended.split(_OverError)
    if wrong is None:
        return
    known, unknown = wrong.split(DemoError)
    while known is not None and unknown is None:
        first = known.exceptions[0]
        if isinstance(first, DemoError):
            raise first
        known = first  # a group within the group
    raise wrong


def _mpv_command(mpv: str, address: Path) -> list[str]:
    return [
        *(mpv, "--no-config", "--no-terminal", "--vo=null", "--ao=null", "--idle=yes", "--loop-file=inf"),
        *(f"--input-ipc-server={address}", "av://lavfi:testsrc=size=320x180:rate=10"),
    ]


def _ports(options: Options) -> stage.Ports:
    """Find free ports; DemoError where the page's is taken."""
    with contextlib.ExitStack() as held:
        web = held.enter_context(socket.socket())
        web.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            web.bind(("127.0.0.1", options.port))
        except OSError as error:
            raise DemoError(
                f"port {options.port} on 127.0.0.1 is taken ({error.strerror}), perhaps by another demonstration: "
                f"end that, or give another port: --port {options.port + 1}"
            ) from None
        free = [held.enter_context(socket.socket()) for _ in range(7)]
        for one in free:
            one.bind(("127.0.0.1", 0))
        broker, portal, line, health, push, *beyond = (one.getsockname()[1] for one in free)
    return stage.Ports(
        options.port, broker, portal, line, (beyond[0], beyond[1]), health, None if options.mpv else push
    )
