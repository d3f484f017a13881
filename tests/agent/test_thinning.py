"""What a full spool gives up, and in which order."""

from __future__ import annotations

from itertools import pairwise

from agent.records import Kept
from agent.restart import GIVEN_UP, stand_in
from agent.thinning import DAY_MS, HOUR_MS, Item, merges
from tests.agent.lives import Life, ended, live_through, opened, waiting
from wire.messages import Run


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
    stand_ins = [one for one in kept if one.run.detail == GIVEN_UP]
    assert {one.run.state for one in stand_ins} == {"unknown"}
    assert {one.run.state for one in kept if one not in stand_ins} == {"playing"}
    assert kept[-1].run.state == "playing"
    assert spool.given_up == 301 - (len(kept) - len(stand_ins))
    assert waiting(life.reborn(limit)) == kept
    assert life.spool.given_up == spool.given_up


async def test_outputs_are_given_up_one_by_one(life: Life) -> None:
    life.reborn(20_000)
    for _ in range(100):
        await live_through(life, 1, "left")
        await live_through(life, 1, "right")
    stand_ins = [kept.run.output for kept in waiting(life.spool) if kept.run.detail == GIVEN_UP]
    assert set(stand_ins) == {"left", "right"}


async def test_what_a_full_spool_gave_up_over_a_reboot_names_both_boots(life: Life) -> None:
    life.reborn(20_000)
    await live_through(life, 1)
    life.clock.reboot("c" * 32, wall=life.clock.wall + 60_000)
    life.reborn(20_000)
    flicker(life, 100, 25 * HOUR_MS)  # nothing finer will do
    await life.spool.commit()
    stand_in = waiting(life.spool)[0].run
    assert (stand_in.boot, stand_in.end_boot) == ("b" * 32, "c" * 32)


def test_what_stands_in_for_runs_reaches_to_the_boot_in_which_the_last_one_ends() -> None:
    off = Run(
        seq=9, output="main", state="off", start_ms=5, start_mono_ms=5, boot="b", end_ms=9, end_mono_ms=0, end_boot="c"
    )
    run = stand_in([off], seq=10)
    assert (run.boot, run.end_boot, run.end_mono_ms, run.end_ms) == ("b", "c", 0, 9)


def flicker(life: Life, changes: int, every_ms: int, output: str = "main", detail: str | None = None) -> list[Kept]:
    """So many runs of that length, playing and stopped in turn."""
    made: list[Kept] = []
    for number in range(changes):
        one = opened(life.spool, life.clock, output, "stopped" if number % 2 else "playing")
        one.run.detail = detail
        life.clock.advance(every_ms)
        made.append(ended(one, life.clock))
        made[-1].run.detail = detail
        life.spool.turn(made[-1:], [])
    return made


def truth(runs: list[Kept], output: str = "main") -> list[tuple[int, int, str]]:
    return [(k.run.start_mono_ms, k.run.end_mono_ms or 0, k.run.state) for k in runs if k.run.output == output]


def claims_only_what_was(kept: list[Kept], was: list[Kept], output: str = "main") -> None:
    """Each run that is kept is one that was, or `unknown`; together they cover the same time, without overlap."""
    told, real = truth(kept, output), truth(was, output)
    assert all(one in real or one[2] == "unknown" for one in told)
    assert all(earlier[1] == later[0] for earlier, later in pairwise(told))
    assert (told[0][0], told[-1][1]) == (real[0][0], real[-1][1])


async def test_details_go_before_any_time_does(life: Life) -> None:
    life.reborn(64_000)
    was = flicker(life, 120, 5_000, detail="x" * 600)
    await life.spool.commit()
    kept = waiting(life.spool)
    assert truth(kept) == truth(was)
    assert life.spool.given_up == 0
    assert kept[0].run.detail is None
    assert kept[-1].run.detail == "x" * 600
    assert waiting(life.reborn(64_000)) == kept


