"""docs/install-player.md, done by somebody who has nothing but the page, on a machine with a real systemd."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Final

import pytest

from agent.config import parse
from tests.fixtures.bundle import BLOCKS, PAGE, as_root, block
from tests.fixtures.machine import Machine
from tests.fixtures.processes import ROOT
from tests.fixtures.waiting import wait_until

# Where a block is run (session: as the player's user), or what it is.
PLACES: Final = {"clone", "player", "session", "vlc.service", "kiosk", "kiosk.service", "image"}
PLACES_OF_A_FLEET: Final = {"fleet.csv", "office", "stick", "ansible", "collect"}
BROKER: Final = """
listener 8883 127.0.0.1
certfile /root/broker.pem
keyfile /root/broker.key
allow_anonymous true
"""


def test_each_block_of_the_page_says_where_it_is_run_or_why_it_is_not() -> None:
    assert len(BLOCKS) > 8
    assert [one.text for one in BLOCKS if one.how is None] == []
    assert {one.where for one in BLOCKS if one.how == "run"} == PLACES | PLACES_OF_A_FLEET
    assert [one for one in BLOCKS if one.how == "not run" and len(one.where) < 10] == []


@pytest.mark.parametrize("player", sorted(file.stem for file in (ROOT / "systemd/players").glob("*.toml")))
def test_what_is_watched_on_each_kind_of_player_is_a_configuration_that_is_accepted(player: str) -> None:
    head = 'tenant = "acme"\ndevice = "p1"\n[mqtt]\nhost = "h"\n'
    text = (ROOT / f"systemd/players/{player}.toml").read_text(encoding="utf-8").replace("@uid@", "1000")
    settings = parse(head + text, Path("agent.toml"))
    assert list(settings.watched) == ["main"]
    assert player in PAGE.read_text(encoding="utf-8").lower()


@pytest.fixture(scope="module")
def player(machine: Machine, bundle: Path) -> Machine:
    """A booted machine with a user `player`, the bundle, and a broker with TLS that answers to mqtt.example.com."""
    shutil.copy(bundle, machine.root / "root")
    machine.chroot("useradd", "--uid", "1500", "--create-home", "player")
    name = ("-subj", "/CN=mqtt.example.com", "-addext", "subjectAltName=DNS:mqtt.example.com")
    kind = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "90")
    machine.chroot("openssl", "req", "-x509", *kind, *name, "-keyout", "/root/broker.key", "-out", "/root/broker.pem")
    shutil.copy(machine.root / "root/broker.pem", machine.root / "root/broker-ca.pem")
    machine.write("/root/mosquitto.conf", BROKER + "user root\n")
    machine.write("/etc/hosts", "127.0.0.1 localhost mqtt.example.com\n")
    machine.boot()
    machine.run("systemd-run", "--unit=broker", "/usr/sbin/mosquitto", "-v", "-c", "/root/mosquitto.conf")
    return machine


@pytest.mark.system
def test_the_page_leads_from_a_bare_system_to_the_first_heartbeat_and_back(player: Machine) -> None:
    player.run("install", "-d", "-m", "700", "-o", "player", "-g", "player", "/run/user/1500")
    told = as_root(player, block("player", "tar --extract"))
    assert "signwatch-agent runs" in told, told + player.journal("signwatch-agent")
    assert "\nDONE\n" in told, told
    assert len(as_root(player, block("player", "mqtt.password")).split()[0]) == 24
    wait_until(lambda: "link_up" in player.journal("signwatch-agent"), "the agent has its link")
    heartbeat = as_root(player, block("player", "mosquitto_sub"))
    assert '"spool":' in heartbeat, heartbeat

    mpv = block("session", "mpv").replace("--fs", "--no-config --vo=null --ao=null")  # there is no screen
    player.run("mkdir", "-p", "/srv/content")
    player.run("sh", "-c", "ffmpeg -v error -f lavfi -i testsrc=s=64x64:r=10:d=4 /srv/content/clip.mp4")
    session = ("--uid=player", "--setenv=XDG_RUNTIME_DIR=/run/user/1500", "--setenv=HOME=/home/player")
    player.run("systemd-run", "--unit=mpv", *session, "bash", "-c", mpv)
    wait_until(lambda: '"state": "playing"' in player.journal("signwatch-agent"), "the agent sees mpv play")

    told = as_root(player, f"set +e\n{block('player', 'agent doctor')}")
    assert "asked as player" in told, told
    assert "main is playing" in told, told
    assert "signwatch-agent.service is active and starts with the machine" in told
    assert "left alone" in told
    assert sorted(set(re.findall(r"WRONG  (\w+)", told)) - {"clock"}) == [], told  # no time source in a namespace


@pytest.mark.system
def test_an_update_and_the_way_back_keep_name_password_and_evidence(player: Machine) -> None:
    player.run("systemctl", "stop", "broker")
    was = kept(player)
    first = player.run("readlink", "/opt/signwatch")
    told = as_root(player, block("player", "bundle/install-player\n"))
    assert "signwatch-agent runs" in told, told
    assert player.run("readlink", "/opt/signwatch") != first
    assert kept(player) == was

    told = as_root(player, block("player", "--rollback"))
    assert "signwatch-agent runs" in told, told
    assert player.run("readlink", "/opt/signwatch") == first
    assert kept(player) == was
    assert player.show("signwatch-agent", "ActiveState") == "active"
    assert "closed runs that the collector has not acknowledged" in as_root(player, block("player", "agent spool"))


@pytest.mark.system
def test_a_spool_that_the_release_before_cannot_read_keeps_it_from_going_back(player: Machine) -> None:
    now = player.run("readlink", "/opt/signwatch")
    player.run("systemctl", "stop", "signwatch-agent")
    player.run("bash", "-c", "echo of-a-later-release >>/var/lib/signwatch/spool/spool.journal")
    told = as_root(player, block("player", "--rollback"))
    assert "so nothing was changed" in told, told
    assert player.run("readlink", "/opt/signwatch") == now
    assert player.show("signwatch-agent", "ActiveState") == "active"


@pytest.mark.system
def test_it_is_taken_away_and_leaves_the_evidence_or_nothing(player: Machine) -> None:
    told = as_root(player, block("player", "--uninstall\n"))
    assert "/var/lib/signwatch/spool/spool.journal: " in told, told
    assert left(player) == ["/etc/signwatch", "/var/lib/signwatch"]
    assert player.show("signwatch-agent", "LoadState") == "not-found"
    assert "DONE" in as_root(player, block("player", "--purge"))
    assert left(player) == []
    assert "no such user" in player.run("id", "signwatch")


def kept(player: Machine) -> tuple[str, ...]:
    """What makes this player itself: its configuration, its password, the id of its spool."""
    head = player.run("head", "-n", "1", "/var/lib/signwatch/spool/spool.journal")
    (spool,) = re.findall(r'"spool":"([^"]*)"', head)
    return spool, *(player.run("cat", f"/etc/signwatch/{name}") for name in ("agent.toml", "mqtt.password"))


def left(player: Machine) -> list[str]:
    """What of signwatch is still on the machine."""
    places = ("/etc", "/opt", "/usr/lib", "/var/lib", "/run")
    return sorted(player.run("find", *places, "-xdev", "-name", "*signwatch*", "-prune").split())
