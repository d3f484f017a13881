"""What the agent's tests share: clips and stills made by ffmpeg, a real mpv, configuration files."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from common.clock import ManualClock
from tests.agent.lives import Life
from tests.agent.trees import Plant, plant_in
from tests.fixtures.processes import Process, Processes
from tests.fixtures.waiting import wait_until


def _ffmpeg(*arguments: str | Path) -> None:
    subprocess.run(["ffmpeg", "-v", "error", "-y", *map(str, arguments)], check=True, stdin=subprocess.DEVNULL)


@pytest.fixture(scope="session")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of films and pictures.

    clip.mp4 (4 s), short.mp4 (1 s), slow.mp4 (a picture in 2 s), stream.ts, sound.mp4 (with sound), sound.mp3,
    still.png, broken.mp4.
    """
    folder = tmp_path_factory.mktemp("clips")
    picture = ["-f", "lavfi", "-i"]
    _ffmpeg(*picture, "testsrc=s=64x64:r=10:d=4", "-pix_fmt", "yuv420p", folder / "clip.mp4")
    _ffmpeg(*picture, "testsrc=s=64x64:r=10:d=1", "-pix_fmt", "yuv420p", folder / "short.mp4")
    _ffmpeg(*picture, "testsrc=s=64x64:r=1/2:d=20", "-pix_fmt", "yuv420p", folder / "slow.mp4")
    _ffmpeg(*picture, "testsrc=s=64x64:d=1:r=1", "-frames:v", "1", folder / "still.png")
    _ffmpeg(*picture, "testsrc=s=320x240:r=25:d=20", "-b:v", "500k", folder / "stream.ts")
    sound = ["-f", "lavfi", "-i", "sine=d=4"]
    _ffmpeg(*picture, "testsrc=s=64x64:r=10:d=4", *sound, "-pix_fmt", "yuv420p", folder / "sound.mp4")
    _ffmpeg(*sound, folder / "sound.mp3")
    (folder / "broken.mp4").write_bytes(b"this is no film" * 100)
    return folder


class Mpv:
    """A real mpv without screen and sound, with its IPC socket."""

    def __init__(self, processes: Processes, folder: Path) -> None:
        self._processes = processes
        self.socket = folder / "mpv.sock"
        self._process: Process | None = None

    def play(self, *arguments: str | Path) -> Mpv:
        """Start it (or start it anew) with these arguments, and wait for its socket."""
        if self._process is not None:
            self._process.kill()
        self.socket.unlink(missing_ok=True)
        fixed = [
            "mpv",
            "--no-config",
            "--really-quiet",
            "--vo=null",
            "--ao=null",
            "--idle",
            f"--input-ipc-server={self.socket}",
        ]
        self._process = self._processes.start([*fixed, *arguments], "mpv")
        wait_until(self.socket.exists, "mpv opens its socket")
        return self

    @property
    def process(self) -> Process:
        """The running program."""
        assert self._process is not None
        return self._process


@pytest.fixture
def short_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder whose path fits into a Unix socket's address."""
    folder = tmp_path_factory.mktemp("s")
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def mpv(processes: Processes, short_folder: Path) -> Mpv:
    """A real mpv, not yet started."""
    return Mpv(processes, short_folder)


@pytest.fixture
def plant(tmp_path_factory: pytest.TempPathFactory) -> Plant:
    """Trees of small files that stand for another machine's /sys and /proc."""
    return lambda files: plant_in(tmp_path_factory.mktemp("root"), files)


WriteConfig = Callable[[str], Path]


@pytest.fixture
def write_config(tmp_path: Path) -> WriteConfig:
    """Write a configuration file and give its path."""

    def write(text: str) -> Path:
        file = tmp_path / "agent.toml"
        file.write_text(text, encoding="utf-8")
        return file

    return write


@pytest.fixture
def clock() -> ManualClock:
    """A clock that the test turns."""
    return ManualClock()


@pytest.fixture
def life(tmp_path: Path, clock: ManualClock) -> Iterator[Life]:
    """An agent's spool in its first life."""
    life = Life(tmp_path / "spool", clock)
    yield life
    life.journal.close()


@pytest.fixture
def memory() -> Iterator[Path]:
    """A folder in memory: thousands of spools are opened, and what is tested here is not the disk."""
    shared = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=shared if shared.is_dir() else None) as folder:
        yield Path(folder)
