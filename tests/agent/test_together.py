"""The whole agent: several probes on one output, causes, first aid, hours; with a real mpv and a real broker."""

from __future__ import annotations

import os
import signal
from collections.abc import AsyncIterator, Iterator
from datetime import datetime
from itertools import pairwise
from pathlib import Path

import pytest

from agent.app import Agent
from agent.config import load
from common.clock import SystemClock, to_ms
from common.tasks import spawn
from tests.agent.conftest import Mpv, WriteConfig
from tests.agent.listener import Listener
from tests.fixtures.mosquitto import Mosquitto
from tests.fixtures.processes import Processes
from tests.fixtures.waiting import free_port, until
from wire.messages import Gone, Heartbeat, Run

pytestmark = pytest.mark.system


@pytest.fixture
async def listener(mosquitto: Mosquitto) -> AsyncIterator[Listener]:
    async with Listener(mosquitto) as listener:
        listener.acknowledging = True
        yield listener


def config(broker: Mosquitto, output: str) -> str:
    """An agent's file with one output."""
    return f"""
        tenant = "acme"
        device = "p1"
        interval_s = 1
        [mqtt]
        host = "127.0.0.1"
        port = {broker.port}
        [spool]
        dir = "spool"
        [health]
        listen = ""
        [[outputs]]
        id = "main"
        interval_s = 0.3
        timeout_s = 3
        {output}
    """


def with_pid(mpv: Mpv) -> Path:
    """A file that holds mpv's process id."""
    file = mpv.socket.with_name("mpv.pid")
    file.write_text(str(mpv.process.pid), encoding="ascii")
    return file


def assert_no_gaps(runs: list[Run]) -> None:
    assert all(earlier.end_mono_ms == later.start_mono_ms for earlier, later in pairwise(runs))


async def test_two_probes_of_one_output_judge_together_what_is_done_to_mpv(
    processes: Processes, write_config: WriteConfig, mosquitto: Mosquitto, listener: Listener, mpv: Mpv, clips: Path
) -> None:
    mpv.play("--loop", clips / "clip.mp4")
    text = f"""probe = ["mpv", "process"]
        mpv.socket = "{mpv.socket}"
        mpv.frozen_after_s = 60
        process.pidfile = "{with_pid(mpv)}"
        process.min_cpu_percent = 0
        process.interval_s = 0.5
    """
    agent = processes.signwatch("agent", "run", "--config", write_config(config(mosquitto, text)), name="agent")
    playing = await listener.hears("playing")
    assert playing.detail is None or "(mpv: playing)" in playing.detail  # as the last who spoke has something to add
    mpv.process.freeze()
    await listener.hears("frozen")
    mpv.process.send(signal.SIGCONT)
    await listener.hears("playing")
    mpv.process.kill()
    killed = await listener.hears("stopped")
    await until(lambda: "stopped" in (listener.stated() or killed).state, "it stays stopped")
    mpv.play("--loop", "--pause", clips / "clip.mp4")
    with_pid(mpv)

    def says_paused() -> bool:
        stated = listener.stated()
        return stated is not None and (stated.detail or "").startswith("mpv: paused at")

    await until(says_paused, "the worst evidence names its reason")
    assert agent.stop() == 0
    await listener.count(Gone, 1)
    runs = listener.closed()
    assert [run.state for run in runs] == ["playing", "frozen", "playing", "stopped"]
    assert_no_gaps(runs)
    assert "process: playing" in (runs[-1].detail or "")


async def test_the_cause_that_is_found_out_becomes_that_of_the_whole_run(
    processes: Processes, write_config: WriteConfig, mosquitto: Mosquitto, listener: Listener, mpv: Mpv, clips: Path
) -> None:
    mpv.play("--loop", clips / "clip.mp4")
    # Which programs are the player's is not said, so that no other program of a busy machine is called a hog here.
    text = f"""probe = "process"
        needs_link = true
        process.pidfile = "{with_pid(mpv)}"
        process.min_cpu_percent = 0
        [connectivity]
        targets = ["127.0.0.1:{free_port()}", "127.0.0.1:{free_port()}"]
    """
    agent = processes.signwatch("agent", "run", "--config", write_config(config(mosquitto, text)), name="agent")
    await listener.hears("playing")
    mpv.process.freeze()

    def explained() -> Run | None:
        stated = listener.stated()
        return stated if stated is not None and stated.cause is not None else None

    frozen = await until(explained, "the cause is known")
    assert frozen is not None
    assert (frozen.state, frozen.cause) == ("frozen", "connectivity")
    assert "[link_down: nothing else can be reached" in (frozen.detail or "")
    stated = [run for beat in listener.all(Heartbeat) for run in beat.open if run.state == "frozen"]
    assert {run.seq for run in stated} == {frozen.seq}
    mpv.process.send(signal.SIGCONT)
    await listener.hears("playing")
    assert agent.stop() == 0
    await listener.count(Gone, 1)
    assert [(run.state, run.cause) for run in listener.closed()] == [
        ("playing", None),
        ("frozen", "connectivity"),
        ("playing", None),
    ]


