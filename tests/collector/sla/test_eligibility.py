"""Both thresholds are strict: exactly 1 % and exactly 20 % are not enough."""

from __future__ import annotations

from fractions import Fraction

import pytest

from collector.sla.eligibility import is_affected, is_eligible
from collector.sla.terms import Eligibility

TERMS = Eligibility(player_downtime_over=Fraction(1, 100), players_affected_over=Fraction(1, 5))
NEVER_DOWN = Eligibility(Fraction(0), Fraction(0))
ALWAYS_DOWN = Eligibility(Fraction(1), Fraction(1))


@pytest.mark.parametrize(
    ("terms", "down_ms", "counted_ms", "affected"),
    [
        (TERMS, 10, 1000, False),
        (TERMS, 11, 1000, True),
        (TERMS, 10, 999, True),
        (TERMS, 10**12, 10**14, False),
        (TERMS, 10**12 + 1, 10**14, True),
        (NEVER_DOWN, 0, 1000, False),
        (NEVER_DOWN, 1, 1000, True),
        (NEVER_DOWN, 1, 0, False),  # no counted time, not affected
        (NEVER_DOWN, 1, 1, True),
        (ALWAYS_DOWN, 1000, 1000, False),
        (Eligibility(Fraction(2, 3), Fraction(0)), 2, 3, False),
        (Eligibility(Fraction(2, 3), Fraction(0)), 3, 4, True),
    ],
)
def test_a_player_is_affected_strictly_above_its_share(
    terms: Eligibility, down_ms: int, counted_ms: int, affected: bool
) -> None:
    assert is_affected(terms, down_ms, counted_ms) is affected


@pytest.mark.parametrize(
    ("terms", "affected", "players", "eligible"),
    [
        (TERMS, 2, 10, False),
        (TERMS, 3, 10, True),
        (TERMS, 2, 9, True),
        (TERMS, 0, 0, False),
        (TERMS, 1, 0, False),
        (TERMS, 1, 1, True),
        (NEVER_DOWN, 0, 5, False),
        (NEVER_DOWN, 1, 5, True),
        (ALWAYS_DOWN, 5, 5, False),
        (None, 0, 5, True),
        (None, 0, 0, True),
    ],
)
def test_a_month_is_eligible_strictly_above_the_share_of_players(
    terms: Eligibility | None, affected: int, players: int, eligible: bool
) -> None:
    assert is_eligible(terms, affected, players) is eligible
