import asyncio
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, func, select, text

from collector.intake import ingest as ingest_module
from collector.intake.ingest import Ingest
from collector.intake.senders import Intake
from collector.ledger import schema
from collector.ledger.intake import Outcome
from collector.ledger.ledger import Ledger
from common.clock import ManualClock
from common.tasks import spawn
from tests.fixtures.waiting import PATIENCE_S
from wire.messages import MAX_BODY_BYTES, Ack, BootClock, Heartbeat, Hello, Run, Runs, encode
from wire.topics import Address, topic

PLAYER = Address("acme", "player-1")
RUNS = topic(PLAYER, "runs")
HEARTBEAT = topic(PLAYER, "heartbeat")


class Bench:
    """A real ledger, a real ingest, and ears for what it says."""

    def __init__(self, path: Path, intake: Intake | None = None) -> None:
        self.clock = ManualClock()
        self.ledger = Ledger.open(path / "ledger.db")
        self.acks: list[tuple[Address, Ack]] = []
        self.acked_before_commit: list[Ack] = []
        self.outcomes: list[Outcome] = []
        self.heard: list[Address] = []
        self.ingest = Ingest(self.ledger, self.clock, self.acknowledge, self.outcomes.append, self.hear, intake)
        self.ingest.take_registry({str(PLAYER)})

    def acknowledge(self, address: Address, ack: Ack) -> None:
        self.acks.append((address, ack))
        stored = self.ledger.read_now(lambda connection: set(connection.scalars(select(schema.runs.c.seq))))
        named = {seq for first, last in ack.seqs for seq in range(first, last + 1)}
        if not named <= stored:
            self.acked_before_commit.append(ack)

    def hear(self, address: Address, _heartbeat: Heartbeat, _received_ms: int) -> None:
        self.heard.append(address)

    def runs(self, *seqs: int) -> bytes:
        runs = [
            Run(
                seq=seq,
                output="main",
                state="frozen",
                boot="a" * 32,
                start_ms=self.clock.wall - 1000,
                start_mono_ms=self.clock.mono - 1000,
                end_ms=self.clock.wall,
                end_mono_ms=self.clock.mono,
            )
            for seq in seqs
        ]
        return encode(Runs(**self.stamp(), runs=runs))  # type: ignore[arg-type]

    def heartbeat(self) -> bytes:
        run = Run(seq=1, output="main", state="playing", start_ms=self.clock.wall, start_mono_ms=self.clock.mono)
        return encode(Heartbeat(**self.stamp(), open=[run]))  # type: ignore[arg-type]

    def stamp(self) -> dict[str, object]:
        return {
            "spool": "5" * 32,
            "boot": "a" * 32,
            "sent_ms": self.clock.wall,
            "mono_ms": self.clock.mono,
            "synced": True,
        }

    def count(self, table: object) -> int:
        found = self.ledger.read_now(lambda connection: connection.scalar(select(func.count()).select_from(table)))  # type: ignore[arg-type]
        return found or 0

    async def drain(self) -> None:
        self.ingest.stop()
        await self.ingest.run()


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    bench = Bench(tmp_path)
    await bench.ingest.load()
    yield bench
    bench.ledger.close()


async def test_closed_runs_are_acknowledged_after_the_commit_and_never_before(bench: Bench) -> None:
    bench.ingest.receive(RUNS, bench.runs(3, 4, 9))
    assert bench.acks == []
    await bench.drain()
    assert bench.acks == [(PLAYER, Ack(spool="5" * 32, seqs=[(3, 4), (9, 9)]))]
    assert bench.acked_before_commit == []


async def test_a_message_without_runs_is_answered_so_that_a_person_can_ask_who_is_there(bench: Bench) -> None:
    bench.ingest.receive(RUNS, bench.runs())
    await bench.drain()
    assert bench.acks == [(PLAYER, Ack(spool="5" * 32, seqs=[]))]
    assert bench.count(schema.runs) == 0


