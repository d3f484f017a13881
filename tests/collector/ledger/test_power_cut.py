"""The power fails between any two calls of the real collector: what it had acknowledged is in the ledger.

A real collector is recorded (tests/fixtures/shim.c) from its first start on an empty folder; tests/agent/crash.py
builds what a cut after each call could leave of the folder: unsynced writes lost, torn, or arrived out of order. On
each of them (on each ninth, but for the slow run) a ledger is opened. A run counts as acknowledged from the moment at
which its ack was sent to the broker. The control is the same collector under eatmydata, whose fsync does nothing: it
must fail.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from collector.ledger import schema
from collector.ledger.ledger import Ledger, LedgerError
from tests.agent.crash import Disk
from tests.collector.reporter import SPOOL, Reporter
from tests.fixtures.mosquitto import Mosquitto
from tests.fixtures.processes import Processes
from tests.fixtures.shim import Call, Shim, recorded
from tests.fixtures.waiting import LOOPBACK, free_port, until
from wire.messages import Ack, MessageError, decode

BATCHES: Final = 5
EVERY: Final = 9  # an odd number, so that each variant has its turn
pytestmark = pytest.mark.system


async def record(
    processes: Processes, broker: Mosquitto, shim: Shim, folder: Path, *, unsynced: bool = False
) -> list[Call]:
    """A collector's calls while it takes in five runs, each acknowledged before the next, until it is killed."""
    (ledger := folder / "ledger").mkdir(parents=True)
    config, log = folder / "collector.toml", folder / "calls.log"
    config.write_text(
        f'[ledger]\npath = "{ledger}/ledger.db"\n[mqtt]\nhost = "{broker.host}"\nport = {broker.port}\n'
        f'[web]\nlisten = "{LOOPBACK}:{free_port()}"\n',
        encoding="utf-8",
    )
    env = shim.env(ledger, log=log, unsynced=unsynced)
    collector = processes.signwatch("collector", "run", "--config", config, name=folder.name, env=env)
    async with Reporter(broker, "p1") as device:
        await until(lambda: "broker_connected" in collector.output(), "it listens")
        for seq in range(1, BATCHES + 1):
            assert await device.deliver([seq], lambda: collector.alive)
    collector.kill()
    return list(recorded(log))


def acknowledged(call: Call) -> set[int]:
    """Seqs in an ack among the bytes that were sent; small packets are sent whole."""
    start = call.data.find(b'{"spool":"' + SPOOL.encode())
    if start < 0:
        return set()
    try:
        ack = decode("ack", call.data[start : call.data.index(b"}", start) + 1])
    except (MessageError, ValueError):
        return set()
    assert isinstance(ack, Ack)
    return {seq for first, last in ack.seqs for seq in range(first, last + 1)}


def cuts(calls: list[Call], folder: Path) -> Iterator[tuple[str, set[int], dict[str, bytes]]]:
    """Every state that a cut could leave: when, what was acknowledged by then, the files."""
    disk, acked = Disk(folder), set[int]()
    for number, call in enumerate(calls):
        if call.what == "send":
            acked |= acknowledged(call)
            continue
        disk.after(call)
        if acked:
            for variant, files in enumerate(disk.left()):
                yield f"after call {number} ({call.what}), variant {variant}", set(acked), files
    for variant, files in enumerate(disk.left()):
        yield f"after all, variant {variant}", set(acked), files


def lost(calls: list[Call], folder: Path, scratch: Path, every: int = 1) -> Iterator[str]:
    """What is missing after a cut anywhere, one sentence each."""
    for number, (when, acked, files) in enumerate(cuts(calls, folder)):
        if number % every:
            continue
        place = scratch / str(number)
        place.mkdir()
        for name, content in files.items():
            (place / name).write_bytes(content)
        try:
            seqs = stored(place / "ledger.db")
        except LedgerError as error:
            yield f"{when}: the ledger cannot be opened: {error}"
            continue
        if acked - seqs:
            yield f"{when}: {sorted(acked - seqs)} were acknowledged and are gone"


def stored(path: Path) -> set[int]:
    """The seqs in a ledger that a collector opens after the cut; its pages must be sound."""
    ledger = Ledger.open(path)
    seqs = ledger.read_now(lambda found: set(found.scalars(schema.runs.select().with_only_columns(schema.runs.c.seq))))
    ledger.close()
    with sqlite3.connect(path) as raw:
        assert raw.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    raw.close()
    return seqs


@pytest.mark.parametrize("every", [EVERY, pytest.param(1, marks=pytest.mark.slow)])
async def test_what_was_acknowledged_survives_a_power_cut_between_any_two_calls(
    processes: Processes, mosquitto: Mosquitto, shim: Shim, tmp_path: Path, every: int
) -> None:
    calls = await record(processes, mosquitto, shim, tmp_path / "synced")
    assert {seq for call in calls if call.what == "send" for seq in acknowledged(call)} == set(range(1, BATCHES + 1))
    (scratch := tmp_path / "cuts").mkdir()
    assert list(lost(calls, tmp_path / "synced" / "ledger", scratch, every)) == []
    cut = len(list(scratch.iterdir()))
    assert cut > 2 * BATCHES
    print(f"\n{cut} cuts")  # noqa: T201 - the figure of the long run


async def test_under_eatmydata_the_same_collector_loses_what_it_had_acknowledged(
    processes: Processes, mosquitto: Mosquitto, shim: Shim, tmp_path: Path
) -> None:
    calls = await record(processes, mosquitto, shim, tmp_path / "unsynced", unsynced=True)
    assert not any(call.what == "fsync" for call in calls)
    (scratch := tmp_path / "cuts").mkdir()
    found = next(lost(calls, tmp_path / "unsynced" / "ledger", scratch), "nothing is lost")
    assert found.endswith("were acknowledged and are gone") or "cannot be opened" in found
