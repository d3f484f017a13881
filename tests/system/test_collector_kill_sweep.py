"""SIGKILL at the n-th write, fsync, truncate, rename, unlink and send of the real collector; then it starts again.

Whatever n: it starts, every run that was acknowledged before is in the ledger, no run is there twice, the journal
verifies, and a registry change that was answered is there.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Final

import pytest

from collector.evidence import RunRow
from collector.ledger import audit, schema
from collector.ledger.check import check
from collector.ledger.ledger import Ledger
from collector.ledger.registry_store import read_registry
from collector.registry import backend
from collector.registry.files import SourceFile
from collector.registry.plan import ApplyRequest
from common.config import ConfigError
from tests.collector.reporter import RUN_MS, Reporter, run_of
from tests.fixtures.mosquitto import Mosquitto, StartMosquitto
from tests.fixtures.processes import Process, Processes
from tests.fixtures.shim import Shim
from tests.fixtures.waiting import LOOPBACK, free_port, until

CALLS: Final = ("write", "fsync", "truncate", "rename", "unlink", "send")
SAMPLE: Final = ("write:180", "fsync:14", "send:9")  # in the midst of intake; the slow run takes them all
BATCHES: Final = [range(first, first + 5) for first in range(1, 21, 5)]
ALL: Final = {seq for batch in BATCHES for seq in batch}
AT_ONCE: Final = 3
PLAYER: Final = (
    '[[tenants]]\nid = "acme"\n[[devices]]\ntenant = "acme"\nid = "{device}"\n[[devices.outputs]]\nid = "main"\n'
)
pytestmark = pytest.mark.system


class Sweep:
    """Collectors, each with a broker of its own (they hear every tenant), each killed at its own call."""

    def __init__(self, processes: Processes, start_mosquitto: StartMosquitto, shim: Shim, folder: Path) -> None:
        self._processes, self._brokers, self._shim, self._folder = processes, start_mosquitto, shim, folder
        self._turn = asyncio.Semaphore(AT_ONCE)

    async def survives(self, kill: str) -> bool:
        """Live under that kill, live on without, and look at what is left; whether it was killed at all."""
        async with self._turn:
            broker = self._brokers(name=f"broker-{kill.replace(':', '-')}")
            async with Reporter(broker, kill.replace(":", "-")) as device:
                killed = await self._survives(kill, broker, device)
            broker.stop()
            return killed

    async def _survives(self, kill: str, broker: Mosquitto, device: Reporter) -> bool:
        folder = self._folder / device.address.device
        folder.mkdir()
        collector = self._start(folder, broker, self._shim.env(folder, kill=kill))
        registered = await self._live(collector, device, folder / "ledger.db")
        if collector.alive:
            await asyncio.to_thread(collector.stop)
        killed = collector.wait() != 0
        assert collector.wait() == (-9 if killed else 0), collector.tail()
        acked = set(device.acked)
        again = self._start(folder, broker, {})
        await up_or_dead(again)
        assert await device.deliver(ALL, lambda: again.alive), f"{kill}: it starts again, and takes everything"
        assert await asyncio.to_thread(again.stop) == 0
        self._look(kill, folder / "ledger.db", acked, registered=device.address.device if registered else "")
        return killed

    def _start(self, folder: Path, broker: Mosquitto, env: dict[str, str]) -> Process:
        config = folder.with_suffix(".toml")
        config.write_text(
            f'[ledger]\npath = "{folder}/ledger.db"\n'
            f'[mqtt]\nhost = "{broker.host}"\nport = {broker.port}\n'
            f'[web]\nlisten = "{LOOPBACK}:{free_port()}"\n',
            encoding="utf-8",
        )
        command = ("collector", "run", "--config", config)
        return self._processes.signwatch(*command, name=f"{folder.name}-{len(self._processes.all)}", env=env)

    async def _live(self, collector: Process, device: Reporter, ledger: Path) -> bool:
        """Take in four batches, and a registry change in their midst; whether that change was answered."""
        await up_or_dead(collector)
        await device.greet()
        registered = False
        for number, batch in enumerate(BATCHES):
            if not await device.deliver(batch, lambda: collector.alive):
                break
            if number == 1:
                registered = await asyncio.to_thread(register, ledger, device.address.device)
        return registered

    def _look(self, kill: str, path: Path, acked: set[int], registered: str) -> None:
        ledger = Ledger.open_read_only(path)
        device_of = schema.runs.join(schema.devices, schema.runs.c.device_id == schema.devices.c.id)
        rows = ledger.read_now(lambda found: found.execute(schema.runs.select().select_from(device_of)).all())
        runs = sorted((RunRow(*row) for row in rows if row.spool == "reporter-spool"), key=lambda row: row.seq)
        assert acked <= {row.seq for row in runs}, f"{kill}: an acknowledged run is missing"
        assert [row.seq for row in runs] == sorted(ALL), f"{kill}: every run is there, once"
        for row in runs:
            said = run_of(row.seq)
            assert (row.state, row.start_mono_ms, row.end_mono_ms) == (said.state, said.start_mono_ms, said.end_mono_ms)
            assert (row.end_ms - row.start_ms, row.closed) == (RUN_MS, True)
        assert ledger.read_now(audit.verify).problems == [], kill
        assert ledger.read_now(check) == [], kill
        if registered:
            assert f"acme/{registered}" in ledger.read_now(read_registry).devices, kill
        ledger.close()


async def up_or_dead(collector: Process) -> None:
    await until(lambda: "collector_ready" in collector.output() or not collector.alive, "it is up, or dead")


def register(ledger: Path, device: str) -> bool:
    """Register the device through the running collector; False where it died over that."""
    request = ApplyRequest([SourceFile("r.toml", PLAYER.format(device=device))], "ana")
    try:
        return backend.apply(ledger, request, 0).applied
    except ConfigError:
        return False


@pytest.fixture
def sweep(processes: Processes, start_mosquitto: StartMosquitto, shim: Shim, tmp_path: Path) -> Sweep:
    return Sweep(processes, start_mosquitto, shim, tmp_path)


async def test_a_kill_at_any_of_these_calls_loses_nothing_that_was_acknowledged(sweep: Sweep) -> None:
    assert all(await asyncio.gather(*map(sweep.survives, SAMPLE)))


@pytest.mark.slow
@pytest.mark.timeout(10_800)
@pytest.mark.parametrize("call", CALLS)
async def test_a_kill_at_every_call_loses_nothing_that_was_acknowledged(sweep: Sweep, call: str) -> None:
    last = 0
    while True:
        wishes = [f"{call}:{last + number}" for number in range(1, AT_ONCE + 1)]
        killed = await asyncio.gather(*map(sweep.survives, wishes))
        last += sum(killed)
        if not all(killed):
            break
    print(f"\n{call}: killed at {last} of {last} calls")  # noqa: T201 - the figure of the long run
