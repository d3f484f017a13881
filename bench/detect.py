"""How long it takes the agent to believe what was done to a real player: p50 and p99 of each row, in seconds.

    python bench/detect.py [--samples 10] [--only mpv-paused] [--interval-s 5]

A real agent (in this process, with its defaults) watches a real mpv and a real VLC, which play a clip in a loop. What
is done to them is timed from the act to the moment at which the open run is of the new state: two readings for bad
news, one for good. What sends events is seen at once and looked at again a second later; what is polled takes up to two
intervals (a hung player besides a deadline). Acts are spread over the interval at random. Prints JSON.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import os
import random
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from _common import free_port, machine, say

from agent.app import Agent
from agent.config import parse
from agent.probes.mpv_ipc import tell
from common import logs
from common.clock import SystemClock, monotonic_s
from common.tasks import spawn

PATIENCE_S = 120.0
LOOK_S = 0.005
NOBODY = 65_534
# VLC refuses to run as root.
AS_NOBODY = ("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups") if os.geteuid() == 0 else ()
PASSWORD = "bench"  # noqa: S105 - of a VLC that lives as long as the bench


class Player:
    """A real program and what can be done to it."""

    def __init__(self, argv: list[str]) -> None:
        self._argv = argv
        self._child: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, or start it anew."""
        self._child = subprocess.Popen(
            self._argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )

    def send(self, number: signal.Signals) -> None:
        """Send it a signal."""
        assert self._child is not None
        self._child.send_signal(number)
        if number == signal.SIGKILL:
            self._child.wait()


Act = Callable[[], Awaitable[object] | None]


class Row:
    """What is done, which state follows, and how it is undone. `settle_s`: the most to wait before each act."""

    def __init__(self, name: str, output: str, do: Act, state: str, undo: Act, settle_s: float) -> None:
        self.name, self.output, self.do, self.state, self.undo, self.settle_s = name, output, do, state, undo, settle_s


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
    return {"p50_s": round(rank(0.5), 2), "p99_s": round(rank(0.99), 2)}


def rows(mpv: Player, vlc: Player, mpv_socket: str, vlc_port: int, clip: Path, interval_s: float) -> list[Row]:
    """Everything that is measured."""

    def to_mpv(*command: object) -> Act:
        return lambda: tell(mpv_socket, *command)

    def to_vlc(command: str) -> Act:
        return lambda: asyncio.to_thread(ask_vlc, vlc_port, command)

    def kill(player: Player) -> Act:
        return lambda: player.send(signal.SIGKILL)

    def hold(player: Player, number: signal.Signals) -> Act:
        return lambda: player.send(number)

    def pause(value: object) -> Act:
        return to_mpv("set_property", "pause", value)

    play = to_mpv("loadfile", str(clip))
    return [
        Row("mpv-paused", "mpv", pause(True), "stopped", pause(False), 1),
        Row("mpv-killed", "mpv", kill(mpv), "stopped", mpv.start, 1),
        Row("mpv-empty", "mpv", to_mpv("stop"), "idle", play, 1),
        Row("mpv-missing-file", "mpv", to_mpv("loadfile", "/nowhere.mp4"), "error", play, 1),
        Row("mpv-hung", "mpv", hold(mpv, signal.SIGSTOP), "frozen", hold(mpv, signal.SIGCONT), interval_s),
        Row("vlc-paused", "vlc", to_vlc("pl_pause"), "stopped", to_vlc("pl_pause"), interval_s),
        Row("vlc-killed", "vlc", kill(vlc), "stopped", vlc.start, interval_s),
        Row("vlc-hung", "vlc", hold(vlc, signal.SIGSTOP), "frozen", hold(vlc, signal.SIGCONT), interval_s),
    ]


def ask_vlc(port: int, command: str) -> None:
    """One command over VLC's HTTP interface."""
    from base64 import b64encode

    login = b64encode(f":{PASSWORD}".encode()).decode()
    request = f"GET /requests/status.xml?command={command} HTTP/1.0\r\nAuthorization: Basic {login}\r\n\r\n"
    with socket.create_connection(("127.0.0.1", port), timeout=10) as channel:
        channel.sendall(request.encode())
        while channel.recv(65_536):
            pass


async def bench(folder: Path, arguments: argparse.Namespace) -> dict[str, Any]:
    """Start everything, measure, end everything."""
    clip, mpv_socket, vlc_port = folder / "clip.mp4", str(folder / "mpv.sock"), free_port()
    source = ["-f", "lavfi", "-i", "testsrc=s=160x90:r=10:d=10", "-pix_fmt", "yuv420p"]
    await asyncio.to_thread(subprocess.run, ["ffmpeg", "-v", "error", "-y", *source, str(clip)], check=True)
    quiet = ["--no-config", "--really-quiet", "--vo=null", "--ao=null", "--idle", "--loop-file=inf"]
    mpv = Player(["mpv", *quiet, f"--input-ipc-server={mpv_socket}", str(clip)])
    vlc = Player(
        [
            *AS_NOBODY,
            *("vlc", "--intf=http", "--no-audio", "--quiet", "--vout=dummy", "--loop", "--http-host=127.0.0.1"),
            *(f"--http-port={vlc_port}", f"--http-password={PASSWORD}", str(clip)),
        ]
    )
    text = f"""
        tenant = "bench"
        device = "p1"
        spool.dir = "spool"
        health.listen = ""
        mqtt.host = "127.0.0.1"
        mqtt.port = {free_port()}
        [[outputs]]
        id = "mpv"
        probe = "mpv"
        interval_s = {arguments.interval_s}
        mpv.socket = "{mpv_socket}"
        [[outputs]]
        id = "vlc"
        probe = "vlc"
        interval_s = {arguments.interval_s}
        vlc.url = "http://127.0.0.1:{vlc_port}/"
        vlc.password = "{PASSWORD}"
    """
    agent = Agent(parse(text, folder / "agent.toml"), SystemClock())
    chosen = [
        row
        for row in rows(mpv, vlc, mpv_socket, vlc_port, clip, arguments.interval_s)
        if not arguments.only or row.name.startswith(arguments.only)
    ]
    mpv.start()
    vlc.start()
    running = spawn(agent.run(), "agent")
    try:
        # What is polled takes long: half as many samples.
        counts = [arguments.samples if row.settle_s <= 1 else max(1, arguments.samples // 2) for row in chosen]
        return {row.name: await measure(agent, row, count) for row, count in zip(chosen, counts, strict=True)}
    finally:
        agent.stop()
        await running
        for player in (mpv, vlc):
            player.send(signal.SIGKILL)


def main() -> None:
    """Print JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=int, default=10)
    parser.add_argument("--interval-s", type=float, default=5.0)
    parser.add_argument("--only", default="", help="rows whose name begins so")
    arguments = parser.parse_args()
    logs.set_up("error")
    with tempfile.TemporaryDirectory(prefix="detect-") as folder:
        Path(folder).chmod(0o755)  # VLC reads the clip as somebody else
        result = asyncio.run(bench(Path(folder), arguments))
    load = round(os.getloadavg()[0], 1)
    print(
        json.dumps(
            {"machine": machine(), "load_1m": load, "interval_s": arguments.interval_s, "rows": result}, indent=2
        )
    )


if __name__ == "__main__":
    main()
