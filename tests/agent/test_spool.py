"""The spool against a real file system: what a restart, a crash, damage and a full disk leave of the evidence."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent.journal import NAME, Journal, SpoolBusyError
from agent.records import Kept, Opened
from agent.restart import GIVEN_UP, stand_in
from agent.spool import RESERVE, Spool
from common.clock import ManualClock
from wire.messages import BootClock, Run
from wire.states import State

DEVICE = "acme/p1"
BIG = 64 * 1024 * 1024


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


class Life:
    """One agent's life after another on the same directory."""

    def __init__(self, directory: Path, clock: ManualClock) -> None:
        self.directory = directory
        self.clock = clock
        self.journal = Journal(directory)
        self.spool = self._open(BIG)

    @property
    def file(self) -> Path:
        return self.directory / NAME

    def crash(self) -> None:
        """Let go without a word, as a kill does."""
        self.journal.close()

    def again(self, max_bytes: int = BIG, device: str = DEVICE) -> Spool:
        self.journal = Journal(self.directory)
        self.spool = self._open(max_bytes, device)
        return self.spool

    def reborn(self, max_bytes: int = BIG) -> Spool:
        self.crash()
        return self.again(max_bytes)

    def _open(self, max_bytes: int, device: str = DEVICE) -> Spool:
        return Spool.open(self.journal, device, self.clock, max_bytes, sign_of_life_s=60)


@pytest.fixture
def life(tmp_path: Path, clock: ManualClock) -> Iterator[Life]:
    life = Life(tmp_path / "spool", clock)
    yield life
    life.journal.close()


def opened(spool: Spool, clock: ManualClock, output: str = "main", state: State = "playing") -> Opened:
    name, seq = spool.issue()
    run = Run(seq=seq, output=output, state=state, start_ms=clock.wall, start_mono_ms=clock.mono, boot=clock.boot_id())
    return Opened(name, run, clock.mono, clock.wall)


def ended(one: Opened, clock: ManualClock) -> Kept:
    run = one.run
    return Kept(
        one.spool,
        Run(
            seq=run.seq,
            output=run.output,
            state=run.state,
            start_ms=run.start_ms,
            start_mono_ms=run.start_mono_ms,
            boot=run.boot,
            end_ms=clock.wall,
            end_mono_ms=clock.mono,
        ),
    )


async def live_through(life: Life, changes: int, output: str = "main") -> list[Kept]:
    """So many closed runs, each durable; nothing is open afterwards."""
    closed = []
    for _ in range(changes):
        one = opened(life.spool, life.clock, output)
        life.clock.advance(60_000)
        closed.append(ended(one, life.clock))
        life.spool.turn(closed[-1:], [])
        await life.spool.commit()
    return closed


def waiting(spool: Spool) -> list[Kept]:
    return list(spool.sendable())


def names(kept: list[Kept]) -> list[tuple[str, int]]:
    return [(one.spool, one.run.seq) for one in kept]


async def test_a_run_may_be_sent_only_when_it_is_durable(life: Life) -> None:
    life.spool.turn([ended(opened(life.spool, life.clock), life.clock)], [])
    assert waiting(life.spool) == []
    await life.spool.commit()
    assert len(waiting(life.spool)) == 1


async def test_closed_runs_survive_a_crash_word_for_word_and_in_order(life: Life) -> None:
    closed = await live_through(life, 5)
    assert waiting(life.reborn()) == closed


async def test_an_acknowledged_run_is_gone_for_good(life: Life) -> None:
    closed = await live_through(life, 5)
    assert life.spool.acknowledge(life.spool.id, [(closed[1].run.seq, closed[3].run.seq)]) == 3
    await life.spool.commit()
    assert waiting(life.reborn()) == [closed[0], closed[4]]


async def test_an_ack_of_another_spool_or_of_what_is_unknown_changes_nothing(life: Life) -> None:
    closed = await live_through(life, 2)
    assert life.spool.acknowledge("another", [(0, 2**53)]) == 0
    assert life.spool.acknowledge(life.spool.id, [(1000, 2**53)]) == 0
    assert waiting(life.spool) == closed


async def test_an_ack_with_a_huge_range_covers_what_it_covers(life: Life) -> None:
    await live_through(life, 3)
    assert life.spool.acknowledge(life.spool.id, [(0, 2**53)]) == 3
    assert (life.spool.depth, life.spool.size_bytes) == (0, 0)


async def test_a_lost_ack_record_only_means_that_the_run_is_sent_again(life: Life) -> None:
    closed = await live_through(life, 1)
    life.spool.acknowledge(life.spool.id, [(closed[0].run.seq, closed[0].run.seq)])
    assert waiting(life.reborn()) == closed  # it was never committed


async def test_a_seq_never_goes_back_not_even_after_a_crash_right_after_it_was_issued(life: Life) -> None:
    issued = {life.spool.issue()}
    for _ in range(4):
        issued.add(life.reborn().issue())
    assert len(issued) == 5
    assert len({spool for spool, _ in issued}) == 1


