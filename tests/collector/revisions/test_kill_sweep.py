"""SIGKILL, a full disk or a broken one at the n-th call while a month is being closed, revised or handed out.

Whatever n: afterwards there is the revision that was there before and nothing else, or a new one, whole: its bundle
is computed again and comes out equal. Closing once more never makes a second one of the same inputs, the journal has
one entry a revision, and a file that is handed out is the old one, the new one, or not there.
"""

from __future__ import annotations

import shutil
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest
from sqlalchemy import Connection

from collector.ledger import audit, schema
from collector.ledger.check import check
from collector.ledger.ledger import Ledger
from collector.ledger.revision_store import KIND, list_revisions
from collector.revisions.bundle import write_bundle
from collector.revisions.shelf import Wanted, journal_part, take_closed
from collector.revisions.verify import verify
from signwatch.cli import main
from tests.collector.revisions.shop import CONTRACT, MONTH, TENANT, TEXT, Shop, all_month, run
from tests.fixtures.processes import ROOT, Process, Processes
from tests.fixtures.shim import Shim, recorded

pytestmark = pytest.mark.system
KILLED: Final = -9
TRIES_AGAIN: Final = "months_not_checked"  # says the keeper, and looks again in five minutes
HOWS: Final = ("ordered", "revised", "by_itself")
Numbers = dict[str, int]  # month → how many revisions


@dataclass
class Closing:
    """A ledger of which copies are closed, each under another fault. `want`: how it is in the end."""

    processes: Processes
    shim: Shim
    folder: Path
    command: list[str]
    before: Numbers
    want: Numbers

    def survives(self, kill: str) -> bool:
        """Close under that kill, and once more without; whether it was killed at all."""
        process, ledger = self._close(kill.replace(":", "-"), kill=kill)
        killed = process.wait(120) != 0
        assert process.wait() == (KILLED if killed else 0), process.tail()
        self._look(ledger, kill, done=not killed)
        return killed

    def bears(self, fault: str) -> None:
        """Close on a disk that fails so, and once more on a sound one."""
        process, ledger = self._close(fault.replace(":", "-"), breaks=fault)
        failed, held = process.wait(120) != 0, TRIES_AGAIN in process.output()
        assert "Traceback" not in process.output() or held, process.tail()
        done = whole_revisions(ledger) == self.want
        assert done or failed or held, f"{fault}: nobody was told"
        assert done or not (held and fault.endswith("once")), f"{fault}: it does not try again"
        self._look(ledger, fault, done=done)

    def calls(self) -> Counter[str]:
        """How many calls of each kind an unharmed closing makes."""
        log = self.processes.folder / "calls"
        process, _ = self._close("unharmed", log=log)
        assert process.wait(120) == 0
        return Counter(call.what for call in recorded(log))

    def _close(self, name: str, **wishes: Any) -> tuple[Process, Path]:
        folder = self.processes.folder / name
        shutil.copytree(self.folder, folder)
        command = [part.replace(str(self.folder), str(folder)) for part in self.command]
        env = {"PYTHONPATH": str(ROOT), **self.shim.env(folder, **wishes)}
        return self.processes.start([sys.executable, "-m", *command], name, env), folder / "ledger.db"

    def _look(self, path: Path, fault: str, *, done: bool) -> None:
        first = whole_revisions(path)
        for month, number in first.items():
            assert number in {self.before.get(month, 0), self.want[month]}, f"{fault}: {month}"
        assert not done or first == self.want, fault
        for _ in range(2):  # what is closed stays as it is, however often
            month = ["--month", MONTH, "--contract", str(path.with_name(f"{CONTRACT}.toml")), "--ledger", str(path)]
            assert main(["sla", "close", *month]) == 0, fault
            assert whole_revisions(path)[MONTH] == self.want[MONTH], fault


def whole_revisions(path: Path) -> Numbers:
    """The revisions that are there, all of them whole, in a ledger that is sound."""
    ledger = Ledger.open(path)
    try:
        assert ledger.read_now(audit.verify).problems == []
        assert ledger.read_now(check) == []
        return ledger.read_now(_whole_revisions)
    finally:
        ledger.close()


