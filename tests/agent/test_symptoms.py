"""What of a machine's condition is a symptom, and what is its normal life."""

from __future__ import annotations

import pytest

from agent.causes import Symptom
from agent.hardware import FileSystemErrors, Throttled, Zone
from agent.processes import Hog, Process
from agent.resources import Disk, Memory
from agent.symptoms import FULL_BYTES, Condition, Rival, by_name, seen_twice, symptoms

QUIET = Condition()
GIB = 1024**3
NO_FLAGS = Throttled(*[False] * 8)


def names(now: Condition, start: Condition = QUIET, before: Condition = QUIET) -> list[str]:
    return [symptom.name for symptom in symptoms(start, before, now)]


def test_what_could_not_be_read_is_no_symptom() -> None:
    assert names(QUIET) == []


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (Condition(under_voltage=True), ["under_voltage"]),
        (Condition(under_voltage=False), []),
        (Condition(throttled=NO_FLAGS), []),
        (Condition(throttled=NO_FLAGS._replace(under_voltage=True)), ["under_voltage"]),
        (Condition(throttled=NO_FLAGS._replace(had_under_voltage=True)), []),  # days ago, for all we know
        (Condition(throttled=NO_FLAGS._replace(frequency_capped=True)), ["throttled"]),
        (Condition(zones=[Zone("cpu", 84.9, (("critical", 110.0), ("passive", 85.0)))]), []),
        (Condition(zones=[Zone("cpu", 85.0, (("critical", 110.0), ("passive", 85.0)))]), ["throttled"]),
        (Condition(zones=[Zone("cpu", 110.0, (("critical", 110.0),))]), ["over_temperature"]),
        (Condition(disk=Disk(FULL_BYTES, 8 * GIB, 10, 100)), []),
        (Condition(disk=Disk(FULL_BYTES - 1, 8 * GIB, 10, 100)), ["disk_full"]),
        (Condition(disk=Disk(GIB, 8 * GIB, 0, 100)), ["disk_full"]),
        (Condition(disk=Disk(GIB, 8 * GIB, 0, 0)), []),  # a file system that counts no inodes
        (Condition(link="broker: no answer"), ["link_down"]),
    ],
)
def test_each_reading_by_its_threshold(now: Condition, expected: list[str]) -> None:
    assert names(now) == expected


def test_old_errors_of_a_card_are_none_and_new_ones_are() -> None:
    old = Condition(errors=[FileSystemErrors("mmcblk0p2", 3, 1, "ext4_find_entry")])
    new = Condition(errors=[FileSystemErrors("mmcblk0p2", 5, 2, "ext4_find_entry")])
    assert names(old, start=old) == []
    assert symptoms(old, QUIET, new) == (
        Symptom("storage_error", "mmcblk0p2: 2 new ext4 errors, last in ext4_find_entry"),
    )


def test_errors_of_a_stick_that_was_plugged_in_since_are_its_own() -> None:
    assert names(Condition(errors=[FileSystemErrors("sda1", 3, 1, None)]), start=Condition(errors=None)) == []


def test_a_kiosk_with_a_read_only_root_is_well_and_one_whose_root_turned_is_not() -> None:
    kiosk, turned = Condition(read_only=["/"]), Condition(read_only=["/"])
    assert names(kiosk, start=kiosk) == []
    assert names(turned, start=Condition(read_only=[])) == ["root_read_only"]


def test_a_connector_that_lost_its_display_is_a_symptom_and_one_that_never_had_one_is_not() -> None:
    both = {"card1-HDMI-A-1": "connected", "card1-HDMI-A-2": "disconnected"}
    start = Condition(connectors=both)
    assert names(start, start=start) == []
    lost = Condition(connectors={**both, "card1-HDMI-A-1": "disconnected"})
    assert names(lost, start=start) == ["display_disconnected"]


def hog(percent: float, idle_percent: float, processors: int = 4) -> Condition:
    return Condition(rival=Rival(Hog(7, "stress", percent, 0), None, idle_percent, processors))


def test_a_hog_takes_more_than_half_of_all_processors_while_none_is_idle() -> None:
    assert names(hog(201, 9.9)) == ["cpu_hog"]
    assert names(hog(200, 9.9)) == []  # half of four
    assert names(hog(380, 10)) == []  # others still get their turn


def crowded(available_bytes: int, kills: int, largest_bytes: int = 5 * GIB) -> Condition:
    largest = Process(7, "leaky", 1, 0.0, largest_bytes)
    return Condition(memory=Memory(8 * GIB, available_bytes, 0, kills), rival=Rival(None, largest, 90, 4))


def test_memory_that_ran_out_is_a_hogs_doing_only_where_somebody_else_holds_most_of_it() -> None:
    before = Condition(memory=Memory(8 * GIB, GIB, 0, 2))
    assert names(crowded(GIB, 2), before=before) == []
    assert names(crowded(GIB // 8, 2), before=before) == ["memory_hog"]
    assert names(crowded(GIB, 3), before=before) == ["memory_hog"]
    assert names(crowded(GIB // 8, 3, largest_bytes=GIB), before=before) == []
    assert names(crowded(GIB, 3)) == []  # killed since when? nobody knows


def process(pid: int, name: str, cpu_s: float = 1.0, rss_bytes: int = 10, started: int = 1) -> Process:
    return Process(pid, name, started, cpu_s, rss_bytes)


def test_neither_the_agent_nor_the_player_nor_its_display_server_is_a_rival_and_workers_are_one() -> None:
    table = [process(1, "mpv"), process(2, "Xorg"), process(3, "signwatch"), process(4, "job"), process(5, "job")]
    assert by_name(table, frozenset({"mpv"}), 3) == [process(4, "job", 2.0, 20)]


def test_who_came_or_went_between_the_looks_is_not_compared() -> None:
    before = [process(4, "job", 1.0), process(5, "job", 9.0), process(6, "job", 1.0, started=1)]
    now = [process(4, "job", 1.5), process(6, "job", 0.2, started=8), process(9, "job", 3.0)]
    assert seen_twice(before, now) == ([process(4, "job", 1.0)], [process(4, "job", 1.5)])
