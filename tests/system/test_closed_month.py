"""A month's whole life with real programs: it is closed, is proved, and is revised when evidence comes late.

The contract's one month is the last but one by the machine's clock, so that its time for late evidence is over on any
day of the year; the evidence is delivered now, as by players that were offline for weeks.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import urllib.request
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from common.clock import SystemClock, to_datetime
from signwatch.cli import main
from tests.collector.reporter import SPOOL, Reporter
from tests.fixtures.mosquitto import Mosquitto
from tests.fixtures.processes import Process, Processes
from tests.fixtures.waiting import LOOPBACK, free_port, wait_until
from wire.messages import Run, Runs, encode
from wire.topics import topic

pytestmark = pytest.mark.system

BY_ITSELF_WITHIN_S = 600  # a collector that has started waits five minutes for agents that know the time better

HOUR = 3_600_000
DAY = 24 * HOUR
CONTRACT = """\
name = "Small"
timezone = "UTC"
finalise_after = "1 minute"
[availability]
weights = {{ players = 1 }}
[guarantee]
committed = 99.00
[life]
from = "{month}"
until = "{month}"
[[discounts]]
from = 98.99
to = 0.00
percent = 5
"""


def month_before_last() -> tuple[str, int, int]:
    """Its name, start and end."""
    now = to_datetime(SystemClock().wall_ms())
    number = now.year * 12 + now.month - 1
    start, end = (datetime(month // 12, month % 12 + 1, 1, tzinfo=UTC) for month in (number - 2, number - 1))
    return f"{start:%Y-%m}", *(int(each.timestamp()) * 1000 for each in (start, end))  # type: ignore[return-value]


MONTH, START, END = month_before_last()
BOOTED = START - DAY


def run(seq: int, start_ms: int, end_ms: int, state: str) -> Run:
    mono = {"start_mono_ms": start_ms - BOOTED, "end_mono_ms": end_ms - BOOTED}
    return Run(seq=seq, output="main", state=state, boot="b1", start_ms=start_ms, end_ms=end_ms, **mono)


class Player(Reporter):
    """A player that has been up since the day before the month; it tells of `kept` what it is asked to."""

    def __init__(self, broker: Mosquitto, device: str, kept: Iterable[Run]) -> None:
        super().__init__(broker, device)
        self.kept = {each.seq: each for each in kept}

    async def send(self, seqs: Iterable[int]) -> None:
        now_ms = SystemClock().wall_ms()
        stamp = {"spool": SPOOL, "boot": "b1", "sent_ms": now_ms, "mono_ms": now_ms - BOOTED, "synced": True}
        body = encode(Runs(**stamp, runs=[self.kept[seq] for seq in seqs]))  # type: ignore[arg-type]
        await self._client.publish(topic(self.address, "runs"), body, qos=1)


def fleet(broker: Mosquitto) -> tuple[Player, Player]:
    """One that was seen all the month, and one of which two days, its run 2, are missing at first."""
    whole = run(1, START - HOUR, END + HOUR, "playing")
    first = run(1, START - HOUR, START + 10 * DAY, "playing")
    late = run(2, START + 10 * DAY, START + 12 * DAY, "frozen")
    last = run(3, START + 12 * DAY, END + HOUR, "playing")
    return Player(broker, "p1", [whole]), Player(broker, "p2", [first, late, last])


@dataclass
class Place:
    """A folder with a collector's configuration, its contract and its ledger; what its operator does there."""

    folder: Path
    processes: Processes
    broker: Mosquitto
    port: int = field(default_factory=free_port)

    def prepare(self) -> None:
        (self.folder / "small.toml").write_text(CONTRACT.format(month=MONTH), encoding="utf-8")
        (self.folder / "collector.toml").write_text(
            f'[mqtt]\nhost = "{self.broker.host}"\nport = {self.broker.port}\n[ledger]\npath = "ledger.db"\n'
            f'[web]\nlisten = "{LOOPBACK}:{self.port}"\n[contracts]\nfiles = ["small.toml"]\n',
            encoding="utf-8",
        )
        devices = "".join(
            f'[[devices]]\ntenant = "acme"\nid = "{name}"\n[[devices.outputs]]\nid = "main"\ncontract = "small"\n'
            for name in ("p1", "p2")
        )
        registry = f'[[tenants]]\nid = "acme"\nname = "ACME"\n{devices}'
        (self.folder / "registry.toml").write_text(registry, encoding="utf-8")

    def register(self) -> None:
        ledger = self.folder / "ledger.db"
        self.signwatch("registry", "apply", self.folder / "registry.toml", "--ledger", ledger, "--yes")

    def start(self) -> Process:
        started = self.processes.signwatch("collector", "run", "--config", "collector.toml", name="collector")
        wait_until(self.is_well, "the collector is healthy")
        return started

    def is_well(self) -> bool:
        try:
            return bool(json.loads(self.get("/healthz"))["ok"])
        except OSError:
            return False

    def get(self, path: str) -> bytes:
        with urllib.request.urlopen(f"http://{LOOPBACK}:{self.port}{path}", timeout=60) as answer:
            data: bytes = answer.read()
        return data

    def month(self) -> dict[str, Any]:
        (month,) = json.loads(self.get("/api/v1/months?agreement=acme/small"))["months"]
        assert month["month"] == MONTH
        return dict(month)

    def signwatch(self, *arguments: object) -> str:
        """The command line, in this process: what it says."""
        said = io.StringIO()
        with contextlib.redirect_stdout(said):
            assert main([str(each) for each in arguments]) == 0
        return " ".join(said.getvalue().split())

    def sla(self, command: str, *more: object) -> str:
        where = ("--contract", "small", "--config", self.folder / "collector.toml", "--month", MONTH)
        return self.signwatch("sla", command, *where, *more)

    def export(self, name: str) -> Path:
        self.sla("export", "-o", self.folder / name)
        return self.folder / name

    def verify(self, bundle: Path, seal: str) -> str:
        return self.signwatch("sla", "verify", bundle, "--seal", seal)


