"""Readers of what playback may lack: over copied trees, and over real processes."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from agent import resources
from agent.resources import Hog, Link, Memory, Pressure, Process
from common.clock import monotonic_s
from tests.agent.trees import Plant
from tests.fixtures.processes import Processes
from tests.fixtures.waiting import wait_until

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


def one(pid: int, cpu_s: float, started: int = 1) -> Process:
    return Process(pid, f"p{pid}", started, cpu_s, 4096)


def test_the_busiest_is_found_between_two_looks_and_those_told_are_left_out() -> None:
    before, now = [one(1, 5.0), one(2, 1.0), one(3, 0.0)], [one(1, 5.5), one(2, 3.0), one(3, 0.1)]
    assert resources.hog(before, now, 2.0) == Hog(2, "p2", 100.0, 4096)
    assert resources.hog(before, now, 2.0, frozenset({2})) == Hog(1, "p1", 25.0, 4096)


def test_a_reused_process_id_is_another_process() -> None:
    assert resources.hog([one(1, 500.0)], [one(1, 1.0, started=9)], 2.0) is None


def test_no_time_between_two_looks_accuses_nobody() -> None:
    assert resources.hog([one(1, 0.0)], [one(1, 1.0)], 0.0) is None


def test_names_with_brackets_and_blanks_do_not_confuse_the_census(plant: Plant) -> None:
    fields = "S 1 7 7 0 -1 4194304 1 0 0 0 250 50 0 0 20 0 1 0 4711 1000 12 18446744073709551615"
    thread = fields.replace("4194304", str(0x00200000 | 0x40))
    root = plant(
        {"proc/7/stat": f"7 (a) b (c) {fields}", "proc/8/stat": f"8 (kworker/0:1) {thread}", "proc/self/x": ""}
    )
    hertz, page = os.sysconf("SC_CLK_TCK"), os.sysconf("SC_PAGE_SIZE")
    assert resources.census(root) == [Process(7, "a) b (c", 4711, 300 / hertz, 12 * page)]
    assert resources.census(root / "nowhere") is None


def test_a_real_process_that_burns_cpu_is_found(processes: Processes) -> None:
    burner = processes.start([sys.executable, "-c", "while True: pass"], "burner")

    def others() -> frozenset[int]:  # of a busy machine that runs other tests
        return frozenset(process.pid for process in resources.census() or [] if process.pid != burner.pid)

    before, at_s = resources.census(), monotonic_s()
    assert before is not None

    def found() -> Hog | None:
        return resources.hog(before, resources.census() or [], monotonic_s() - at_s, others())

    hog = wait_until(lambda: (now := found()) and now.cpu_percent > 1 and now, "it has burnt some")
    assert isinstance(hog, Hog)
    assert hog.pid == burner.pid
    assert hog.rss_bytes > 1_000_000


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
