"""The quorum, by its table, by examples, and against a second implementation that asks every millisecond."""

from __future__ import annotations

import random
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.vantage import Judged, Rule, Tally, Vote, ballots, explain, judge, needed, read_proof, verdict

MAJORITY = Rule(patience_ms=10)
SHARES = ((0, 1), (1, 3), (1, 2), (2, 3), (9, 10))


def seen(
    votes: dict[str, list[Vote]], rule: Rule = MAJORITY, start_ms: int = 0, end_ms: int = 1000
) -> list[tuple[int, int, str]]:
    return [(one.start_ms, one.end_ms, one.state) for one in judge(votes, rule, start_ms, end_ms)]


@pytest.mark.parametrize(
    ("rule", "up", "down", "waiting", "expected"),
    [
        (Rule(), 0, 0, 0, "unknown"),
        (Rule(), 1, 0, 0, "up"),
        (Rule(), 0, 1, 0, "down"),
        (Rule(), 1, 1, 0, "up"),  # half against half is not proven down
        (Rule(), 1, 2, 0, "down"),
        (Rule(), 1, 2, 1, "unknown"),  # who is waited for could make it half
        (Rule(), 1, 3, 1, "down"),
        (Rule(), 2, 1, 1, "up"),
        (Rule(), 1, 0, 1, "up"),
        (Rule(), 1, 0, 2, "unknown"),
        (Rule(min_votes=2), 0, 1, 0, "unknown"),
        (Rule(min_votes=2), 1, 0, 0, "unknown"),
        (Rule(min_votes=2), 0, 2, 0, "down"),
        (Rule(Fraction(2, 3)), 1, 2, 0, "up"),  # strictly more than two thirds
        (Rule(Fraction(2, 3)), 1, 3, 0, "down"),
        (Rule(Fraction(0)), 9, 1, 0, "down"),
        (Rule(count=2), 9, 2, 0, "down"),
        (Rule(count=2), 9, 1, 0, "up"),
        (Rule(count=2), 9, 1, 1, "unknown"),
        (Rule(count=2), 0, 1, 0, "unknown"),  # nobody says up, and too few say down
    ],
)
def test_the_rule_by_its_table(rule: Rule, up: int, down: int, waiting: int, expected: str) -> None:
    assert verdict(rule, up, down, waiting) == expected


def test_one_vantage_point_alone_is_believed_to_the_millisecond() -> None:
    votes = {"p1": [Vote(0, 100, "up"), Vote(100, 250, "down"), Vote(250, 400, "up")]}
    assert seen(votes) == [(0, 100, "up"), (100, 250, "down"), (250, 400, "up")]


def test_all_that_say_down_are_down_from_where_the_majority_says_so() -> None:
    votes = {
        "p1": [Vote(0, 100, "up"), Vote(100, 300, "down")],
        "p2": [Vote(0, 120, "up"), Vote(120, 300, "down")],
        "p3": [Vote(0, 150, "up"), Vote(150, 300, "down")],
    }
    assert seen(votes) == [(0, 120, "up"), (120, 300, "down")]


def test_a_shop_whose_network_is_gone_casts_no_vote() -> None:
    votes = {"p1": [Vote(0, 300, "up")], "p2": [Vote(0, 100, "up"), Vote(100, 300, "unknown", "nothing else")]}
    (only,) = judge(votes, MAJORITY, 0, 1000)
    assert (only.start_ms, only.end_ms, only.state) == (0, 300, "up")
    assert only.detail == "0 of 2 say down, 2 needed; up: p1, p2; no vote: p2 (nothing else)"


def test_where_nobody_can_tell_it_is_unknown() -> None:
    votes = {"p1": [Vote(0, 300, "unknown")], "p2": [Vote(100, 200, "off")]}
    assert seen(votes) == [(0, 300, "unknown")]