async def test_a_heartbeat_is_heard_at_once_and_committed_with_the_batch(bench: Bench) -> None:
    bench.ingest.receive(HEARTBEAT, bench.heartbeat())
    assert bench.heard == [PLAYER]
    assert bench.outcomes == []
    await bench.drain()
    assert [row.state for _, row in bench.outcomes[0].rows] == ["playing"]


BAD = [
    ("signwatch/v1/00/acme/player-1/runs", b"{}", "topic"),
    ("signwatch/v2/ab/acme/player-1/runs", b"{}", "topic"),
    ("elsewhere", b"", "topic"),
    (RUNS, b"x" * 65_537, "too_large"),
    (RUNS, b'{"spool": "55', "malformed"),
    (RUNS, b"\xff\xfe\x00", "malformed"),
    (RUNS, b'{"more":' + b"[" * 60_000, "malformed"),
    (RUNS, b"[]", "invalid"),
    (HEARTBEAT, b'{"spool":"5","boot":"a","sent_ms":-1,"mono_ms":1,"synced":true,"open":[]}', "invalid"),
    (topic(PLAYER, "ack"), b"{}", "not_from_device"),
]


@pytest.mark.parametrize(("where", "body", "reason"), BAD)
async def test_a_wrong_message_is_counted_kept_and_stops_nothing(
    bench: Bench, where: str, body: bytes, reason: str
) -> None:
    bench.ingest.receive(where, body)
    bench.ingest.receive(RUNS, bench.runs(1))
    await bench.drain()
    assert bench.ingest.refused_total == {reason: 1}
    assert bench.count(schema.quarantine) == 1
    assert len(bench.acks) == 1


async def test_an_unknown_state_is_refused_and_not_guessed_at(bench: Bench) -> None:
    bench.ingest.receive(RUNS, bench.runs(1).replace(b'"frozen"', b'"asleep"'))
    await bench.drain()
    assert bench.ingest.refused_total == {"invalid": 1}


@pytest.mark.parametrize("name", [b'"output":"main', b'"spool":"' + b"5" * 32, b'"boot":"' + b"a" * 32])
async def test_no_name_ends_with_a_new_line(bench: Bench, name: bytes) -> None:
    bench.ingest.receive(RUNS, bench.runs(1).replace(name, name + b"\\n", 1))
    await bench.drain()
    assert bench.ingest.refused_total == {"invalid": 1}


async def test_a_player_is_never_up_as_a_platform_is(bench: Bench) -> None:
    bench.ingest.receive(RUNS, bench.runs(1).replace(b'"frozen"', b'"up"'))
    bench.ingest.receive(HEARTBEAT, bench.heartbeat().replace(b'"playing"', b'"up"'))
    await bench.drain()
    assert bench.ingest.refused_total == {"invalid": 2}
    assert bench.count(schema.runs) == 0


async def test_nothing_is_told_before_it_has_happened(bench: Bench) -> None:
    years = str(bench.clock.mono + 10**11).encode()
    mono = str(bench.clock.mono).encode()
    bench.ingest.receive(RUNS, bench.runs(1).replace(b'"end_mono_ms":' + mono, b'"end_mono_ms":' + years))
    bench.ingest.receive(HEARTBEAT, bench.heartbeat().replace(b'"start_mono_ms":' + mono, b'"start_mono_ms":' + years))
    await bench.drain()
    assert bench.ingest.refused_total == {"implausible": 2}
    assert bench.count(schema.runs) == 0


async def test_a_memory_of_a_clock_that_no_boot_can_have_had_harms_nobody(bench: Bench) -> None:
    clocks = [BootClock(boot="c" * 32, offset_ms=offset) for offset in (-(10**40), -5, 10**40)]
    hello = Hello(**bench.stamp(), agent="1", interval_s=15, outputs=[], clocks=clocks)  # type: ignore[arg-type]
    bench.ingest.receive(topic(PLAYER, "hello"), encode(hello))
    bench.ingest.receive(RUNS, bench.runs(1))
    await bench.drain()
    assert len(bench.acks) == 1
    sources = bench.ledger.read_now(lambda connection: set(connection.scalars(select(schema.clock_marks.c.source))))
    assert sources == {"synced"}


