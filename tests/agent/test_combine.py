"""Worst evidence wins; whoever could not ask does not vote; one look is one sample."""

from __future__ import annotations

from itertools import permutations
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.combine import WORST_FIRST, Judgement, Panel
from agent.probes.base import DETAIL_CHARS, Reading
from wire.runs import Instant, Machine, Observation, Rules, observe
from wire.states import PlayerState

PLAYING, UNKNOWN = Reading("playing"), Reading("unknown", None, "no answer")
STANDS_MS = 30_000


def at(seconds: float) -> Instant:
    return Instant(round(seconds * 1000), 1_772_323_200_000 + round(seconds * 1000))


def panel(*probes: str) -> Panel:
    return Panel(dict.fromkeys(probes, STANDS_MS))


def test_every_state_of_a_player_has_its_rank_or_no_vote() -> None:
    assert sorted((*WORST_FIRST, "unknown")) == sorted(get_args(PlayerState))


def test_one_probe_is_heard_word_for_word() -> None:
    said = Reading("frozen", "content", "time-pos stood at 12.4 s")
    assert panel("mpv").hear("mpv", said, at(0)) == Judgement(said, at(0), again=False)


@pytest.mark.parametrize(
    ("one", "other", "judged"),
    [
        ("playing", "black", "black"),
        ("playing", "frozen", "frozen"),
        ("frozen", "black", "black"),
        ("idle", "black", "idle"),
        ("idle", "frozen", "idle"),
        ("off", "idle", "off"),
        ("stopped", "off", "stopped"),
        ("error", "stopped", "error"),
        ("unknown", "playing", "playing"),
        ("unknown", "black", "black"),
        ("unknown", "unknown", "unknown"),
        ("playing", "playing", "playing"),
    ],
)
def test_of_two_that_disagree_the_worse_is_believed(one: PlayerState, other: PlayerState, judged: str) -> None:
    for first, second in permutations((("a", one), ("b", other))):
        both = panel("a", "b")
        both.hear(first[0], Reading(first[1]), at(0))
        assert both.hear(second[0], Reading(second[1]), at(1)).reading.state == judged


def test_the_detail_says_who_decided_and_what_the_others_say() -> None:
    both = panel("mpv", "picture", "display")
    both.hear("mpv", Reading("playing", None, "12.4 s"), at(0))
    both.hear("display", Reading("unknown", None, "HDMI-A-1 is connected"), at(0))
    judged = both.hear("picture", Reading("black", None, "99 % black"), at(1))
    assert judged.reading.detail == "picture: 99 % black (mpv: playing, display: unknown)"


def test_where_all_agree_that_it_plays_there_is_nothing_to_explain() -> None:
    both = panel("mpv", "picture")
    assert both.hear("mpv", PLAYING, at(0)).reading == PLAYING
    assert both.hear("picture", PLAYING, at(1)).reading == PLAYING
    assert both.hear("mpv", UNKNOWN, at(2)).reading.detail == "picture: playing (mpv: unknown)"
    assert (
        both.hear("mpv", Reading("playing", None, "12.4 s"), at(3)).reading.detail == "mpv: 12.4 s (picture: playing)"
    )


def test_a_detail_that_would_not_fit_is_cut() -> None:
    both = panel("a", "b")
    both.hear("a", Reading("stopped", None, "x" * 500), at(0))
    assert len(both.hear("b", PLAYING, at(1)).reading.detail or "") == DETAIL_CHARS


def test_of_equals_the_one_with_a_cause_is_heard() -> None:
    both = panel("a", "b")
    both.hear("a", Reading("off", "display", "disconnected"), at(0))
    assert both.hear("b", Reading("off"), at(1)).reading.cause == "display"


def test_a_vote_is_no_longer_heard_when_its_probe_has_been_silent_for_too_long() -> None:
    both = Panel({"a": 10_000, "b": 10_000})
    both.hear("a", Reading("black"), at(0))
    assert both.hear("b", PLAYING, at(10)).reading.state == "black"
    assert both.hear("b", PLAYING, at(10.001)).reading.state == "playing"


def test_who_was_asked_first_and_answers_last_is_not_judged_backwards() -> None:
    both = panel("slow", "quick")
    both.hear("quick", PLAYING, at(5))
    assert both.hear("slow", PLAYING, at(1)).at == at(5)


def test_one_look_is_one_sample_however_often_the_others_speak() -> None:
    both, machine, rules = panel("picture", "mpv"), Machine(), Rules()
    said = [("mpv", PLAYING, 0.0), ("picture", Reading("black"), 1.0), *(("mpv", PLAYING, 5.0 + n) for n in range(10))]
    for probe, reading, second in said:
        judged = both.hear(probe, reading, at(second))
        machine, closed = observe(machine, Observation(*judged.reading, judged.at, judged.again), rules)
        assert closed == []
    assert machine.open is not None
    assert machine.open.state == "playing"  # and the doubt has no gap
    assert machine.last_seen == at(14)
    judged = both.hear("picture", Reading("black"), at(20))
    machine, closed = observe(machine, Observation(*judged.reading, judged.at, judged.again), rules)
    assert [(run.state, run.end) for run in closed] == [("playing", at(1))]
    assert machine.open is not None
    assert (machine.open.state, machine.open.start) == ("black", at(1))


def test_good_news_ends_the_doubt_at_once() -> None:
    both, machine, rules = panel("picture", "mpv"), Machine(), Rules()
    for probe, state, second in [("mpv", "playing", 0), ("picture", "black", 1), ("mpv", "playing", 5)]:
        judged = both.hear(probe, Reading(state), at(second))  # type: ignore[arg-type]  # the three are states
        machine, _ = observe(machine, Observation(*judged.reading, judged.at, judged.again), rules)
    judged = both.hear("picture", PLAYING, at(6))
    machine, closed = observe(machine, Observation(*judged.reading, judged.at, judged.again), rules)
    assert (machine.open.state if machine.open else None, machine.doubts, closed) == ("playing", (), [])


readings = st.builds(Reading, st.sampled_from([*WORST_FIRST, "unknown"]), st.sampled_from([None, "content"]))
histories = st.lists(st.tuples(st.sampled_from("abc"), readings, st.integers(0, 4000)), min_size=1, max_size=30)


@given(histories)
def test_the_state_is_the_worst_of_the_votes_that_stand(history: list[tuple[str, Reading, int]]) -> None:
    jury, last, now = Panel(dict.fromkeys("abc", 6000)), dict[str, tuple[Reading, int]](), 0
    for probe, reading, pause_ms in history:
        now += pause_ms
        judged = jury.hear(probe, reading, at(now / 1000))
        last[probe] = (reading, now)
        votes = {said.state for said, said_at in last.values() if now - said_at <= 6000} - {"unknown"}
        assert judged.reading.state == next((state for state in WORST_FIRST if state in votes), "unknown")
        assert judged.at == at(now / 1000)


@given(histories)
def test_a_judgement_that_changed_is_never_called_a_repetition(history: list[tuple[str, Reading, int]]) -> None:
    jury, now, before = Panel(dict.fromkeys("abc", 6000)), 0, None
    for probe, reading, pause_ms in history:
        now += pause_ms
        judged = jury.hear(probe, reading, at(now / 1000))
        says = (judged.reading.state, judged.reading.cause)
        assert not judged.again or says == before
        before = says
