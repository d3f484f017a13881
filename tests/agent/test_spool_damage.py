"""Truncation, flipped bits, foreign files: the agent always starts, with everything that is intact."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent.backlog import Bounds
from agent.journal import NAME, Journal
from agent.records import Kept, Turn, line
from agent.spool import Spool
from common.clock import ManualClock
from tests.agent.lives import BIG, DEVICE, Life, aside, live_through, names, waiting


async def test_a_cut_in_the_middle_of_a_line_keeps_what_is_intact_and_takes_a_new_spool_id(life: Life) -> None:
    closed = await live_through(life, 3)
    old = life.spool.id
    life.crash()
    content = life.file.read_bytes()
    life.file.write_bytes(content[:-20])
    spool = life.again()
    assert waiting(spool) == closed[:2]
    assert spool.id != old
    assert [file.read_bytes() for file in aside(life)] == [content[:-20]]
    assert waiting(life.reborn()) == closed[:2]
    assert len(aside(life)) == 1


async def test_a_cut_between_two_lines_cannot_make_a_seq_go_back(life: Life) -> None:
    closed = await live_through(life, 3)
    life.crash()
    lines = life.file.read_bytes().splitlines(keepends=True)
    life.file.write_bytes(b"".join(lines[:-2]))
    spool = life.again()
    assert waiting(spool) == closed[:1]
    assert spool.issue() not in names(closed)


async def test_a_flipped_bit_costs_one_record(life: Life) -> None:
    closed = await live_through(life, 3)
    life.crash()
    content = bytearray(life.file.read_bytes())
    second = content.index(b'"seq":%d' % closed[1].run.seq)
    content[second + 8] ^= 0x04
    life.file.write_bytes(content)
    spool = life.again()
    assert waiting(spool) == [closed[0], closed[2]]
    assert spool.id != closed[0].spool


async def test_a_damaged_head_keeps_the_runs(life: Life) -> None:
    closed = await live_through(life, 2)
    life.crash()
    content = bytearray(life.file.read_bytes())
    content[3] ^= 0x01
    life.file.write_bytes(content)
    assert waiting(life.again()) == closed
    assert life.spool.id != closed[0].spool


@pytest.mark.parametrize(
    "content",
    [b"\0" * 5000, b"hello\n", b"\x7fELF" + bytes(range(256)) * 40, b"\n\n\n", b"00000000 {}\n"],
    ids=["zeros", "text", "binary", "empty lines", "wrong checksum"],
)
async def test_a_foreign_file_is_set_aside_and_the_agent_starts(life: Life, content: bytes) -> None:
    life.crash()
    life.file.write_bytes(content)
    spool = life.again()
    assert (waiting(spool), spool.trouble) == ([], None)
    assert [file.read_bytes() for file in aside(life)] == [content]


async def test_an_empty_file_is_a_new_spool_and_no_damage(life: Life) -> None:
    old = life.spool.id
    life.crash()
    life.file.write_bytes(b"")
    assert life.again().id != old
    assert aside(life) == []


async def test_the_evidence_of_another_device_is_not_ours_to_send(life: Life) -> None:
    await live_through(life, 2)
    life.crash()
    spool = life.again(device="acme/p2")
    assert waiting(spool) == []
    assert len(aside(life)) == 1


async def test_damaged_files_are_counted_for_good(life: Life) -> None:
    await live_through(life, 2)
    for number in range(1, 4):
        life.crash()
        with life.file.open("ab") as file:
            file.write(b"noise\n")
        assert life.again().damaged == number
    assert life.reborn().damaged == 3


async def test_where_the_count_itself_is_damaged_the_files_are_counted(life: Life) -> None:
    for number in range(1, 4):
        life.crash()
        life.file.write_bytes(b"noise\n")
        assert life.again().damaged == number


async def test_what_stands_in_the_files_place_and_is_no_file_is_set_aside(life: Life) -> None:
    for make in (os.mkfifo, os.mkdir, lambda path: Path(path).symlink_to("/dev/zero")):
        life.crash()
        life.file.unlink()
        make(life.file)
        spool = life.again()
        assert (waiting(spool), spool.trouble) == ([], None)
        assert life.file.is_file()
    assert len(aside(life)) == 3


async def test_set_aside_files_take_no_more_than_their_share(life: Life, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agent.journal.ASIDE_BYTES", 2500)
    for size in (1000, 1000, 1000, 9000):
        life.crash()
        life.file.write_bytes(b"x" * size)
        life.again()
    assert [file.stat().st_size for file in aside(life)] == [2500]
    assert life.spool.damaged >= 2


async def test_without_hard_links_a_damaged_file_is_renamed_and_a_cut_right_then_loses_nothing(
    life: Life, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = await live_through(life, 3)
    life.crash()
    with life.file.open("ab") as file:
        file.write(b"noise\n")

    def no_links(*_: object) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    real = Path.rename

    def cut(self: Path, target: Path) -> Path:
        if self.suffix == ".new":
            raise KeyboardInterrupt
        return real(self, target)

    monkeypatch.setattr(os, "link", no_links)
    monkeypatch.setattr(Path, "rename", cut)
    with pytest.raises(KeyboardInterrupt):
        life.again()
    life.crash()
    assert not life.file.exists()
    monkeypatch.setattr(Path, "rename", real)
    assert waiting(life.again()) == closed
    assert waiting(life.reborn()) == closed
    assert len(aside(life)) == 1


async def test_only_the_newest_damaged_files_are_kept(life: Life) -> None:
    for number in range(12):
        life.crash()
        life.file.write_bytes(b"noise %d\n" % number)
        life.again()
    assert len(aside(life)) == 8
    assert aside(life)[-1].read_bytes() == b"noise 11\n"


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
async def test_whatever_happens_to_the_file_the_agent_starts_and_no_name_is_used_twice(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    life = Life(tmp_path_factory.mktemp("any") / "spool", ManualClock())
    closed = await live_through(life, 4)
    life.crash()
    content = bytearray(life.file.read_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(content) - 1))
        match data.draw(st.sampled_from(["flip", "cut", "insert", "zero"])):
            case "flip":
                content[place] ^= 1 << data.draw(st.integers(0, 7))
            case "cut":
                del content[max(1, place) :]
            case "insert":
                content[place:place] = data.draw(st.binary(min_size=1, max_size=50))
            case _:
                content[place : place + 40] = b"\0" * len(content[place : place + 40])
    life.file.write_bytes(content)
    spool = life.again()
    kept = waiting(spool)
    assert [one for one in closed if one in kept] == kept
    assert spool.issue() not in names(closed)
    assert waiting(life.reborn()) == kept
    life.crash()


# --- every place, every bit -----------------------------------------------------------------------------------------


class Small:
    """A small spool's file, what it holds, and which names are taken."""

    def __init__(self, content: bytes, closed: list[Kept]) -> None:
        self.content = content
        self.closed = closed
        self.lines = content.splitlines(keepends=True)

    def survives(self, directory: Path, content: bytes) -> None:
        """Open a spool on that content: the untouched lines' runs are there, nothing else is, and no name comes again.

        A flip may turn a byte into a line end, which splits a line: both halves are damage, and no others.
        """
        directory.mkdir()
        (directory / NAME).write_bytes(content)
        intact = set(content.splitlines(keepends=True)) & set(self.lines)
        whole = content in (self.content, *(b"".join(self.lines[:end]) for end in range(len(self.lines) + 1)))
        journal = Journal(directory)
        spool = Spool.open(journal, DEVICE, ManualClock(boot="f" * 32), Bounds(BIG), 60)
        kept = {(one.spool, one.run.seq): one for one in waiting(spool)}
        expected = [one for one in self.closed if line(Turn([one], [])) in intact]
        assert spool.trouble is None
        assert [one for one in self.closed if (one.spool, one.run.seq) in kept] == expected
        assert all(kept[one.spool, one.run.seq] == one for one in expected)
        assert spool.damaged == len(journal.asides()) == (not whole)
        assert [file.read_bytes() for file in journal.asides()] == ([] if whole else [content])
        assert spool.issue() not in names(self.closed)
        journal.close()


@pytest.fixture
async def small(life: Life) -> Small:
    closed = await live_through(life, 3)
    life.reborn()
    life.crash()
    content = life.file.read_bytes()
    assert all(line(Turn([one], [])) in content for one in closed)
    return Small(content, closed)


def test_a_small_spool_that_is_cut_off_at_any_byte_starts_with_what_is_intact(small: Small, memory: Path) -> None:
    for end in range(len(small.content) + 1):
        small.survives(memory / f"cut-{end}", small.content[:end])


def test_a_small_spool_with_a_flipped_bit_in_any_byte_starts_with_what_is_intact(small: Small, memory: Path) -> None:
    for place in range(len(small.content)):
        small.survives(memory / f"flip-{place}", _flipped(small.content, place, place % 8))


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("bit", range(8))
def test_a_small_spool_with_any_bit_flipped_starts_with_what_is_intact(small: Small, memory: Path, bit: int) -> None:
    for place in range(len(small.content)):
        small.survives(memory / f"flip-{place}", _flipped(small.content, place, bit))


def _flipped(content: bytes, place: int, bit: int) -> bytes:
    damaged = bytearray(content)
    damaged[place] ^= 1 << bit
    return bytes(damaged)
