"""How often the agent says of a healthy player that it does not play: never, one hopes.

    python bench/alarms.py [--minutes 10] [--only mpv]

A real agent with its defaults watches every healthy kind of output at once: films, loops, stills, slide shows and live
streams in mpv and VLC, pages of all sorts in Chromium, and the probe of pictures on a real screen. Counted are alarms
(a run that is not `playing`) and doubts (a single reading that was not, and that the next one took back). Prints JSON;
the exit status is 1 if there was an alarm.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

sys.path.insert(0, str(Path(__file__).parents[1]))

from _common import free_port, load_1m, print_results, say
from _players import PASSWORD, PICTURE, Chromium, Player, Screen, Vlc, ffmpeg, mpv

from agent.app import Agent
from agent.config import parse
from common import logs
from common.clock import SystemClock, monotonic_s
from common.tasks import spawn
from wire.runs import Stretch

LOOK_S: Final = 0.05
SETTLE_S: Final = 60.0  # in which each output has to be seen playing first
# A still with a clock in its corner: of the whole picture only the digits change, once a second.
CLOCK: Final = "[1]crop=64:104:512:128[digits];[0][digits]overlay=10:10"
FILM: Final = "<video src=clip.webm autoplay muted loop></video>"
PAGES: Final = {
    "static": "<h1>Menu of the day</h1><img src=still.png>",
    "animated": "<canvas id=c></canvas><script>let n=0;const draw=()=>{requestAnimationFrame(draw);"
    "c.getContext('2d').fillRect(n++%300,0,9,9)};draw()</script>",
    "film": FILM,
    "reloads": f"<meta http-equiv=refresh content=60><h1>News</h1>{FILM}",
    # As Anthias' viewer does: a picture, a page and a film by turns, each in the place of the one before.
    "viewer": "<body style='margin:0;background:#000'><script>const all=['<img src=still.png style=\"width:100%\">',"
    "'<iframe src=static.html style=\"width:100vw;height:100vh\"></iframe>',"
    "'<video src=short.webm autoplay muted></video>'];let n=0;"
    "const next=()=>{document.body.innerHTML=all[n++%3];const v=document.querySelector('video');"
    "if(v)v.onended=next;else setTimeout(next,5000)};next()</script>",
}


class Kind(NamedTuple):
    """A healthy output: its table in the agent's configuration, and what plays there."""

    name: str
    table: str
    player: Player


def make_content(folder: Path) -> None:
    """Films, pictures and pages."""
    for name, source in (("clip", "testsrc=s=160x90:r=5:d=20"), ("short", "testsrc=s=160x90:r=5:d=2")):
        ffmpeg(*PICTURE, source, "-pix_fmt", "yuv420p", folder / f"{name}.mp4")
        ffmpeg(*PICTURE, source, "-c:v", "libvpx", "-deadline", "realtime", folder / f"{name}.webm")
    ffmpeg(*PICTURE, "testsrc=s=640x360:d=1:r=1", "-frames:v", "1", folder / "still.png")
    still = ["-loop", "1", "-r", "1", "-i", folder / "still.png", *PICTURE, "testsrc=s=640x360:r=1"]
    ffmpeg(*still, "-filter_complex", CLOCK, "-t", "60", "-r", "1", "-pix_fmt", "yuv420p", folder / "clock.mp4")
    for name, body in PAGES.items():
        (folder / f"{name}.html").write_text(f"<!doctype html><meta charset=utf-8>{body}\n", encoding="utf-8")
    for file in folder.iterdir():
        file.chmod(0o644)


def of_mpv(folder: Path, live_port: int) -> Iterator[Kind]:
    """Give films, a loop of two seconds, a still, slides and a live stream."""
    stills = (folder / "still.png", "--image-display-duration=inf")
    slides = (folder / "still.png", folder / "clip.mp4", "--image-display-duration=5", "--loop-playlist=inf")
    shows = {
        "mpv-film": ("--loop-file=inf", folder / "clip.mp4"),
        "mpv-loop": ("--loop-file=inf", folder / "short.mp4"),
        "mpv-still": stills,
        "mpv-slides": slides,
        "mpv-live": (f"udp://127.0.0.1:{live_port}",),
    }
    for name, arguments in shows.items():
        control = folder / f"{name}.sock"
        yield Kind(name, f'probe = "mpv"\nmpv.socket = "{control}"', mpv(control, *arguments))


def of_vlc(folder: Path) -> Iterator[Kind]:
    """Give films, a loop of two seconds and a still."""
    shows = {
        "vlc-film": ("--loop", folder / "clip.mp4"),
        "vlc-loop": ("--loop", folder / "short.mp4"),
        "vlc-still": ("--image-duration=-1", folder / "still.png"),
    }
    for name, arguments in shows.items():
        player = Vlc(*arguments)
        yield Kind(name, f'probe = "vlc"\nvlc.url = "{player.url}"\nvlc.password = "{PASSWORD}"', player)


def of_chromium(kiosk: Chromium) -> Iterator[Kind]:
    """Give the pages, each in a window of its own."""
    for name in PAGES:
        table = (
            f'probe = "chromium"\nneeds_link = false\nchromium.url = "{kiosk.url}"\nchromium.page = "/{name}[.]html"'
        )
        yield Kind(f"chromium-{name}", table, kiosk)


