"""A large fleet's month in a real collector: what it takes at the start, and what it takes while the fleet speaks."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any, Final

import pytest

from tests.fixtures.processes import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.timeout(0)]

MOST_MIB: Final = 400  # for 360,000 runs


def measured(*arguments: object) -> dict[str, Any]:
    command = [sys.executable, ROOT / "bench" / "memory.py", *map(str, arguments)]
    found: dict[str, Any] = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return found


def test_a_month_of_three_thousand_players_takes_no_more_than_400_mib_when_a_collector_starts() -> None:
    found = measured("--players", 3000, "--runs", 120, "--starts", 1)
    assert found["started"]["peak_mib"]["max"] <= MOST_MIB


def test_nor_while_players_with_as_many_runs_speak_and_their_screens_change() -> None:
    found = measured("--players", 500, "--runs", 720, "--starts", 1, "--traffic-s", 60)
    assert found["traffic"]["runs"] > 0
    assert found["traffic"]["peak_mib"] <= MOST_MIB
