from collections.abc import Hashable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.intake.lanes import TURN_WEIGHT, Lanes


def filled(**lanes: list[int]) -> Lanes[tuple[str, int]]:
    """Lanes by name, each with items of these weights; an item is its lane and its place in it."""
    found: Lanes[tuple[str, int]] = Lanes()
    for name, weights in lanes.items():
        for place, weight in enumerate(weights):
            found.put(name, (name, place), weight)
    return found


def test_a_device_that_talks_without_end_does_not_stand_before_the_others() -> None:
    lanes = filled(mad=[1] * 50_000, one=[1], two=[100])
    first = lanes.take(4000)
    assert [item for item in first if item[0] != "mad"] == [("one", 0), ("two", 0)]
    assert first.index(("two", 0)) <= TURN_WEIGHT + 1


def test_who_is_alone_gets_the_whole_batch() -> None:
    lanes = filled(only=[1] * 5000)
    assert len(lanes.take(4000)) == 4000
    assert (len(lanes), lanes.weight, lanes.weight_of("only")) == (1000, 1000, 1000)


def test_a_heavy_message_ends_its_lane_s_turn() -> None:
    lanes = filled(heavy=[500] * 20, light=[1] * 20)
    assert lanes.take(1100) == [("heavy", 0), *[("light", place) for place in range(20)], ("heavy", 1), ("heavy", 2)]


def test_nothing_waits_in_a_lane_that_there_is_not() -> None:
    lanes = filled(gone=[1])
    lanes.take(1)
    assert (lanes.weight_of("gone"), len(lanes), lanes.take(100)) == (0, 0, [])


@given(
    puts=st.lists(st.tuples(st.integers(0, 4), st.integers(1, 500)), max_size=200),
    takes=st.lists(st.integers(1, 2000), min_size=1, max_size=20),
)
def test_everything_comes_out_once_and_in_the_order_of_its_lane(puts: list[tuple[int, int]], takes: list[int]) -> None:
    lanes: Lanes[tuple[Hashable, int]] = Lanes()
    for number, (lane, weight) in enumerate(puts):
        lanes.put(lane, (lane, number), weight)
    out: list[tuple[Hashable, int]] = []
    for weight in [*takes, 10**9]:
        out += lanes.take(weight)
    assert sorted(number for _, number in out) == list(range(len(puts)))
    for lane in range(5):
        numbers = [number for found, number in out if found == lane]
        assert numbers == sorted(numbers)
    assert (len(lanes), lanes.weight) == (0, 0)


@pytest.mark.parametrize("weight", [1, 99, 100, 4000])
def test_a_batch_is_over_its_weight_by_one_message_at_most(weight: int) -> None:
    lanes = filled(a=[70] * 100, b=[500] * 100, c=[1] * 100)
    before = lanes.weight
    lanes.take(weight)
    assert weight <= before - lanes.weight < weight + 500
