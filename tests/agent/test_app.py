"""The whole agent as a program: real mosquitto, real mpv, kill -9, power cuts that a boot id tells."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import urllib.request
from collections.abc import AsyncIterator
from itertools import pairwise
from pathlib import Path

import pytest

from agent.endings import SHUT_DOWN
from agent.journal import NAME
from agent.records import Turn, line, read
from agent.restart import Recalled, recall
from tests.agent.conftest import Mpv, WriteConfig
from tests.agent.listener import Listener
from tests.fixtures.mosquitto import Mosquitto
from tests.fixtures.processes import Process, Processes
from tests.fixtures.waiting import accepts, free_port, until
from wire.messages import Gone, Hello, Runs

PROBE_INTERVAL_MS = 300
pytestmark = pytest.mark.system


class Player:
    """A machine with an agent, an mpv and a program that pushes."""

    def __init__(self, processes: Processes, write_config: WriteConfig, broker: Mosquitto, mpv: Mpv) -> None:
        self._processes = processes
        self.mpv = mpv
        self.push_port, self.health_port = free_port(), free_port()
        self.config = write_config(self._text(broker.port))
        self.spool = self.config.parent / "spool"
        self._agent: Process | None = None

    def _text(self, port: int) -> str:
        return f"""
            tenant = "acme"
            device = "p1"
            interval_s = 1
            [mqtt]
            host = "127.0.0.1"
            port = {port}
            reconnect_min_s = 0.05
            reconnect_max_s = 0.2
            [spool]
            dir = "spool"
            sign_of_life_s = 1
            [health]
            listen = "127.0.0.1:{self.health_port}"
            [push]
            listen = "127.0.0.1:{self.push_port}"
            [[outputs]]
            id = "main"
            probe = "mpv"
            interval_s = {PROBE_INTERVAL_MS / 1000}
            timeout_s = 3
            mpv.socket = "{self.mpv.socket}"
            mpv.frozen_after_s = 60
            [[outputs]]
            id = "menu"
            probe = "push"
            interval_s = {PROBE_INTERVAL_MS / 1000}
            push.deadline_s = 3600
        """

    @property
    def agent(self) -> Process:
        assert self._agent is not None
        return self._agent

    async def start(self) -> None:
        if self._agent is None:
            self._agent = self._processes.signwatch("agent", "run", "--config", self.config, name="agent")
        else:
            self._agent.start()
        await until(lambda: accepts(self.health_port) or not self.agent.alive, "the agent answers")
        assert self.agent.alive, self.agent.tail()

    async def push(self, state: str) -> None:
        body = json.dumps({"output": "menu", "state": state}).encode()
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.push_port}/v1/state", body, {"Content-Type": "application/json"}
        )
        await until(lambda: accepts(self.push_port), "the agent listens to what is pushed")
        await asyncio.to_thread(lambda: urllib.request.urlopen(request).close())

    async def health(self) -> dict[str, object]:
        def ask() -> dict[str, object]:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.health_port}/healthz") as answer:
                told: dict[str, object] = json.load(answer)
                return told

        return await asyncio.to_thread(ask)

    def recalled(self) -> Recalled:
        """What the journal says now."""
        return recall(read((self.spool / NAME).read_bytes().splitlines(keepends=True)), "acme/p1")

    def waiting(self) -> int:
        """Closed runs in the journal that nobody has acknowledged."""
        return len(self.recalled().runs)

    async def gives_a_sign_of_life(self, output: str = "main") -> None:
        """Wait until the journal says that the open run has been seen for a while."""

        def given() -> bool:
            opened = self.recalled().open.get(output)
            return opened is not None and opened.seen_mono_ms > opened.run.start_mono_ms

        await until(given, "a sign of life is on disk")


@pytest.fixture
async def listener(mosquitto: Mosquitto) -> AsyncIterator[Listener]:
    async with Listener(mosquitto) as listener:
        yield listener


@pytest.fixture
def player(processes: Processes, write_config: WriteConfig, mosquitto: Mosquitto, mpv: Mpv) -> Player:
    return Player(processes, write_config, mosquitto, mpv)


async def test_an_agent_says_who_it_is_and_that_its_player_plays(
    player: Player, listener: Listener, clips: Path
) -> None:
    player.mpv.play("--loop", clips / "clip.mp4")
    await player.start()
    run = await listener.hears("playing")
    (hello,) = listener.all(Hello)
    assert [(output.id, output.probe) for output in hello.outputs] == [("main", "mpv"), ("menu", "push")]
    assert hello.interval_s == 1
    await until(lambda: "cpu_percent" in listener.host(), "host figures come")
    host = listener.host()
    assert {"memory_used_percent", "disk_used_percent", "load_1m", "uptime_s", "spool_runs"} <= set(host)
    assert run.seq >= 1
    health = await player.health()
    assert (health["ok"], sorted(health["outputs"])) == (True, ["main", "menu"])  # type: ignore[call-overload]
    assert player.agent.stop() == 0


async def test_what_is_done_to_mpv_is_what_the_runs_say(player: Player, listener: Listener, clips: Path) -> None:
    listener.acknowledging = True
    player.mpv.play("--loop", clips / "clip.mp4")
    await player.start()
    await listener.hears("playing")
    player.mpv.process.freeze()
    await listener.hears("frozen")
    player.mpv.process.send(signal.SIGCONT)
    await listener.hears("playing")
    player.mpv.process.kill()
    assert "nobody listens" in ((await listener.hears("stopped")).detail or "")
    player.mpv.play("--loop", clips / "clip.mp4")
    await listener.hears("playing")
    await player.push("playing")
    await listener.hears("playing", "menu")
    await player.push("error")
    await listener.hears("error", "menu")
    assert player.agent.stop() == 0
    await listener.count(Gone, 1)
    runs = listener.closed()
    assert [run.state for run in runs] == ["playing", "frozen", "playing", "stopped", "playing"]
    assert all(earlier.end_mono_ms == later.start_mono_ms for earlier, later in pairwise(runs))
    assert len({run.seq for run in runs}) == len(runs)


async def test_an_orderly_stop_leaves_nothing_open_and_nothing_acknowledged_on_disk(
    player: Player, listener: Listener, clips: Path
) -> None:
    listener.acknowledging = True
    player.mpv.play("--loop", clips / "clip.mp4")
    await player.start()
    await listener.hears("playing")
    assert player.agent.stop() == 0
    await listener.hears_closed("playing")
    first = listener.closed()[-1]
    await player.start()
    second = await listener.hears("playing")
    assert second.seq > first.seq
    assert listener.all(Hello)[0].spool == listener.all(Hello)[-1].spool
    assert player.agent.stop() == 0


async def test_while_the_whole_machine_goes_down_the_runs_stay_open(
    player: Player, listener: Listener, clips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    systemctl = tmp_path / "bin" / "systemctl"
    systemctl.parent.mkdir()
    systemctl.write_text("#!/bin/sh\necho stopping\n", encoding="ascii")
    systemctl.chmod(0o755)
    monkeypatch.setenv("PATH", str(systemctl.parent), prepend=":")
    player.mpv.play("--loop", clips / "clip.mp4")
    await player.start()
    await listener.hears("playing")
    assert player.agent.stop() == 0
    await listener.count(Gone, 1)
    assert player.recalled().open["main"].run.state == "playing"
    assert listener.closed() == []
    _another_boot(player.spool / NAME)
    await player.start()
    dark = await listener.hears_closed("off")
    assert (dark.detail, dark.cause, dark.end_boot) == (SHUT_DOWN, None, listener.all(Hello)[-1].boot)
    assert player.agent.stop() == 0


async def test_a_killed_agent_leaves_its_will_and_the_next_one_its_evidence(
    player: Player, listener: Listener, clips: Path
) -> None:
    player.mpv.play("--loop", clips / "clip.mp4")
    await player.start()
    await listener.hears("playing")
    player.mpv.process.kill()
    await listener.hears("stopped")
    player.mpv.play("--loop", clips / "clip.mp4")
    last = await listener.hears("playing")
    await listener.count(Runs, 2)
    await player.gives_a_sign_of_life()
    player.agent.kill()
    await listener.count(Gone, 1)
    assert listener.all(Gone)[0].boot == listener.all(Hello)[0].boot
    before = listener.closed()
    assert player.waiting() >= 2
    listener.heard.clear()
    listener.acknowledging = True
    await player.start()
    await until(lambda: len(listener.closed()) >= len(before) + 1, "the backlog and the cut-off run come")
    after = listener.closed()
    assert after[: len(before)] == before
    assert (after[len(before)].seq, after[len(before)].state) == (last.seq, "playing")
    again = await listener.hears("playing")
    assert again.seq > last.seq
    assert again.start_mono_ms >= (after[len(before)].end_mono_ms or 0)
    assert player.agent.stop() == 0


async def test_after_a_power_cut_the_dark_time_is_told(player: Player, listener: Listener, clips: Path) -> None:
    player.mpv.play("--loop", clips / "clip.mp4")
    await player.start()
    await listener.hears("playing")
    await player.gives_a_sign_of_life()
    player.agent.kill()
    _another_boot(player.spool / NAME)
    listener.heard.clear()
    await player.start()
    dark = await listener.hears_closed("off")
    boot = listener.all(Hello)[-1].boot
    assert (dark.boot, dark.end_boot, dark.end_mono_ms, dark.cause) == ("0" * 32, boot, 0, None)
    cut = listener.closed()[0]
    assert (cut.state, cut.boot, cut.end_mono_ms) == ("playing", "0" * 32, dark.start_mono_ms)
    await listener.hears("playing")
    assert player.agent.stop() == 0


def _another_boot(journal: Path) -> None:
    """Make the journal one of another boot, as if the machine had gone down then."""
    contents = read(journal.read_bytes().splitlines(keepends=True))
    for record in contents.records:
        if isinstance(record, Turn):
            for opened in record.open:
                opened.run.boot = "0" * 32
    journal.write_bytes(b"".join(map(line, contents.records)))


async def test_a_broker_that_is_away_costs_no_evidence(
    player: Player, listener: Listener, clips: Path, mosquitto: Mosquitto
) -> None:
    listener.acknowledging = True
    player.mpv.play("--loop", clips / "clip.mp4")
    await player.start()
    await listener.hears("playing")
    mosquitto.kill()
    player.mpv.process.kill()
    await until(lambda: player.waiting() >= 1, "the run is on disk")
    player.mpv.play("--loop", clips / "clip.mp4")
    await until(lambda: player.waiting() >= 2, "so is the next one")
    mosquitto.start()
    await until(lambda: len(listener.closed()) >= 2, "both come late")
    assert [run.state for run in listener.closed()] == ["playing", "stopped"]
    await listener.hears("playing")

    async def empty() -> bool:
        spool = (await player.health())["spool"]
        return isinstance(spool, dict) and spool["runs"] == 0

    await until(empty, "both are acknowledged")
    assert player.agent.stop() == 0


async def test_a_broker_that_hangs_does_not_keep_the_agent_from_stopping(
    player: Player, listener: Listener, mosquitto: Mosquitto
) -> None:
    await player.start()
    await player.push("playing")
    await listener.hears("playing", "menu")
    await player.gives_a_sign_of_life("menu")
    mosquitto.process.send(signal.SIGSTOP)
    assert player.agent.stop() == 0
    mosquitto.process.send(signal.SIGCONT)
    assert player.recalled().open == {}
    assert player.waiting() >= 1


async def test_a_damaged_spool_starts_with_what_is_intact(player: Player, listener: Listener, clips: Path) -> None:
    player.mpv.play("--loop", clips / "clip.mp4")
    await player.start()
    await listener.hears("playing")
    player.mpv.process.kill()
    await listener.hears_closed("playing")
    old = listener.all(Hello)[0].spool
    before = listener.closed()
    player.agent.kill()
    with (player.spool / NAME).open("ab") as journal:
        journal.write(b"\x00\x17noise")
    listener.heard.clear()
    await player.start()
    await until(lambda: listener.closed()[: len(before)] == before, "the intact run comes")
    assert {body.spool for body in listener.all(Runs)} == {old}
    assert listener.all(Hello)[0].spool != old
    assert list(player.spool.glob("spool.damaged-*.journal"))
    assert player.agent.stop() == 0


async def test_systemd_is_told_when_the_agent_is_ready_and_fed_while_it_turns(
    processes: Processes, write_config: WriteConfig, mosquitto: Mosquitto, mpv: Mpv, short_folder: Path
) -> None:
    heard: list[bytes] = []
    loop = asyncio.get_running_loop()

    class Systemd(asyncio.DatagramProtocol):
        def datagram_received(self, data: bytes, addr: object) -> None:
            heard.append(data)

    path = short_folder / "notify"
    channel = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    channel.bind(str(path))
    transport, _ = await loop.create_datagram_endpoint(Systemd, sock=channel)
    player = Player(processes, write_config, mosquitto, mpv)
    env = {"NOTIFY_SOCKET": str(path), "WATCHDOG_USEC": "300000"}
    agent = processes.signwatch("agent", "run", "--config", player.config, name="agent", env=env)
    await until(lambda: heard.count(b"WATCHDOG=1") >= 3, "the watchdog is fed")
    assert set(heard) == {b"READY=1", b"WATCHDOG=1"}  # and nothing that `systemctl`, which it starts, says to systemd
    assert heard[0] == b"READY=1"
    assert agent.stop() == 0
    await until(lambda: b"STOPPING=1" in heard, "systemd hears of the end")
    transport.close()