async def test_an_orderly_stop_wastes_no_seqs(life: Life) -> None:
    closed = await live_through(life, 3)
    life.spool.close(orderly=True)
    assert life.again().issue() == (closed[0].spool, closed[-1].run.seq + 1)


async def test_seqs_beyond_the_reserved_block_are_reserved_in_time(life: Life) -> None:
    for _ in range(3 * RESERVE):
        name = life.spool.issue()
        await life.spool.commit()
    assert name[0] == life.spool.id
    assert life.reborn().issue() > name


async def test_a_cut_off_run_ends_at_its_last_sign_of_life_in_the_same_boot(life: Life) -> None:
    one = opened(life.spool, life.clock)
    life.spool.turn([], [one])
    life.clock.advance(45_000)
    life.spool.saw("main", life.clock.mono, life.clock.wall, "seen")
    life.spool.alive()
    await life.spool.commit()
    seen = ended(one, life.clock)
    life.clock.advance(600_000)
    (kept,) = waiting(life.reborn())
    assert names([kept]) == names([seen])
    assert (kept.run.end_mono_ms, kept.run.end_ms, kept.run.end_boot) == (seen.run.end_mono_ms, seen.run.end_ms, None)
    assert life.spool.open_runs == []


async def test_a_reboot_leaves_a_run_off_from_the_last_sign_of_life_to_the_boot(life: Life) -> None:
    one = opened(life.spool, life.clock)
    life.spool.turn([], [one])
    life.clock.advance(30_000)
    life.spool.saw("main", life.clock.mono, life.clock.wall, None)
    life.spool.alive()
    await life.spool.commit()
    last_mono, last_wall = life.clock.mono, life.clock.wall
    life.clock.reboot("c" * 32, wall=last_wall + 3_600_000, mono=20_000)
    cut, dark = waiting(life.reborn())
    assert (cut.run.state, cut.run.end_mono_ms, cut.run.boot) == ("playing", last_mono, "b" * 32)
    assert (dark.run.state, dark.run.cause) == ("off", None)
    assert (dark.run.boot, dark.run.start_mono_ms, dark.run.start_ms) == ("b" * 32, last_mono, last_wall)
    assert (dark.run.end_boot, dark.run.end_mono_ms, dark.run.end_ms) == ("c" * 32, 0, last_wall + 3_580_000)
    assert dark.run.seq > cut.run.seq


async def test_a_board_without_a_clock_that_boots_in_1970_still_says_something_the_wire_takes(life: Life) -> None:
    life.spool.turn([], [opened(life.spool, life.clock)])
    await life.spool.commit()
    life.clock.reboot("c" * 32, wall=3_000, mono=20_000)
    _, dark = waiting(life.reborn())
    assert (dark.run.state, dark.run.end_ms) == ("off", 0)


async def test_each_output_is_dark_on_its_own_account(life: Life) -> None:
    life.spool.turn([], [opened(life.spool, life.clock, "left"), opened(life.spool, life.clock, "right", "stopped")])
    await life.spool.commit()
    life.clock.reboot("c" * 32, wall=life.clock.wall + 60_000)
    assert [(kept.run.output, kept.run.state) for kept in waiting(life.reborn())] == [
        ("left", "playing"),
        ("left", "off"),
        ("right", "stopped"),
        ("right", "off"),
    ]


async def test_a_run_without_a_sign_of_life_is_closed_where_it_began_since_it_may_have_been_stated(life: Life) -> None:
    one = opened(life.spool, life.clock)
    life.spool.turn([], [one])
    await life.spool.commit()
    life.clock.advance(5000)
    (kept,) = waiting(life.reborn())
    assert names([kept]) == [(one.spool, one.run.seq)]
    assert (kept.run.end_mono_ms, kept.run.end_ms) == (one.run.start_mono_ms, one.run.start_ms)


async def test_what_was_settled_once_is_not_settled_again(life: Life) -> None:
    life.spool.turn([], [opened(life.spool, life.clock)])
    await life.spool.commit()
    life.clock.reboot("c" * 32, wall=life.clock.wall + 60_000)
    first = waiting(life.reborn())
    assert waiting(life.reborn()) == first


async def test_after_an_orderly_stop_a_reboot_is_nobodys_darkness(life: Life) -> None:
    one = opened(life.spool, life.clock)
    life.spool.turn([], [one])
    life.clock.advance(1000)
    life.spool.turn([ended(one, life.clock)], [])
    life.spool.close(orderly=True)
    life.clock.reboot("c" * 32, wall=life.clock.wall + 60_000)
    assert [kept.run.state for kept in waiting(life.again())] == ["playing"]


