"""The MPRIS probe: its table by example, and against a real VLC on a real bus."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path

import pytest

from agent.command import ask_program
from agent.probes.base import Around, Reading
from agent.probes.mpris import (
    BusError,
    MprisOptions,
    MprisProbe,
    Sample,
    Standing,
    choose,
    judge,
    read_properties,
)
from agent.watch import Watch
from common.clock import SystemClock
from common.config import ConfigError, parse
from tests.agent.probes.conftest import AS_NOBODY, Vlc
from tests.fixtures.mosquitto import program
from tests.fixtures.processes import Process, Processes
from tests.fixtures.waiting import until, wait_until

VLC = "org.mpris.MediaPlayer2.vlc"

# --- the table --------------------------------------------------------------------------------------------------------


def judged(*samples: Sample, frozen_after_s: float = 5.0) -> Reading:
    standing = Standing(samples[0], samples[0].at_ms)
    for one in samples[1:]:
        standing = standing.after(one)
    return judge(standing, frozen_after_s)


def sample(at_s: float, position_us: int | None = 1_500_000, status: str = "Playing", track: str = "/t/1") -> Sample:
    return Sample(round(at_s * 1000), status, track, position_us)


def test_a_position_that_moves_is_playing_and_one_that_stands_is_frozen() -> None:
    assert judged(sample(0), sample(5, 6_500_000)) == Reading("playing")
    assert judged(sample(0, 0), sample(1), sample(6)) == Reading("playing")
    assert judged(sample(0, 0), sample(1), sample(6.1)) == Reading("frozen", None, "the position stood at 1.5 s")
    assert judged(sample(0)).state == "unknown"


def test_a_jump_back_and_the_next_track_are_movement() -> None:
    assert judged(sample(0), sample(9, 0)).state == "playing"
    assert judged(sample(0), sample(9, track="/t/2")).state == "playing"


def test_a_position_that_nobody_tells_or_watches_is_believed() -> None:
    assert judged(sample(0, None), sample(99, None)).state == "playing"
    assert judged(sample(0), sample(99), frozen_after_s=0).state == "playing"


def test_the_other_states_of_a_player() -> None:
    assert judged(sample(0, status="Paused")) == Reading("stopped", None, "paused at 1.5 s")
    assert judged(sample(0, status="Stopped")).state == "stopped"
    assert judged(sample(0, status="Stopped", track="")).state == "idle"
    assert judged(sample(0, status="Dreaming")).state == "unknown"


def test_a_pause_begins_movement_anew() -> None:
    assert judged(sample(0, 0), sample(1), sample(2, status="Paused"), sample(60)).state == "unknown"


def test_a_player_is_found_by_its_name_or_as_an_instance() -> None:
    assert choose([["org.freedesktop.DBus", VLC, f"{VLC}.instance7"]], VLC) == VLC
    assert choose([[f"{VLC}.instance7", f"{VLC}x"]], VLC) == f"{VLC}.instance7"
    assert choose([[f"{VLC}x", 3]], VLC) is None
    assert choose(None, VLC) is None


@pytest.mark.parametrize("said", [None, [], [[]], [{}], [{"PlaybackStatus": {"type": "i", "data": 1}}]])
def test_an_answer_without_a_status_is_no_players(said: object) -> None:
    with pytest.raises(BusError):
        read_properties(said, 0)


def test_what_is_missing_in_an_answer_is_not_guessed() -> None:
    said = [{"PlaybackStatus": {"type": "s", "data": "Playing"}, "Metadata": {"type": "a{sv}", "data": {}}}]
    assert read_properties(said, 7) == Sample(7, "Playing", "", None)


@pytest.mark.parametrize("text", ['player = "a b"', 'player = ""', 'player = "vlc"\nbus = "session"', 'player = ".x"'])
def test_what_is_no_name_and_no_bus_is_refused(text: str) -> None:
    with pytest.raises(ConfigError):
        parse(text, MprisOptions, "x")


# --- a real bus -------------------------------------------------------------------------------------------------------

BUS = """
<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type><listen>unix:path={path}</listen><auth>EXTERNAL</auth>
  <policy context="default">
    <allow user="*"/><allow own="*"/><allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/>
  </policy>
