"""`signwatch quarantine retry` and `drop`: a refused message once more, by the road of every other."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, insert, select

from collector.admin import AdminDesk, serve_admin, socket_path
from collector.intake.ingest import Ingest
from collector.ledger import journal, schema
from collector.ledger.intake import Outcome
from collector.ledger.ledger import Ledger
from collector.ledger.quarantine_store import kept_messages
from collector.quarantine.backend import order
from collector.quarantine.orders import Drop, QuarantineRequest, Retry, Selection
from common.clock import ManualClock
from common.config import ConfigError
from common.tasks import cancel, spawn
from signwatch.cli import main
from wire.messages import Ack, Gone, Heartbeat, Hello, Message, Run, Runs, encode
from wire.topics import Address, Kind, topic

CLOCK = ManualClock()
PLAYER = Address("acme", "p1")
STAMP = {"boot": "b" * 32, "sent_ms": CLOCK.wall, "mono_ms": CLOCK.mono, "synced": True, "spool": "5" * 32}


def run_of(seq: int) -> Run:
    start = {"start_ms": CLOCK.wall - 5000, "start_mono_ms": CLOCK.mono - 5000}
    end = {"end_ms": CLOCK.wall - 1000, "end_mono_ms": CLOCK.mono - 1000}
    return Run(seq=seq, output="main", state="frozen", boot="b" * 32, **start, **end)


def runs(*seqs: int) -> Runs:
    return Runs(**STAMP, runs=[run_of(seq) for seq in seqs])  # type: ignore[arg-type]


def put(ledger: Ledger, kind: Kind, message: Message | bytes, reason: str = "unregistered") -> None:
    body = message if isinstance(message, bytes) else encode(message)
    row = {"received_ms": CLOCK.wall, "topic": topic(PLAYER, kind), "reason": reason, "detail": "d", "body": body}
    ledger.write_now(lambda connection: connection.execute(insert(schema.quarantine), [row]).rowcount)


def seqs(connection: Connection) -> list[int]:
    return sorted(connection.scalars(select(schema.runs.c.seq)))


def numbers(ledger: Ledger) -> list[int]:
    return [kept.id for kept in ledger.read_now(kept_messages)]


@pytest.fixture
def path(ledger: Ledger) -> Path:
    """A ledger that no collector holds, with three messages that were refused once."""
    put(ledger, "runs", runs(1, 2))
    put(ledger, "runs", b"{", "malformed")
    put(ledger, "gone", Gone(boot="b" * 32))
    ledger.close()
    return ledger.path


def command(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    status = main(["quarantine", *(str(argument) for argument in arguments)])
    out, err = capsys.readouterr()
    return status, out, err


def test_what_is_understood_now_is_taken_and_leaves_and_the_rest_stays(
    path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, out, _ = command(capsys, "retry", "--all", "--ledger", path)
    assert status == 0
    first, second, third, last = out.splitlines()
    assert first.split() == ["1", "taken"]
    assert second.split()[:2] == ["2", "malformed:"]
    assert third.endswith("invalid: a last will speaks of its moment only: drop it")
    assert last == "1 taken, 2 refused again"
    ledger = Ledger.open(path)
    assert ledger.read_now(seqs) == [1, 2]
    assert numbers(ledger) == [2, 3]
    ledger.close()


def test_filters_choose_and_json_tells_the_outcome(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = command(capsys, "retry", "--all", "--reason", "unregistered", "--ledger", path, "--format", "json")
    assert [json.loads(line)["taken"] for line in out.splitlines()] == [True, False]


def test_a_retry_says_nothing_of_the_present(ledger: Ledger) -> None:
    hello = Hello(**STAMP, agent="1", interval_s=15, outputs=[])  # type: ignore[arg-type]
    put(ledger, "hello", hello)
    put(ledger, "heartbeat", Heartbeat(**STAMP, open=[]))  # type: ignore[arg-type]
    ledger.close()
    answer = order(ledger.path, QuarantineRequest(Retry(Selection()), "ana"), CLOCK.wall + 10**9)
    assert all(result.taken for result in answer.retried)
    again = Ledger.open(ledger.path)
    device = again.read_now(lambda found: found.execute(select(schema.devices)).one())
    assert (device.boot, device.hello, device.last_received_ms) == (None, None, CLOCK.wall)
    again.close()


def test_dropping_needs_a_reason_and_is_journaled(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["quarantine", "drop", "1", "--ledger", str(path)])
    capsys.readouterr()
    which = ("--all", "--reason", "malformed")
    status, out, _ = command(capsys, "drop", *which, "--why", "a test", "--who", "ana", "--ledger", path)
    assert (status, out.splitlines()[0]) == (0, "dropped 1 (1 malformed)")
    ledger = Ledger.open(path)
    (entry,) = ledger.read_now(journal.entries)
    assert (entry.who, entry.kind) == ("ana", "quarantine.drop")
    assert isinstance(entry.after, dict)
    assert (entry.after["why"], entry.after["dropped"]) == ("a test", {"malformed": 1})
    assert ledger.read_now(journal.verify) == []
    assert numbers(ledger) == [1, 3]
    ledger.close()


@pytest.mark.parametrize(
    ("arguments", "finding"),
    [([], "quarantine.choice"), (["1", "--all"], "quarantine.choice"), (["9"], "quarantine.unknown")],
)
def test_a_choice_that_is_none_is_refused(
    path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], finding: str
) -> None:
    status, out, err = command(capsys, "retry", *arguments, "--ledger", path)
    assert (status, out) == (1, "")
    assert err.endswith(f"[{finding}]\n")


class Running:
    """An ingest that runs on the ledger, with its admin socket."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.acks: list[tuple[Address, Ack]] = []
        self.outcomes: list[Outcome] = []
        self.ingest = Ingest(ledger, CLOCK, lambda *ack: self.acks.append(ack), self.outcomes.append, lambda *_: None)

    async def order(self, request: QuarantineRequest) -> object:
        return await asyncio.to_thread(order, self.ledger.path, request, 0)


