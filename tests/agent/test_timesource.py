"""How far the clock is from true time: what each source says, and a real chronyd that is asked."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from agent import timesource
from agent.ntp import NtpError, ask_server, read_answer
from agent.timesource import Offset, find_offset, read_timesync, read_tracking
from common.clock import KernelClock, ManualClock, SystemClock, kernel_clock
from tests.fixtures.processes import Processes
from tests.fixtures.waiting import LOOPBACK, free_port, until

# chrony 4.3: ref id, name, stratum, ref time, what is to be added (s), …, root delay, root dispersion, interval, leap.
TRACKED = "C0000201,192.0.2.1,3,1795418657.512,{add},0.000000729,0.000001857,-0.034,0.049,1.690,0.25,0.125,64.2,{leap}"


@pytest.mark.parametrize(
    ("line", "offset"),
    [
        (TRACKED.format(add="-0.250000000", leap="Normal"), Offset(250.0, 250.0, "chrony")),  # "fast of NTP time"
        (TRACKED.format(add="0.001500000", leap="Insert second"), Offset(-1.5, 250.0, "chrony")),
        (TRACKED.format(add="0.0", leap="Not synchronised"), None),
        (TRACKED.format(add="soon", leap="Normal"), None),
        ("506 Cannot talk to daemon", None),
        ("", None),
    ],
)
def test_chrony_tells_how_far_the_clock_is_ahead(line: str, offset: Offset | None) -> None:
    assert read_tracking(line) == offset


def ntp_message(packets: int = 4, ahead_us: int = 0, trip_us: int = 20_000) -> str:
    sent_us = 1_795_418_657_000_000
    received_us = sent_us + trip_us // 2 - ahead_us
    times = [sent_us, received_us, received_us + 50, sent_us + trip_us + 50]
    data = [0, 4, 4, 2, -23, 4_000, 1_000, [192, 0, 2, 1], *times, False, packets, 0]
    return json.dumps({"type": "(uuuuittayttttbtt)", "data": data})


@pytest.mark.parametrize(
    ("answer", "offset"),
    [
        (ntp_message(ahead_us=7_000), Offset(7.0, 13.0, "timesyncd")),
        (ntp_message(ahead_us=-7_000), Offset(-7.0, 13.0, "timesyncd")),
        (ntp_message(packets=0), None),
        ("Failed to get property", None),
        ('{"type": "s", "data": "no"}', None),
        ("", None),
    ],
)
def test_timesyncd_tells_of_its_last_exchange(answer: str, offset: Offset | None) -> None:
    assert read_timesync(answer) == offset


@pytest.mark.parametrize(
    ("kernel", "offset"),
    [
        (KernelClock(synced=True, ahead_ms=-0.4, error_ms=12.5), Offset(-0.4, 12.5, "kernel")),
        (KernelClock(synced=False, ahead_ms=0.0, error_ms=16_000.0), None),
        (None, None),
    ],
)
async def test_where_nobody_else_knows_the_kernel_does_if_somebody_keeps_its_clock(
    kernel: KernelClock | None, offset: Offset | None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))  # neither chronyc nor busctl
    monkeypatch.setattr(timesource, "kernel_clock", lambda: kernel)
    assert await find_offset(SystemClock()) == offset


def test_this_kernel_answers() -> None:
    kernel = kernel_clock()
    assert kernel is not None
    assert kernel.error_ms >= 0
    assert kernel.synced in {True, False}


def test_figures_have_their_unit_and_their_source() -> None:
    assert Offset(0.12345, 9.0, "chrony").figures() == {
        "clock_offset_ms": 0.123,
        "clock_error_ms": 9.0,
        "clock_source": "chrony",
    }


@pytest.mark.parametrize(
    ("packet", "why"),
    [
        (b"hello", "none of NTP"),
        (bytes([0x24, 2]) + bytes(46), "another question"),
        (bytes([0xE4, 0]) + bytes(22) + (77).to_bytes(8, "big") + bytes(16), "does not know the time itself"),
    ],
)
def test_an_answer_that_tells_no_time_is_refused(packet: bytes, why: str) -> None:
    with pytest.raises(NtpError, match=why):
        read_answer(packet, 77, 1_795_418_657_000, 5)


class Chrony:
    """chronyd that touches no clock (-x): a server that believes itself, and a client of it."""

    def __init__(self, processes: Processes, folder: Path) -> None:
        self._processes = processes
        self._folder = folder
        self.port, self.command_port = free_port(), free_port()

    def start(self, name: str, lines: list[str]) -> None:
        file = self._folder / f"{name}.conf"
        own = [f"pidfile {self._folder}/{name}.pid", f"bindcmdaddress {self._folder}/{name}.sock", *lines]
        file.write_text("\n".join(own) + "\n", encoding="ascii")
        self._processes.start(["chronyd", "-x", "-d", "-U", "-u", "root", "-f", file], name)

    def serve(self) -> None:
        self.start("server", [f"port {self.port}", "cmdport 0", "local stratum 2", f"allow {LOOPBACK}"])

    def follow(self) -> None:
        server = f"server {LOOPBACK} port {self.port} iburst minpoll 0 maxpoll 0"
        self.start("client", [server, "port 0", f"cmdport {self.command_port}"])


@pytest.fixture
def chrony(processes: Processes, short_folder: Path) -> Chrony:
    if os.geteuid():
        pytest.skip("chronyd is started as root")
    made = Chrony(processes, short_folder)
    made.serve()
    return made


async def answers(server: str, clock: SystemClock | ManualClock) -> bool:
    try:
        await ask_server(server, clock)
    except (OSError, NtpError):
        return False
    return True


async def test_a_real_time_server_tells_how_far_our_clock_is_ahead(chrony: Chrony) -> None:
    server, right = f"{LOOPBACK}:{chrony.port}", SystemClock()
    await until(lambda: answers(server, right), "the server answers")
    offset = await find_offset(right, server)
    assert offset is not None
    assert (offset.source, abs(offset.ahead_ms) <= offset.error_ms + 1) == (f"ntp {server}", True)
    fast = ManualClock(wall=right.wall_ms() + 60_000)
    assert (await ask_server(server, fast)).ahead_ms == pytest.approx(60_000, abs=5_000)


async def test_a_server_that_is_not_there_leaves_the_question_to_the_others(tmp_path: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", str(tmp_path))
        patch.setattr(timesource, "kernel_clock", lambda: KernelClock(synced=True, ahead_ms=1.0, error_ms=2.0))
        found = await find_offset(SystemClock(), f"{LOOPBACK}:{free_port()}")
    assert found == Offset(1.0, 2.0, "kernel")


@pytest.mark.system
async def test_a_real_chronyd_is_asked_and_its_words_are_understood(
    chrony: Chrony, monkeypatch: pytest.MonkeyPatch
) -> None:
    chrony.follow()
    asked = ("chronyc", "-n", "-h", LOOPBACK, "-p", str(chrony.command_port), "-c", "tracking")
    monkeypatch.setattr(timesource, "_TRACKING", asked)

    async def followed() -> Offset | None:
        found = await find_offset(SystemClock())
        sure = (
            found is not None and found.source == "chrony" and found.error_ms < 1_000
        )  # the first sample alone is not
        return found if sure else None

    found = await until(followed, "chronyd follows its server")
    assert abs(found.ahead_ms) < 1_000
    assert found.error_ms > 0