def of_pictures(folder: Path) -> Iterator[Kind]:
    """Give screens that are looked at: a film, a still, and a still on which only a clock moves."""
    shows = {
        "picture-film": ("--loop-file=inf", folder / "clip.mp4"),
        "picture-still": (folder / "still.png", "--image-display-duration=inf"),
        "picture-clock": ("--loop-file=inf", folder / "clock.mp4"),
    }
    for name, arguments in shows.items():
        control, screen = folder / f"{name}.sock", Screen()
        full = ("--fs", "--no-border", "--geometry=100%x100%+0+0")
        player = mpv(control, *full, *arguments, screen="x11", display=screen.display)
        looked_at = f'picture.display = "{screen.display}"\npicture.interval_s = 15'
        table = f'probe = ["mpv", "picture"]\nmpv.socket = "{control}"\n{looked_at}'
        yield Kind(name, table, Together(screen, player))


class Together(Player):
    """A screen and what plays on it."""

    def __init__(self, screen: Screen, player: Player) -> None:
        self._screen, self._player = screen, player

    def start(self) -> None:
        """Start the player; the screen is there."""
        self._player.start()

    def end(self) -> None:
        """End both."""
        self._player.end()
        self._screen.end()


class Tally:
    """What was said of one output that is not `playing`."""

    def __init__(self) -> None:
        self.alarms = dict[tuple[object, ...], str]()
        self.doubts = dict[tuple[object, ...], str]()

    def note(self, found: dict[tuple[object, ...], str], stretch: Stretch) -> None:
        """Count it once, however often it is looked at."""
        if stretch.state != "playing":
            found[stretch.start, stretch.state] = f"{stretch.state}: {stretch.detail}"

    def told(self) -> dict[str, object]:
        """Give figures and words."""
        return {"alarms": list(self.alarms.values()), "doubts": list(self.doubts.values())}


async def watch(agent: Agent, kinds: list[Kind], minutes: float) -> dict[str, Any]:
    """Look at what the agent believes and doubts, from when all are seen playing."""
    tracks, started_s = agent._evidence.tracks, monotonic_s()  # noqa: SLF001 - over HTTP a doubt would be missed
    while late := [kind.name for kind in kinds if not _plays(tracks[kind.name].machine.open)]:
        if monotonic_s() - started_s > SETTLE_S:
            raise SystemExit(f"never seen playing: {', '.join(f'{name}: {tracks[name].machine}' for name in late)}")
        await asyncio.sleep(LOOK_S)
    say(f"all {len(kinds)} are playing")
    tallies, until_s = {kind.name: Tally() for kind in kinds}, monotonic_s() + minutes * 60
    while monotonic_s() < until_s:
        for name, tally in tallies.items():
            machine_now = tracks[name].machine
            if machine_now.open is not None:
                tally.note(tally.alarms, machine_now.open)
            for doubt in machine_now.doubts:
                tally.note(tally.doubts, doubt)
        await asyncio.sleep(LOOK_S)
    return {name: tally.told() for name, tally in tallies.items()}


def _plays(run: Stretch | None) -> bool:
    return run is not None and run.state == "playing"


async def bench(folder: Path, arguments: argparse.Namespace) -> dict[str, Any]:
    """Start everything, watch, end everything."""
    await asyncio.to_thread(make_content, folder)
    live_port = free_port()
    stream = ["-re", *PICTURE, "testsrc=s=160x90:r=5", "-g", "5", "-pix_fmt", "yuv420p", "-f", "mpegts"]
    live = Player(["ffmpeg", "-nostdin", "-v", "error", *stream, f"udp://127.0.0.1:{live_port}?pkt_size=1316"])
    kiosk = Chromium(folder, (folder / "static.html").as_uri())
    with contextlib.ExitStack() as running:
        every = [*of_mpv(folder, live_port), *of_vlc(folder), *of_chromium(kiosk), *of_pictures(folder)]
        kinds = [kind for kind in every if kind.name.startswith(arguments.only)]
        for player in {id(kind.player): kind.player for kind in kinds}.values():
            running.callback(player.end)
            player.start()
        running.callback(live.end)
        live.start()
        if any(kind.player is kiosk for kind in kinds):
            await open_windows(kiosk, folder)
        agent = Agent(parse(config_text(kinds), folder / "agent.toml"), SystemClock())
        task = spawn(agent.run(), "agent")
        try:
            return await watch(agent, kinds, arguments.minutes)
        finally:
            agent.stop()
            await task


async def open_windows(kiosk: Chromium, folder: Path) -> None:
    """Open each page but the first in a window of its own."""
    for _ in range(100):
        with contextlib.suppress(OSError):
            for name in list(PAGES)[1:]:
                await kiosk.window((folder / f"{name}.html").as_uri())
            return
        await asyncio.sleep(0.2)
    raise SystemExit("Chromium does not open its port: is chromium installed?")


def config_text(kinds: list[Kind]) -> str:
    """An agent's configuration with its defaults."""
    outputs = "\n".join(f'[[outputs]]\nid = "{kind.name}"\n{kind.table}' for kind in kinds)
    return f"""
        tenant = "bench"
        device = "p1"
        spool.dir = "spool"
        health.listen = ""
        mqtt.host = "127.0.0.1"
        mqtt.port = {free_port()}
        {outputs}
    """


def main() -> None:
    """Print JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--only", default="", help="kinds whose name begins so")
    arguments = parser.parse_args()
    logs.set_up("error")
    before = load_1m()
    with tempfile.TemporaryDirectory(prefix="alarms-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)  # VLC reads its films as somebody else
        kinds = asyncio.run(bench(Path(folder), arguments))
    print_results(before, {"minutes": arguments.minutes, "kinds": kinds})
    sys.exit(1 if any(kind["alarms"] for kind in kinds.values()) else 0)


if __name__ == "__main__":
    main()
