"""`Show`: writes the files, starts every part as a process of its own, tells the story, and ends it all in order."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import json
import os
import shutil
import socket
import sys
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any, Final

from common import tasks
from common.clock import monotonic_s, utc_now
from demo import chain, stage
from demo.children import Child, DemoError
from demo.line import Line
from demo.portal import Portal
from demo.watch import Watch

_READY_S: Final = 60.0
_LOOK_S: Final = 0.2
_LONGEST_SOCKET: Final = 100  # unix(7): 107 bytes, and a margin
_SIGNWATCH: Final = (sys.executable, "-P", "-m", "signwatch")


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
        with _alone(self._folder):
            try:
                await self._prepare()
                await self._portal.start()
                async with asyncio.TaskGroup() as group:
                    group.create_task(self._until_over(stop), name="over")
                    await self._start_everything(group)
            except BaseExceptionGroup as ended:
                _give_reason(ended)
            finally:
                await self._end()

    # --- files ----------------------------------------------------------------------------------------------------

    async def _prepare(self) -> None:
        folder, keep = self._folder, self._options.keep and (self._folder / "registry.toml").exists()
        if not keep:
            _clear(folder)
        self._tell(f"writing configuration, passwords, registry and contract to {folder}")
        shipped = resources.files("demo")
        _write(folder / f"{stage.CONTRACT}.toml", shipped.joinpath("contract.toml").read_text("utf-8"))
        _write(folder / f"{chain.CONTRACT}.toml", shipped.joinpath("chain.toml").read_text("utf-8"))
        _write(folder / "story.toml", shipped.joinpath("story.toml").read_text("utf-8"))
        passwords = await self._make_passwords()
        machine = passwords[f"{stage.TENANT}/{stage.THIS_MACHINE}"]
        _write(folder / "collector.toml", stage.collector(self._ports, passwords[stage.COLLECTOR]))
        _write(folder / "agent.toml", stage.agent(self._ports, machine, str(self._mpv_socket)))
        _write(folder / "players.toml", stage.passwords(passwords.items()))
        now = utc_now()
        self._last_month = None if keep else chain.last_month(now)
        start = None if keep else now.isoformat(timespec="milliseconds")
        chain_start = None if self._last_month is None else self._last_month.active_from.isoformat()
        _write(folder / "registry.toml", stage.registry(self._ports, start) + "\n" + chain.registry(chain_start))
        await self._signwatch("registry", "apply", "registry.toml", "--ledger", "ledger.db", "--yes", "--who", "demo")

    async def _make_passwords(self) -> dict[str, str]:
        self._tell(f"making a password for each of {len(stage.users())} users of the broker")
        (self._folder / "credentials.toml").unlink(missing_ok=True)
        printed = await self._signwatch("broker", "passwd", *stage.users(), "--file", "credentials.toml")
        return dict(line.split("\t", 1) for line in printed.splitlines())

    async def _signwatch(self, *arguments: str) -> str:
        process = await asyncio.create_subprocess_exec(
            *_SIGNWATCH,
            *arguments,
            cwd=self._folder,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        said, complained = await process.communicate()
        if process.returncode:
            command = " ".join(arguments[:2])
            raise DemoError(f"signwatch {command} has failed:\n{complained.decode(errors='replace').strip()}")
        return said.decode()

    @property
    def _mpv_socket(self) -> Path:
        inside = self._folder / "mpv.sock"
        if len(os.fsencode(inside)) <= _LONGEST_SOCKET:
            return inside
        return Path(tempfile.gettempdir()) / f"signwatch-demo-{os.getpid()}.sock"

    # --- parts ----------------------------------------------------------------------------------------------------

    async def _start_everything(self, group: asyncio.TaskGroup) -> None:
        self._tell("starting the collector: broker, ledger, figures, alarm and page in one process")
        collector = self._start(group, "collector", *_SIGNWATCH, "collector", "run", "--config", "collector.toml")
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
            player = self._start(group, "player", *_mpv_command(mpv, self._mpv_socket))
        else:
            self._tell("mpv is not installed (sudo apt-get install mpv): a stand-in reports through the push probe")
            port = str(self._ports.push)
            player = self._start(group, "player", sys.executable, "-P", "-m", "demo.player_software", port)
        return player, self._start(group, "agent", *_SIGNWATCH, "agent", "run", "--config", "agent.toml")

    def _simulate(self) -> list[str]:
        return [
            *(*_SIGNWATCH, "simulate", "--port", str(self._ports.broker), "--tenant", stage.TENANT),
            *("--players", str(stage.PLAYERS), "--interval-s", str(stage.INTERVAL_S)),
            *("--password-file", "players.toml", "--script", "story.toml", "--log-format", "json"),
            *("--portal", stage.PORTAL, "--portal-url", f"http://127.0.0.1:{self._ports.portal}/"),
            *("--points", *stage.points()),
        ]

    async def _second_customer(self, group: asyncio.TaskGroup) -> None:
        """Bring in its last month as players bring a backlog, close it, let a person rule on it, and go on live."""
        month = self._last_month
        if month is not None:
            await self._signwatch(*chain.backlog(month, self._ports.broker))
            for order in (chain.closing(month), chain.ruling(month), chain.closing(month)):
                await self._signwatch(*order)
        self._tell(
            f"    Also  http://127.0.0.1:{self._options.port}/agreements/{chain.TENANT}/{chain.CONTRACT}/months\n"
            "          another customer's last month: closed, revised after a ruling; its reports, proof and claim\n"
        )
        self._start(group, "chain", *_SIGNWATCH, *chain.live(self._ports.broker))

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


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Hold the folder; DemoError where another demonstration holds it or it cannot be made."""
    try:
        (folder / "logs").mkdir(parents=True, exist_ok=True)
        lock = (folder / "lock").open("w")
    except OSError as error:
        raise DemoError(f"{folder} cannot be used ({error.strerror}): give another folder: --dir DIR") from None
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise DemoError(f"another demonstration runs in {folder}: end it, or give --dir and --port") from None
        yield


def _clear(folder: Path) -> None:
    """A fresh start: what an earlier demonstration left behind goes, and nothing else."""
    for name in ("ledger.db", "ledger.db-wal", "ledger.db-shm", "ledger.db.lock", "ledger.db.sock", "mpv.sock"):
        (folder / name).unlink(missing_ok=True)
    shutil.rmtree(folder / "spool", ignore_errors=True)
    for log in (folder / "logs").glob("*.log"):
        log.unlink()


def _write(path: Path, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)  # there are passwords in some of them
    with open(descriptor, "w", encoding="utf-8") as file:  # noqa: PTH123 - a descriptor, for its mode
        file.write(text)
