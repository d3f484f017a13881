from __future__ import annotations

import pytest

from collector.report.as_table import as_table
from collector.sla.service import Language
from tests.collector.report.samples import at, platform, player, report, ruling, window
from tests.collector.report.test_html import busy


def test_the_terminal_shows_figure_verdict_incidents_and_players() -> None:
    text = as_table(busy(), "en")
    for said in (
        "Availability report: p1, March 2026",
        "Availability           98.31%",
        "Availability = 1 − 0.2 × 30 min ÷ (744 h) − 0.8 × 31 h ÷ (2 × 744 h) = 98.319892% …; cut to 2 decimals:",
        "A discount of 15% hangs on months that are not known yet.",
        "playback software: frozen",
        "left out: 0:30:00",
        "cause: the customer's own doing",
    ):
        assert said in text
    assert max(map(len, text.splitlines())) < 160


@pytest.mark.parametrize(
    ("language", "words"),
    [("en", "PROVISIONAL: The month is still running"), ("es", "PROVISIONAL: El mes sigue en curso")],
)
def test_a_provisional_month_says_so_at_the_top(language: Language, words: str) -> None:
    text = as_table(report(player("p1"), computed_at_ms=at("20T00:00")), language)
    assert words in "\n".join(text.splitlines()[:5])


def test_a_quiet_month_says_that_nothing_happened() -> None:
    text = as_table(report(player("p1"), platform("portal")), "en")
    assert "None in this month." in text
    assert "Nothing was left out." in text


def test_long_fleets_are_cut_and_counted() -> None:
    text = as_table(report(*(player(f"p{number:02d}") for number in range(45))), "en")
    assert "p39" in text
    assert "p40" not in text
    assert text.endswith("… and 5 more\n")


def test_windows_and_rulings_are_told_even_where_nothing_was_down() -> None:
    made = ruling(1, "acme/p1/main", "02T00:00", "02T01:00", cause="power")
    text = as_table(report(player("p1", rulings=[made]), windows=[window(1, "10T01:30", "10T02:00")]), "en")
    assert "applies; no downtime fell into it" in text
    assert "cause: power" in text
