from collector.intake.allowance import Allowance, Limits, Rate

LIMITS = Limits(messages=Rate(burst=10, per_s=2), runs=Rate(burst=100, per_s=10))


def count(allowance: Allowance, now_ms: int, *, restates: bool = False, runs: int = 1) -> int:
    """How many messages are taken at one instant."""
    taken = 0
    while allowance.admits(now_ms, restates):
        allowance.pay(runs)
        taken += 1
    return taken


def test_heartbeats_are_given_up_while_half_of_the_bucket_is_left_for_the_rest() -> None:
    allowance = Allowance(LIMITS, 0)
    assert count(allowance, 0, restates=True) == 6
    assert count(allowance, 0) == 4


def test_a_bucket_fills_again_and_not_over_its_brim() -> None:
    allowance = Allowance(LIMITS, 0)
    assert count(allowance, 0) == 10
    assert count(allowance, 1500) == 3
    assert count(allowance, 10_000_000) == 10


def test_runs_are_paid_for_beside_messages() -> None:
    allowance = Allowance(LIMITS, 0)
    assert count(allowance, 0, runs=60) == 2  # 100 runs, over by one message
    assert count(allowance, 1900, runs=60) == 0
    assert count(allowance, 2100, runs=60) == 1


def test_a_wall_clock_that_was_set_back_gives_and_takes_nothing() -> None:
    allowance = Allowance(LIMITS, 1_000_000)
    assert count(allowance, 1_000_000) == 10
    assert count(allowance, 0) == 0
    assert count(allowance, 1000) == 2


def test_an_episode_begins_once_and_ends_when_the_buckets_are_half_full() -> None:
    allowance = Allowance(LIMITS, 0)
    count(allowance, 0)
    assert [allowance.refuse(), allowance.refuse()] == [True, False]
    assert not allowance.recovers()
    assert allowance.admits(2000, False)
    assert not allowance.recovers()
    assert allowance.admits(4000, False)
    assert allowance.recovers()
    assert not allowance.recovers()
    assert (allowance.shed, allowance.refuse()) == (2, True)
