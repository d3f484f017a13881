"""The ledger's disk is full, broken or read-only under a running collector: it holds, says so, and goes on."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, Final

import pytest

from signwatch.cli import main
from tests.collector.reporter import Reporter
from tests.fixtures.mosquitto import Mosquitto
from tests.fixtures.processes import Process, Processes
from tests.fixtures.shim import Shim
from tests.fixtures.waiting import LOOPBACK, free_port, until

pytestmark = pytest.mark.system
SIZE_BYTES: Final = 12 * 1024 * 1024
MORE: Final = range(10, 110)


class SmallDisk:
    """An ext4 file system in a file."""

    def __init__(self, image: Path, place: Path) -> None:
        self.image, self.place = image, place
        self.ballast = place / "ballast"

    def mount(self) -> None:
        subprocess.run(["mount", "-o", "loop", self.image, self.place], check=True, capture_output=True)

    def unmount(self) -> None:
        subprocess.run(["umount", self.place], check=True, capture_output=True)

    def fill(self) -> None:
        """Leave not a single block."""
        with self.ballast.open("wb", buffering=0) as file:
            for size in (65_536, 4096, 512):
                while fits(file, size):
                    pass

    def abort(self) -> None:
        """What ext4 does of itself when its disk answers with errors: it turns read-only, under whoever writes."""
        subprocess.run(["mount", "-o", "remount,abort", self.place], check=False, capture_output=True)
        with contextlib.suppress(OSError):
            self.ballast.write_bytes(b"notice it")


def fits(file: IO[bytes], size: int) -> bool:
    try:
        return file.write(b"x" * size) == size
    except OSError:
        return False


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[SmallDisk]:
    image, place = tmp_path / "disk.img", tmp_path / "disk"
    place.mkdir()
    if os.geteuid() != 0:
        pytest.skip("only root may mount")
    with image.open("wb") as file:
        file.truncate(SIZE_BYTES)
    subprocess.run(["/usr/sbin/mkfs.ext4", "-q", "-m", "0", image], check=True)
    disk = SmallDisk(image, place)
    try:
        disk.mount()
    except subprocess.CalledProcessError as error:
        pytest.skip(f"no loop device here: {error.stderr.decode().strip()}")
    yield disk
    subprocess.run(["umount", "-l", place], check=False, capture_output=True)


class Running:
    """A collector whose ledger is in a folder of its own."""

    def __init__(
        self, processes: Processes, broker: Mosquitto, folder: Path, env: dict[str, str] | None = None
    ) -> None:
        self.port = free_port()
        self.ledger = folder / "ledger.db"
        config = processes.folder / "collector.toml"
        config.write_text(
            f'[ledger]\npath = "{self.ledger}"\n[mqtt]\nhost = "{broker.host}"\nport = {broker.port}\n'
            f'[web]\nlisten = "{LOOPBACK}:{self.port}"\n',
            encoding="utf-8",
        )
        self.process: Process = processes.signwatch("collector", "run", "--config", config, name="collector", env=env)

    def health(self) -> dict[str, Any]:
        """What /healthz says, with status 503 too; empty while nobody answers."""
        try:
            with urllib.request.urlopen(f"http://{LOOPBACK}:{self.port}/healthz", timeout=60) as answer:
                said = json.load(answer)
        except urllib.error.HTTPError as error:
            said = json.load(error)
        except OSError:
            return {}
        return {str(name): value for name, value in said.items()}

    async def is_well(self) -> None:
        await until(lambda: self.health().get("ok"), "the collector is well")

    async def holds(self, device: Reporter) -> None:
        """It takes nothing into the ledger, acknowledges nothing, and says why."""
        known = set(device.acked)
        await device.send(MORE)
        await until(lambda: "cannot be written since" in str(self.health().get("ledger")), "/healthz says so")
        assert self.health()["ok"] is False
        assert device.acked == known
        assert self.process.alive

    async def recovers(self, device: Reporter) -> None:
        """By itself: what it held is in the ledger, and acknowledged, without being sent again."""
        await until(lambda: set(MORE) <= device.acked, "what was held is acknowledged")
        await self.is_well()

    def is_sound(self) -> None:
        for command in ("check", "verify"):
            assert main(["ledger", command, "--ledger", str(self.ledger)]) == 0


async def test_a_full_disk_is_held_out_and_a_disk_that_turned_read_only_costs_nothing_acknowledged(
    processes: Processes, mosquitto: Mosquitto, small_disk: SmallDisk
) -> None:
    collector = Running(processes, mosquitto, small_disk.place)
    async with Reporter(mosquitto, "p1") as device:
        await collector.is_well()
        assert await device.deliver(range(1, 4), lambda: collector.process.alive)
        small_disk.fill()
        await collector.holds(device)
        small_disk.ballast.unlink()
        await collector.recovers(device)

        small_disk.abort()
        await device.send([500])
        await until(lambda: "cannot be written since" in str(collector.health().get("ledger")), "/healthz says so")
        assert 500 not in device.acked
        collector.process.kill()  # ext4 gives no way back but to mount it anew, which needs whoever has files open gone
        small_disk.unmount()
        small_disk.mount()
        collector.process.start()
        assert await device.deliver([500], lambda: collector.process.alive)
        await collector.is_well()
    assert collector.process.stop() == 0
    collector.is_sound()


@pytest.mark.slow
async def test_a_disk_that_answers_with_errors_is_held_out(
    processes: Processes, mosquitto: Mosquitto, shim: Shim, tmp_path: Path
) -> None:
    (folder := tmp_path / "ledger").mkdir()
    broken = tmp_path / "broken"
    collector = Running(processes, mosquitto, folder, shim.env(folder, fail=broken))
    async with Reporter(mosquitto, "p1") as device:
        await collector.is_well()
        assert await device.deliver(range(1, 4), lambda: collector.process.alive)
        broken.touch()
        await collector.holds(device)
        broken.unlink()
        await collector.recovers(device)
    assert collector.process.stop() == 0
