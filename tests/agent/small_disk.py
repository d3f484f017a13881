"""A real ext4 file system of 8 MiB that fills up, turns read-only and is mended."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.agent.pushed import room_bytes


class SmallDisk:
    """An ext4 file system in a file, mounted through a loop device."""

    def __init__(self, image: Path, folder: Path) -> None:
        self.image, self.folder = image, folder
        with image.open("wb") as file:
            file.truncate(8 * 1024 * 1024)
        run("mkfs.ext4", "-q", "-m", "0", image)
        folder.mkdir(parents=True)

    def mount(self) -> None:
        run("mount", "-o", "loop,errors=remount-ro", self.image, self.folder)

    def remount(self, how: str) -> None:
        run("mount", "-o", f"remount,{how}", self.folder)

    def fill(self) -> None:
        file = os.open(self.folder / "filler", os.O_WRONLY | os.O_CREAT)
        with contextlib.suppress(OSError):  # full is what is wanted
            while True:
                os.write(file, b"x" * max(1024, room_bytes(self.folder) // 2))
        os.close(file)

    def breaks(self) -> None:
        """Let the kernel find an error on it, as on a dying card: it turns the file system read-only at once."""
        device = run("findmnt", "-no", "SOURCE", self.folder).strip().rpartition("/")[2]
        Path(f"/sys/fs/ext4/{device}/trigger_fs_error").write_text("test", encoding="ascii")

    def mend(self) -> None:
        """What a person does then: take it away, repair it, put it back."""
        run("umount", "--lazy", self.folder)
        subprocess.run(["fsck.ext4", "-fy", self.image], check=False, capture_output=True)  # 1: errors were mended
        self.mount()


def run(*argv: str | Path) -> str:
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout


@contextlib.contextmanager
def mounted(image: Path, folder: Path) -> Iterator[SmallDisk]:
    """A small disk on `folder`; the test is skipped where none can be mounted."""
    if os.geteuid() != 0:
        pytest.skip("needs root to mount a file system")
    disk = SmallDisk(image, folder)
    try:
        disk.mount()
    except subprocess.CalledProcessError as error:
        pytest.skip(f"cannot mount a file system here: {error.stderr}")
    try:
        yield disk
    finally:
        while subprocess.run(["umount", "--lazy", folder], check=False, capture_output=True).returncode == 0:
            pass  # as often as it was mounted
