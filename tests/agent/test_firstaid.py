"""When first aid is given, line by line."""

from __future__ import annotations

import pytest

from agent.firstaid import HOUR_MS, Chart, FirstAidTable, decide
from agent.probes.base import Reading

TABLE = FirstAidTable(unit="player.service", after_s=60, pause_s=120, at_most_per_hour=3)
STOPPED = Reading("stopped")


def chart(*treated_s: int, bad_since_s: int | None = 0) -> Chart:
    """A patient; each treatment took a second."""
    one = Chart(bad_since_ms=None if bad_since_s is None else bad_since_s * 1000)
    for second in treated_s:
        one = one.begun(second * 1000).ended((second + 1) * 1000)
    return one


def treats(one: Chart, second: float, *, maintenance: bool = False) -> bool:
    return decide(one, round(second * 1000), TABLE, maintenance=maintenance).treat


def test_a_player_is_given_time_to_recover_by_itself() -> None:
    assert not treats(chart(), 59.999)
    assert treats(chart(), 60)


def test_without_harm_nothing_is_done() -> None:
    assert not treats(chart(bad_since_s=None), 9999)


def test_during_maintenance_nothing_is_done() -> None:
    assert not treats(chart(), 60, maintenance=True)


def test_one_attempt_at_a_time() -> None:
    one = chart().begun(60_000)
    assert not treats(one, 3000)
    assert treats(one.ended(3_000_000), 3120)


def test_the_pause_counts_from_the_end_of_the_last_attempt_and_doubles() -> None:
    assert not treats(chart(60), 180.999)
    assert treats(chart(60), 181)
    assert not treats(chart(60, 181), 421.999)
    assert treats(chart(60, 181), 422)


def test_so_many_attempts_within_an_hour_and_no_more() -> None:
    three = chart(60, 181, 422)
    assert not treats(three, 60 + HOUR_MS / 1000 - 0.001)
    assert treats(three, 60 + HOUR_MS / 1000)


@pytest.mark.parametrize("state", ["playing", "off", "idle", "unknown", "error"])
def test_a_state_that_is_not_named_ends_the_bad_spell(state: str) -> None:
    assert chart().seen(Reading(state), 5000, TABLE).bad_since_ms is None  # type: ignore[arg-type]


def test_from_one_bad_state_to_another_it_is_the_same_spell() -> None:
    one = Chart().seen(STOPPED, 5000, TABLE).seen(Reading("frozen"), 9000, TABLE)
    assert one.bad_since_ms == 5000
    assert one.seen(None, 9500, TABLE).bad_since_ms is None
