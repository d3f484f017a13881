"""Screens without a machine behind them: a real X server and a real Wayland compositor, and a player on each."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.fixtures.processes import Process, Processes
from tests.fixtures.waiting import wait_until

NOBODY = "65534"
PLAYER = ("mpv", "--no-config", "--really-quiet", "--ao=null", "--loop=inf", "--image-display-duration=inf", "--fs")


class Screen:
    """A display server; `display` is what its clients are told."""

    def __init__(self, processes: Processes, server: Process, display: str) -> None:
        self._processes = processes
        self.server = server
        self.display = display
        self._player: Process | None = None

    def play(self, file: Path | str, *arguments: str) -> Process:
        """Show it over the whole screen, instead of what was shown before."""
        if self._player is not None:
            self._player.kill()
        self._player = self._processes.start(
            [*PLAYER, "--vo=x11", "--no-border", "--geometry=100%x100%+0+0", *arguments, file],
            "player",
            {"DISPLAY": self.display},
        )
        return self._player


def start_screen(processes: Processes, size: str, name: str = "", *options: str) -> Screen:
    """A real X server of that size, on a free display; `name` tells one from another of the same size."""
    told = processes.folder / f"display-{name or size}"
    screen = ["-screen", "0", f"{size}x24", "-nolisten", "tcp", "-noreset", *options]
    argv = ["sh", "-c", f'exec Xvfb -displayfd 3 {" ".join(screen)} 3> "$0"', told]
    server = processes.start(argv, f"xvfb-{name or size}")
    number = wait_until(lambda: told.exists() and told.read_text(encoding="ascii").strip(), "the X server is up")
    return Screen(processes, server, f":{number}")


@contextmanager
def wayland_player(processes: Processes, file: Path | str) -> Iterator[str]:
    """A real Wayland compositor (cage) without a screen, and a player in it; the path of its socket."""
    if shutil.which("cage") is None or shutil.which("grim") is None:
        pytest.skip("needs cage and grim")
    folder = Path(tempfile.mkdtemp(prefix="wl"))
    argv: list[str | Path] = ["cage", "--", *PLAYER, "--vo=wlshm", file]
    if os.geteuid() == 0:  # cage refuses to run as root
        os.chown(folder, int(NOBODY), int(NOBODY))
        argv = ["setpriv", "--reuid", NOBODY, "--regid", NOBODY, "--clear-groups", *argv]
    headless = {"WLR_BACKENDS": "headless", "WLR_RENDERER": "pixman", "WLR_LIBINPUT_NO_DEVICES": "1"}
    processes.start(argv, "cage", {"XDG_RUNTIME_DIR": str(folder), **headless})
    socket = folder / "wayland-0"
    wait_until(socket.exists, "the compositor opens its socket")
    yield str(socket)
    shutil.rmtree(folder, ignore_errors=True)
