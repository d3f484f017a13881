from __future__ import annotations

import os
from pathlib import Path

import pytest

from agent.journal import NAME, Journal


@pytest.fixture
def events(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is synced and renamed, in order, by name."""
    happened: list[str] = []
    sync, rename = os.fsync, Path.rename

    def note_sync(file: int) -> None:
        happened.append(f"sync {Path(f'/proc/self/fd/{file}').readlink().name}")
        sync(file)

    def note_rename(self: Path, target: Path) -> Path:
        happened.append(f"rename {self.name} {target.name}")
        return rename(self, target)

    monkeypatch.setattr(os, "fsync", note_sync)
    monkeypatch.setattr(Path, "rename", note_rename)
    return happened


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(tmp_path / "spool")


def test_a_replacement_is_durable_before_it_takes_the_old_ones_place_and_its_name_afterwards(
    journal: Journal, events: list[str]
) -> None:
    journal.replace(b"one\n")
    assert events == ["sync spool.new", f"rename spool.new {NAME}", "sync spool"]
    assert journal.path.read_bytes() == b"one\n"
    journal.close()


def test_what_is_appended_is_durable(journal: Journal, events: list[str]) -> None:
    journal.replace(b"one\n")
    events.clear()
    journal.append(b"two\n")
    assert events == [f"sync {NAME}"]
    assert journal.path.read_bytes() == b"one\ntwo\n"
    assert journal.size == 8
    journal.close()


def test_only_its_owner_may_read_it(journal: Journal) -> None:
    journal.replace(b"one\n")
    assert journal.path.stat().st_mode & 0o777 == 0o600
    assert journal.directory.stat().st_mode & 0o777 == 0o700
    journal.close()


def test_a_file_without_end_is_read_up_to_a_limit(journal: Journal) -> None:
    journal.replace(b"x" * 10_000 + b"\n" + b"y" * 10_000)
    contents = journal.read(limit_bytes=15_000)
    assert contents.records == []
    assert contents.damage == ["line 1: 10001 bytes do not check", "more than 15000 bytes: the rest was not read"]
    journal.close()


def test_nothing_is_appended_to_a_journal_that_is_not_open(journal: Journal) -> None:
    with pytest.raises(OSError, match="not open"):
        journal.append(b"one\n")
