"""A machine with a display, content, the page's units for VLC and Chromium, and the bundle: for tests of players."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Final

from tests.fixtures.bundle import as_root, block
from tests.fixtures.machine import Machine
from tests.fixtures.waiting import wait_until

AGENT: Final = "signwatch-agent"
CARD: Final = "02:00:00:00:00:07"
NAME: Final = "020000000007"  # what a machine with that card is called
DISPLAY: Final = "[Service]\nExecStart=/usr/bin/Xvfb :0 -screen 0 320x240x24 -nolisten tcp\n"
PAGE: Final = "<!doctype html><meta charset=utf-8><title>Lobby</title><h1>Menu of the day</h1>"


def set_up(machine: Machine, bundle: Path) -> None:
    """Everything that a player has before the agent comes; then boot."""
    shutil.copy(bundle, machine.root / "root")
    machine.write("/etc/systemd/system/display.service", DISPLAY)
    machine.write("/etc/systemd/system/vlc.service", block("vlc.service"))
    address = "https://signage.example.com/lobby"
    assert address in block("kiosk.service")
    machine.write("/etc/systemd/system/kiosk.service", block("kiosk.service").replace(address, "file:///srv/page.html"))
    machine.write("/srv/page.html", PAGE)
    machine.write("/etc/hosts", "127.0.0.1 localhost\n")
    machine.chroot("useradd", "--uid", "1500", "--create-home", "player")
    machine.chroot("bash", "-euc", block("kiosk"))
    clip = machine.root / "srv/content/clip.mp4"
    clip.parent.mkdir()
    film = ["ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc=s=64x64:r=10:d=4", "-pix_fmt", "yuv420p", clip]
    subprocess.run(film, check=True, stdin=subprocess.DEVNULL)
    machine.boot(card=CARD)
    machine.run("systemctl", "start", "display")
    as_root(machine, "tar --extract --gzip --file signwatch-bundle.tar.gz")


def install(machine: Machine, command: str, name: str = NAME) -> None:
    """Type the command that installs the agent; the machine is called so afterwards."""
    told = as_root(machine, command)
    assert f"this is {name}" in told, told
    assert "signwatch-agent runs" in told, told


def until_it_is(machine: Machine, state: str) -> None:
    """Wait until the agent has said that."""
    try:
        wait_until(lambda: f'"state": "{state}"' in machine.journal(AGENT), f"the agent says {state}")
    except Exception as error:
        raise AssertionError(machine.journal(AGENT)) from error


def take_away(machine: Machine) -> None:
    """Remove the agent, and what the journal says of it."""
    assert "DONE" in as_root(machine, "bundle/install-player --uninstall --purge")
    machine.run("journalctl", "--rotate")
    machine.run("journalctl", "--vacuum-time=1s")