def test_the_newest_seconds_wait_for_who_has_not_yet_spoken() -> None:
    votes = {"p1": [Vote(0, 100, "up"), Vote(100, 130, "down")], "p2": [Vote(0, 120, "up")]}
    assert seen(votes) == [(0, 120, "up"), (120, 130, "unknown")]


def test_who_stays_away_is_waited_for_no_longer_than_patience() -> None:
    votes = {"p1": [Vote(0, 100, "up"), Vote(100, 200, "down")], "p2": [Vote(0, 120, "up")]}
    assert seen(votes) == [(0, 120, "up"), (120, 130, "unknown"), (130, 200, "down")]


def test_a_run_of_no_length_says_nothing_and_lets_nobody_be_waited_for_anew() -> None:
    votes = {"p1": [Vote(0, 10, "down"), Vote(50, 50, "down")], "p2": [Vote(0, 100, "up")]}
    assert seen(votes) == [(0, 100, "up")]
    votes["p3"] = [Vote(0, 10, "down"), Vote(60, 60, "up")]
    assert seen(votes) == [(0, 10, "down"), (10, 20, "unknown"), (20, 100, "up")]


def test_evidence_that_comes_a_day_late_changes_the_past() -> None:
    alone = {"p1": [Vote(0, 100, "up"), Vote(100, 200, "down")]}
    late = alone | {"p2": [Vote(0, 200, "up")], "p3": [Vote(0, 200, "up")]}
    assert seen(alone)[-1] == (100, 200, "down")
    assert seen(late) == [(0, 200, "up")]


def test_an_outage_names_everybody_who_voted_in_it_and_the_worst_clock() -> None:
    votes = {
        "p1": [Vote(0, 200, "down", "status 503")],
        "p2": [Vote(0, 100, "up"), Vote(100, 200, "down", "refused", "received")],
        "p3": [Vote(50, 200, "down", "status 502")],
    }
    words = "p1 (status 503), p2 (refused), p3 (status 502)"
    assert judge(votes, MAJORITY, 60, 200) == [
        Judged(60, 200, "down", f"2 of 3 say down, 2 needed; down: {words}; up: p2", "received")
    ]


def test_many_vantage_points_are_counted_where_they_cannot_all_be_named() -> None:
    told = explain({"down": {f"p{number:02}": None for number in range(11)}}, Tally(down=11, needed=6))
    assert told == "11 of 11 say down, 6 needed; down: p00, p01, p02, p03, p04, p05, p06, p07 and 3 more"


@pytest.mark.parametrize("rule", [*(Rule(Fraction(*share)) for share in SHARES), *(Rule(count=n) for n in (1, 2, 5))])
def test_so_many_as_are_needed_are_down_and_one_fewer_are_not(rule: Rule) -> None:
    for votes in range(1, 25):
        least = needed(rule, votes)
        assert least > votes or verdict(rule, votes - least, least) == "down"
        assert least - 1 > votes or verdict(rule, votes - least + 1, least - 1) != "down"


def test_the_proof_of_a_verdict_is_read_out_of_its_detail() -> None:
    tally = Tally(up=1, down=3, none=2, needed=3)
    assert read_proof(explain({"down": {"p1": "status 503"}, "up": {"p2": None}}, tally)) == Tally(1, 3, needed=3)
    assert read_proof("0 of 0 say down, 1 needed") == Tally(needed=1)
    for detail in (None, "", "status 503, expected 200", "3 of 2 say down, 2 needed", "down: p1 (3 of 4 say down)"):
        assert read_proof(detail) is None


def test_the_ballots_of_one_instant() -> None:
    early, late = Vote(0, 100, "up"), Vote(100, 200, "down")
    votes = {"p1": [early, late], "p2": [Vote(150, 160, "up")]}
    assert ballots(votes, 99) == {"p1": early}
    assert ballots(votes, 100) == {"p1": late}
    assert ballots(votes, 200) == {}


def test_no_vantage_point_is_no_evidence() -> None:
    assert judge({}, MAJORITY, 0, 1000) == []
    assert judge({"p1": [], "p2": [Vote(5, 5, "down")]}, MAJORITY, 0, 1000) == []


