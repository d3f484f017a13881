import random
from itertools import pairwise

from simulator.past import DAY_MS, Offline, past_of

NOW = 1_772_323_200_000


def test_the_past_is_whole_and_every_other_run_is_a_trouble() -> None:
    runs = list(past_of(random.Random(1), Offline(7, 48), NOW))
    assert len(runs) == 7 * 48 + 1
    assert (runs[0].start_ms, runs[-1].end_ms) == (NOW - 7 * DAY_MS, NOW)
    assert all(one.end_ms == other.start_ms and one.start_ms < one.end_ms for one, other in pairwise(runs))
    assert {run.state for run in runs[::2]} == {"playing"}
    assert "playing" not in {run.state for run in runs[1::2]}


def test_a_moment_offline_holds_no_more_changes_than_it_has_milliseconds() -> None:
    runs = list(past_of(random.Random(1), Offline(3 / DAY_MS, 10**9), NOW))
    assert [(run.start_ms - NOW, run.end_ms - NOW) for run in runs] == [(-3, -2), (-2, -1), (-1, 0)]


def test_a_share_of_trouble_shortens_the_troubles_and_nothing_else() -> None:
    runs = list(past_of(random.Random(1), Offline(100, 20, trouble_share=0.02), NOW))
    assert len(runs) == 100 * 20 + 1
    assert all(one.end_ms == other.start_ms and one.start_ms < one.end_ms for one, other in pairwise(runs))
    assert {run.state for run in runs[::2]} == {"playing"}
    trouble_ms = sum(run.end_ms - run.start_ms for run in runs[1::2])
    assert 0.018 < trouble_ms / (100 * DAY_MS) < 0.022


def test_calm_days_have_no_trouble_at_all() -> None:
    runs = list(past_of(random.Random(1), Offline(10, 3, calm_days=4), NOW))
    assert len(runs) == 6 * 3 + 1
    assert runs[-1].state == "playing"
    assert runs[-1].start_ms < NOW - 4 * DAY_MS
    assert runs[-1].end_ms == NOW
    assert [run.state for run in past_of(random.Random(1), Offline(2, 5, calm_days=3), NOW)] == ["playing"]
