"""The product as a whole: a real mpv, a real agent, a real broker, a real collector; what was done to mpv is compared
with what the ledger says, and the figure follows."""

import itertools
import json
import signal
import socket
import subprocess
from pathlib import Path
from typing import Any

import pytest

from common.clock import SystemClock
from tests.fixtures.mosquitto import program
from tests.fixtures.processes import Process, Processes
from tests.fixtures.site import Site
from tests.fixtures.waiting import wait_until

pytestmark = pytest.mark.system

PROBE_S = 0.5
SAMPLES = 2  # it takes to believe bad news
SLACK_MS = 2500  # one probe interval, and what a busy machine adds to it


class Mpv:
    """A real mpv that plays a clip in a loop, and a remote control for it."""

    def __init__(self, processes: Processes, clip: Path) -> None:
        self.socket = processes.folder / "mpv.sock"
        command = [
            program("mpv", "mpv"),
            "--no-config",
            "--no-terminal",
            "--vo=null",
            "--ao=null",
            "--loop-file=inf",
            f"--input-ipc-server={self.socket}",
            str(clip),
        ]
        self.process: Process = processes.start(command, "mpv")
        wait_until(self.answers, "mpv answers on its socket")

    def answers(self) -> bool:
        try:
            return self.command("get_property", "pid")["error"] == "success"
        except OSError:
            return False

    def command(self, *words: object) -> dict[str, Any]:
        with socket.socket(socket.AF_UNIX) as remote:
            remote.settimeout(60)
            remote.connect(str(self.socket))
            remote.sendall(json.dumps({"command": words, "request_id": 1}).encode() + b"\n")
            for line in remote.makefile():
                answer: dict[str, Any] = json.loads(line)
                if answer.get("request_id") == 1:
                    return answer
        raise OSError("mpv closed the connection")


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """Ten seconds of moving picture."""
    path = tmp_path / "clip.mp4"
    source = "testsrc=duration=10:size=160x90:rate=10"
    command = [program("ffmpeg", "ffmpeg"), "-v", "error", "-f", "lavfi", "-i", source, path]
    subprocess.run(command, check=True)
    return path


def outputs(mpv: Mpv) -> str:
    return (
        f'[[outputs]]\nid = "main"\nprobe = "mpv"\ninterval_s = {PROBE_S}\ntimeout_s = 3\n'
        f'[outputs.mpv]\nsocket = "{mpv.socket}"\nfrozen_after_s = 60\n'
    )


def test_the_ledger_says_what_was_done_to_a_real_mpv(site: Site, processes: Processes, clip: Path) -> None:
    clock = SystemClock()
    done: list[tuple[str, int]] = []

    def do(state: str) -> None:
        done.append((state, clock.wall_ms()))

    mpv = Mpv(processes, clip)
    site.start_collector()
    site.register("player-1")
    agent = site.start_agent("player-1", outputs(mpv))
    site.wait_for_state("player-1", "playing")

    mpv.command("set_property", "pause", True)
    do("stopped")
    site.wait_for_state("player-1", "stopped")
    mpv.command("set_property", "pause", False)
    do("playing")
    site.wait_for_state("player-1", "playing")
    mpv.process.kill()
    do("stopped")
    site.wait_for_state("player-1", "stopped")
    mpv.process.start()
    do("playing")
    site.wait_for_state("player-1", "playing")
    mpv.process.freeze()  # hung: it holds its socket and never answers
    do("frozen")
    site.wait_for_state("player-1", "frozen")
    mpv.process.send(signal.SIGCONT)
    do("playing")
    site.wait_for_state("player-1", "playing")

    assert agent.stop() == 0
    wait_until(lambda: all(run["closed"] for run in site.runs("player-1")), "every run is closed")
    runs = site.runs("player-1")
    assert [run["state"] for run in runs] == ["playing", *(state for state, _ in done)]
    for run, (state, at_ms) in zip(runs[1:], done, strict=True):
        assert abs(run["start_ms"] - at_ms) <= SLACK_MS + PROBE_S * 1000 * SAMPLES, (state, run, at_ms)
    for run, after in itertools.pairwise(runs):
        assert run["end_ms"] == after["start_ms"]  # no gap and no overlap while the agent lived
    assert {run["clock"] for run in runs} <= {"synced", "received"}

    down_ms = sum(run["end_ms"] - run["start_ms"] for run in runs if run["state"] != "playing")
    wait_until(lambda: site.figure()["players"]["downtime_ms"] == down_ms, "the figure follows the ledger")


def test_a_lost_link_is_unknown_meanwhile_and_as_if_never_lost_afterwards(
    site: Site, processes: Processes, clip: Path
) -> None:
    mpv = Mpv(processes, clip)
    site.start_collector()
    site.register("player-1")
    site.start_agent("player-1", outputs(mpv))
    site.wait_for_state("player-1", "playing")
    site.broker.stop()
    site.wait_for_state("player-1", "unknown")
    mpv.command("set_property", "pause", True)  # nobody can tell anybody yet
    wait_until(lambda: paused_in_spool(site), "the agent has noticed the pause and kept the run")
    mpv.command("set_property", "pause", False)
    site.broker.restart()
    site.wait_for_state("player-1", "playing")
    wait_until(lambda: len(site.runs("player-1")) >= 3, "the history has arrived")
    runs = site.runs("player-1")
    assert [run["state"] for run in runs] == ["playing", "stopped", "playing"]
    assert [run["end_ms"] for run in runs[:-1]] == [run["start_ms"] for run in runs[1:]]
    stopped_ms = runs[1]["end_ms"] - runs[1]["start_ms"]
    wait_until(lambda: site.figure()["players"]["downtime_ms"] == stopped_ms, "the figure is as if nothing was lost")


def paused_in_spool(site: Site) -> bool:
    files = (site.folder / "player-1-spool").rglob("*")
    return any(b'"stopped"' in file.read_bytes() for file in files if file.is_file())


def test_kill_9_of_agent_collector_and_broker_loses_nothing_acknowledged(
    site: Site, processes: Processes, clip: Path
) -> None:
    mpv = Mpv(processes, clip)
    site.start_collector()
    site.register("player-1")
    agent = site.start_agent("player-1", outputs(mpv))
    site.wait_for_state("player-1", "playing")

    def blink() -> None:
        mpv.command("set_property", "pause", True)
        site.wait_for_state("player-1", "stopped")
        mpv.command("set_property", "pause", False)
        site.wait_for_state("player-1", "playing")

    blink()
    agent.kill()
    agent.start()
    site.wait_for_state("player-1", "playing")
    blink()
    assert site.collector is not None
    before = {(run["spool"], run["seq"]) for run in site.runs("player-1") if run["closed"]}
    site.collector.kill()
    site.start_collector()
    site.wait_for_state("player-1", "playing")
    assert before <= {(run["spool"], run["seq"]) for run in site.runs("player-1") if run["closed"]}
    blink()
    site.broker.kill()
    site.broker.restart()
    site.wait_for_state("player-1", "playing")
    blink()
    runs = site.runs("player-1")
    states = [run["state"] for run in runs if run["state"] == "stopped"]
    assert len(states) == 4  # each pause once, none lost, none twice
    for run, after in itertools.pairwise(runs):
        assert run["end_ms"] <= after["start_ms"]
    assert len({(run["spool"], run["seq"]) for run in runs}) == len(runs)