@pytest.fixture
def place(tmp_path: Path, processes: Processes, mosquitto: Mosquitto) -> Place:
    made = Place(tmp_path, processes, mosquitto)
    made.prepare()
    return made


@pytest.mark.parametrize("by_itself", [False, pytest.param(True, marks=pytest.mark.slow)], ids=["ordered", "by_itself"])
async def test_a_month_is_closed_proved_and_revised_when_evidence_comes_late(place: Place, by_itself: bool) -> None:
    collector = await asyncio.to_thread(place.start)
    await asyncio.to_thread(place.register)
    whole, gappy = fleet(place.broker)
    async with whole, gappy:
        assert await whole.deliver([1], lambda: collector.alive)
        assert await gappy.deliver([1, 3], lambda: collector.alive)
        if not by_itself:
            assert "the time for late evidence was over" in await asyncio.to_thread(place.sla, "close")
        await asyncio.to_thread(_see_it_closed, place)
        assert await gappy.deliver([2], lambda: collector.alive)
    await asyncio.to_thread(_see_it_revised, place)


def _see_it_closed(place: Place) -> None:
    wait_until(lambda: place.month()["status"] == "closed", "the month is closed", BY_ITSELF_WITHIN_S)
    (revision,) = place.month()["revisions"]
    assert (revision["revision"], revision["percent"]) == (1, "100.00")
    bundle = place.export("first.zip")
    assert "equal: availability 100.00 %, discount 0 %" in place.verify(bundle, revision["seal"])
    assert place.get(f"/agreements/acme/small/months/{MONTH}/bundle") == bundle.read_bytes()


def _see_it_revised(place: Place) -> None:
    assert "Since revision 1: evidence of 1 player came late." in place.sla("report")
    closed = place.sla("close")
    assert "p2: 1 run came late; 48 h unknown became frozen." in closed
    assert "The discount was 0% (the level was reached) and is 5% (due)." in closed
    first, second = place.month()["revisions"]
    assert "equal: " in place.verify(place.export("second.zip"), second["seal"])
    again = place.get(f"/agreements/acme/small/months/{MONTH}/bundle?revision=1")
    assert again == (place.folder / "first.zip").read_bytes()
    page = place.get("/agreements/acme/small/months").decode()
    for words in ("revised", "48 h unknown became frozen.", first["seal"], second["seal"]):
        assert words in page
