"""SIGKILL at the n-th write, fsync, truncate and unlink of an erasure: it is done whole or not at all, and goes on."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

from collector.ledger import audit, erasure
from collector.ledger.check import check
from collector.ledger.ledger import Ledger
from signwatch.cli import main
from tests.collector.erasure.samples import fill_both
from tests.fixtures.processes import Processes
from tests.fixtures.shim import Shim

CALLS: Final = ("write", "fsync", "truncate", "unlink")
SAMPLE: Final = ("write:12", "fsync:3")
pytestmark = pytest.mark.system


def survives(processes: Processes, shim: Shim, kill: str) -> bool:
    """Erase under that kill, then once more without; whether it was killed at all."""
    folder = processes.folder / kill.replace(":", "-")
    folder.mkdir()
    ledger = Ledger.open(folder / "ledger.db")
    fill_both(ledger)
    other = ledger.read_now(lambda found: erasure.count(found, "zeta"))
    mine = ledger.read_now(lambda found: erasure.count(found, "acme"))
    ledger.close()
    command = ["tenant", "erase", "acme", "--ledger", str(ledger.path), "--why", "over", "--yes", "--force"]
    process = processes.signwatch(*command, name=folder.name, env=shim.env(folder, kill=kill))
    killed = process.wait(120) != 0
    assert process.wait() == (-9 if killed else 0), process.tail()
    half = Ledger.open(ledger.path)
    assert half.read_now(lambda found: erasure.count(found, "acme")) in ({}, mine), f"{kill}: whole or not at all"
    assert half.read_now(audit.verify).problems == [], kill
    half.close()
    assert main(command) == 0, f"{kill}: the command goes on"
    done = Ledger.open(ledger.path)
    assert done.read_now(lambda found: erasure.count(found, "acme")) == {}
    assert done.read_now(lambda found: erasure.count(found, "zeta")) == other
    assert done.read_now(audit.verify).problems == done.read_now(check) == []
    past = done.read_now(lambda found: erasure.latest(found, "acme"))
    assert past is not None
    assert past.finished is not None
    done.close()
    assert not [path.name for path in ledger.path.parent.glob("ledger.db*") if holds(path, b"acme film")], kill
    return killed


def holds(path: Path, word: bytes) -> bool:
    return path.is_file() and word in path.read_bytes()


@pytest.mark.parametrize("kill", SAMPLE)
def test_an_erasure_that_is_killed_is_whole_or_not_begun_and_can_be_finished(
    processes: Processes, shim: Shim, kill: str
) -> None:
    assert survives(processes, shim, kill)


@pytest.mark.slow
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("call", CALLS)
def test_an_erasure_that_is_killed_at_any_call_can_be_finished(processes: Processes, shim: Shim, call: str) -> None:
    number = 1
    while survives(processes, shim, f"{call}:{number}"):
        number += 1
    print(f"\n{call}: killed at {number - 1} of {number - 1} calls")  # noqa: T201 - the figure of the long run
