"""How full this machine's file systems are, over the real ones, and which turned read-only, over a copied tree."""

from __future__ import annotations

import os

import psutil
import pytest

from agent.filesystems import closed_figures, file_system_figures, mounted
from tests.agent.trees import Plant

MOUNTED = "36 1 8:1 / / rw,relatime - ext4 /dev/sda1 {root}\n40 36 8:2 / /srv\\040data rw - xfs /dev/sda2 {data}"


def test_every_file_system_of_this_machine_is_told_of_by_name() -> None:
    told = file_system_figures()
    for name, place in mounted().items():
        assert told[f"fs.{name}.used_percent"] == pytest.approx(psutil.disk_usage(place).percent, abs=1)
        assert int(str(told[f"fs.{name}.free_bytes"])) > 0
        if os.statvfs(place).f_files:
            assert 0 <= float(str(told[f"fs.{name}.inodes_used_percent"])) <= 100


def test_a_file_system_that_is_mounted_twice_is_told_once_by_its_shortest_name(plant: Plant) -> None:
    lines = [
        "36 1 8:1 / /usr/share rw - ext4 /dev/sda1 rw",
        "37 1 8:1 / / rw shared:1 - ext4 /dev/sda1 rw",
        "38 1 8:2 / /var rw - zfs tank/var rw",
        "39 1 7:1 / /usr rw - squashfs /dev/loop1 ro",
        "40 1 8:3 / /not/there rw - ext4 /dev/sda3 rw",
        "41 1 0:5 / /tmp rw - tmpfs tmpfs rw",
        "42 1 0:6 / /srv rw - nfs4 server:/export rw",
    ]
    assert mounted(plant({"proc/self/mountinfo": "\n".join(lines)})) == {"root": "/", "var": "/var"}


@pytest.mark.parametrize(
    ("root", "data", "figures"),
    [
        ("rw", "rw", {"fs_turned_read_only": 0}),
        ("ro", "rw", {"fs_turned_read_only": 1, "fs_turned_read_only_at": "/"}),
        ("rw", "rw,shutdown", {"fs_turned_read_only": 1, "fs_turned_read_only_at": "/srv data"}),
    ],
)
def test_a_file_system_that_the_kernel_has_closed_is_counted_and_named(
    root: str, data: str, figures: dict[str, object], plant: Plant
) -> None:
    tree = plant({"proc/self/mountinfo": MOUNTED.format(root=root, data=data)})
    assert closed_figures(tree) == figures


def test_where_mounts_cannot_be_read_nobody_says_that_none_is_closed(plant: Plant) -> None:
    assert closed_figures(plant({})) == {}