@pytest.fixture
async def running(ledger: Ledger) -> AsyncIterator[Running]:
    found = Running(ledger)
    await found.ingest.load()
    working = spawn(found.ingest.run(), "ingest")

    async def changed(_: object) -> None:
        return

    desk = AdminDesk(ledger, CLOCK, changed, [], quarantine=found.ingest.order)
    server = await serve_admin(socket_path(ledger.path), desk)
    yield found
    await server.close()
    await cancel(working)


async def test_the_running_collector_takes_it_in_tells_its_view_and_the_agent(running: Running) -> None:
    put(running.ledger, "runs", runs(7))
    await running.order(QuarantineRequest(Retry(Selection(ids=(1,))), "ana"))
    assert running.acks == [(PLAYER, Ack(spool="5" * 32, seqs=[(7, 7)]))]
    assert [row.seq for outcome in running.outcomes for _, row in outcome.rows] == [7]
    assert numbers(running.ledger) == []


async def test_trying_twice_changes_nothing(running: Running) -> None:
    for _ in range(2):
        put(running.ledger, "runs", runs(7))
        await running.order(QuarantineRequest(Retry(Selection()), "ana"))
    assert running.ledger.read_now(seqs) == [7]


async def test_the_running_collector_drops(running: Running) -> None:
    put(running.ledger, "runs", runs(7))
    await running.order(QuarantineRequest(Drop(Selection(ids=(1,)), "no use"), "ana"))
    assert numbers(running.ledger) == []


async def test_a_full_disk_is_told_as_such(running: Running) -> None:
    put(running.ledger, "runs", runs(*range(200)))
    await running.ledger.write(_fill)
    with pytest.raises(ConfigError, match=r"the ledger cannot be written .*disk has room.*\[quarantine\.ledger\]"):
        await running.order(QuarantineRequest(Retry(Selection(ids=(1,))), "ana"))
    assert running.ledger.read_now(seqs) == []


def _fill(connection: Connection) -> None:
    pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
    connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
