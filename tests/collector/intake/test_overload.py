"""A ledger that is too slow, and a device that is mad: what is shed, what is kept, and who waits for whom."""

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import Connection

from collector.intake import ingest as ingest_module
from collector.intake.allowance import Limits, Rate
from collector.intake.senders import Intake
from common.tasks import spawn
from tests.collector.core import PLAYER, Core
from tests.fixtures.waiting import PATIENCE_S
from wire.messages import Hello, encode
from wire.topics import Address, topic

MAD, GOOD = PLAYER, Address("acme", "p2")
STRICT = Intake(device=Limits(Rate(100, 1), Rate(1000, 10)))


@pytest.fixture
async def core(tmp_path: Path) -> AsyncIterator[Core]:
    found = Core(tmp_path, STRICT)
    await found.ingest.load()
    yield found
    found.ledger.close()


def slow(connection: Connection) -> None:
    """Let SQLite pause again and again while it works, as on a worn SD card."""
    raw = connection.connection.driver_connection
    assert isinstance(raw, sqlite3.Connection)
    raw.set_progress_handler(lambda: time.sleep(0.001) or 0, 1000)  # type: ignore[func-returns-value]


class Agent:
    """As far as this goes: it sends its runs until they are acknowledged, and says how it is."""

    def __init__(self, core: Core, name: str, runs: int) -> None:
        self.core, self.address = core, Address("acme", name)
        self.seqs = set(range(1, runs + 1))

    @property
    def left(self) -> set[int]:
        return self.seqs - self.core.acked(self.address)

    def speak(self) -> None:
        """A heartbeat, and what is not acknowledged, 20 runs a message."""
        receive, left = self.core.ingest.receive, sorted(self.left)
        receive(topic(self.address, "heartbeat"), encode(self.core.heartbeat(10**6)))
        for first in range(0, len(left), 20):
            receive(topic(self.address, "runs"), encode(self.core.runs(*left[first : first + 20])))
        receive(topic(self.address, "heartbeat"), encode(self.core.heartbeat(10**6)))


async def test_a_ledger_that_is_too_slow_costs_nothing_but_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (("BATCH_WEIGHT", 200), ("BEHIND_AT", 300), ("SHED_HEARTBEATS_AT", 600), ("SHED_ALL_AT", 900)):
        monkeypatch.setattr(ingest_module, name, value)
    core = Core(tmp_path)
    names = [f"d{number}" for number in range(20)]
    core.register(*names)
    ingest = core.ingest
    await ingest.load()
    await core.ledger.write(slow)
    agents = [Agent(core, name, 100) for name in names]
    working = spawn(ingest.run(), "ingest")
    conditions = set()
    async with asyncio.timeout(PATIENCE_S):
        while any(agent.left for agent in agents):
            for agent in agents:
                agent.speak()
                assert ingest.waiting_weight < 900 + 20
                conditions.add(ingest.condition)
            core.clock.advance(20_000)
            before = ingest.committed_total
            while ingest.waiting and ingest.committed_total < before + 40:  # noqa: ASYNC110 - it has no event
                await asyncio.sleep(0.01)
    assert conditions >= {
        "behind: acks are late",
        "overloaded: heartbeats are shed",
        "overloaded: everything is shed, agents send it again",
    }
    assert ingest.shed_total["overload"] > 0
    for agent in agents:
        agent.speak()
    core.live.tick()
    assert {core.live.fleet.link(agent.address) for agent in agents} == {"online"}
    ingest.stop()
    await working
    assert ingest.condition == "keeping up"
    assert all(set(core.seqs(agent.address)) == {*agent.seqs, 10**6} for agent in agents)
    core.ledger.close()


async def test_heartbeats_are_shed_before_anything_else_and_their_devices_are_not_called_silent(
    core: Core, monkeypatch: pytest.MonkeyPatch
) -> None:
    core.ingest.receive(topic(GOOD, "hello"), encode(Hello(**core.stamp(), agent="1", interval_s=15, outputs=[])))
    await core.settle()
    monkeypatch.setattr(ingest_module, "SHED_HEARTBEATS_AT", 0)
    core.clock.advance(44_000)
    core.ingest.receive(topic(GOOD, "heartbeat"), encode(core.heartbeat(1)))
    core.ingest.receive(topic(GOOD, "runs"), encode(core.runs(2)))
    core.clock.advance(30_000)
    core.live.tick()
    assert core.live.fleet.link(GOOD) == "online"
    await core.settle()
    assert (core.ingest.shed_total, core.seqs(GOOD)) == ({"overload": 1}, [2])


async def test_a_mad_device_waits_for_itself_and_for_nobody_else(core: Core, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the first transaction of several the good device stands, though it spoke last."""
    monkeypatch.setattr(ingest_module, "BATCH_WEIGHT", 150)
    for first in range(0, 900, 10):
        core.ingest.receive(topic(MAD, "runs"), encode(core.runs(*range(first, first + 10))))
    core.ingest.receive(topic(GOOD, "runs"), encode(core.runs(*range(20, 60))))
    await core.settle()
    assert len(core.outcomes) > 5
    assert {row.seq for address, row in core.outcomes[0].rows if address == GOOD} == set(range(20, 60))
    assert core.acked(MAD) == set(range(900))


async def test_a_device_over_its_allowance_loses_heartbeats_first_then_acks_and_gets_all_in_the_end(core: Core) -> None:
    heartbeat, seqs = encode(core.heartbeat(5000)), iter(range(10**6))
    for _ in range(200):
        core.ingest.receive(topic(MAD, "heartbeat"), heartbeat)
    assert core.ingest.received_total == {"heartbeat": 51}  # half of the burst
    sent = []
    for _ in range(100):
        sent.append(next(seqs))
        core.ingest.receive(topic(MAD, "runs"), encode(core.runs(sent[-1])))
    core.ingest.receive(topic(GOOD, "runs"), encode(core.runs(1)))
    await core.settle()
    assert core.acked(GOOD) == {1}
    assert len(core.acked(MAD)) == 49
    assert core.ingest.senders.shed() == [(MAD, 149 + 51)]
    for _ in range(4):  # it sends again what was not acknowledged, a while later
        core.clock.advance(20_000)
        for seq in sorted(set(sent) - core.acked(MAD)):
            core.ingest.receive(topic(MAD, "runs"), encode(core.runs(seq)))
        await core.settle()
    assert core.acked(MAD) == set(sent)


async def test_an_episode_is_logged_once(core: Core, capsys: pytest.CaptureFixture[str]) -> None:
    body = encode(core.runs(1))
    for _ in range(300):
        core.ingest.receive(topic(MAD, "runs"), body)
    await core.settle()
    core.clock.advance(100_000)
    core.ingest.receive(topic(MAD, "runs"), body)
    said = capsys.readouterr().out
    assert said.count("device_over_its_allowance") == 1
    assert said.count("device_within_its_allowance") == 1


async def test_made_up_names_do_not_stand_before_registered_devices(tmp_path: Path) -> None:
    core = Core(tmp_path, Intake(unregistered_max=200))
    await core.ingest.load()
    body = encode(core.runs(1))
    for number in range(5000):
        core.ingest.receive(topic(Address("acme", f"x{number}"), "runs"), body)
    core.ingest.receive(topic(GOOD, "runs"), body)
    first = core.ingest._lanes.take(150)
    assert [one.address for one in first][100:101] == [GOOD]
    assert core.ingest.refused_total == {"unregistered": 4800}
    assert core.ingest.senders.unregistered == 200
    assert len(core.ingest.senders._places) == 201
    assert core.ingest.not_kept_total == {"unregistered": 4700}
    core.ledger.close()
