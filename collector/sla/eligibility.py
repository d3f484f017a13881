"""PURE. Which players count as affected, and whether enough of them are (SPEC 2.10). Both thresholds are strict.

The ADmira agreement grants its table only where more than 1 % of a player's emission and more than 20 % of the active
players were affected: exactly 1 % and exactly 20 % are not enough.
"""

from __future__ import annotations

from collector.sla.terms import Eligibility


def is_affected(terms: Eligibility, accountable_ms: int, counted_ms: int) -> bool:
    """Whether one player was down, on the provider's account, for strictly more than its share of counted time."""
    share = terms.player_downtime_over
    return counted_ms > 0 and accountable_ms * share.denominator > share.numerator * counted_ms


def is_eligible(terms: Eligibility | None, affected_players: int, players: int) -> bool:
    """Whether strictly more than the share of the counted players was affected; without terms, always."""
    if terms is None:
        return True
    return players > 0 and affected_players > terms.players_affected_over * players
