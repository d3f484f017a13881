"""Three real players, each on a screen of its own, and what a person or a fault can do to them."""

from __future__ import annotations

import contextlib
import subprocess
from pathlib import Path
from typing import Final, NamedTuple

import msgspec
import psutil

from agent.httpclient import Ask, get
from agent.probes.chromium_tab import Tab, find
from agent.probes.mpv_ipc import tell
from tests.agent.probes.conftest import AS_NOBODY
from tests.agent.screens import PLAYER, Screen, start_screen
from tests.fixtures.chromium import CHROMIUM, FLAGS
from tests.fixtures.processes import Process, Processes
from tests.fixtures.waiting import LOOPBACK, accepts, free_port, wait_until

SIZE: Final = "320x240"
FILMS: Final = {
    "clip": ("-f", "lavfi", "-i", f"testsrc=s={SIZE}:r=5:d=15"),
    "short": ("-f", "lavfi", "-i", f"testsrc=s={SIZE}:r=5:d=1"),
    "black": ("-f", "lavfi", "-i", f"color=c=black:s={SIZE}:r=5:d=15"),
    "same": ("-f", "lavfi", "-i", f"color=c=teal:s={SIZE}:r=5:d=15"),
}
WEBM: Final = ("-c:v", "libvpx", "-deadline", "realtime", "-cpu-used", "8")
_FULL: Final = "style='position:fixed;inset:0;width:100vw;height:100vh;object-fit:fill'"


def _film(name: str, attributes: str = "loop") -> str:
    return f"<video id=v src={name}.webm autoplay muted {attributes} {_FULL}></video>"


PAGES: Final = {
    "clip": _film("clip"),
    "short": _film("short"),
    "ended": _film("short", ""),
    "still": "<img src=still.png>",
    "nowhere": _film("nowhere"),
    "broken": _film("broken"),
    "black": _film("black"),
    "same": _film("same"),
    "throws": f"{_film('clip')}<script>setTimeout(()=>{{throw new Error('boom')}})</script>",
}


def make_films(folder: Path) -> None:
    """Every film for each player, and the pages; readable by VLC's user."""
    make = ["ffmpeg", "-nostdin", "-v", "error", "-y"]
    for name, source in FILMS.items():
        subprocess.run([*make, *source, "-pix_fmt", "yuv420p", folder / f"{name}.mp4"], check=True)
        subprocess.run([*make, *source, *WEBM, folder / f"{name}.webm"], check=True)
    subprocess.run([*make, *FILMS["clip"], "-frames:v", "1", folder / "still.png"], check=True)
    for kind in ("mp4", "webm"):
        (folder / f"broken.{kind}").write_bytes(b"this is no film" * 100)
    for name, body in PAGES.items():
        (folder / f"{name}.html").write_text(f"<!doctype html><meta charset=utf-8>{body}\n", encoding="utf-8")
    for file in folder.iterdir():
        file.chmod(0o644)


class Mpv:
    """A real mpv on its screen."""

    def __init__(self, processes: Processes, films: Path, screen: Screen, control: Path) -> None:
        self._films = films
        self.control = control
        fixed = ["--idle", "--vo=x11", "--no-border", "--geometry=100%x100%+0+0", f"--input-ipc-server={control}"]
        self.process = processes.start([*PLAYER, *fixed], "mpv", {"DISPLAY": screen.display})
        wait_until(control.exists, "mpv opens its socket")

    @property
    def table(self) -> str:
        """Its part of the agent's configuration."""
        return f'probe = ["mpv", "picture"]\nmpv.socket = "{self.control}"'

    async def show(self, name: str) -> None:
        """Play a file of the folder, in a loop."""
        await self._play(name, loop="inf", keep_open="no")

    async def pause(self) -> None:
        """Pause it."""
        await tell(str(self.control), "set_property", "pause", True)

    async def end(self) -> None:
        """Let a film come to its end."""
        await self._play("short.mp4", loop="no", keep_open="yes")

    async def empty(self) -> None:
        """Have nothing to play."""
        await tell(str(self.control), "stop")

    async def _play(self, name: str, loop: str, keep_open: str) -> None:
        settings = {"loop-file": loop, "keep-open": keep_open, "pause": False}
        for setting, value in settings.items():
            await tell(str(self.control), "set_property", setting, value)
        await tell(str(self.control), "loadfile", str(self._films / name))


class Vlc:
    """A real VLC on its screen."""

    def __init__(self, processes: Processes, films: Path, screen: Screen) -> None:
        self._films = films
        self._repeats = True
        self.port = free_port()
        http = ["--intf=http", f"--http-host={LOOPBACK}", f"--http-port={self.port}", "--http-password=pw"]
        shown = ["--no-audio", "--vout=xcb_x11", "--fullscreen", "--no-video-title-show", "--image-duration=-1"]
        argv = [*AS_NOBODY, "vlc", *http, *shown, "--repeat", "--quiet"]
        env = {"DISPLAY": screen.display, "HOME": str(films), "LANG": "C.UTF-8"}
        self.process = processes.start(argv, "vlc", env)
        wait_until(lambda: accepts(self.port), "VLC opens its HTTP interface")

    @property
    def table(self) -> str:
        """Its part of the agent's configuration."""
        asked = f'vlc.url = "http://{LOOPBACK}:{self.port}/"\nvlc.password = "pw"'
        return f'probe = ["vlc", "picture"]\n{asked}\nvlc.frozen_after_s = 1'

    async def show(self, name: str) -> None:
        """Play a file of the folder, again and again."""
        await self._repeat(wanted=True)
        await self._play(name)

    async def shows(self) -> bool:
        """Whether a picture has reached the screen: what is still being opened cannot be paused."""
        said = msgspec.json.decode(await self._do(""))
        return bool((said.get("stats") or {}).get("displayedpictures"))

    async def pause(self) -> None:
        """Pause it."""
        await self._do("pl_forcepause")

    async def end(self) -> None:
        """Let a film come to its end."""
        await self._repeat(wanted=False)
        await self._play("short.mp4")

    async def empty(self) -> None:
        """Have nothing to play."""
        await self._do("pl_empty")

    async def _play(self, name: str) -> None:
        await self.empty()
        await self._do(f"in_play&input=file://{self._films / name}")

    async def _repeat(self, *, wanted: bool) -> None:
        if self._repeats is not wanted:
            await self._do("pl_repeat")
            self._repeats = wanted

    async def _do(self, command: str) -> bytes:
        url = f"http://{LOOPBACK}:{self.port}/requests/status.json?command={command}"
        answer = await get(url, Ask(username="", password="pw"))
        assert answer.status == 200
        return answer.body


