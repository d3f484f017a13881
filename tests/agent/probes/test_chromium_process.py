"""A Chromium that runs without its debugging port, and one that is dead, are told apart."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from agent.probes.base import Around
from agent.probes.chromium import ChromiumOptions, ChromiumProbe
from agent.probes.chromium_process import Browser, browsers, why_closed
from common.clock import SystemClock
from tests.agent.trees import Plant
from tests.fixtures.chromium import CHROMIUM, FLAGS
from tests.fixtures.processes import Processes
from tests.fixtures.waiting import LOOPBACK, free_port, until

KIOSK = "/usr/lib/chromium/chromium\0--kiosk\0https://cms.example/"


def process(pid: int, comm: str, cmdline: str) -> Mapping[str, str]:
    stat = f"{pid} ({comm}) S 1 {' '.join(['0'] * 48)}"
    return {f"proc/{pid}/stat": stat, f"proc/{pid}/cmdline": cmdline}


def test_only_browsers_themselves_count(plant: Plant) -> None:
    root = plant(
        {
            **process(7, "chromium", KIOSK),
            **process(8, "chromium", "/usr/lib/chromium/chromium --type=renderer --remote-debugging-port=9222"),
            **process(9, "chrome", "chrome\0--remote-debugging-port=9223\0--user-data-dir=/var/lib/kiosk"),
            **process(12, "chrome", "chrome\0--remote-debugging-pipe\0--user-data-dir=/tmp/x"),
            **process(10, "mpv", "mpv\0--remote-debugging-port=9222"),
            **process(11, "chromium", ""),  # it ends just now
        }
    )
    assert sorted(browsers(root)) == [Browser(7, None, profile=False), Browser(9, "9223", profile=True)]


@pytest.mark.parametrize(
    ("found", "words", "maybe_ours"),
    [
        ([Browser(7, None, profile=False)], "(process 7) without --remote-debugging-port: start it with", True),
        (
            [Browser(7, "9223", profile=True)],
            "(process 7) with --remote-debugging-port=9223: if that is the one",
            False,
        ),
        ([Browser(7, "9222", profile=False)], "from version 136 it needs --user-data-dir", True),
        ([Browser(7, "9222", profile=True)], "has not opened its port: it has just started, or hangs", True),
        ([Browser(7, None, profile=False), Browser(9, "9222", profile=True)], "(process 9) and has not opened", True),
        ([Browser(7, "9223", profile=True), Browser(9, None, profile=True)], "(process 9) without", True),
    ],
)
def test_why_a_running_browser_cannot_be_asked_is_said_with_the_remedy(
    found: list[Browser], words: str, maybe_ours: bool
) -> None:
    closed = why_closed(found, 9222)
    assert closed is not None
    assert words in closed.why
    assert closed.maybe_ours is maybe_ours


def test_where_no_browser_runs_there_is_nothing_to_say() -> None:
    assert why_closed([], 9222) is None


def probe_in(root: Path, port: int) -> ChromiumProbe:
    return ChromiumProbe(ChromiumOptions(url=f"http://{LOOPBACK}:{port}"), Around("main", SystemClock()), root)


async def test_a_browser_that_never_opened_its_port_could_not_be_asked_and_one_that_is_dead_is_stopped(
    plant: Plant,
) -> None:
    port = free_port()
    reading = await probe_in(plant(process(7, "chromium", KIOSK)), port).read()
    assert reading.state == "unknown"
    assert str(reading.detail).startswith("Chromium runs (process 7) without --remote-debugging-port: start it with")
    others = await probe_in(plant(process(9, "chrome", "chrome\0--remote-debugging-port=1")), port).read()
    assert (others.state, "is gone" in str(others.detail)) == ("stopped", True)
    dead = await probe_in(plant(process(1, "init", "/sbin/init")), port).read()
    assert (dead.state, str(dead.detail).startswith("Chromium is not running: no process of it, and nobody")) == (
        *("stopped", True),
    )


@pytest.mark.system
async def test_a_real_chromium_without_its_port_is_found_by_its_process(processes: Processes, tmp_path: Path) -> None:
    plain = [CHROMIUM, *FLAGS, f"--user-data-dir={tmp_path / 'profile'}", "about:blank"]
    chromium = processes.start([*plain], "plain")

    def found() -> bool:
        return any(one.pid == chromium.pid for one in browsers())

    await until(found, "it is found")
    reading = await probe_in(Path("/"), free_port()).read()
    assert reading.state == "unknown"
    assert "Chromium runs (process" in str(reading.detail)
    chromium.kill()
    await until(lambda: not found(), "it is gone")