async def test_the_clock_of_a_boot_is_remembered_as_long_as_its_runs_wait(life: Life) -> None:
    (kept,) = await live_through(life, 1)
    life.spool.alive()
    await life.spool.commit()
    before = BootClock(boot="b" * 32, offset_ms=life.clock.wall - life.clock.mono)
    life.clock.reboot("c" * 32, wall=1_000, mono=5_000)
    life.clock.is_synced = False
    assert life.reborn().clocks() == [before]
    life.spool.acknowledge(kept.spool, [(kept.run.seq, kept.run.seq)])
    assert life.spool.clocks() == []


async def test_a_clock_that_nobody_disciplines_is_not_remembered(life: Life) -> None:
    life.clock.is_synced = False
    life.spool.alive()
    assert life.spool.clocks() == []


async def test_two_agents_cannot_share_a_spool(life: Life) -> None:
    with pytest.raises(SpoolBusyError, match="another process holds"):
        Spool.open(Journal(life.directory), DEVICE, life.clock, BIG, 60)


async def test_an_idle_player_costs_one_sync_for_many_signs_of_life(
    life: Life, monkeypatch: pytest.MonkeyPatch
) -> None:
    life.spool.turn([], [opened(life.spool, life.clock)])
    await life.spool.commit()
    synced: list[int] = []
    monkeypatch.setattr(os, "fsync", synced.append)
    for _ in range(20):
        life.clock.advance(15_000)
        life.spool.saw("main", life.clock.mono, life.clock.wall, None)
        life.spool.alive()
        await life.spool.commit()
    assert synced == []  # real time has not moved by a minute
    assert life.journal.path.stat().st_size > 1000


async def test_the_file_stays_small_however_long_the_player_idles(life: Life) -> None:
    life.spool.turn([], [opened(life.spool, life.clock)])
    await life.spool.commit()
    for _ in range(8000):
        life.clock.advance(15_000)
        life.spool.saw("main", life.clock.mono, life.clock.wall, None)
        life.spool.alive()
        if life.clock.mono % 150_000 < 15_000:
            await life.spool.commit()
    await life.spool.commit()
    assert life.file.stat().st_size < 300 * 1024
    (kept,) = waiting(life.reborn())
    assert kept.run.end_mono_ms == life.clock.mono


# --- damage ---------------------------------------------------------------------------------------------------------


def aside(life: Life) -> list[Path]:
    return sorted(life.directory.glob("spool.damaged-*.journal"))


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


# --- a disk that fails ----------------------------------------------------------------------------------------------


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
    spool = Spool.open(Journal(tmp_path / "file" / "spool"), DEVICE, clock, BIG, 60)
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


# --- bounds ---------------------------------------------------------------------------------------------------------


async def test_a_full_spool_gives_up_its_oldest_evidence_and_says_so(life: Life) -> None:
    limit = 20_000
    spool = life.reborn(limit)
    first = opened(spool, life.clock)
    life.clock.advance(1000)
    spool.turn([ended(first, life.clock)], [])
    for _ in range(300):
        await live_through(life, 1)
    kept = waiting(spool)
    assert spool.size_bytes <= limit
    assert kept[0].run.detail == GIVEN_UP
    assert (kept[0].run.state, kept[0].run.start_mono_ms) == ("unknown", first.run.start_mono_ms)
    assert kept[0].run.end_mono_ms == kept[1].run.start_mono_ms
    assert [one.run.state for one in kept[1:]] == ["playing"] * (len(kept) - 1)
    assert spool.given_up == 301 - (len(kept) - 1)
    assert waiting(life.reborn(limit)) == kept
    assert life.spool.given_up == spool.given_up


async def test_outputs_are_given_up_one_by_one(life: Life) -> None:
    life.reborn(20_000)
    for _ in range(100):
        await live_through(life, 1, "left")
        await live_through(life, 1, "right")
    stand_ins = [kept.run.output for kept in waiting(life.spool) if kept.run.detail == GIVEN_UP]
    assert sorted(stand_ins) == ["left", "right"]


async def test_what_a_full_spool_gave_up_over_a_reboot_names_both_boots(life: Life) -> None:
    life.reborn(20_000)
    await live_through(life, 1)
    life.clock.reboot("c" * 32, wall=life.clock.wall + 60_000)
    life.reborn(20_000)
    for _ in range(100):
        await live_through(life, 1)
    stand_in = waiting(life.spool)[0].run
    assert (stand_in.boot, stand_in.end_boot) == ("b" * 32, "c" * 32)


def test_what_stands_in_for_runs_reaches_to_the_boot_in_which_the_last_one_ends() -> None:
    off = Run(
        seq=9, output="main", state="off", start_ms=5, start_mono_ms=5, boot="b", end_ms=9, end_mono_ms=0, end_boot="c"
    )
    run = stand_in([off], seq=10)
    assert (run.boot, run.end_boot, run.end_mono_ms, run.end_ms) == ("b", "c", 0, 9)
