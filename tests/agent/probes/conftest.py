"""A real VLC for the tests of probes."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from agent.httpclient import Ask, get
from tests.fixtures.mosquitto import program
from tests.fixtures.processes import Process, Processes
from tests.fixtures.waiting import LOOPBACK, accepts, free_port, wait_until

NOBODY: Final = 65_534
AS_NOBODY: Final = ("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups") if os.geteuid() == 0 else ()


class Vlc:
    """A real VLC without screen and sound. It refuses to run as root, so that root starts it as nobody."""

    def __init__(self, processes: Processes, folder: Path) -> None:
        self._processes = processes
        self.folder = folder
        self.port = free_port()
        self.url = f"http://{LOOPBACK}:{self.port}/"
        self.process: Process | None = None

    def play(self, *arguments: str, **env: str) -> Process:
        """Start it with these arguments, and wait for its HTTP interface."""
        fixed = ["--intf", "http", "--http-host", LOOPBACK, "--http-port", str(self.port), "--http-password", "pw"]
        quiet = ["--no-audio", "--vout", "dummy", "--no-video-title-show", "--quiet"]
        argv = [*AS_NOBODY, program("vlc", "vlc-bin"), *fixed, *quiet, *arguments]
        env = {"HOME": str(self.folder), "LANG": "C.UTF-8", **env}
        self.process = self._processes.start(argv, "vlc", env=env, cwd=self.folder)
        wait_until(lambda: accepts(self.port), "VLC opens its HTTP interface")
        return self.process

    async def command(self, text: str) -> None:
        """Do what a person does on VLC's page."""
        answer = await get(f"{self.url}requests/status.json?command={text}", Ask(username="", password="pw"))
        assert answer.status == 200


@pytest.fixture
def vlc(processes: Processes, clips: Path) -> Iterator[Vlc]:
    """A real VLC, not yet started, and films that its user may read."""
    folder = Path(tempfile.mkdtemp(prefix="vlc-"))
    folder.chmod(0o755)
    for clip in clips.iterdir():
        shutil.copy(clip, folder)
        (folder / clip.name).chmod(0o644)
    yield Vlc(processes, folder)
    shutil.rmtree(folder, ignore_errors=True)