async def test_flicker_is_merged_by_the_hour_and_long_outages_stay_word_for_word(life: Life) -> None:
    life.reborn(64_000)
    was = flicker(life, 150, 20_000)
    was += (outage := flicker(life, 2, 2 * HOUR_MS))
    was += flicker(life, 300, 20_000)
    await life.spool.commit()
    kept = waiting(life.spool)
    claims_only_what_was(kept, was)
    assert truth(outage)[1] in truth(kept)
    stand_ins = [k.run for k in kept if k.run.detail == GIVEN_UP]
    assert len(stand_ins) >= 2
    assert all((run.end_mono_ms or 0) - run.start_mono_ms <= HOUR_MS + 20_000 for run in stand_ins)
    assert life.spool.given_up == len(was) - (len(kept) - len(stand_ins))
    assert life.spool.size_bytes <= 64_000


async def test_months_of_flicker_of_many_outputs_stay_within_the_bound_and_claim_only_what_was(life: Life) -> None:
    life.reborn(64_000)
    was: list[Kept] = []
    for number in range(60):
        was += flicker(life, 20, 600_000 + number, output=f"o{number % 3}")
        assert life.spool.size_bytes <= 64_000
    await life.spool.commit()
    kept = waiting(life.spool)
    real = [entry for output in ("o0", "o1", "o2") for entry in truth(was, output)]
    assert {k.run.output for k in kept} == {"o0", "o1", "o2"}
    assert all(one in real or one[2] == "unknown" for output in ("o0", "o1", "o2") for one in truth(kept, output))
    stand_ins = [k for k in kept if k.run.detail == GIVEN_UP]
    assert life.spool.given_up == len(was) - (len(kept) - len(stand_ins))
    assert waiting(life.reborn(64_000)) == kept


def item(number: int, *, stated: bool = False, output: str = "main") -> Item:
    run = Run(
        seq=number,
        output=output,
        state="playing",
        start_ms=number * 1000,
        start_mono_ms=number * 1000,
        boot="b",
        end_ms=number * 1000 + 1000,
        end_mono_ms=number * 1000 + 1000,
    )
    return Item(("s", number), run, 300, stated)


def test_a_run_that_a_heartbeat_has_told_of_stays_as_long_as_anything_else_will_do() -> None:
    items = [item(number, stated=number % 10 == 0) for number in range(100)]
    groups = merges(items, 5_000)
    assert sum(map(len, groups)) > 15
    assert not any(one.stated for group in groups for one in group)
    everything = merges(items, 28_000)
    assert everything[0][0] == items[0]


def test_runs_of_another_boot_are_never_merged_into_an_hour_of_this_one() -> None:
    items = [item(number) for number in range(100)]
    for one in items[30:]:
        one.run.boot = "c"
    assert all(len({one.run.boot for one in group}) == 1 for group in merges(items, 6_000))


async def test_evidence_that_is_too_old_is_given_up_and_counted(life: Life) -> None:
    await live_through(life, 3)
    life.spool.alive()
    await life.spool.commit()
    life.clock.reboot("c" * 32, wall=life.clock.wall + 399 * DAY_MS)
    life.reborn()
    young = await live_through(life, 1)
    life.spool.alive()
    assert (life.spool.depth, life.spool.given_up) == (4, 0)
    life.clock.advance(2 * DAY_MS)
    life.spool.alive()
    await life.spool.commit()
    old, new = waiting(life.spool)
    assert (old.run.state, old.run.detail, new) == ("unknown", GIVEN_UP, young[0])
    assert life.spool.given_up == 3
    assert waiting(life.reborn()) == [old, new]
    life.spool.alive()
    assert life.spool.given_up == 3  # what stands in for them is not given up again


async def test_what_a_board_without_a_clock_saw_is_not_thrown_away_when_the_time_arrives(life: Life) -> None:
    life.clock.is_synced = False
    life.clock.reboot("c" * 32, wall=3_000, mono=20_000)
    life.reborn()
    closed = await live_through(life, 3)
    life.clock.reboot("d" * 32, wall=1_772_323_200_000)
    life.clock.is_synced = True
    life.reborn()
    life.spool.alive()
    await life.spool.commit()
    assert waiting(life.spool) == closed
