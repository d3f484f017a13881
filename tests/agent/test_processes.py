"""The process table: over copied trees, and over real table_of."""

from __future__ import annotations

import os
import sys

from agent import processes as table_of
from agent.processes import Hog, Process
from common.clock import monotonic_s
from tests.agent.trees import Plant
from tests.fixtures.processes import Processes
from tests.fixtures.waiting import wait_until


def one(pid: int, cpu_s: float, started: int = 1) -> Process:
    return Process(pid, f"p{pid}", started, cpu_s, 4096)


def test_the_busiest_is_found_between_two_looks_and_those_told_are_left_out() -> None:
    before, now = [one(1, 5.0), one(2, 1.0), one(3, 0.0)], [one(1, 5.5), one(2, 3.0), one(3, 0.1)]
    assert table_of.hog(before, now, 2.0) == Hog(2, "p2", 100.0, 4096)
    assert table_of.hog(before, now, 2.0, frozenset({2})) == Hog(1, "p1", 25.0, 4096)


def test_a_reused_process_id_is_another_process() -> None:
    assert table_of.hog([one(1, 500.0)], [one(1, 1.0, started=9)], 2.0) is None


def test_no_time_between_two_looks_accuses_nobody() -> None:
    assert table_of.hog([one(1, 0.0)], [one(1, 1.0)], 0.0) is None


def test_names_with_brackets_and_blanks_do_not_confuse_the_census(plant: Plant) -> None:
    fields = "S 1 7 7 0 -1 4194304 1 0 0 0 250 50 0 0 20 0 1 0 4711 1000 12 18446744073709551615"
    thread = fields.replace("4194304", str(0x00200000 | 0x40))
    root = plant(
        {"proc/7/stat": f"7 (a) b (c) {fields}", "proc/8/stat": f"8 (kworker/0:1) {thread}", "proc/self/x": ""}
    )
    hertz, page = os.sysconf("SC_CLK_TCK"), os.sysconf("SC_PAGE_SIZE")
    assert table_of.census(root) == [Process(7, "a) b (c", 4711, 300 / hertz, 12 * page, "S", 1)]
    assert table_of.census(root / "nowhere") is None


def test_a_process_that_has_gone_or_is_hidden_is_nobody(plant: Plant) -> None:
    root = plant({"proc/7/stat": ""})
    (root / "proc/7/stat").write_bytes(b"")  # it ended while we looked
    assert table_of.look(7, root) is None
    assert table_of.look(8, root) is None
    assert table_of.arguments(8, root) == []


def test_a_command_line_is_read_by_its_arguments(plant: Plant) -> None:
    root = plant({"proc/7/cmdline": "/opt/signage-player-viewer\0--full screen\0", "proc/8/x": ""})
    assert table_of.arguments(7, root) == ["/opt/signage-player-viewer", "--full screen"]


def test_a_command_line_that_a_program_wrote_itself_is_read_by_words(plant: Plant) -> None:
    root = plant({"proc/7/cmdline": "chrome --type=renderer"})
    assert table_of.arguments(7, root) == ["chrome", "--type=renderer"]


def test_a_real_process_that_burns_cpu_is_found(processes: Processes) -> None:
    burner = processes.start([sys.executable, "-c", "while True: pass"], "burner")

    before, at_s = table_of.census(), monotonic_s()
    assert before is not None

    def found() -> Hog | None:
        now = table_of.census() or []
        others = frozenset(process.pid for process in now if process.pid != burner.pid)  # a busy machine has many
        return table_of.hog(before, now, monotonic_s() - at_s, others)

    hog = wait_until(lambda: (now := found()) and now.cpu_percent > 1 and now, "it has burnt some")
    assert isinstance(hog, Hog)
    assert hog.pid == burner.pid
    assert hog.rss_bytes > 1_000_000