@pytest.fixture
def healer(mpv: Mpv, clips: Path) -> Iterator[Path]:
    """A program that starts mpv anew and returns; what it started ends with the test."""
    program, pid = mpv.socket.with_name("heal"), mpv.socket.with_name("healed.pid")
    command = f"mpv --no-config --really-quiet --vo=null --ao=null --loop --input-ipc-server={mpv.socket}"
    program.write_text(f"#!/bin/sh\n{command} {clips / 'clip.mp4'} &\necho $! > {pid}\n", encoding="utf-8")
    program.chmod(0o755)
    yield program
    if pid.exists():
        os.kill(int(pid.read_text(encoding="ascii")), signal.SIGKILL)


async def test_a_player_that_first_aid_healed_was_down_as_long_as_it_was_down(
    processes: Processes,
    write_config: WriteConfig,
    mosquitto: Mosquitto,
    listener: Listener,
    mpv: Mpv,
    clips: Path,
    healer: Path,
) -> None:
    mpv.play("--loop", clips / "clip.mp4")
    text = f"""probe = "mpv"
        mpv.socket = "{mpv.socket}"
        mpv.frozen_after_s = 60
        [outputs.first_aid]
        command = ["{healer}"]
        after_s = 1
        unless_file = "maintenance"
    """
    agent = processes.signwatch("agent", "run", "--config", write_config(config(mosquitto, text)), name="agent")
    await listener.hears("playing")
    mpv.process.kill()
    await listener.hears_closed("stopped")
    await listener.hears("playing")
    assert listener.host()["first_aid_total"] == 1
    assert agent.stop() == 0
    await listener.count(Gone, 1)
    runs = listener.closed()
    assert [run.state for run in runs] == ["playing", "stopped", "playing"]
    assert_no_gaps(runs)
    assert "[first aid 1: " in (runs[1].detail or "")
    assert (runs[1].end_mono_ms or 0) - runs[1].start_mono_ms >= 1000  # it was not treated earlier


class ShopClock(SystemClock):
    """This machine's clock, set to another hour."""

    def __init__(self, local: str) -> None:
        super().__init__()
        self.is_synced = True
        self.set(local)

    def set(self, local: str) -> None:
        self._ahead_ms = to_ms(datetime.fromisoformat(local)) - super().wall_ms()

    def wall_ms(self) -> int:
        return super().wall_ms() + self._ahead_ms

    def synced(self) -> bool:
        return self.is_synced


async def test_a_dark_player_is_off_by_schedule_at_night_and_stopped_by_day_or_by_a_wrong_clock(
    write_config: WriteConfig, mosquitto: Mosquitto, listener: Listener, mpv: Mpv, clips: Path
) -> None:
    mpv.play("--pause", clips / "clip.mp4")
    text = f"""probe = "mpv"
        mpv.socket = "{mpv.socket}"
        mpv.frozen_after_s = 60
        [schedule]
        timezone = "Europe/Madrid"
        rules = [{{ days = "mon-sat", hours = ["09:30-21:00"] }}]
    """
    clock = ShopClock("2026-11-24T03:00:00+01:00")  # a Tuesday
    agent = Agent(load(write_config(config(mosquitto, text))), clock)
    task = spawn(agent.run(), "agent")
    night = await listener.hears("off")
    assert (night.cause, (night.detail or "").startswith("outside its hours (paused at")) == ("schedule", True)
    clock.set("2026-11-24T12:00:00+01:00")
    assert (await listener.hears("stopped")).cause is None
    clock.set("2026-11-29T12:00:00+01:00")  # a Sunday
    await listener.hears("off")
    clock.is_synced = False
    await listener.hears("stopped")
    agent.stop()
    await task
