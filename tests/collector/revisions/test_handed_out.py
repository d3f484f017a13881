"""What is handed out of a closed month (bundle, report) is the old file or the new one, whatever kills its writer."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Final

import pytest

from tests.collector.revisions.shop import CONTRACT, MONTH, TEXT, Shop
from tests.fixtures.processes import Processes
from tests.fixtures.shim import Shim

pytestmark = pytest.mark.system
OLD: Final = b"of last year"
COMMANDS: Final = {"export": ["-o"], "report": ["--format", "html", "--output"]}
Writer = Callable[[str, str], tuple[bytes, int]]  # the fault → what stands there then, and the exit status


@pytest.fixture
def writer(shop: Shop, processes: Processes, shim: Shim, tmp_path: Path) -> Writer:
    """Hands out the closed March by a command, over an older file, in a folder that is looked after."""
    shop.close()
    shop.ledger.close()
    contract = tmp_path / f"{CONTRACT}.toml"
    contract.write_text(TEXT, encoding="utf-8")
    where = ["--ledger", str(shop.ledger.path), "--contract", str(contract), "--month", MONTH]

    def write(command: str, fault: str) -> tuple[bytes, int]:
        folder = tmp_path / f"{command}-{fault.replace(':', '-')}"
        folder.mkdir()
        (folder / "march").write_bytes(OLD)
        kill, breaks = (fault, None) if fault.count(":") == 1 else (None, fault)
        env = shim.env(folder, kill=kill, breaks=breaks)
        arguments = [*where, *COMMANDS[command], str(folder / "march")]
        process = processes.signwatch("sla", command, *arguments, name=f"{folder.name}-process", env=env)
        status = process.wait(120)
        assert "Traceback" not in process.output()
        if status == 1:
            assert "march: cannot be written" in process.output()
            assert [path.name for path in folder.iterdir()] == ["march"], "nothing is left lying about"
        return (folder / "march").read_bytes(), status

    return write


@pytest.mark.parametrize("fault", ["fsync:1", "write:1:full"])
def test_a_bundle_whose_writing_fails_is_the_old_one(writer: Writer, fault: str) -> None:
    stands, status = writer("export", fault)
    assert (stands, status) == (OLD, -9 if fault == "fsync:1" else 1)


@pytest.mark.slow
@pytest.mark.parametrize("command", COMMANDS)
def test_a_file_whose_writing_fails_at_any_call_is_the_old_one_or_the_new_one(writer: Writer, command: str) -> None:
    new, status = writer(command, "write:1000")
    assert (status, new[:4] in {b"PK\x03\x04", b"<!do"}) == (0, True)
    stood = {}
    for call in ("write", "fsync", "rename", "unlink"):
        for number in count(1):
            stood[f"{call}:{number}"] = writer(command, f"{call}:{number}")
            if stood[f"{call}:{number}"][1] == 0:
                break
    for fault in ("write:1:full", "write:1:broken", "fsync:1:broken"):
        stood[fault] = writer(command, fault)
        assert stood[fault] == (OLD, 1)
    assert {stands for stands, _ in stood.values()} == {OLD, new}
    assert stood["fsync:1"] == stood["rename:1"] == (OLD, -9)
    assert stood["fsync:2"] == (new, -9), "the folder is synced last, when the file has its name"