</busconfig>
"""


class Bus:
    """A bus of VLC's user that lets others in."""

    def __init__(self, processes: Processes, folder: Path) -> None:
        socket = folder / "bus"
        (folder / "bus.conf").write_text(BUS.format(path=socket), encoding="utf-8")
        folder.chmod(0o777)
        argv = [*AS_NOBODY, program("dbus-daemon", "dbus-daemon"), f"--config-file={folder}/bus.conf", "--nofork"]
        self.process: Process = processes.start([*argv, "--nopidfile"], "dbus-daemon", cwd=folder)
        wait_until(socket.exists, "the bus listens")
        self.address = f"unix:path={socket}"

    async def tell(self, method: str) -> None:
        """Call a method of the player."""
        call = (VLC, "/org/mpris/MediaPlayer2", "org.mpris.MediaPlayer2.Player", method)
        said = await ask_program("busctl", f"--address={self.address}", "call", *call)
        assert said.status == 0, said.err


@pytest.fixture
def bus(processes: Processes, vlc: Vlc) -> Bus:
    """A real bus, in the folder of VLC."""
    return Bus(processes, vlc.folder)


def probe_of(address: str, player: str = "vlc") -> MprisProbe:
    return MprisProbe(MprisOptions(player=player, bus=address, frozen_after_s=2), Around("main", SystemClock()))


async def reads(probe: MprisProbe, state: str) -> Reading:
    async def right() -> Reading | None:
        reading = await probe.read()
        return reading if reading.state == state else None

    found = await until(right, f"the player is seen {state}")
    assert found is not None
    return found


async def answers(watch: Watch, reading: Reading) -> None:
    async def right() -> bool:
        return await watch.ask() == reading

    await until(right, f"it is {reading}")


async def test_a_bus_that_is_not_there_says_nothing_about_playback(tmp_path: Path) -> None:
    reading = await probe_of(f"unix:path={tmp_path}/none").read()
    assert (reading.state, "Failed to connect to bus" in (reading.detail or "")) == ("unknown", True)


async def test_a_system_without_busctl_says_nothing_about_playback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    assert (await probe_of("system").read()).detail == "busctl cannot be run: No such file or directory"


@pytest.mark.system
async def test_a_real_player_is_seen_playing_paused_stopped_hung_and_killed(bus: Bus, vlc: Vlc) -> None:
    probe = probe_of(bus.address)
    assert (await probe.read()).state == "stopped"
    process = vlc.play("--control", "dbus", "--loop", "clip.mp4", DBUS_SESSION_BUS_ADDRESS=bus.address)
    await reads(probe, "playing")
    await bus.tell("Pause")
    assert "paused at" in ((await reads(probe, "stopped")).detail or "")
    await bus.tell("Play")
    await reads(probe, "playing")
    await bus.tell("Stop")
    assert await reads(probe, "stopped") == Reading("stopped")
    await bus.tell("Play")
    await reads(probe, "playing")

    watch = Watch("main", probe, 5, 2, SystemClock(), lambda *_: None, asyncio.Event())
    process.send(signal.SIGSTOP)
    await answers(watch, Reading("frozen", None, "the player is on the bus but does not answer"))
    process.send(signal.SIGCONT)
    await reads(probe, "playing")

    bus.process.send(signal.SIGSTOP)  # the bus hangs: that says nothing of the player
    await answers(watch, Reading("unknown", None, "the bus does not answer"))
    bus.process.send(signal.SIGCONT)
    await reads(probe, "playing")

    process.kill()
    assert "the player is not running" in ((await reads(probe, "stopped")).detail or "")


@pytest.mark.system
async def test_a_player_with_nothing_to_play_is_idle(bus: Bus, vlc: Vlc) -> None:
    vlc.play("--control", "dbus", DBUS_SESSION_BUS_ADDRESS=bus.address)
    assert await reads(probe_of(bus.address), "idle") == Reading("idle", None, "nothing is loaded")
