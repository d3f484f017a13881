"""How long it takes the agent to believe what was done to a real player: p50, p99, least and most of each row.

    python bench/detect.py [--samples 10] [--only mpv-paused] [--interval-s 5]

A real agent (in this process, with its defaults) watches a real mpv, VLC and Chromium, which play a clip in a loop, all
at once. What is done to them is timed from the act to the moment at which the open run is of the new state: two
readings for bad news, one for good. What sends events is seen at once and looked at again a second later; what is
polled takes up to two intervals (a hung player besides a deadline). Acts are spread over the interval at random.
Prints JSON.
"""

from __future__ import annotations

import argparse
import asyncio
import math
import random
import signal
import statistics
import sys
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from _common import free_port, load_1m, print_results, say
from _players import PASSWORD, PICTURE, Chromium, Player, Vlc, ffmpeg, mpv

from agent.app import Agent
from agent.config import parse
from agent.probes.mpv_ipc import tell
from common import logs
from common.clock import SystemClock, monotonic_s
from common.tasks import spawn

PATIENCE_S = 120.0
LOOK_S = 0.005

Act = Callable[[], Awaitable[object] | None]


class Row:
    """What is done, which state follows, and how it is undone. `settle_s`: the most to wait before each act."""

    def __init__(self, name: str, do: Act, state: str, undo: Act, settle_s: float) -> None:
        self.name, self.output = name, name.partition("-")[0]
        self.do, self.state, self.undo, self.settle_s = do, state, undo, settle_s


async def believed(agent: Agent, output: str, state: str) -> float:
    """Seconds until the agent believes it."""
    started_s = monotonic_s()
    while True:
        now = agent._evidence.tracks[output].machine.open  # noqa: SLF001 - over HTTP the looking would be in the figure
        if now is not None and now.state == state:
            return monotonic_s() - started_s
        if monotonic_s() - started_s > PATIENCE_S:
            raise SystemExit(f"{output} is not {state} after {PATIENCE_S:g} s; the agent says {now}")
        await asyncio.sleep(LOOK_S)


async def act(what: Act) -> None:
    """Do it."""
    doing = what()
    if doing is not None:
        await doing


async def measure(agent: Agent, row: Row, samples: int) -> dict[str, Any]:
    """So many times: do, wait, undo, wait."""
    bad, good = list[float](), list[float]()
    for _ in range(samples):
        await believed(agent, row.output, "playing")
        await asyncio.sleep(random.uniform(0.5, 0.5 + row.settle_s))
        await act(row.do)
        bad.append(await believed(agent, row.output, row.state))
        await act(row.undo)
        good.append(await believed(agent, row.output, "playing"))
    say(f"{row.name}: {row.state} after {statistics.median(bad):.2f} s, at most {max(bad):.2f} s")
    return {"state": row.state, "samples": samples, "seen": spread(bad), "playing_again": spread(good)}


def spread(values: list[float]) -> dict[str, float]:
    """Nearest-rank percentiles: of fewer than a hundred samples p99 is the longest."""
    ordered = sorted(values)
    rank = lambda share: ordered[math.ceil(share * len(ordered)) - 1]  # noqa: E731
    figures = {"p50_s": rank(0.5), "p99_s": rank(0.99), "min_s": ordered[0], "max_s": ordered[-1]}
    return {name: round(value, 2) for name, value in figures.items()}


def of_mpv(player: Player, control: Path, clip: Path, interval_s: float) -> list[Row]:
    """What is done to mpv."""

    def say_to(*command: object) -> Act:
        return lambda: tell(str(control), *command)

    pause, play = (say_to("set_property", "pause", value) for value in (True, False))
    again = say_to("loadfile", str(clip))
    return [
        Row("mpv-paused", pause, "stopped", play, 1),
        Row("mpv-killed", hold(player, signal.SIGKILL), "stopped", player.start, 1),
        Row("mpv-empty", say_to("stop"), "idle", again, 1),
        Row("mpv-missing-file", say_to("loadfile", "/nowhere.mp4"), "error", again, 1),
        Row("mpv-hung", hold(player, signal.SIGSTOP), "frozen", hold(player, signal.SIGCONT), interval_s),
    ]


def of_vlc(player: Vlc, interval_s: float) -> list[Row]:
    """What is done to VLC: it sends no events."""
    turn: Act = lambda: player.command("pl_pause")  # noqa: E731
    return [
        Row("vlc-paused", turn, "stopped", turn, interval_s),
        Row("vlc-killed", hold(player, signal.SIGKILL), "stopped", player.start, interval_s),
        Row("vlc-hung", hold(player, signal.SIGSTOP), "frozen", hold(player, signal.SIGCONT), interval_s),
    ]


