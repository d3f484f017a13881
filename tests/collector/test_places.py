"""What a voted platform part is at this moment, and since when."""

from __future__ import annotations

import pytest

from collector.evidence import RunRow
from collector.places import judged_now
from collector.registry.model import PortalCheck, Subject, VoteRule
from tests.collector.test_fleet import NOW, row

VOTES = VoteRule(["p1", "p2", "p3"], patience_s=4)
PORTAL = Subject("acme", "", "portal", "platform", "", None, check=PortalCheck(votes=VOTES))
UP, DOWN = row(1, 0, 60_000, "up"), row(2, 0, 60_000, "down")


@pytest.mark.parametrize(
    ("before", "since"),
    [
        ([], 60_000),
        ([row(0, 0, 50_000, "up")], 0),
        ([row(0, 0, 30_000, "up"), row(1, 30_000, 57_000, "down")], 60_000),
        ([row(0, 5000, 57_000, "up"), row(1, 57_000, 60_000, "unknown")], 5000),  # somebody is awaited
        ([row(0, 0, 50_000, "up"), row(1, 50_000, 60_000, "unknown")], 60_000),  # nobody could tell
        ([row(0, 0, 50_000, "up"), row(1, 57_000, 60_000, "unknown")], 60_000),  # nobody said anything
        ([row(0, 0, 57_000, "down"), row(1, 57_000, 60_000, "unknown")], 60_000),
    ],
)
def test_a_part_has_been_so_since_its_verdict_whoever_is_awaited_now(before: list[RunRow], since: int) -> None:
    now = judged_now(PORTAL, VOTES, {"p1": UP, "p2": UP, "p3": None}, before)
    assert (now.state, now.start_ms - NOW, now.end_ms - NOW) == ("up", since, 60_000)
    assert now.detail == "0 of 2 say down, 2 needed; up: p1, p2"


def test_the_verdict_of_this_moment_is_that_of_those_who_speak_now() -> None:
    assert judged_now(PORTAL, VOTES, {"p1": UP, "p2": DOWN, "p3": DOWN}, []).state == "down"
    assert judged_now(PORTAL, VOTES, {"p1": UP, "p2": DOWN, "p3": None}, []).state == "up"
