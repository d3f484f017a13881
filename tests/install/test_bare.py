"""VLC and Chromium on a Debian 12 that has nothing but them: no pip, no venv, no polkit, no time source."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from tests.fixtures.bundle import LOGIN
from tests.fixtures.machine import Machine
from tests.fixtures.mosquitto import program
from tests.install.stage import install, set_up, take_away, until_it_is

SYSTEM: Final = "systemd,systemd-sysv,dbus,python3"
PLAYERS: Final = ("vlc", "chromium", "xvfb")
MIRROR: Final = "http://deb.debian.org/debian"
INSTALL: Final = "bundle/install-player --broker localhost --no-tls --tenant acme --player"


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of such a system, fresh from Debian's mirror."""
    folder = tmp_path_factory.mktemp("bare") / "debian"
    options = ["--variant=minbase", f"--include={SYSTEM}"]
    run(program("debootstrap", "debootstrap"), *options, "bookworm", folder, MIRROR)
    apt = ["chroot", folder, "env", "-i", *LOGIN, "DEBIAN_FRONTEND=noninteractive", "apt-get"]
    run(*apt, "update", "--quiet")
    run(*apt, "install", "--yes", "--quiet", "--no-install-recommends", *PLAYERS)
    assert not (folder / "usr/lib/python3.11/ensurepip").exists()
    return folder


def run(*command: str | Path) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_nothing_but_the_bundle_is_needed_where_nothing_is(
    bare: Path, bundle: Path, new_machine: Callable[..., Machine]
) -> None:
    player = new_machine(bare)
    set_up(player, bundle)
    for kind, unit in (("vlc", "vlc"), ("chromium", "kiosk")):
        player.run("systemctl", "start", unit)
        install(player, f"{INSTALL} {kind}")
        until_it_is(player, "playing")
        player.run("systemctl", "stop", unit)
        until_it_is(player, "stopped")
        take_away(player)
