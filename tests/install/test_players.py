"""The other kinds of player that the page names, each installed as the page says on a machine with a real systemd.

VLC and Chromium are the real programs in the page's own units, and the agent is installed for each. Anthias and Xibo
are no Debian packages: a small program answers as Anthias' server does (as in tests/agent/probes/test_anthias.py), and
processes bear the names that Xibo's have (github.com/xibosignage: xibo-linux for 1.8, electron-player for 4).
"""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Final

import pytest

from collector.broker.enrolment import Player, read_list
from tests.agent.probes.test_anthias import ASSET, INFO
from tests.fixtures.bundle import as_root, block
from tests.fixtures.machine import Machine
from tests.fixtures.processes import ROOT
from tests.fixtures.waiting import wait_until
from tests.install.stage import AGENT, install, set_up, take_away, until_it_is

pytestmark = pytest.mark.system

ANTHIAS: Final = f"""
import http.server, pathlib, time

class Server(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        hung = pathlib.Path("/run/viewer-hangs").exists()
        if self.path == "/api/v1/viewer_current_asset":
            time.sleep(2 * hung)
            self.answer(500 if hung else 200, {json.dumps(json.dumps(ASSET))})
        else:
            self.answer(200, {json.dumps(json.dumps(INFO))})

    def answer(self, status, text):
        self.send_response(status)
        self.end_headers()
        self.wfile.write(text.encode())

http.server.ThreadingHTTPServer(("0.0.0.0", 80), Server).serve_forever()
"""
XIBO: Final = "/snap/xibo-player/45"


@pytest.fixture(scope="module")
def player(machine: Machine, bundle: Path) -> Machine:
    """A booted machine with a display, the page's units, the bundle and a broker."""
    machine.write("/root/anthias.py", ANTHIAS)
    machine.write("/root/sleep.py", "import time; time.sleep(3600)")
    machine.write("/root/mosquitto.conf", "listener 1883 127.0.0.1\nallow_anonymous true\nuser root\n")
    for name in ("xibo-player", "bin/player", "bin/watchdog"):
        program = machine.root / f"{XIBO.lstrip('/')}/{name}"
        program.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy("/usr/bin/python3", program)
    set_up(machine, bundle)
    machine.run("systemd-run", "--unit=broker", "/usr/sbin/mosquitto", "-c", "/root/mosquitto.conf")
    return machine


def asked(player: Machine, kind: str) -> str:
    """What the probes of that kind see, in the configuration that `--player` would have made."""
    block_of_kind = (ROOT / f"systemd/players/{kind}.toml").read_text(encoding="utf-8")
    head = 'tenant = "acme"\ndevice = "p1"\n[mqtt]\nhost = "h"\n'
    player.run("bash", "-c", f'printf %s "$1" >/root/{kind}.toml', "bash", head + block_of_kind)
    return player.run("/opt/signwatch/bin/signwatch", "agent", "probe", "main", "--config", f"/root/{kind}.toml")


def test_chromium_in_its_unit_is_asked_for_its_page(player: Machine) -> None:
    player.run("systemctl", "start", "kiosk")
    install(player, "bundle/install-player --broker localhost --no-tls --tenant acme --player chromium")
    until_it_is(player, "playing")
    assert "a page without films" in player.journal(AGENT)
    player.run("systemctl", "stop", "kiosk")
    until_it_is(player, "stopped")
    take_away(player)


def from_the_stick() -> str:
    """The page's command for a list of players, with this test's broker and player."""
    command = block("stick")
    for documented, here in (
        ("--broker mqtt.example.com --ca broker-ca.pem", "--broker localhost --no-tls"),
        ("--player mpv --user player", "--player vlc"),
    ):
        assert documented in command
        command = command.replace(documented, here)
    return command


def test_a_machine_that_the_list_does_not_know_is_told_what_it_is_called(player: Machine) -> None:
    player.run("bash", "-c", "printf '020000000009\\tacme/shop-9\\tsecret\\n' >/root/players.tsv")
    told = as_root(player, from_the_stick())
    assert "players.tsv has no line for this machine, which is known as: 020000000007 " in told
    assert "DONE" not in told


def test_vlc_in_its_unit_is_seen_playing_and_stopped(player: Machine) -> None:
    player.run("systemctl", "start", "vlc")
    player.run("bash", "-c", "printf '020000000007\\tacme/shop-7\\tits own secret\\n' >>/root/players.tsv")
    install(player, from_the_stick(), "shop-7")
    assert player.run("cat", "/etc/signwatch/mqtt.password") == "its own secret\n"
    assert player.run("stat", "--format=%A %G", "/etc/signwatch/mqtt.password") == "-rw-r----- signwatch\n"
    assert "secret" not in player.run("cat", "/etc/signwatch/agent.toml")
    until_it_is(player, "playing")
    player.run("systemctl", "stop", "vlc")
    until_it_is(player, "stopped")


def test_a_new_password_in_the_list_is_taken_and_what_the_player_made_is_collected(player: Machine) -> None:
    player.run("sed", "-i", "s/its own secret/another one/", "/root/players.tsv")
    told = as_root(player, from_the_stick())
    assert "the configuration in /etc/signwatch stays as it is" in told, told
    (there,) = re.findall(r'ssh -n "root@\$host" (.*)', block("collect"))
    line = as_root(player, there).removesuffix("\nDONE\n")
    players = read_list(line, "players.tsv")
    assert players == {"acme/shop-7": Player("020000000007", "acme/shop-7", "another one")}


def test_anthias_is_asked_what_its_viewer_shows(player: Machine) -> None:
    assert asked(player, "anthias").startswith("main is unknown")
    player.run("systemd-run", "--unit=anthias", "/usr/bin/python3", "/root/anthias.py")
    wait_until(lambda: "playing" in asked(player, "anthias"), "Anthias answers")
    assert asked(player, "anthias").startswith("main is playing")
    player.run("touch", "/run/viewer-hangs")
    assert asked(player, "anthias").startswith("main is frozen")


@pytest.mark.parametrize("drawing", ["xibo-player --type=renderer", "bin/player"], ids=["version 4", "version 1.8"])
def test_of_xibo_the_process_that_draws_is_watched_and_not_those_beside_it(player: Machine, drawing: str) -> None:
    for beside in ("xibo-player", "bin/watchdog"):
        player.run("systemd-run", f"--unit=beside-{beside[-3:]}", f"{XIBO}/{beside}", "/root/sleep.py")
    assert asked(player, "xibo").startswith("main is stopped")
    program, *options = drawing.split()
    player.run("systemd-run", "--unit=draws", f"{XIBO}/{program}", "/root/sleep.py", *options)
    assert asked(player, "xibo").startswith("main is playing")
    player.run("systemctl", "stop", "draws")
