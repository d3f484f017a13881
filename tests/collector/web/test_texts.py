from __future__ import annotations

import re

import pytest

from collector.web.render import TEMPLATES
from collector.web.texts import ENGLISH
from collector.web.timeline import RANGES
from wire.states import PLATFORM_STATES, PLAYER_STATES

PYTHON = TEMPLATES.parent


def used() -> set[str]:
    found: set[str] = set()
    for path in [*TEMPLATES.glob("*.html"), *PYTHON.glob("*.py")]:
        found |= set(re.findall(r"\bt(?:exts)?\.([a-z][a-z0-9_]*)", path.read_text(encoding="utf-8")))
    return found - {"named", "month", "keys"}


def test_every_word_used_exists() -> None:
    assert used() <= ENGLISH.keys()


def test_every_word_that_exists_is_used() -> None:
    families = (
        "state_",
        "link_",
        "clock_",
        "conflict_",
        "alert_",
        "severity_",
        "status_",
        "level_",
        "range_",
        "unwatched_",
        "mark_",
        "marks_",
        "window_",
        "ballot_",
        "month_running",
        "month_settling",
        "month_closed",
    )
    assert {key for key in ENGLISH.keys() - used() if not key.startswith(families)} == set()


def test_every_state_and_range_has_a_word() -> None:
    names = {f"state_{state}" for state in PLAYER_STATES | PLATFORM_STATES} | {f"range_{name}" for name in RANGES}
    assert names <= ENGLISH.keys()


def test_a_missing_word_raises_and_an_unknown_kind_is_shown_by_its_name() -> None:
    with pytest.raises(AttributeError):
        _ = ENGLISH.no_such_word
    assert ENGLISH.named("alert", "something_new") == "something new"


def test_months_are_named() -> None:
    assert ENGLISH.month("2026-11") == "November 2026"
    assert ENGLISH.month("whenever") == "whenever"