async def test_a_message_that_the_ledger_cannot_hold_is_refused_and_stops_nothing(bench: Bench) -> None:
    def allow_little(connection: Connection) -> None:
        raw = connection.connection.driver_connection
        assert isinstance(raw, sqlite3.Connection)
        raw.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, 2000)

    await bench.ledger.write(allow_little)
    for seq in range(10):
        bench.ingest.receive(RUNS, bench.runs(seq))
    long = bench.runs(10).replace(b'"seq"', b'"detail":"' + "€".encode() * 1000 + b'","seq"')
    bench.ingest.receive(RUNS, long)
    for seq in range(11, 20):
        bench.ingest.receive(RUNS, bench.runs(seq))
    await bench.drain()
    assert bench.count(schema.runs) == 19
    assert [ack.seqs for _, ack in bench.acks] == [[(0, 9), (11, 19)]]
    assert bench.ingest.refused_total == {"unusable": 1}
    assert bench.ingest.failing_since_ms is None


async def test_a_batch_is_bounded_by_its_runs_and_not_by_its_messages(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ingest_module, "BATCH_WEIGHT", 100)
    for first in range(0, 500, 50):
        bench.ingest.receive(RUNS, bench.runs(*range(first, first + 50)))
    assert (bench.ingest.waiting, bench.ingest.waiting_weight) == (10, 500)
    await bench.drain()
    assert [len(outcome.rows) for outcome in bench.outcomes] == [100] * 5
    assert (bench.ingest.waiting, bench.ingest.waiting_weight) == (0, 0)


async def test_an_ack_is_never_too_large_for_the_wire(bench: Bench) -> None:
    for first in range(10**12, 10**12 + 8000, 200):
        bench.ingest.receive(RUNS, bench.runs(*range(first, first + 200, 2)))
    await bench.drain()
    assert max(len(encode(ack)) for _, ack in bench.acks) <= MAX_BODY_BYTES
    assert sum(len(ack.seqs) for _, ack in bench.acks) == 4000


async def test_a_retained_leftover_is_refused(bench: Bench) -> None:
    bench.ingest.receive(RUNS, bench.runs(1), retained=True)
    await bench.drain()
    assert bench.ingest.refused_total == {"retained": 1}
    assert bench.acks == []


async def test_a_full_disk_holds_the_batch_and_goes_on_when_there_is_room(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ingest_module, "RETRY_S", 0.01)
    pages = await bench.ledger.write(lambda connection: connection.execute(text("PRAGMA page_count")).scalar_one())
    await bench.ledger.write(lambda connection: connection.execute(text(f"PRAGMA max_page_count = {pages}")).all())
    for first in range(0, 1000, 100):
        bench.ingest.receive(RUNS, bench.runs(*range(first, first + 100)))
    running = spawn(bench.ingest.run(), "ingest")
    async with asyncio.timeout(PATIENCE_S):
        while bench.ingest.failing_since_ms is None:  # noqa: ASYNC110 - it has no event to wait for
            await asyncio.sleep(0.01)
        assert bench.acks == []
        await bench.ledger.write(lambda connection: connection.execute(text("PRAGMA max_page_count = 100000")).all())
        bench.ingest.stop()
        await running
    assert bench.count(schema.runs) == 1000
    assert sum(last - first + 1 for _, ack in bench.acks for first, last in ack.seqs) == 1000
    assert bench.acked_before_commit == []
    assert bench.ingest.failing_since_ms is None


async def test_when_too_much_waits_heartbeats_are_shed_before_runs(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ingest_module, "SHED_HEARTBEATS_AT", 2)
    monkeypatch.setattr(ingest_module, "SHED_ALL_AT", 3)
    for body in (bench.runs(1), bench.runs(2)):
        bench.ingest.receive(RUNS, body)
    bench.ingest.receive(HEARTBEAT, bench.heartbeat())
    bench.ingest.receive(RUNS, bench.runs(3))
    bench.ingest.receive(RUNS, bench.runs(4))
    await bench.drain()
    assert bench.ingest.shed_total == {"overload": 2}
    assert [ack.seqs for _, ack in bench.acks] == [[(1, 3)]]  # run 4 is not acknowledged: the agent sends it again