INSTANTS = st.integers(0, 40)
VOTES = st.builds(
    lambda start, length, state: Vote(start, start + length, state),
    INSTANTS,
    st.integers(0, 15),
    st.sampled_from(["up", "down", "unknown", "off"]),
)
CAST = st.dictionaries(st.sampled_from(["a", "b", "c", "d"]), st.lists(VOTES, max_size=5), max_size=4)
RULES = st.builds(
    Rule,
    st.sampled_from([Fraction(1, 2), Fraction(0), Fraction(2, 3)]),
    st.sampled_from([None, 1, 2, 3]),
    st.integers(1, 3),
    st.integers(0, 12),
)


def naive(votes: dict[str, list[Vote]], rule: Rule, at_ms: int) -> str | None:
    """Ask every point what it says of one millisecond, and try everything that those waited for might say."""
    up = down = none = waiting = 0
    for cast in votes.values():
        said = None
        for vote in sorted(cast, key=lambda each: each.start_ms):  # stable: later over earlier
            if vote.start_ms <= at_ms < vote.end_ms:
                said = vote.state
        ended = [vote.end_ms for vote in cast if vote.start_ms < vote.end_ms <= at_ms]
        up += said == "up"
        down += said == "down"
        none += said in {"unknown", "off"}
        waiting += said is None and bool(ended) and at_ms < max(ended) + rule.patience_ms
    if not (up or down or none):
        return None
    outcomes = {
        once(rule, up + more, down + worse) for more in range(waiting + 1) for worse in range(waiting + 1 - more)
    }
    return outcomes.pop() if len(outcomes) == 1 else "unknown"


def once(rule: Rule, up: int, down: int) -> str:
    if up + down < rule.min_votes:
        return "unknown"
    if (
        down >= rule.count
        if rule.count is not None
        else down * rule.share.denominator > (up + down) * rule.share.numerator
    ):
        return "down"
    return "up" if up else "unknown"


@given(CAST, RULES)
def test_every_millisecond_is_what_asking_everybody_anew_gives(cast: dict[str, list[Vote]], rule: Rule) -> None:
    votes = {point: sorted(each, key=lambda vote: vote.start_ms) for point, each in cast.items()}
    found = judge(votes, rule, 3, 60)
    told = {at: one.state for one in found for at in range(one.start_ms, one.end_ms)}
    assert sum(one.end_ms - one.start_ms for one in found) == len(told)  # none overlaps
    for at in range(60):
        expected = naive(votes, rule, at) if at >= 3 else None
        assert told.get(at) == expected, at


@given(CAST, RULES, st.randoms(use_true_random=False))
def test_the_order_in_which_points_are_given_says_nothing(
    cast: dict[str, list[Vote]], rule: Rule, shuffle: random.Random
) -> None:
    votes = {point: sorted(each, key=lambda vote: vote.start_ms) for point, each in cast.items()}
    names = list(votes)
    shuffle.shuffle(names)
    assert judge({name: votes[name] for name in names}, rule, 0, 60) == judge(votes, rule, 0, 60)


@given(CAST, RULES, st.integers(0, 60))
def test_a_part_of_the_timeline_is_the_timeline_cut(cast: dict[str, list[Vote]], rule: Rule, cut_ms: int) -> None:
    votes = {point: sorted(each, key=lambda vote: vote.start_ms) for point, each in cast.items()}
    recent = {
        point: [vote for vote in each if vote.end_ms > cut_ms - rule.patience_ms] for point, each in votes.items()
    }
    whole = {at: one.state for one in judge(votes, rule, 0, 60) for at in range(one.start_ms, one.end_ms)}
    part = {at: one.state for one in judge(recent, rule, cut_ms, 60) for at in range(one.start_ms, one.end_ms)}
    assert part == {at: state for at, state in whole.items() if at >= cut_ms}