def of_chromium(player: Chromium, interval_s: float) -> list[Row]:
    """What is done to a kiosk page that shows a film: first what sends events."""

    def script(text: str) -> Act:
        return lambda: player.run(text)

    def go(address: str) -> Act:
        return lambda: player.go(address)

    def part(kind: str, number: signal.Signals) -> Act:
        return lambda: player.send_parts(kind, number)

    back = go(player.page)
    play = script("v.loop = true; v.play()")
    to_the_end: Act = lambda: player.wait_for(  # noqa: E731 - timed from the very end
        "v.loop = false; v.currentTime = v.duration - 2; v.onended = done"
    )
    return [
        Row("chromium-film-paused", script("v.pause()"), "stopped", play, 1),
        Row("chromium-film-ended", to_the_end, "stopped", play, 1),
        Row(
            "chromium-film-fails", script("v.src = 'broken.webm'"), "error", script("v.src = 'clip.webm'; v.play()"), 1
        ),
        Row("chromium-error-page", go("http://127.0.0.1:1/"), "error", back, 1),
        Row("chromium-nothing-loaded", go("about:blank"), "idle", back, 1),
        Row("chromium-page-crashes", part("renderer", signal.SIGKILL), "error", back, 1),
        Row("chromium-killed", hold(player, signal.SIGKILL), "stopped", player.start, 1),
        Row("chromium-page-blank", script("document.body.replaceChildren()"), "black", back, interval_s),
        Row("chromium-page-hangs", script("for (;;) {}"), "frozen", back, interval_s),
        Row(
            "chromium-draws-nothing",
            part("gpu-process", signal.SIGSTOP),
            "frozen",
            part("gpu-process", signal.SIGCONT),
            interval_s,
        ),
        Row("chromium-hung", hold(player, signal.SIGSTOP), "frozen", hold(player, signal.SIGCONT), interval_s),
    ]


def hold(player: Player, number: signal.Signals) -> Act:
    """Send it a signal."""
    return lambda: player.send(number)


async def bench(folder: Path, arguments: argparse.Namespace) -> dict[str, Any]:
    """Start everything, measure, end everything."""
    clip, control, interval_s = folder / "clip.mp4", folder / "mpv.sock", arguments.interval_s
    await asyncio.to_thread(make_films, folder)
    players = (
        mpv(control, "--loop-file=inf", clip),
        Vlc("--loop", clip),
        Chromium(folder, (folder / "film.html").as_uri()),
    )
    watched, vlc, kiosk = players
    all_rows = [*of_mpv(watched, control, clip, interval_s), *of_vlc(vlc, interval_s), *of_chromium(kiosk, interval_s)]
    chosen = [row for row in all_rows if row.name.startswith(arguments.only)]
    agent = Agent(parse(config_text(control, vlc, kiosk, interval_s), folder / "agent.toml"), SystemClock())
    for player in players:
        player.start()
    running = spawn(agent.run(), "agent")
    try:
        by_output = {row.output: [one for one in chosen if one.output == row.output] for row in chosen}
        results = await asyncio.gather(*(in_turn(agent, rows, arguments.samples) for rows in by_output.values()))
        return {name: figures for part in results for name, figures in part.items()}
    finally:
        agent.stop()
        await running
        for player in players:
            player.end()


async def in_turn(agent: Agent, rows: list[Row], samples: int) -> dict[str, Any]:
    """One player's rows. What is polled takes long: half as many samples."""
    counts = [samples if row.settle_s <= 1 else max(1, samples // 2) for row in rows]
    return {row.name: await measure(agent, row, count) for row, count in zip(rows, counts, strict=True)}


def make_films(folder: Path) -> None:
    """A clip for each player, and the kiosk's page."""
    source = [*PICTURE, "testsrc=s=160x90:r=10:d=10"]
    ffmpeg(*source, "-pix_fmt", "yuv420p", folder / "clip.mp4")
    ffmpeg(*source, "-c:v", "libvpx", "-deadline", "realtime", folder / "clip.webm")
    (folder / "broken.webm").write_bytes(b"this is no film" * 100)
    (folder / "film.html").write_text("<!doctype html><video id=v src=clip.webm autoplay muted loop></video>")


def config_text(control: Path, vlc: Vlc, kiosk: Chromium, interval_s: float) -> str:
    """An agent's configuration with its defaults, but for the interval."""
    return f"""
        tenant = "bench"
        device = "p1"
        spool.dir = "spool"
        health.listen = ""
        mqtt.host = "127.0.0.1"
        mqtt.port = {free_port()}
        [[outputs]]
        id = "mpv"
        probe = "mpv"
        interval_s = {interval_s}
        mpv.socket = "{control}"
        [[outputs]]
        id = "vlc"
        probe = "vlc"
        interval_s = {interval_s}
        vlc.url = "{vlc.url}"
        vlc.password = "{PASSWORD}"
        [[outputs]]
        id = "chromium"
        probe = "chromium"
        interval_s = {interval_s}
        chromium.url = "{kiosk.url}"
    """


def main() -> None:
    """Print JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=int, default=10)
    parser.add_argument("--interval-s", type=float, default=5.0)
    parser.add_argument("--only", default="", help="rows whose name begins so")
    arguments = parser.parse_args()
    logs.set_up("error")
    before = load_1m()
    with tempfile.TemporaryDirectory(prefix="detect-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)  # VLC reads the clip as somebody else
        result = asyncio.run(bench(Path(folder), arguments))
    print_results(before, {"interval_s": arguments.interval_s, "rows": result})


if __name__ == "__main__":
    main()