class Chromium:
    """A real Chromium on its screen, as a kiosk."""

    def __init__(self, processes: Processes, films: Path, screen: Screen) -> None:
        self._films = films
        self.port = free_port()
        self.url = f"http://{LOOPBACK}:{self.port}/"
        profile = processes.folder / "profile"
        shown = [flag for flag in FLAGS if flag != "--headless"]
        kiosk = [
            "--kiosk",
            "--test-type",
            f"--window-size={SIZE.replace('x', ',')}",
            "--window-position=0,0",
            "--noerrdialogs",
        ]
        port = [f"--remote-debugging-port={self.port}", f"--user-data-dir={profile}"]
        argv = [CHROMIUM, *shown, *kiosk, *port, "--autoplay-policy=no-user-gesture-required", self._page("clip")]
        env = {"DISPLAY": screen.display, "XDG_CONFIG_HOME": str(profile)}
        self.process = processes.start(argv, "chromium", env)
        wait_until(lambda: accepts(self.port), "Chromium opens its port")

    @property
    def table(self) -> str:
        """Its part of the agent's configuration."""
        patient = "chromium.hung_after_s = 1\nchromium.frozen_after_s = 1"
        return f'probe = ["chromium", "picture"]\nchromium.url = "{self.url}"\n{patient}'

    async def show(self, name: str) -> None:
        """Show a page, even instead of one that has crashed."""
        address = name if name.startswith("about:") else self._page(name)
        hand = await Tab.open(self.url, await find(self.url, "", lambda: None), lambda: None)
        await hand.show(address, 10)
        await hand.close()

    async def run(self, script: str) -> None:
        """Let the page run a script."""
        hand = await Tab.open(self.url, await find(self.url, "", lambda: None), lambda: None)
        await hand._call("Runtime.evaluate", {"expression": f"void setTimeout(() => {{ {script} }})"})
        await hand.close()

    def crash(self) -> None:
        """Kill what draws the page, as the kernel does when memory runs out."""
        for child in psutil.Process(self.process.pid).children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess):
                if "--type=renderer" in child.cmdline():
                    child.kill()

    def _page(self, name: str) -> str:
        return (self._films / f"{name}.html").as_uri()


class Stage:
    """The three of them, and the agent that watches them."""

    def __init__(self, processes: Processes, folder: Path) -> None:
        make_films(folder)
        self._screens = [start_screen(processes, SIZE, name, "-ac") for name in ("mpv", "vlc", "chromium")]
        self.mpv = Mpv(processes, folder, self._screens[0], folder / "mpv.sock")
        self.vlc = Vlc(processes, folder, self._screens[1])
        self.chromium = Chromium(processes, folder, self._screens[2])
        self._port = free_port()
        (folder / "agent.toml").write_text(self._configuration(), encoding="utf-8")
        self._agent = processes.signwatch("agent", "run", "--config", folder / "agent.toml", name="agent")

    @property
    def processes(self) -> dict[str, Process]:
        """The programs, by player."""
        return {"mpv": self.mpv.process, "vlc": self.vlc.process, "chromium": self.chromium.process}

    async def said(self) -> dict[str, Said]:
        """What the agent believes of each player; nothing of those that it is in doubt about."""
        try:
            answer = await get(f"http://{LOOPBACK}:{self._port}/healthz", Ask())
        except OSError:
            return {}
        outputs = msgspec.json.decode(answer.body)["outputs"]
        return {name: _said(one) for name, one in outputs.items() if not one["in_doubt"]}

    def _configuration(self) -> str:
        players = {"mpv": self.mpv, "vlc": self.vlc, "chromium": self.chromium}
        outputs = "\n".join(
            f'[[outputs]]\nid = "{name}"\ninterval_s = 1\ntimeout_s = 2\npicture.display = "{screen.display}"\n'
            f"picture.interval_s = 1\npicture.timeout_s = 5\npicture.frozen_after_s = 1\n{player.table}"
            for (name, player), screen in zip(players.items(), self._screens, strict=True)
        )
        return f"""
            tenant = "acme"
            device = "p1"
            spool.dir = "spool"
            health.listen = "{LOOPBACK}:{self._port}"
            mqtt.host = "{LOOPBACK}"
            mqtt.port = {free_port()}
            {outputs}
        """


class Said(NamedTuple):
    """What the agent believes of one output."""

    state: str | None
    cause: str | None
    detail: str | None


def _said(told: dict[str, str | None]) -> Said:
    """Without what this machine had against the player: a test machine is busy, and a hog is another table's."""
    detail = told["detail"] or ""
    return Said(told["state"], None if "[cpu_hog:" in detail else told["cause"], detail)
