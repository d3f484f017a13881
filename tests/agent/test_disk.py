"""A disk that fails: full, read-only, broken, in the way. The agent goes on, and comes back by itself."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from agent.backlog import Bounds
from agent.journal import Journal, SpoolBusyError
from agent.spool import Spool
from common.clock import ManualClock
from tests.agent.lives import BIG, DEVICE, Life, aside, ended, live_through, opened, waiting


async def test_a_full_disk_is_survived_in_memory_told_and_mended(life: Life, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.write

    def full(_file: int, _data: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    closed = await live_through(life, 2)
    assert life.spool.trouble == "No space left on device"
    assert waiting(life.spool) == closed  # not durable, but better said than lost
    monkeypatch.setattr(os, "write", real)
    await life.spool.commit()
    assert life.spool.trouble is None
    assert waiting(life.reborn()) == closed


async def test_a_disk_that_fills_up_in_the_middle_of_a_line_leaves_no_trace(
    life: Life, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, room = os.write, [30]

    def nearly_full(file: int, data: bytes) -> int:
        if room[0] == 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        room[0] = 0
        return real(file, data[:30])

    first = await live_through(life, 1)
    monkeypatch.setattr(os, "write", nearly_full)
    second = await live_through(life, 1)
    assert life.spool.trouble
    monkeypatch.setattr(os, "write", real)
    await life.spool.commit()
    old = life.spool.id
    assert waiting(life.reborn()) == first + second
    assert life.spool.id == old


async def test_a_disk_without_room_for_the_whole_is_not_written_to_again_and_again(
    life: Life, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = await live_through(life, 1)
    written: list[int] = []
    real = os.write

    def full(file: int, data: bytes) -> int:
        written.append(len(data))
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    closed += await live_through(life, 1)
    assert len(written) == 1
    room = os.statvfs(life.directory)
    none = os.statvfs_result((*room[:3], 0, 0, *room[5:]))
    monkeypatch.setattr(os, "statvfs", lambda _: none)
    closed += await live_through(life, 3)
    assert (len(written), life.spool.trouble) == (1, "No space left on device")
    monkeypatch.undo()
    assert os.write is real
    await life.spool.commit()
    assert waiting(life.reborn()) == closed


async def test_a_sync_that_fails_is_not_believed_later(life: Life, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.fsync

    def broken(_file: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "fsync", broken)
    closed = await live_through(life, 1)
    monkeypatch.setattr(os, "fsync", real)
    before = life.file.stat().st_ino
    await life.spool.commit()
    assert life.file.stat().st_ino != before  # written anew, not synced again
    assert waiting(life.reborn()) == closed


async def test_a_directory_that_cannot_be_made_is_survived(tmp_path: Path, clock: ManualClock) -> None:
    (tmp_path / "file").write_text("in the way", encoding="ascii")
    spool = Spool.open(Journal(tmp_path / "file" / "spool"), DEVICE, clock, Bounds(BIG), 60)
    assert spool.trouble == "Not a directory"
    one = opened(spool, clock)
    clock.advance(1000)
    spool.turn([ended(one, clock)], [])
    await spool.commit()
    assert len(waiting(spool)) == 1
    (tmp_path / "file").unlink()
    await spool.commit()
    assert spool.trouble is None


async def test_without_a_reservation_seqs_come_from_a_spool_that_nobody_can_have_used(
    life: Life, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = life.spool.id

    def read_only(*_: object) -> int:
        raise OSError(errno.EROFS, "Read-only file system")

    real = os.write
    monkeypatch.setattr(os, "write", read_only)
    spool = life.reborn()
    first = spool.issue()
    assert first[0] != old
    life.crash()
    monkeypatch.setattr(os, "write", real)
    assert life.again().issue()[0] == old


async def test_a_journal_that_cannot_be_read_is_set_aside_and_not_written_over(
    life: Life, monkeypatch: pytest.MonkeyPatch
) -> None:
    await live_through(life, 1)
    life.crash()
    content = life.file.read_bytes()

    def forbidden(_self: Journal, _limit: int) -> None:
        raise OSError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Journal, "read", forbidden)
    spool = life.again()
    assert spool.trouble is None
    assert [file.read_bytes() for file in aside(life)] == [content]


async def test_what_a_dead_disk_leaves_to_memory_is_bounded_too(life: Life, monkeypatch: pytest.MonkeyPatch) -> None:
    life.reborn(64_000)

    def broken(*_: object) -> int:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "write", broken)
    for _ in range(600):
        await live_through(life, 1)
        assert life.spool.size_bytes <= 64_000
        assert len(life.spool._disk._buffer) <= 2048
    assert life.spool.given_up > 0
    monkeypatch.undo()
    kept = waiting(life.spool)
    await life.spool.commit()
    assert waiting(life.reborn(64_000)) == kept


async def test_a_disk_that_was_mounted_anew_is_locked_anew_and_what_lies_there_is_kept(
    life: Life, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = await live_through(life, 2)
    real = os.fsync

    def broken(_: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "fsync", broken)
    closed += await live_through(life, 1)
    monkeypatch.setattr(os, "fsync", real)
    old = life.directory.rename(life.directory.with_name("old"))  # nothing holds it any more
    life.directory.mkdir()
    life.file.write_bytes(b"of the other disk\n")
    await life.spool.commit()
    assert [file.read_bytes() for file in aside(life)] == [b"of the other disk\n"]
    with pytest.raises(SpoolBusyError):
        Journal(life.directory).lock()
    (free := Journal(old)).lock()
    free.close()
    assert waiting(life.reborn()) == closed


async def test_what_is_mounted_over_the_spool_gets_the_evidence_and_loses_nothing_of_its_own(life: Life) -> None:
    closed = await live_through(life, 2)
    life.directory.rename(life.directory.with_name("hidden"))
    life.directory.mkdir()
    life.file.write_bytes(b"of the other disk\n")
    closed += await live_through(life, 1)
    assert life.spool.trouble == "another file system is mounted there"
    await life.spool.commit()
    assert life.spool.trouble is None
    assert [file.read_bytes() for file in aside(life)] == [b"of the other disk\n"]
    assert waiting(life.reborn()) == closed
