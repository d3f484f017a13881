"""How an outage was decided: every vote from its first instant to its last, and the same verdicts as the timeline's."""

from __future__ import annotations

from hypothesis import given

from collector.vantage import Rule, Tally, Vote, judge
from collector.vantage_story import Cast, Change, Outage, outages_of
from tests.collector.test_vantage import CAST, RULES

RULE = Rule(patience_ms=10)


def test_an_outage_tells_all_votes_at_its_beginning_and_each_that_changed_until_it_ended() -> None:
    votes = {
        "p1": [Vote(0, 100, "up"), Vote(100, 300, "down", "status 503"), Vote(300, 500, "up")],
        "p2": [Vote(0, 120, "up"), Vote(120, 280, "down", "refused"), Vote(280, 500, "up")],
        "p3": [Vote(0, 500, "up")],
        "p4": [Vote(0, 150, "up"), Vote(150, 500, "unknown", "nothing else")],
    }
    (outage,) = outages_of(votes, RULE, 0, 500)
    assert outage == Outage(
        150,
        280,
        lasts=False,
        changes=(
            Change(
                150,
                "down",
                Tally(1, 2, 1, needed=2),
                (
                    Cast("p1", "down", "status 503"),
                    Cast("p2", "down", "refused"),
                    Cast("p3", "up", None),
                    Cast("p4", "none", "nothing else"),
                ),
            ),
            Change(280, "up", Tally(2, 1, 1, needed=2), (Cast("p2", "up", None),)),
        ),
    )


def test_an_outage_that_lasts_ends_with_the_last_vote_and_not_with_those_on_their_way() -> None:
    votes = {"p1": [Vote(0, 200, "down")], "p2": [Vote(0, 195, "down")], "p3": [Vote(50, 199, "down")]}
    (outage,) = outages_of(votes, RULE, 0, 200)
    assert (outage.start_ms, outage.end_ms, outage.lasts) == (0, 199, True)
    assert [(change.at_ms, change.tally.down) for change in outage.changes] == [(0, 2), (50, 3)]


def test_who_falls_silent_in_an_outage_is_told_as_awaited_and_then_as_silent() -> None:
    votes = {
        "p1": [Vote(0, 200, "down"), Vote(200, 300, "up")],
        "p2": [Vote(0, 200, "down"), Vote(200, 300, "up")],
        "p3": [Vote(0, 100, "down")],
    }
    (outage,) = outages_of(votes, RULE, 0, 300)
    casts = [(change.at_ms, cast.point, cast.ballot) for change in outage.changes[1:] for cast in change.cast]
    assert casts == [(100, "p3", "waiting"), (110, "p3", "silent"), (200, "p1", "up"), (200, "p2", "up")]


def test_a_vote_that_is_cast_again_is_no_change() -> None:
    votes = {"p1": [Vote(0, 50, "down", "status 503"), Vote(50, 100, "down", "status 502"), Vote(100, 150, "up")]}
    (outage,) = outages_of(votes, RULE, 0, 150)
    assert [change.at_ms for change in outage.changes] == [0, 100]


def test_a_flapping_part_has_an_outage_for_each_time_it_was_down() -> None:
    states = ["up", "down"] * 5 + ["up"]
    votes = {"p1": [Vote(number * 10, number * 10 + 10, state) for number, state in enumerate(states)]}
    found = outages_of(votes, RULE, 0, 110)
    assert [(one.start_ms, one.end_ms) for one in found] == [(start, start + 10) for start in range(10, 110, 20)]
    assert all([change.verdict for change in one.changes] == ["down", "up"] for one in found)


@given(CAST, RULES)
def test_the_outages_are_those_of_the_timeline_and_every_verdict_in_them_is_its_own(
    cast: dict[str, list[Vote]], rule: Rule
) -> None:
    votes = {point: sorted(each, key=lambda vote: vote.start_ms) for point, each in cast.items()}
    judged = judge(votes, rule, 3, 60)
    found = outages_of(votes, rule, 3, 60)
    assert [(one.start_ms, one.end_ms) for one in found] == [run[:2] for run in judged if run.state == "down"]
    for outage in found:
        assert outage.changes[0].at_ms == outage.start_ms
        assert {change.verdict for change in outage.changes if change.at_ms < outage.end_ms} == {"down"}
        first = outage.changes[0]
        counted = [each.ballot for each in first.cast]
        assert (counted.count("up"), counted.count("down")) == (first.tally.up, first.tally.down)
