"""A backup is a consistent, checked copy, made while a collector writes; restored, it goes on from there."""

from __future__ import annotations

import os
import resource
import sqlite3
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from sqlalchemy import Connection, func, select, update

from collector.ledger import audit, journal, schema
from collector.ledger.backup import backup, restore
from collector.ledger.evidence_store import EvidenceStore
from collector.ledger.intake import Received
from collector.ledger.ledger import Ledger, LedgerBusyError, LedgerError
from collector.ledger.registry_store import apply_request, read_registry
from collector.registry.files import SourceFile
from collector.registry.plan import ApplyRequest
from signwatch.cli import main
from tests.fixtures.processes import ROOT
from wire.messages import Run, Runs
from wire.topics import Address

NOW: Final = 1_772_323_200_000
ACME: Final = '[[tenants]]\nid = "acme"\nname = "Acme"\n'


def decide(connection: Connection) -> None:
    apply_request(connection, ApplyRequest([SourceFile("r.toml", ACME)], "ana"), NOW)


def add_runs(connection: Connection, first: int, count: int) -> list[int]:
    """Closed runs as a device sends them; the seqs that may be acknowledged after the commit."""
    seqs = range(first, first + count)
    runs = [
        Run(
            seq=seq,
            output="main",
            state="playing",
            boot="b1",
            start_ms=NOW + seq * 10,
            start_mono_ms=seq * 10,
            end_ms=NOW + seq * 10 + 10,
            end_mono_ms=seq * 10 + 10,
        )
        for seq in seqs
    ]
    last = seqs[-1] * 10 + 10
    message = Runs(spool="s1", boot="b1", sent_ms=NOW + last, mono_ms=last, synced=True, runs=runs)
    store = EvidenceStore()
    store.load(connection)
    outcome = store.apply(connection, [Received(Address("acme", "p1"), message, NOW + last)], [])
    return next(iter(outcome.acks.values()))


def run_count(connection: Connection) -> int:
    return connection.execute(select(func.count()).select_from(schema.runs)).scalar_one()


@pytest.fixture
def filled(ledger: Ledger) -> Iterator[Ledger]:
    ledger.write_now(decide)
    ledger.write_now(lambda connection: add_runs(connection, 1, 3000))
    return ledger


def test_a_backup_holds_what_was_committed_and_is_one_file_for_its_owner_only(filled: Ledger, tmp_path: Path) -> None:
    told: list[tuple[str, int, int]] = []
    done = backup(filled.path, tmp_path / "copy.db", tell=lambda *step: told.append(step))
    assert done.problems == []
    assert done.head == filled.read_now(journal.head)
    assert (told[0][0], told[-1]) == ("copying ledger.db", ("checking the copy", 2, 2))
    assert sorted(path.name for path in tmp_path.glob("*copy*")) == ["copy.db"]
    assert stat.S_IMODE((tmp_path / "copy.db").stat().st_mode) == 0o600
    copy = Ledger.open_read_only(tmp_path / "copy.db")
    assert copy.read_now(run_count) == 3000
    copy.close()


def test_a_backup_made_while_evidence_pours_in_is_of_one_instant(filled: Ledger, tmp_path: Path) -> None:
    enough, counts = threading.Event(), list[int]()

    def pour() -> None:
        first = 3001
        while not enough.is_set():
            filled.write_now(lambda connection, at=first: add_runs(connection, at, 20))  # type: ignore[misc]
            first += 20

    pouring = threading.Thread(target=pour)
    pouring.start()
    for number in range(3):
        counts.append(filled.read_now(run_count))
        backup(filled.path, tmp_path / f"copy{number}.db")
        counts.append(filled.read_now(run_count))
    enough.set()
    pouring.join()
    assert counts[-1] > counts[0]
    for number in range(3):
        copy = Ledger.open_read_only(tmp_path / f"copy{number}.db")
        rows = copy.read_now(run_count)
        copy.close()
        assert counts[2 * number] <= rows <= counts[2 * number + 1]
        assert (rows - 3000) % 20 == 0  # whole transactions


