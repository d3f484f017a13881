"""A running collector is killed, or its disk fails, at the n-th call after it was ordered to close a month."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Final

import pytest

from signwatch.cli import main
from tests.collector.revisions.shop import CONTRACT, MONTH, TEXT, Shop
from tests.collector.revisions.test_kill_sweep import whole_revisions
from tests.fixtures.mosquitto import Mosquitto
from tests.fixtures.processes import Process, Processes
from tests.fixtures.shim import Shim
from tests.fixtures.waiting import LOOPBACK, free_port

pytestmark = pytest.mark.system
KILLED: Final = -9


class Running:
    """A collector on a copy of the shop's ledger; `trouble`, while it is there, lets its calls be counted and fail."""

    def __init__(self, processes: Processes, broker: Mosquitto, ledger: Path, shim: Shim, fault: str) -> None:
        self.folder = processes.folder / fault.replace(":", "-")
        self.folder.mkdir()
        self.ledger = self.folder / "ledger.db"
        shutil.copy(ledger, self.ledger)
        self.config = self.folder.with_suffix(".toml")
        self.config.with_name(f"{CONTRACT}.toml").write_text(TEXT, encoding="utf-8")
        self.config.write_text(
            f'[ledger]\npath = "{self.ledger}"\n[mqtt]\nhost = "{broker.host}"\nport = {broker.port}\n'
            f'[web]\nlisten = "{LOOPBACK}:{free_port()}"\n[contracts]\nfiles = ["{CONTRACT}.toml"]\n',
            encoding="utf-8",
        )
        self.trouble = processes.folder / f"trouble-{self.folder.name}"
        kill, breaks = (fault, None) if fault.count(":") == 1 else (None, fault)
        env = shim.env(self.folder, kill=kill, breaks=breaks, counted_while=self.trouble)
        self._processes = processes
        self.process = self.start(env)

    def start(self, env: dict[str, str] | None = None) -> Process:
        name = f"{self.folder.name}-{len(self._processes.all)}"
        process = self._processes.signwatch("collector", "run", "--config", self.config, name=name, env=env)
        process.wait_for_output("collector_ready")
        return process

    def close_month(self) -> int:
        return main(["sla", "close", "--contract", CONTRACT, "--config", str(self.config), "--month", MONTH])


@pytest.fixture
def ledger(shop: Shop) -> Path:
    shop.ledger.close()
    return shop.ledger.path


def survives(running: Running) -> bool:
    """Close under a kill, and once more without; whether it was killed at all."""
    running.trouble.touch()
    running.close_month()
    running.trouble.unlink()
    killed = not running.process.alive or running.process.stop() != 0
    assert running.process.wait() == (KILLED if killed else 0)
    assert whole_revisions(running.ledger) in ({}, {MONTH: 1})
    again = running.start()
    assert running.close_month() == 0
    assert again.stop() == 0
    assert whole_revisions(running.ledger) == {MONTH: 1}
    return killed


def test_a_collector_that_is_killed_while_it_closes_has_closed_or_not_begun(
    ledger: Path, processes: Processes, mosquitto: Mosquitto, shim: Shim
) -> None:
    assert survives(Running(processes, mosquitto, ledger, shim, "write:4"))


def test_a_collector_whose_disk_is_full_while_it_closes_says_so_and_closes_when_there_is_room(
    ledger: Path, processes: Processes, mosquitto: Mosquitto, shim: Shim, capsys: pytest.CaptureFixture[str]
) -> None:
    running = Running(processes, mosquitto, ledger, shim, "write:2:full")
    running.trouble.touch()
    assert running.close_month() == 1
    assert "its disk refuses (database or disk is full); make room" in capsys.readouterr().err
    running.trouble.unlink()
    assert running.close_month() == 0
    assert running.process.stop() == 0
    assert whole_revisions(running.ledger) == {MONTH: 1}


@pytest.mark.slow
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("call", ["write", "fsync"])
def test_a_collector_that_is_killed_at_any_call_while_it_closes_has_closed_or_not_begun(
    ledger: Path, processes: Processes, mosquitto: Mosquitto, shim: Shim, call: str
) -> None:
    number = 1
    while survives(Running(processes, mosquitto, ledger, shim, f"{call}:{number}")):
        number += 1
    assert number > 1
    print(f"\nkilled at {number - 1} of {number - 1} calls of {call}")  # noqa: T201 - the figure of the long run
