"""The clock, the user and the unit, as the doctor judges them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from agent.config import Settings, parse
from agent.doctor.machine import look_at_clock, look_at_unit, look_at_user
from agent.timesource import Offset
from common.clock import ManualClock

GOOD = {"LoadState": "loaded", "ActiveState": "active", "SubState": "running", "UnitFileState": "enabled"}


def settings_in(folder: Path) -> Settings:
    text = 'tenant = "acme"\ndevice = "p1"\n[mqtt]\nhost = "h"\npassword_file = "secret"\n'
    return parse(text + '[[outputs]]\nid = "main"\nprobe = "push"\n', folder / "agent.toml")


def test_a_clock_that_is_kept_right_is_fine(clock: ManualClock) -> None:
    assert [one.level for one in look_at_clock(clock)] == ["ok"]


def test_a_clock_that_nobody_keeps_right_is_told_with_the_way_to_mend_it(clock: ManualClock) -> None:
    clock.is_synced = False
    (found,) = look_at_clock(clock)
    assert (found.level, found.id) == ("wrong", "clock.unsynced")
    assert "timedatectl set-ntp true" in found.remedy


def test_a_clock_of_1970_is_told(clock: ManualClock) -> None:
    clock.wall = 5_000
    (found,) = look_at_clock(clock)
    assert (found.level, found.id) == ("wrong", "clock.impossible")
    assert "1970-01-01" in found.message


@pytest.mark.parametrize(
    ("ahead_ms", "error_ms", "level", "words"),
    [
        (3.2, 10.0, "ok", "3.2 ms ahead of true time, give or take 10.0 ms, says chrony"),
        (-1_500.0, 10.0, "wrong", "1500.0 ms behind true time"),
        (1_500.0, 600.0, "ok", "1500.0 ms ahead"),  # it may well be right: nobody knows it better
    ],
)
def test_how_far_the_clock_is_from_true_time_is_told_by_whoever_knows(
    ahead_ms: float, error_ms: float, level: str, words: str, clock: ManualClock
) -> None:
    found = list(look_at_clock(clock, Offset(ahead_ms, error_ms, "chrony")))[-1]
    assert (found.level, found.id) == (level, "clock.offset")
    assert words in found.message


@pytest.mark.parametrize(
    ("said", "level", "id_"),
    [
        (None, "note", "unit.no_systemd"),
        ({"LoadState": "not-found"}, "note", "unit.missing"),
        ({**GOOD, "ActiveState": "failed"}, "wrong", "unit.failed"),
        ({**GOOD, "ActiveState": "activating", "SubState": "auto-restart"}, "wrong", "unit.failed"),
        ({**GOOD, "UnitFileState": "disabled"}, "wrong", "unit.not_enabled"),
        ({**GOOD, "ActiveState": "inactive"}, "wrong", "unit.inactive"),
        ({**GOOD, "NRestarts": "40"}, "note", "unit.restarts"),
        (GOOD, "ok", "unit"),
    ],
)
def test_what_systemd_says_of_the_unit_is_judged(said: dict[str, str] | None, level: str, id_: str) -> None:
    found = look_at_unit(said)
    assert (found.level, found.id) == (level, id_)


def test_a_password_that_everybody_may_read_is_told(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("hunter2", encoding="ascii")
    secret.chmod(0o644)
    found = {one.id: one for one in look_at_user(settings_in(tmp_path), {"User": "signwatch"})}
    assert found["user.password_open"].level == "wrong"
    assert found["user.password_open"].remedy == f"chgrp signwatch {secret}; chmod 640 {secret}"
    assert "hunter2" not in str(found)
    secret.chmod(0o640)
    assert "user.password_open" not in {one.id for one in look_at_user(settings_in(tmp_path), None)}


def test_who_asks_as_another_user_than_the_units_is_told(tmp_path: Path) -> None:
    found = {one.id: one for one in look_at_user(settings_in(tmp_path), {"User": "signwatch"})}
    assert "sudo -u signwatch" in found["user.other"].remedy
    me = {one.id: one for one in look_at_user(settings_in(tmp_path), None)}
    assert me["user"].level == "ok"
    assert os.geteuid() != 0 or "asked as root" in me["user"].message
