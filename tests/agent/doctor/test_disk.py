"""The spool's disk as the doctor sees it: real file systems that are full, read-only, or gone with the power."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from agent.config import Settings, parse
from agent.doctor.disk import look_at_disk, mount_of
from agent.doctor.model import Found
from tests.agent.lives import Life

MOUNTS = """\
/dev/mmcblk0p2 / ext4 rw,noatime 0 0
tmpfs /run tmpfs rw,nosuid 0 0
/dev/sda1 /media/my\\040disk ext4 ro,relatime 0 0
"""


def settings_for(spool: Path, more: str = "") -> Settings:
    text = f'tenant = "acme"\ndevice = "p1"\n[mqtt]\nhost = "h"\n[spool]\ndir = "{spool}"\n{more}\n'
    return parse(text + '[[outputs]]\nid = "main"\nprobe = "push"\n', Path("/nowhere/agent.toml"))


def look(spool: Path, more: str = "", *, held: bool = False) -> dict[str, Found]:
    return {one.id: one for one in look_at_disk(settings_for(spool, more), held=held)}


Mount = Callable[[str], Path]


@pytest.fixture
def mount(tmp_path: Path) -> Iterator[Mount]:
    """Mount a tmpfs of 1 MiB with these options."""
    folder = tmp_path / "disk"

    def mount(options: str) -> Path:
        folder.mkdir(exist_ok=True)
        argv = ["mount", "-t", "tmpfs", "-o", f"size=1m,{options}", "tmpfs", folder]
        if subprocess.run(argv, check=False, capture_output=True).returncode:
            pytest.skip("no file system can be mounted here")
        return folder

    yield mount
    if folder.exists():
        subprocess.run(["umount", "--lazy", folder], check=False, capture_output=True)


def test_a_disk_that_can_be_written_is_measured_and_left_as_it_was(tmp_path: Path) -> None:
    found = look(tmp_path / "not" / "yet" / "made")
    assert found["disk.writes"].level == "ok"
    assert "fsync takes" in found["disk.writes"].message
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_told(mount: Mount) -> None:
    folder = mount("mode=0777")
    with pytest.raises(OSError, match="No space left"):
        (folder / "filler").write_bytes(b"x" * 2 * 1024 * 1024)
    found = look(folder)
    assert (found["disk.unwritable"].level, found["disk.room"].level) == ("wrong", "wrong")
    assert "No space left on device" in found["disk.unwritable"].message
    assert found["disk.unwritable"].remedy.startswith("make room")
    assert [file.name for file in folder.iterdir()] == ["filler"]


def test_a_read_only_disk_is_told_with_its_device(mount: Mount) -> None:
    found = look(mount("ro"))
    assert found["disk.read_only"].level == "wrong"
    assert "mounted read-only" in found["disk.read_only"].message
    assert "Read-only file system" in found["disk.unwritable"].message


def test_a_spool_in_memory_is_told(mount: Mount) -> None:
    found = look(mount("rw"), "max_bytes = 65536")
    assert found["disk.forgetful"].level == "note"
    assert found["disk.room"].level == "ok"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may become somebody else")
def test_a_directory_of_somebody_else_is_told(tmp_path: Path) -> None:
    child = os.fork()  # in a process of its own, since there is no way back to root
    if child == 0:
        os.setgroups([])
        os.setgid(65534)
        os.setuid(65534)
        os._exit(0 if _refused_to_me(Path("/var/lib")) else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def _refused_to_me(folder: Path) -> bool:
    found = look(folder)["disk.unwritable"]
    return (
        "Permission denied" in found.message
        and found.remedy == f"give it to the agent's user: chown signwatch {folder}"
    )


def test_a_damaged_spool_is_told_unless_an_agent_writes_it_just_now(life: Life) -> None:
    file = life.journal.path
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(b"this is no record\n")
    (file.parent / "spool.damaged-20260101T000000.000000Z.journal").write_bytes(b"nor this")
    found = look(file.parent)
    assert found["disk.damaged"].level == "note"
    assert "damaged in 1 place(s): line 1" in found["disk.damaged"].message
    assert "20260101T000000" in found["disk.damaged_before"].message
    assert "disk.damaged" not in look(file.parent, held=True)


@pytest.mark.parametrize(
    ("path", "kind", "device", "read_only"),
    [
        ("/var/lib/signwatch", "ext4", "/dev/mmcblk0p2", False),
        ("/run/spool", "tmpfs", "tmpfs", False),
        ("/running", "ext4", "/dev/mmcblk0p2", False),
        ("/media/my disk/spool", "ext4", "/dev/sda1", True),
    ],
)
def test_the_innermost_mount_counts(path: str, kind: str, device: str, read_only: bool) -> None:
    mount = mount_of(Path(path), MOUNTS)
    assert (mount.kind, mount.device, mount.read_only) == (kind, device, read_only)