def test_the_ledger_of_a_stopped_collector_is_backed_up_too(filled: Ledger, tmp_path: Path) -> None:
    filled.close()
    assert backup(filled.path, tmp_path / "copy.db").rows > 3000


def test_nothing_is_overwritten_unless_asked(filled: Ledger, tmp_path: Path) -> None:
    target = tmp_path / "copy.db"
    target.write_text("precious", encoding="utf-8")
    with pytest.raises(LedgerError, match=r"copy\.db: exists already; name another file, or overwrite it with --force"):
        backup(filled.path, target)
    assert target.read_text(encoding="utf-8") == "precious"
    backup(filled.path, target, force=True)
    assert target.read_bytes().startswith(b"SQLite format 3")


def test_a_backup_never_takes_the_place_of_a_device_or_a_pipe(filled: Ledger, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(LedgerError, match="is no ordinary file"):
        backup(filled.path, pipe, force=True)
    assert pipe.is_fifo()


@pytest.mark.parametrize("name", ["ledger.db", "ledger.db-wal", "ledger.db.lock", "./ledger.db"])
def test_a_backup_never_lands_on_the_ledger_itself(filled: Ledger, tmp_path: Path, name: str) -> None:
    with pytest.raises(LedgerError, match="is the ledger itself, or belongs to it"):
        backup(filled.path, tmp_path / name, force=True)
    assert filled.read_now(run_count) == 3000


@pytest.mark.parametrize(
    ("name", "told"), [("nowhere/copy.db", "No such file or directory"), ("", "is a folder; name a file in it")]
)
def test_a_place_that_cannot_be_written_is_told_with_the_remedy(
    filled: Ledger, tmp_path: Path, name: str, told: str
) -> None:
    with pytest.raises(LedgerError, match=told):
        backup(filled.path, tmp_path / name)


def limit_file_size() -> None:
    """What a full disk is to the copy: no file may grow beyond 64 KiB."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (65_536, 65_536))


def test_a_disk_without_room_leaves_no_half_backup(filled: Ledger, tmp_path: Path) -> None:
    target = tmp_path / "small" / "copy.db"
    target.parent.mkdir()
    target.write_text("the one of yesterday", encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "signwatch", "ledger", "backup", target, "--ledger", filled.path, "--force"],
        preexec_fn=limit_file_size,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "copy.db: the copy failed" in done.stderr
    assert "check the ledger, and the space for the copy" in done.stderr
    assert [path.name for path in target.parent.iterdir()] == ["copy.db"]
    assert target.read_text(encoding="utf-8") == "the one of yesterday"


def damage(path: Path) -> None:
    """Wipe a page in the middle, as a dying disk does."""
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(size // 2 // 4096 * 4096)
        file.write(b"\xa5" * 4096)


def test_a_damaged_ledger_does_not_replace_a_good_backup(filled: Ledger, tmp_path: Path) -> None:
    target = tmp_path / "copy.db"
    backup(filled.path, target)
    before = target.read_bytes()
    filled.close()
    damage(filled.path)
    with pytest.raises(LedgerError, match=r"is damaged \(|the copy failed \("):
        backup(filled.path, target, force=True)
    assert target.read_bytes() == before


def test_a_ledger_that_somebody_tampered_with_is_copied_and_told(filled: Ledger, tmp_path: Path) -> None:
    filled.write_now(lambda connection: connection.execute(update(schema.tenants).values(name="Other")))
    done = backup(filled.path, tmp_path / "copy.db")
    assert done.problems == ['registry.tenant acme is not what entry 1 wrote: name "Acme" → "Other"']


def test_a_restored_backup_goes_on_where_it_was_made(filled: Ledger, tmp_path: Path) -> None:
    backup(filled.path, tmp_path / "copy.db")
    head = filled.read_now(journal.head)
    filled.write_now(lambda connection: add_runs(connection, 3001, 5))
    filled.close()
    aside = restore(tmp_path / "copy.db", filled.path, "20260301T000000Z")
    assert aside == tmp_path / "ledger.db.replaced-20260301T000000Z"
    again = Ledger.open(filled.path)
    assert again.read_now(run_count) == 3000
    assert again.read_now(lambda found: audit.verify(found, head)).problems == []
    assert set(again.read_now(read_registry).tenants) == {"acme"}
    assert again.write_now(lambda connection: add_runs(connection, 2999, 4)) == [2999, 3000, 3001, 3002]
    assert again.read_now(run_count) == 3002
    again.close()
    before = Ledger.open(aside)
    assert before.read_now(run_count) == 3005
    before.close()


def test_a_running_collector_s_ledger_is_not_replaced(filled: Ledger, tmp_path: Path) -> None:
    backup(filled.path, tmp_path / "copy.db")
    with pytest.raises(LedgerBusyError, match=r"process \d+"):
        restore(tmp_path / "copy.db", filled.path, "now")


def test_a_damaged_ledger_can_be_replaced_and_is_kept(filled: Ledger, tmp_path: Path) -> None:
    backup(filled.path, tmp_path / "copy.db")
    filled.close()
    filled.path.write_bytes(b"dear diary")
    aside = restore(tmp_path / "copy.db", filled.path, "now")
    assert aside is not None
    assert aside.read_bytes() == b"dear diary"
    again = Ledger.open(filled.path)
    assert again.read_now(run_count) == 3000
    again.close()


@pytest.mark.parametrize("content", [b"", b"dear diary, " * 500])
def test_what_is_no_ledger_is_not_restored(filled: Ledger, tmp_path: Path, content: bytes) -> None:
    filled.close()
    copy = tmp_path / "copy.db"
    copy.write_bytes(content)
    with pytest.raises(LedgerError, match=r"is no ledger|is not a readable ledger|the copy failed"):
        restore(copy, filled.path, "now")
    again = Ledger.open(filled.path)
    assert again.read_now(run_count) == 3000
    again.close()


def test_a_backup_of_a_newer_signwatch_is_not_restored(filled: Ledger, tmp_path: Path) -> None:
    backup(filled.path, tmp_path / "copy.db")
    filled.close()
    with sqlite3.connect(tmp_path / "copy.db") as raw:
        raw.execute("UPDATE alembic_version SET version_num = '9999'")
    raw.close()
    with pytest.raises(LedgerError, match="'9999' is newer than this signwatch: update signwatch"):
        restore(tmp_path / "copy.db", filled.path, "now")


def test_a_backup_of_revision_0001_is_restored_and_brought_up_to_date(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "old.db") as raw:
        raw.executescript(Path(__file__).with_name("ledger-0001.sql").read_text(encoding="utf-8"))
    raw.close()
    backup(tmp_path / "old.db", tmp_path / "copy.db")
    assert restore(tmp_path / "copy.db", tmp_path / "ledger.db", "now") is None
    ledger = Ledger.open(tmp_path / "ledger.db")
    assert ledger.read_now(run_count) == 3
    assert ledger.read_now(audit.verify).problems == []
    ledger.close()


def test_the_commands_back_up_and_restore(filled: Ledger, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    restoring = ["ledger", "restore", str(tmp_path / "copy.db"), "--ledger", str(filled.path)]
    assert main(["ledger", "backup", str(tmp_path / "copy.db"), "--ledger", str(filled.path)]) == 0
    said = capsys.readouterr()
    assert said.err == "copying ledger.db\nchecking the copy\n"
    assert f"checked; the journal ends at {filled.read_now(journal.head)}\n" in said.out
    assert main(restoring) == 1
    assert "stop the collector first [ledger.busy]" in capsys.readouterr().err
    filled.close()
    assert main(restoring) == 0
    assert "ledger.db.replaced-" in capsys.readouterr().out
