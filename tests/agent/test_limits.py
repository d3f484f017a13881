"""Limits that an owner sets for a machine's own figures."""

from __future__ import annotations

import pytest

from agent.limits import Figures, Limit, judge_limits
from agent.probes.base import Reading
from common.config import ConfigError, convert

FIGURES: Figures = {
    "fs.root.used_percent": 93.1,
    "fs.var.used_percent": 12.0,
    "clock_offset_ms": -140.25,
    "drives_failing": 0,
    "drive.sda.health": "passed",
    "disk_free_bytes": 5_000_000_000,
}


@pytest.mark.parametrize(
    ("limits", "reading"),
    [
        ({"drives_failing": Limit(at_most=0)}, Reading("up", None, "1 figure within limits")),
        (
            {"fs.*.used_percent": Limit(at_most=90)},
            Reading("down", None, "fs.root.used_percent is 93.1, over 90"),
        ),
        ({"fs.*.used_percent": Limit(at_most=93.1)}, Reading("up", None, "2 figures within limits")),
        (
            {"clock_offset_ms": Limit(at_least=-100, at_most=100), "disk_free_bytes": Limit(at_least=6e9)},
            Reading(
                "down", None, "clock_offset_ms is -140.25, under -100; disk_free_bytes is 5000000000, under 6000000000"
            ),
        ),
        ({"altitude_km": Limit(at_most=1)}, Reading("unknown", None, "not readable: altitude_km")),
        ({"drive.sda.health": Limit(at_most=1)}, Reading("unknown", None, "not readable: drive.sda.health")),
        (
            {"altitude_km": Limit(at_most=1), "drives_failing": Limit(at_most=0)},
            Reading("up", None, "1 figure within limits; not readable: altitude_km"),
        ),
        (
            {"altitude_km": Limit(at_most=1), "fs.root.used_percent": Limit(at_most=90)},
            Reading("down", None, "fs.root.used_percent is 93.1, over 90; not readable: altitude_km"),
        ),
    ],
)
def test_a_figure_over_its_limit_is_down_and_one_that_cannot_be_read_accuses_nobody(
    limits: dict[str, Limit], reading: Reading
) -> None:
    assert judge_limits(limits, FIGURES) == reading


def test_a_limit_that_limits_nothing_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"limits nothing; write \{ at_most = 90 \}"):
        convert({}, Limit, "agent.toml")
