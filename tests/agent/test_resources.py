"""Readers of what playback may lack, over copied trees."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent import resources
from agent.resources import Disk, Link, Memory, Pressure, Ticks
from tests.agent.trees import Plant

NET = "sys/class/net"


def test_the_disk_tells_room_and_inodes(tmp_path: Path) -> None:
    disk = resources.disk(tmp_path)
    assert disk is not None
    assert 0 < disk.free_bytes < disk.total_bytes
    assert resources.disk(tmp_path / "missing") is None


def test_pressure_is_told_for_some_and_for_all(plant: Plant) -> None:
    told = "some avg10=12.50 avg60=3.25 avg300=0.00 total=4711\nfull avg10=1.00 avg60=0.50 avg300=0.00 total=12"
    assert resources.pressure("memory", plant({"proc/pressure/memory": told})) == Pressure(12.5, 3.25, 1.0, 0.5)


@pytest.mark.parametrize("text", ["", "some avg10=x avg60=0.00", "some avg10=1.00 avg60=1.00 avg300=1.00 total=1"])
def test_pressure_that_the_kernel_does_not_count_is_none(text: str, plant: Plant) -> None:
    assert resources.pressure("io", plant({"proc/pressure/io": text})) is None
    assert resources.pressure("io", plant({})) is None


def test_memory_is_told_in_bytes_with_what_the_kernel_killed(plant: Plant) -> None:
    meminfo = "MemTotal:         948304 kB\nMemAvailable:     412300 kB\nHugePages_Total:       0"
    root = plant({"proc/meminfo": meminfo, "proc/vmstat": "nr_free_pages 14378\noom_kill 3"})
    assert resources.memory(root) == Memory(948_304 * 1024, 412_300 * 1024, 0, 3)
    assert resources.memory(plant({"proc/meminfo": meminfo + "\nSwapFree: 8 kB"})) == Memory(
        948_304 * 1024, 412_300 * 1024, 8192, None
    )
    assert resources.memory(plant({})) is None


def test_what_is_used_is_told_as_df_and_free_tell_it() -> None:
    assert Disk(600, 1000, 0, 0, used_bytes=200).used_percent == 25.0  # a fifth is kept for root
    assert Disk(0, 0, 0, 0).used_percent == 0.0
    assert Memory(1000, 250, 0, None).used_percent == 75.0


def test_the_idle_share_is_that_of_the_time_between_two_looks(plant: Plant) -> None:
    before = resources.ticks(plant({"proc/stat": "cpu  10 0 10 70 10 0 0 0 0 0\ncpu0 1 1 1 1"}))
    now = resources.ticks(plant({"proc/stat": "cpu  40 0 20 120 20 0 0 0 5 0"}))
    assert before is not None
    assert now is not None
    assert now.idle_percent(before) == 60.0
    assert now.idle_percent(now) == 100.0
    assert Ticks(200, 60).idle_percent(Ticks(100, 70)) == 0.0  # waiting for I/O may be counted back
    assert resources.ticks(plant({})) is None


def test_links_are_told_with_their_carrier_and_virtual_ones_are_left_out(plant: Plant) -> None:
    def interface(name: str, operstate: str, carrier: str, *, real: bool = True, kind: str = "1") -> dict[str, str]:
        files = {f"{NET}/{name}/type": kind, f"{NET}/{name}/operstate": operstate, f"{NET}/{name}/carrier": carrier}
        return files | ({f"{NET}/{name}/device/uevent": "DRIVER=bcmgenet"} if real else {})

    files = interface("eth0", "down", "0") | interface("wlan0", "up", "1") | {f"{NET}/wlan0/wireless/status": "0"}
    files |= interface("lo", "unknown", "1", real=False, kind="772") | interface("docker0", "up", "1", real=False)
    dead = Link("eth0", up=False, carrier=False, wireless=False)
    assert resources.links(plant(files)) == [dead, Link("wlan0", up=True, carrier=True, wireless=True)]
    assert resources.links(plant({})) is None


HEAD = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT"
LOCAL = "eth0\t0000A8C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0"
DEFAULT = "wlan0\t00000000\t0100A8C0\t0003\t0\t0\t600\t00000000\t0\t0\t0"
V6 = f"{'0' * 32} 00 {'0' * 32} 00 fe80{'0' * 28} 00000400 00000001 00000000 00000003     eth1"
V6_NONE = f"{'0' * 32} 00 {'0' * 32} 00 {'0' * 32} ffffffff 00000001 00000000 00200200       lo"


@pytest.mark.parametrize(
    ("v4", "v6", "interfaces"),
    [
        ([HEAD, LOCAL, DEFAULT], [V6], ["wlan0", "eth1"]),
        ([HEAD, LOCAL], [V6_NONE, V6], ["eth1"]),
        ([HEAD, LOCAL], [V6_NONE], []),
    ],
)
def test_the_default_routes_tell_whether_there_is_a_way_out(
    v4: list[str], v6: list[str], interfaces: list[str], plant: Plant
) -> None:
    root = plant({"proc/net/route": "\n".join(v4), "proc/net/ipv6_route": "\n".join(v6)})
    assert resources.default_routes(root) == interfaces


def test_routes_that_cannot_be_read_say_nothing(plant: Plant) -> None:
    assert resources.default_routes(plant({})) is None
