from __future__ import annotations

from pathlib import Path

import pytest

from common.config import ConfigError
from simulator.script import Boot, BreakPortal, Script, Show, StartAgent, StepClock, plan
from simulator.script_check import read_script

PLAYERS = [f"bar-{number}" for number in range(5)] + [f"shop-{number}" for number in range(5)]

POINTS = ["bar-0", "bar-1", "shop-0", "shop-1"]  # vantage points


def script_of(tmp_path: Path, text: str) -> Script:
    path = tmp_path / "script.toml"
    path.write_text(text, encoding="utf-8")
    return read_script(path, PLAYERS, ("main", "window"), POINTS)


def deeds(script: Script, seed: int = 0, repetition: int = 0) -> list[tuple[int, str, object]]:
    return [(step.at_ms, step.player, step.deed) for step in plan(script, PLAYERS, seed, repetition, POINTS)]


def test_a_fault_begins_and_ends_for_each_player_that_fits(tmp_path: Path) -> None:
    script = script_of(
        tmp_path,
        '[[faults]]\nat_s = 1.5\nplayers = ["shop-1", "bar-[01]"]\n'
        'action = "freeze"\nfor_s = 2\ndetail = "stood still"',
    )
    frozen, playing = Show("frozen", None, "stood still"), Show("playing")
    assert deeds(script) == [
        *((1500, player, frozen) for player in ("bar-0", "bar-1", "shop-1")),
        *((3500, player, playing) for player in ("bar-0", "bar-1", "shop-1")),
    ]


def test_a_share_is_drawn_by_the_seed_and_anew_in_each_repetition(tmp_path: Path) -> None:
    script = script_of(tmp_path, '[[faults]]\nat_s = 0\nplayers = "30%"\naction = "stop"')
    drawn = [player for _, player, _ in deeds(script, seed=1)]
    assert len(drawn) == 3
    assert drawn == [player for _, player, _ in deeds(script, seed=1)]
    others = [[player for _, player, _ in deeds(script, seed, repetition)] for seed in (1, 2) for repetition in (0, 1)]
    assert len({tuple(names) for names in others}) > 1


@pytest.mark.parametrize(("share", "count"), [("0%", 0), ("4%", 0), ("5%", 1), ("100%", 10)])
def test_a_share_is_rounded_half_up(tmp_path: Path, share: str, count: int) -> None:
    text = f'[[faults]]\nat_s = 0\nplayers = "{share}"\naction = "stop"'
    if count or share == "0%":
        assert len(deeds(script_of(tmp_path, text))) == count
    else:
        with pytest.raises(ConfigError, match="fits no player"):
            script_of(tmp_path, text)


def test_a_reboot_is_a_power_cut_a_boot_with_a_wrong_clock_and_a_time_source_later(tmp_path: Path) -> None:
    script = script_of(
        tmp_path,
        '[[faults]]\nat_s = 10\nplayers = "bar-0"\naction = "reboot"\ndowntime_s = 5\n'
        'wall = 1970-01-01T00:00:01Z\nsync_after_s = 20\ncause = "power"\nspool = "lost"',
    )
    assert deeds(script) == [
        (10_000, "bar-0", "cut_power"),
        (15_000, "bar-0", Boot(1000, "power", spool_lost=True)),
        (35_000, "bar-0", "discipline_clock"),
    ]


def test_a_lost_link_and_a_dead_agent_come_back_and_without_an_end_never(tmp_path: Path) -> None:
    script = script_of(
        tmp_path,
        '[[faults]]\nat_s = 1\nplayers = "bar-0"\naction = "lose_link"\nfor_s = 9\n'
        '[[faults]]\nat_s = 2\nplayers = "bar-1"\naction = "vanish"\nfor_s = 3\nspool = "lost"\n'
        '[[faults]]\nat_s = 3\nplayers = "bar-2"\naction = "vanish"',
    )
    assert deeds(script) == [
        (1000, "bar-0", "lose_link"),
        (2000, "bar-1", "kill_agent"),
        (3000, "bar-2", "kill_agent"),
        (5000, "bar-1", StartAgent(spool_lost=True)),
        (10_000, "bar-0", "find_link"),
    ]


def test_the_end_of_a_fault_does_not_undo_a_later_one_of_its_kind(tmp_path: Path) -> None:
    script = script_of(
        tmp_path,
        '[[faults]]\nat_s = 1\nplayers = "bar-0"\naction = "freeze"\nfor_s = 5\n'
        '[[faults]]\nat_s = 2\nplayers = "bar-0"\naction = "black"\nfor_s = 10\n'
        '[[faults]]\nat_s = 2\nplayers = "bar-0"\naction = "lose_link"\nfor_s = 1',
    )
    assert deeds(script) == [
        (1000, "bar-0", Show("frozen")),
        (2000, "bar-0", Show("black")),
        (2000, "bar-0", "lose_link"),
        (3000, "bar-0", "find_link"),
        (12_000, "bar-0", Show("playing")),
    ]


