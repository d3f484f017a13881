"""Both languages are complete, and say numbers and times as their readers do."""

from __future__ import annotations

import re
import string
from fractions import Fraction
from typing import get_args
from zoneinfo import ZoneInfo

import pytest

from collector.report.model import BandFrom, NotApplied, Status
from collector.report.texts import TEXTS
from collector.report.words import Words
from collector.sla.discounts import Reason
from collector.sla.instants import parse_instant
from collector.sla.terms import Rounding
from tests.fixtures.processes import ROOT
from wire.states import CAUSES, PLATFORM_STATES, PLAYER_STATES

MADRID = ZoneInfo("Europe/Madrid")
EN, ES = Words("en", MADRID), Words("es", MADRID)
SOURCES = "\n".join(
    path.read_text(encoding="utf-8")
    for path in sorted((ROOT / "collector" / "report").rglob("*"))
    if path.suffix in {".py", ".html"} and path.name != "texts.py"
)
FAMILIES = {
    "state": PLAYER_STATES | PLATFORM_STATES,
    "reason": get_args(Reason),
    "band": [*get_args(BandFrom), "none"],
    "not_applied": get_args(NotApplied),
    "provisional": [status for status in get_args(Status) if status != "complete"],
    "round": ["floor_one", "floor_many", "half_up_one", "half_up_many"],
    "window": ["other"],
    "legend": ["up", "down", "left", "unknown", "off", "width"],
}


def placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


@pytest.mark.parametrize("key", TEXTS)
def test_both_languages_say_a_text_and_fill_in_the_same_names(key: str) -> None:
    english, spanish = TEXTS[key]
    assert english.strip()
    assert spanish.strip()
    assert placeholders(english) == placeholders(spanish)


@pytest.mark.parametrize(("family", "names"), FAMILIES.items())
def test_a_family_of_texts_has_a_text_for_each_member(family: str, names: list[str]) -> None:
    assert {f"{family}_{name}" for name in names} <= set(TEXTS)


@pytest.mark.parametrize("key", TEXTS)
def test_no_text_is_there_that_nobody_says(key: str) -> None:
    stem = re.sub(r"_(one|many)$", "", key)
    used = any(re.search(rf"[\"']{name}[\"']", SOURCES) for name in (key, stem))
    column = key.startswith("column_") and f'"{key.removeprefix("column_")}"' in SOURCES
    member = any(key in {f"{family}_{name}" for name in names} for family, names in FAMILIES.items())
    assert used or column or member


@pytest.mark.parametrize("words", [EN, ES], ids=["en", "es"])
def test_every_cause_and_state_has_a_name(words: Words) -> None:
    assert len({words.cause(cause) for cause in CAUSES}) == len(CAUSES)
    assert all(words.state(state) for state in PLAYER_STATES | PLATFORM_STATES)
    assert words.window_kind("stocktaking") == "stocktaking"
    assert words.window_kind("other") != "other"


def test_figures_are_cut_never_flattered() -> None:
    almost = Fraction(99_999_999, 100_000_000)
    assert (EN.percent(almost), ES.percent(almost)) == ("99.99%", "99,99\N{NO-BREAK SPACE}%")
    assert EN.percent(Fraction(1)) == "100.00%"
    assert EN.figure(Fraction(98_995, 100_000), Rounding(2, "half_up")) == "99.00%"
    assert (EN.level(Fraction(99, 100), 2), ES.level(Fraction(1, 5))) == ("99.00%", "20\N{NO-BREAK SPACE}%")


@pytest.mark.parametrize(
    ("instant", "english", "spanish"),
    [
        ("2026-03-14T01:00:00Z", "2026-03-14 02:00:00", "14/03/2026 02:00:00"),
        ("2026-10-25T00:30:00Z", "2026-10-25 02:30:00 (+02:00)", "25/10/2026 02:30:00 (+02:00)"),
        ("2026-10-25T01:30:00Z", "2026-10-25 02:30:00 (+01:00)", "25/10/2026 02:30:00 (+01:00)"),
        ("2026-10-25T02:30:00Z", "2026-10-25 03:30:00", "25/10/2026 03:30:00"),
    ],
)
def test_a_time_is_local_and_tells_its_offset_in_a_repeated_hour(instant: str, english: str, spanish: str) -> None:
    assert (EN.stamp(parse_instant(instant)), ES.stamp(parse_instant(instant))) == (english, spanish)


def test_an_end_on_the_same_day_needs_no_date() -> None:
    start, end = parse_instant("2026-03-14T21:00:00Z"), parse_instant("2026-03-14T22:30:00Z")
    assert EN.until(start, end) == "23:30:00"
    assert EN.until(start, end + 3_600_000) == "2026-03-15 00:30:00"


def test_dates_and_months_are_said_in_words() -> None:
    instant = parse_instant("2026-03-14T01:05:00Z")
    assert (EN.moment(instant), ES.moment(instant)) == ("14 March 2026, 02:05", "14 de marzo de 2026, 02:05")
    months = ["2025-11", "2025-12", "2026-01", "2026-05"]
    assert EN.months(months) == "November 2025 to January 2026 and May 2026"
    assert ES.months(months) == "noviembre de 2025 a enero de 2026 y mayo de 2026"


def test_lengths_are_short_in_tables_and_exact_in_the_formula() -> None:
    assert (EN.length(3_723_999), ES.length(36_000_000_000)) == ("1:02:03", "10\N{NO-BREAK SPACE}000:00:00")
    assert (EN.exactly(3_723_999), ES.exactly(3_723_999)) == ("1 h 2 min 3.999 s", "1 h 2 min 3,999 s")
    assert EN.exactly(Fraction(3_600_001, 2)) == "≈ 30 min"
