from common.clock import ManualClock
from simulator.clock import PlayerClock, TrueTime
from wire.runs import Instant

START = 1_772_323_200_000


def made() -> tuple[ManualClock, PlayerClock]:
    base = ManualClock(wall=START)
    return base, PlayerClock(TrueTime(base), "a" * 32, up_ms=60_000)


def test_a_new_player_has_been_up_for_a_while_and_its_clock_is_right() -> None:
    base, clock = made()
    base.advance(250)
    assert clock.now() == Instant(60_250, START + 250)
    assert (clock.mono_ms(), clock.wall_ms(), clock.synced()) == (60_250, START + 250, True)


def test_a_reboot_starts_a_new_boot_at_zero_with_the_wall_clock_it_was_told() -> None:
    base, clock = made()
    clock.reboot("b" * 32, wall_ms=0)
    base.advance(7)
    assert (clock.boot_id(), clock.now(), clock.synced()) == ("b" * 32, Instant(7, 7), False)


def test_discipline_steps_the_wall_clock_and_leaves_the_boot_time_alone() -> None:
    base, clock = made()
    clock.reboot("b" * 32, wall_ms=0)
    base.advance(1000)
    clock.discipline()
    assert (clock.now(), clock.synced()) == (Instant(1000, START + 1000), True)


def test_a_step_of_the_machines_own_wall_clock_is_not_taken_for_the_players() -> None:
    base, clock = made()
    base.wall += 3_600_000
    assert clock.now() == Instant(60_000, START)