BAD = [
    (
        'at_s = 1\nplayers = "bar-9"\naction = "stop"',
        "faults[0].players: 'bar-9' fits no player; the players are bar-0",
    ),
    ('at_s = 1\nplayers = "bar-0"\naction = "explode"', "faults[0].action: invalid enum value 'explode'"),
    ('at_s = -1\nplayers = "bar-0"\naction = "stop"', "faults[0].at_s: expected `float` >= 0"),
    ('at_s = 1\nplayers = "bar-0"\naction = "stop"\nfor = 1', "faults[0].for: unknown key; did you mean 'for_s'?"),
    (
        'at_s = 1\nplayers = "bar-0"\naction = "stop"\ndowntime_s = 1',
        "faults[0].downtime_s: means nothing for the action 'stop'; remove it; stop knows cause, detail, every_s",
    ),
    ('at_s = 1\nplayers = "bar-0"\naction = "step_clock"', "faults[0].by_s: is missing; add by_s = 3600, or = -3600"),
    ('at_s = 1\nplayers = "bar-0"\naction = "reboot"', "faults[0].downtime_s: is missing; add downtime_s"),
    (
        'at_s = 1\nplayers = "bar-0"\naction = "reboot"\ndowntime_s = 1\nwall = 1970-01-01T00:00:00',
        "faults[0].wall: 1970-01-01T00:00:00 has no UTC offset; write e.g. 1970-01-01T00:00:00Z",
    ),
    (
        'at_s = 1\nplayers = "bar-0"\naction = "reboot"\ndowntime_s = 1\nsync_after_s = 3',
        "faults[0].sync_after_s: the clock is right from the start without `wall`",
    ),
    (
        'at_s = 1\nplayers = "bar-0"\naction = "stop"\noutput = "left"',
        "faults[0].output: no output 'left'; write one of",
    ),
    (
        'at_s = 1\nplayers = "bar-4"\naction = "portal_down"',
        "faults[0].players: 'bar-4' fits no vantage point; the vantage points are bar-0, bar-1, shop-0, shop-1",
    ),
    (
        'at_s = 1\nplayers = "bar-0"\naction = "lose_network"\ndetail = "no line"',
        "faults[0].detail: means nothing for the action 'lose_network'; remove it; lose_network knows every_s, for_s",
    ),
    (
        'at_s = 1\nplayers = "bar-0"\naction = "stop"\nfor_s = 1\ntimes = 3',
        "faults[0].every_s: is missing; add every_s",
    ),
    ('at_s = 1\nplayers = "bar-0"\naction = "stop"\nfor_s = 1\nevery_s = 3', "faults[0].times: is missing; add times"),
    (
        'at_s = 1\nplayers = "bar-0"\naction = "stop"\nfor_s = 3\ntimes = 3\nevery_s = 3',
        "faults[0].every_s: it begins anew each 3 s and has not ended by then; give for_s, less than every_s",
    ),
    ('at_s = 1\nplayers = "bar-0"\naction = "stop"\ntimes = 1\nevery_s = 3', "faults[0].times: expected `int` >= 2"),
]


@pytest.mark.parametrize(("entry", "complaint"), BAD)
def test_a_wrong_entry_is_named_with_its_remedy(tmp_path: Path, entry: str, complaint: str) -> None:
    with pytest.raises(ConfigError) as refused:
        script_of(tmp_path, f"[[faults]]\n{entry}\n")
    assert str(tmp_path / "script.toml") in str(refused.value)
    assert complaint in str(refused.value)


def test_a_script_may_not_repeat_before_it_has_ended(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"repeats after 10 s, but its last fault ends at 12 s; let it repeat later"):
        script_of(tmp_path, 'repeat_every_s = 10\n[[faults]]\nat_s = 4\nplayers = "bar-0"\naction = "stop"\nfor_s = 8')


def test_a_clock_is_set_by_so_much_and_disciplined_again_in_the_end(tmp_path: Path) -> None:
    entry = '[[faults]]\nat_s = 1\nplayers = "bar-1"\naction = "step_clock"\nby_s = -5\nfor_s = 2'
    assert deeds(script_of(tmp_path, entry)) == [
        (1000, "bar-1", StepClock(-5000)),
        (3000, "bar-1", "discipline_clock"),
    ]


def test_the_portal_breaks_for_all_vantage_points_or_for_those_of_one_operator(tmp_path: Path) -> None:
    script = script_of(
        tmp_path,
        '[[faults]]\nat_s = 1\nplayers = "*"\naction = "portal_down"\nfor_s = 2\ndetail = "status 503"\n'
        '[[faults]]\nat_s = 5\nplayers = "shop-*"\naction = "portal_down"',
    )
    assert deeds(script) == [
        *((1000, point, BreakPortal("status 503")) for point in POINTS),
        *((3000, point, "find_portal") for point in POINTS),
        *((5000, point, BreakPortal()) for point in ("shop-0", "shop-1")),
    ]


def test_a_shop_loses_its_network_and_finds_it_again(tmp_path: Path) -> None:
    entry = '[[faults]]\nat_s = 1\nplayers = "bar-4"\naction = "lose_network"\nfor_s = 2'
    assert deeds(script_of(tmp_path, entry)) == [(1000, "bar-4", "lose_network"), (3000, "bar-4", "find_network")]


def test_what_flaps_comes_and_goes_so_often_until_another_fault_takes_its_place(tmp_path: Path) -> None:
    flapping = '[[faults]]\nat_s = 1\nplayers = "bar-0"\naction = "{}"\nfor_s = 2\ntimes = 3\nevery_s = 5\n'
    script = script_of(tmp_path, flapping.format("portal_down"))
    assert deeds(script) == [
        (at_ms, "bar-0", deed)
        for begun_ms in (1000, 6000, 11_000)
        for at_ms, deed in ((begun_ms, BreakPortal()), (begun_ms + 2000, "find_portal"))
    ]
    steps = plan(script, PLAYERS, 0, 0, POINTS)
    assert [(step.begins, step.ends) for step in steps] == [(True, False), *[(False, False)] * 4, (False, True)]
    frozen = '[[faults]]\nat_s = 7\nplayers = "bar-0"\naction = "freeze"'
    assert deeds(script_of(tmp_path, flapping.format("stop") + frozen)) == [
        (1000, "bar-0", Show("stopped")),
        (3000, "bar-0", Show("playing")),
        (6000, "bar-0", Show("stopped")),
        (7000, "bar-0", Show("frozen")),
    ]
