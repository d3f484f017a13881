"""Random fleets and clocks, judged twice: by the sweeps, and by `naive.py`, segment by segment."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from collector.sla.case import parse_case
from collector.sla.verdict import judge
from tests.collector.sla import fleets, naive

HORIZON_DAYS = 45


def assert_fleet_agrees(seed: int) -> None:
    case = fleets.fleet(seed)
    assert judge(parse_case(case, "random.json")) == naive.judge(case), f"seed {seed}"


def assert_clock_agrees(seed: int) -> None:
    case = fleets.clock(seed)
    judged = judge(parse_case(case, "random.json"))
    expected = naive.judge_clock(case, HORIZON_DAYS)
    horizon = datetime.fromisoformat(case["opened_at"]) + timedelta(days=HORIZON_DAYS)
    if expected["due_at"] is None and judged["due_at"] is not None:
        assert datetime.fromisoformat(judged["due_at"]) >= horizon, f"seed {seed}"
        judged["due_at"] = None
    assert judged == expected, f"seed {seed}"


@pytest.mark.parametrize("block", range(10))
def test_random_fleets_are_judged_alike(block: int) -> None:
    for seed in range(block * 40, block * 40 + 40):
        assert_fleet_agrees(seed)


@pytest.mark.parametrize("block", range(4))
def test_random_clocks_are_read_alike(block: int) -> None:
    for seed in range(block * 50, block * 50 + 50):
        assert_clock_agrees(seed)


@pytest.mark.slow
@pytest.mark.parametrize("block", range(100, 160))
def test_thousands_of_random_fleets_and_clocks_are_judged_alike(block: int) -> None:
    for seed in range(block * 100, block * 100 + 100):
        assert_fleet_agrees(seed)
        assert_clock_agrees(seed)


def test_the_random_fleets_reach_every_discount_reason() -> None:
    reasons = {
        month["discount_reason"]
        for seed in range(700)
        for month in judge(parse_case(fleets.fleet(seed), "random.json"))["months"]
    }
    assert reasons == {
        *("provisional", "coverage", "no_level", "met", "no_table"),
        *("no_band", "players", "window", "window_open", "due"),
    }
