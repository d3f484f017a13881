"""When heartbeats state the host figures."""

from __future__ import annotations

import pytest

from agent.telling import Told, Value, is_due

FIGURES: dict[str, Value] = {
    "cpu_percent": 12.0,
    "load_1m": 0.5,
    "uptime_s": 900,
    "agent_rss_bytes": 24_000_000,
    "disk_free_bytes": 10**9,
    "memory_used_percent": 40.0,
    "temperature_c": 50.0,
    "disk_used_percent": 70.0,
    "spool_runs": 0,
    "spool_bytes": 0,
    "check.portal.latency_ms": 80,
    "check.portal.certificate_days": 60,
    "fs.var.used_percent": 40.0,
    "fs.var.free_bytes": 10**9,
    "drives_failing": 0,
    "clock_offset_ms": 0.0,
    "clock_error_ms": 9.0,
}
TOLD = Told(FIGURES, 1_000_000)
EVERY_MS = 240_000


def due(**changes: Value) -> bool:
    now = FIGURES | {name.replace("__", "."): value for name, value in changes.items()}
    return is_due(TOLD, {name: value for name, value in now.items() if value is not None}, 1_015_000, EVERY_MS)


def test_a_connection_that_has_not_heard_them_hears_them() -> None:
    assert is_due(None, FIGURES, 0, EVERY_MS)


def test_they_are_said_again_when_it_is_time() -> None:
    assert not is_due(TOLD, FIGURES, 1_239_999, EVERY_MS)
    assert is_due(TOLD, FIGURES, 1_240_000, EVERY_MS)


def test_what_is_different_every_time_waits_for_its_turn() -> None:
    assert not due(cpu_percent=99.0, load_1m=9.0, uptime_s=915, agent_rss_bytes=1, disk_free_bytes=1)
    assert not due(check__portal__latency_ms=9000)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"temperature_c": 54.9}, False),
        ({"temperature_c": 55.0}, True),
        ({"temperature_c": 45.0}, True),
        ({"memory_used_percent": 49.9}, False),
        ({"memory_used_percent": 50.0}, True),
        ({"disk_used_percent": 75.0}, True),
        ({"spool_runs": 1}, True),
        ({"check__portal__certificate_days": 59}, True),
        ({"fs__var__used_percent": 44.9}, False),
        ({"fs__var__used_percent": 45.0}, True),
        ({"fs__var__free_bytes": 1}, False),
        ({"drives_failing": 1}, True),
        ({"clock_offset_ms": 19.0, "clock_error_ms": 90.0}, False),
        ({"clock_offset_ms": -20.0}, True),
        ({"temperature_c": None}, True),
        ({"spool_error": "No space left on device"}, True),
        ({"first_aid_total": 1}, True),
    ],
)
def test_what_changed_noticeably_is_said_at_once(changes: dict[str, Value], expected: bool) -> None:
    assert due(**changes) is expected


def test_a_text_that_changed_is_said_at_once() -> None:
    told = Told({"spool_error": "Input/output error"}, 0)
    assert is_due(told, {"spool_error": "No space left on device"}, 1, EVERY_MS)
    assert not is_due(told, {"spool_error": "Input/output error"}, 1, EVERY_MS)
