"""Real players for the benches: started as users do, troubled by signals and by their own remote controls."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
from base64 import b64encode
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import psutil
from _common import free_port

from agent.probes.chromium_tab import Tab, find

NOBODY: Final = 65_534
# VLC refuses to run as root.
AS_NOBODY: Final = ("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups") if os.geteuid() == 0 else ()
PASSWORD: Final = "bench"  # noqa: S105 - of a VLC that lives as long as the bench
PICTURE: Final = ("-f", "lavfi", "-i")
_CHROMIUM: Final = (
    *("chromium", "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync", "--noerrdialogs", "--autoplay-policy=no-user-gesture-required"),
)


class Player:
    """A real program and what can be done to it."""

    def __init__(self, argv: Iterable[str | Path], env: dict[str, str] | None = None) -> None:
        self._argv = [str(word) for word in argv]
        self._env = {**os.environ, **(env or {})}
        self._child: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, or start it anew."""
        quiet = subprocess.DEVNULL
        self._child = subprocess.Popen(self._argv, stdin=quiet, stdout=quiet, stderr=quiet, env=self._env)

    def send(self, number: signal.Signals) -> None:
        """Send it a signal."""
        assert self._child is not None
        self._child.send_signal(number)
        if number == signal.SIGKILL:
            self._child.wait()

    def send_parts(self, kind: str, number: signal.Signals) -> None:
        """Send a signal to those of Chromium's processes that are of this kind (`renderer`, `gpu-process`)."""
        assert self._child is not None
        for part in psutil.Process(self._child.pid).children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess):
                if f"--type={kind}" in part.cmdline():
                    part.send_signal(number)

    def end(self) -> None:
        """Kill it, with all that it started."""
        if self._child is None:
            return
        with contextlib.suppress(psutil.NoSuchProcess):
            for part in psutil.Process(self._child.pid).children(recursive=True):
                with contextlib.suppress(psutil.NoSuchProcess):
                    part.kill()
        self._child.kill()
        self._child.wait()


def ffmpeg(*arguments: str | Path) -> None:
    """Make a film or a picture."""
    subprocess.run(["ffmpeg", "-nostdin", "-v", "error", "-y", *map(str, arguments)], check=True)


class Screen(Player):
    """A real X server on a free display."""

    def __init__(self) -> None:
        read, write = os.pipe()
        argv = ["Xvfb", "-displayfd", str(write), "-screen", "0", "640x360x24", "-nolisten", "tcp", "-noreset"]
        super().__init__(argv)
        self._child = subprocess.Popen(argv, pass_fds=[write], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(write)
        with os.fdopen(read) as told:  # until it is up, or has ended
            self.display = f":{told.readline().strip()}"


def mpv(control: Path, *arguments: str | Path, screen: str = "null", display: str = "") -> Player:
    """Give an mpv with its IPC socket, and without sound."""
    fixed = ["mpv", "--no-config", "--really-quiet", "--ao=null", "--idle", f"--vo={screen}"]
    return Player([*fixed, f"--input-ipc-server={control}", *arguments], {"DISPLAY": display})


class Vlc(Player):
    """A VLC with its HTTP interface, without screen and sound."""

    def __init__(self, *arguments: str | Path) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}/"
        fixed = ["vlc", "--intf=http", "--no-audio", "--quiet", "--vout=dummy", "--http-host=127.0.0.1"]
        super().__init__(
            [*AS_NOBODY, *fixed, f"--http-port={self.port}", f"--http-password={PASSWORD}", *arguments],
            {"HOME": "/tmp", "LANG": "C.UTF-8"},  # noqa: S108 - its user has none
        )

    async def command(self, command: str) -> None:
        """Do what a person does on its page."""
        await asyncio.to_thread(self._ask, command)

    def _ask(self, command: str) -> None:
        login = b64encode(f":{PASSWORD}".encode()).decode()
        request = f"GET /requests/status.xml?command={command} HTTP/1.0\r\nAuthorization: Basic {login}\r\n\r\n"
        with socket.create_connection(("127.0.0.1", self.port), timeout=10) as channel:
            channel.sendall(request.encode())
            while channel.recv(65_536):
                pass


class Chromium(Player):
    """A headless Chromium with its DevTools port."""

    def __init__(self, folder: Path, page: str) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}/"
        self.page = page
        self._hand: Tab | None = None
        profile = folder / "profile"
        argv = [*_CHROMIUM, f"--remote-debugging-port={self.port}", f"--user-data-dir={profile}", page]
        super().__init__(argv, {"XDG_CONFIG_HOME": str(profile)})

    async def run(self, script: str) -> None:
        """Let the page run a script; it may hang from then on."""
        await self._do("Runtime.evaluate", {"expression": f"void setTimeout(() => {{ {script} }})"})

    async def wait_for(self, script: str) -> None:
        """Let the page run a script, until that calls `done`."""
        expression = f"new Promise(done => {{ {script} }})"
        await self._do("Runtime.evaluate", {"expression": expression, "awaitPromise": True})

    async def go(self, address: str) -> None:
        """Show another page, even instead of one that hangs or has crashed."""
        await (await self._at()).show(address, 3)

    async def window(self, address: str) -> None:
        """Open one more window."""
        await self._do("Target.createTarget", {"url": address, "newWindow": True})

    async def _do(self, method: str, params: dict[str, object]) -> None:
        hand = await self._at()
        await asyncio.wait({hand._send(method, params)}, timeout=10)  # noqa: SLF001 - the hand that a kiosk has not

    async def _at(self) -> Tab:
        """The page, over a connection that stays open: a new one does not reach a page that hangs."""
        if self._hand is None or self._hand.closed:
            self._hand = await Tab.open(self.url, await find(self.url, "", lambda: None), lambda: None)
        return self._hand
