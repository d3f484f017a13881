"""Views as a running collector makes them, for tests to vary."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Any, Final

from collector.sla.burn import BurnRate
from collector.views import AlertView, FigureView, PlayerView

NOW_MS: Final = 1_772_359_331_000  # 2026-03-01T10:02:11Z

_FIGURE: Final = FigureView(
    tenant="acme",
    contract="admira",
    title="ADmira",
    month="2026-03",
    timezone="Europe/Madrid",
    provisional=True,
    computed_ms=NOW_MS,
    total_ms=36_131_000,
    decimals=2,
    percent="99.71",
    availability=Fraction(9971, 10_000),
    platform_availability=Fraction(9990, 10_000),
    players_availability=Fraction(9966, 10_000),
    platform_weight=Fraction(1, 5),
    players_weight=Fraction(4, 5),
    objective=Fraction(999, 1000),
    committed=Fraction(99, 100),
    termination_below=Fraction(97, 100),
    met=True,
    coverage_players=Fraction(95, 100),
    coverage_platform=Fraction(1),
    players=40,
    platform_downtime_ms=36_000,
    players_downtime_ms=4_900_000,
    affected_players=3,
    affected_limit=Fraction(1, 5),
    active_now=40,
    emitting_now=38,
    down_now=0,
    unknown_now=0,
    down_limit=Fraction(1, 5),
)

_PLAYER: Final = PlayerView(
    subject="acme/player-01/main",
    tenant="acme",
    site="gracia",
    device="player-01",
    output="main",
    name="Gràcia, window",
    contract="admira",
    state="playing",
    cause=None,
    detail=None,
    since_ms=NOW_MS - 3_600_000,
    evidence_ms=NOW_MS - 4_000,
    link="online",
    emitting=True,
    clock="synced",
    host={"cpu_percent": 12.5},
)


def figure(**changes: Any) -> FigureView:
    """A month in good order, with what the test wants changed."""
    return replace(_FIGURE, **changes)


def burning(long: Fraction | int, short: Fraction | int, limit: Fraction | int = 6, **changes: Any) -> BurnRate:
    """Six hours and half an hour, each at a rate, against a limit."""
    rates = Fraction(long), Fraction(short), Fraction(limit)
    rate = BurnRate("critical", 21_600_000, 1_800_000, *rates, capped=False, budget=Fraction(1, 100))
    return replace(rate, **changes)


def breached(**changes: Any) -> FigureView:
    """A month under its committed level."""
    return figure(**{"percent": "98.87", "availability": Fraction(9887, 10_000), "met": False, **changes})


def player(device: str = "player-01", **changes: Any) -> PlayerView:
    """A player that plays, with what the test wants changed."""
    output = changes.get("output", "main")
    return replace(_PLAYER, subject=f"acme/{device}/{output}", device=device, **changes)


def alert(**changes: Any) -> AlertView:
    """An open alarm, with what the test wants changed."""
    view = AlertView(
        id=7,
        agreement="acme/admira",
        kind="players_down",
        severity="critical",
        opened_ms=NOW_MS,
        closed_ms=None,
        summary="ADmira (acme): more than 20 % of the players are down",
        reason="13 of 40 players (32.50 %) down since 10:02:11Z, limit 20 %",
    )
    return replace(view, **changes)
