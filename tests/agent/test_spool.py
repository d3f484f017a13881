"""The spool against a real file system: what a restart, a crash, damage and a full disk leave of the evidence."""

from __future__ import annotations

import os

import pytest

from agent.backlog import Bounds
from agent.endings import CUT, POWER_CUT, POWER_ON, SHUT_DOWN, BootFact, LastBoot, Witness
from agent.journal import Journal, SpoolBusyError
from agent.spool import RESERVE, Spool
from tests.agent.lives import BIG, DEVICE, Life, ended, live_through, names, opened, waiting
from wire.messages import BootClock


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
    life.clock.advance(60_000)
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
    assert (dark.run.state, dark.run.cause, dark.run.detail) == ("off", None, CUT)
    assert (dark.run.boot, dark.run.start_mono_ms, dark.run.start_ms) == ("b" * 32, last_mono, last_wall)
    assert (dark.run.end_boot, dark.run.end_mono_ms, dark.run.end_ms) == ("c" * 32, 0, last_wall + 3_580_000)
    assert dark.run.seq > cut.run.seq


async def test_what_is_kept_of_a_boot_lets_the_next_one_prove_a_power_cut(life: Life) -> None:
    """And only the next one: the word of another boot's watchdog proves nothing."""
    for boot in "cde":
        life.clock.reboot(boot * 32, wall=life.clock.wall + 60_000)
        life.witness = Witness(LastBoot(power_on=True), BootFact(boot * 32, watchdog=boot == "c"))
        life.reborn()
        life.spool.turn([], [opened(life.spool, life.clock)])
        await life.spool.commit()
    dark = [kept.run for kept in waiting(life.spool) if kept.run.state == "off"]
    assert [(run.end_boot, run.cause, run.detail) for run in dark] == [
        ("d" * 32, "power", POWER_CUT),
        ("e" * 32, None, POWER_ON),
    ]


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


async def test_power_that_goes_again_before_the_first_reading_leaves_no_hole(life: Life) -> None:
    life.watched = ["main"]
    life.spool.turn([], [opened(life.spool, life.clock)])
    await life.spool.commit()
    for boot in "cd":
        life.clock.reboot(boot * 32, wall=life.clock.wall + 3_600_000, mono=20_000)
        life.reborn()
    last, first, second = waiting(life.spool)
    assert (last.run.state, first.run.state, second.run.state) == ("playing", "off", "off")
    assert (first.run.end_boot, first.run.end_mono_ms) == ("c" * 32, 0)
    assert (second.run.boot, second.run.start_mono_ms) == ("c" * 32, 20_000)  # before the agent started nobody looked
    assert (second.run.end_boot, second.run.detail) == ("d" * 32, CUT)


async def test_what_waits_for_its_first_reading_gives_signs_of_life_too(life: Life) -> None:
    life.watched = ["left", "right"]
    life.reborn()
    life.spool.turn([], [opened(life.spool, life.clock, "left")])
    life.clock.advance(600_000)
    life.spool.alive()
    await life.spool.commit()
    last_mono = life.clock.mono
    life.clock.reboot("c" * 32, wall=life.clock.wall + 60_000)
    darkness = {kept.run.output: kept.run.start_mono_ms for kept in waiting(life.reborn()) if kept.run.state == "off"}
    assert darkness == {"left": last_mono - 600_000, "right": last_mono}


@pytest.mark.parametrize("written", ["a turn", "an explanation"])
async def test_what_is_written_of_one_output_is_a_sign_of_life_for_those_that_wait(life: Life, written: str) -> None:
    life.watched = ["left", "right"]
    life.reborn()
    one = opened(life.spool, life.clock, "left")
    life.spool.turn([], [one])
    life.clock.advance(50_000)
    if written == "a turn":
        life.spool.turn([ended(one, life.clock)], [opened(life.spool, life.clock, "left", "stopped")])
    else:
        life.spool.explain("left", "power", "the supply sagged")
    await life.spool.commit()
    last_mono = life.clock.mono
    life.clock.reboot("c" * 32, wall=life.clock.wall + 60_000)
    darkness = {kept.run.output: kept.run.start_mono_ms for kept in waiting(life.reborn()) if kept.run.state == "off"}
    assert darkness["right"] == last_mono


@pytest.mark.parametrize("end", ["kill", "stop", "taken out of the configuration"])
async def test_no_darkness_is_made_up_for_an_output_that_nobody_waits_for(life: Life, end: str) -> None:
    life.watched = ["main"]
    spool = life.reborn()
    if end == "kill":
        life.clock.advance(5000)  # in the same boot: the gap is nobody's evidence
        life.reborn()
        assert waiting(life.spool) == []
        return
    if end == "stop":
        spool.watch_no_more()
        spool.turn([], [])
        spool.close(orderly=True)
    else:
        life.watched = []
        life.reborn()
    life.clock.reboot("c" * 32, wall=life.clock.wall + 60_000)
    assert waiting(life.reborn()) == []


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


async def test_a_shutdown_in_good_order_is_told_apart_from_a_power_cut(life: Life) -> None:
    one = opened(life.spool, life.clock)
    life.spool.turn([], [one])
    life.spool.close(orderly=True)
    life.clock.reboot("c" * 32, wall=life.clock.wall + 60_000)
    cut, dark = waiting(life.again())
    assert (cut.run.state, dark.run.state, dark.run.detail) == ("playing", "off", SHUT_DOWN)
    assert dark.run.seq == one.run.seq + 1  # no seq was wasted either


async def test_a_shutdown_that_was_called_off_leaves_a_gap_that_is_nobodys_evidence(life: Life) -> None:
    life.spool.turn([], [opened(life.spool, life.clock)])
    life.spool.close(orderly=True)
    life.clock.advance(60_000)
    assert [kept.run.state for kept in waiting(life.again())] == ["playing"]


async def test_the_clock_of_a_boot_is_remembered_as_long_as_its_runs_wait(life: Life) -> None:
    (kept,) = await live_through(life, 1)
    life.spool.alive()
    await life.spool.commit()
    before = BootClock(boot="b" * 32, offset_ms=life.clock.wall - life.clock.mono, mono_ms=life.clock.mono)
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
        Spool.open(Journal(life.directory), DEVICE, life.clock, Bounds(BIG), 60)


async def test_an_idle_player_costs_one_sync_a_minute_for_many_signs_of_life(
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
    assert len(synced) == 5


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
