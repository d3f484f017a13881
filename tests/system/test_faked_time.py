"""Real agents whose wall clock lies (libfaketime): outages begin and end when they did.

CLOCK_REALTIME is faked by libfaketime, and the shim lets `adjtimex(2)` call it disciplined all along: so an agent says
`synced` while its clock is an hour off, and only one that shows 1970 knows better. CLOCK_BOOTTIME is the machine's own.
"""

from __future__ import annotations

import json
import sqlite3
import urllib.request
from contextlib import closing
from pathlib import Path
from typing import Final

import pytest

from common.clock import SystemClock
from tests.fixtures.mosquitto import program
from tests.fixtures.processes import Process
from tests.fixtures.shim import Shim
from tests.fixtures.site import Site
from tests.fixtures.waiting import LOOPBACK, free_port, wait_until

pytestmark = pytest.mark.system

SAMPLE_S: Final = 60.0  # what a reading may be late on a busy machine; the clocks are wrong by an hour and more
GOOD: Final = "+0"
IN_1970: Final = f"-{SystemClock().wall_ms() // 1000 - 60}s"
FAULTS: Final = {
    "in-1970": (IN_1970, IN_1970, GOOD),
    "hour-ahead": (GOOD, "+3600s", GOOD),
    "hour-behind": (GOOD, "-3600s", GOOD),
}
"""What is added to each clock: at its start, while it plays and is about to stop, in the middle of the outage."""


def now_s() -> float:
    """The true time, in seconds since 1970."""
    return SystemClock().wall_ms() / 1000


def library() -> Path:
    """The variant for programs with threads, beside which Debian's `faketime` keeps the other."""
    program("faketime", "faketime")
    (found,) = Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1")
    return found


class Board:
    """A real agent with a clock of its own, told by a program what its screen does."""

    def __init__(self, site: Site, shim: Shim, name: str) -> None:
        self.name = name
        self.shown: list[tuple[float, float]] = []  # since when at the earliest, and at the latest
        self._clock = site.folder / f"{name}.clock"
        self.set_clock(FAULTS[name][0])
        self._port = free_port()
        outputs = (
            '[[outputs]]\nid = "main"\nprobe = "push"\ninterval_s = 0.2\n'
            "[outputs.push]\ndeadline_s = 3600\n"  # what was pushed holds, however long a slow machine takes
        )
        env = shim.env(site.folder / "nothing", disciplined=True)
        env |= {
            "LD_PRELOAD": f"{env['LD_PRELOAD']} {library()}",
            "FAKETIME_TIMESTAMP_FILE": str(self._clock),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }
        push = f'[push]\nlisten = "{LOOPBACK}:{self._port}"\n'
        self.agent: Process = site.start_agent(name, push + outputs, env)

    def set_clock(self, by: str) -> None:
        """Let the wall clock be wrong by that from now on; in one step, as the agent may read it at any moment."""
        new = self._clock.with_suffix(".new")
        new.write_text(f"{by}\n", encoding="ascii")
        new.rename(self._clock)

    def show(self, state: str) -> None:
        """Say what is on the screen, once the agent listens."""
        body = json.dumps({"output": "main", "state": state}).encode()
        url, kind = f"http://{LOOPBACK}:{self._port}/v1/state", {"Content-Type": "application/json"}
        asked_s = now_s()
        wait_until(lambda: self._said(urllib.request.Request(url, body, kind)), f"{self.name} takes {state}")
        self.shown.append((asked_s, now_s()))

    def _said(self, request: urllib.request.Request) -> bool:
        try:
            with urllib.request.urlopen(request, timeout=60):
                return True
        except OSError:
            return False


def outage(site: Site, name: str) -> tuple[float, float]:
    """When the one outage of a board began and when it ended, as the ledger has it, in seconds since 1970."""
    down = [run for run in site.runs(name) if run["state"] == "error"]
    start_ms, end_ms = min(run["start_ms"] for run in down), max(run["end_ms"] for run in down)
    assert sum(run["end_ms"] - run["start_ms"] for run in down) == end_ms - start_ms
    return start_ms / 1000, end_ms / 1000


def test_whatever_a_players_clock_does_its_outage_is_as_long_and_stands_where_it_was(site: Site, shim: Shim) -> None:
    site.start_collector()
    site.register(*FAULTS)
    boards = [Board(site, shim, name) for name in FAULTS]
    began_s = now_s()
    for moment, state in enumerate(("playing", "error", "playing")):
        for board in boards:  # while a run is open
            board.set_clock(FAULTS[board.name][moment])
            board.show(state)
        for board in boards:
            site.wait_for_state(board.name, state)
    wait_until(lambda: all(closed(site, name) for name in FAULTS), "the outages have ended in the ledger")
    for board in boards:
        for told_s, (asked_s, answered_s) in zip(outage(site, board.name), board.shown[1:], strict=True):
            assert asked_s - SAMPLE_S <= told_s <= answered_s + SAMPLE_S, board.name
        known = [run["start_ms"] / 1000 for run in site.runs(board.name) if run["state"] != "unknown"]
        assert began_s - SAMPLE_S <= min(known) <= max(known) <= now_s()
    assert_the_clocks_lied(site, began_s)
    for board in boards:
        assert board.agent.stop() == 0


def assert_the_clocks_lied(site: Site, began_s: float) -> None:
    """What the boards themselves said of the outage's beginning: else this test would prove nothing."""
    query = "SELECT device, MIN(said_start_ms) FROM runs JOIN devices ON devices.id = device_id WHERE state = 'error'"
    with closing(sqlite3.connect(f"file:{site.ledger}?mode=ro", uri=True)) as ledger:
        said_s = {name: ms / 1000 - began_s for name, ms in ledger.execute(f"{query} GROUP BY device")}
    assert said_s["in-1970"] < -86_400 * 365
    assert said_s["hour-ahead"] == pytest.approx(3600, abs=1200)
    assert said_s["hour-behind"] == pytest.approx(-3600, abs=1200)


def closed(site: Site, name: str) -> bool:
    """Whether the outage is followed by playback."""
    states = [run["state"] for run in site.runs(name)]
    return "error" in states and "playing" in states[states.index("error") :]