def _whole_revisions(found: Connection) -> Numbers:
    numbers: Numbers = {}
    for each in list_revisions(found):
        month, number = each.manifest.month, each.manifest.number
        assert number == numbers.get(month, 0) + 1
        numbers[month] = number
        taken = take_closed(found, Wanted(CONTRACT, month, TENANT, number))
        assert verify(write_bundle(taken.frozen, journal_part(found, taken)), each.seal).problems == []
    told = found.execute(schema.journal.select().where(schema.journal.c.kind == KIND)).all()
    assert len(told) == sum(numbers.values())
    return numbers


def closing(how: str, shop: Shop, processes: Processes, shim: Shim, folder: Path) -> Closing:
    """`ordered`: by the command; `revised`: by the command, when evidence has come late; `by_itself`: by a keeper."""
    source = folder / "source"
    source.mkdir()
    ledger, contract = source / "ledger.db", source / f"{CONTRACT}.toml"
    before: Numbers = {}
    if how == "revised":
        shop.close()
        shop.send(*all_month("p3"), run("p2", "03-12T00:00", "03-12T20:00", "frozen"))
        before = {MONTH: 1}
    shop.ledger.close()
    shutil.copy(shop.ledger.path, ledger)
    contract.write_text(TEXT, encoding="utf-8")
    command = ["signwatch", "sla", "close", "--contract", str(contract), "--ledger", str(ledger), "--month", MONTH]
    want = {MONTH: before.get(MONTH, 0) + 1}
    if how == "by_itself":
        command = ["tests.collector.revisions.closer", str(ledger), str(contract)]
        want = {"2026-02": 1, MONTH: 1}
    return Closing(processes, shim, source, command, before, want)


@pytest.mark.parametrize(
    ("how", "kill"), [("ordered", "write:12"), ("revised", "fsync:2"), ("by_itself", "write:30")], ids=str
)
def test_a_closing_that_is_killed_is_whole_or_not_begun(
    shop: Shop, processes: Processes, shim: Shim, tmp_path: Path, how: str, kill: str
) -> None:
    assert closing(how, shop, processes, shim, tmp_path).survives(kill)


@pytest.mark.parametrize(
    ("how", "fault"),
    [("ordered", "write:9:full"), ("by_itself", "write:20:once"), ("revised", "fsync:1:broken")],
    ids=str,
)
def test_a_closing_on_a_disk_that_fails_is_whole_or_not_begun(
    shop: Shop, processes: Processes, shim: Shim, tmp_path: Path, how: str, fault: str
) -> None:
    closing(how, shop, processes, shim, tmp_path).bears(fault)


@pytest.mark.slow
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("call", ["write", "fsync", "truncate", "rename", "unlink"])
@pytest.mark.parametrize("how", HOWS)
def test_a_closing_that_is_killed_at_any_call_is_whole_or_not_begun(
    shop: Shop, processes: Processes, shim: Shim, tmp_path: Path, how: str, call: str
) -> None:
    one, number = closing(how, shop, processes, shim, tmp_path), 1
    while one.survives(f"{call}:{number}"):
        number += 1
    print(f"\n{how}: killed at {number - 1} of {number - 1} calls of {call}")  # noqa: T201 - the figure of the long run


@pytest.mark.slow
@pytest.mark.timeout(7200)
@pytest.mark.parametrize(("call", "fault"), [("write", "full"), ("write", "once"), ("fsync", "broken")])
@pytest.mark.parametrize("how", HOWS)
def test_a_closing_on_a_disk_that_fails_at_any_call_is_whole_or_not_begun(
    shop: Shop, processes: Processes, shim: Shim, tmp_path: Path, how: str, call: str, fault: str
) -> None:
    one = closing(how, shop, processes, shim, tmp_path)
    calls = one.calls()[call]
    assert calls > 0
    for number in range(1, calls + 1):
        one.bears(f"{call}:{number}:{fault}")
    print(f"\n{how}: {call} failed ({fault}) at each of {calls} calls")  # noqa: T201 - the figure of the long run
