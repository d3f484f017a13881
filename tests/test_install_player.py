"""docs/install-player.md, done by somebody who has nothing but the page, on a machine with a real systemd."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Final, NamedTuple

import pytest

from agent.config import parse
from tests.fixtures.machine import Machine
from tests.fixtures.processes import ROOT
from tests.fixtures.waiting import wait_until

PAGE: Final = ROOT / "docs/install-player.md"
PLACES: Final = {"clone", "player", "session"}  # where a block is run; session: as the player's user
_BLOCK: Final = re.compile(
    r"(?:<!-- (?P<how>run|not run): (?P<where>[^\n]*) -->\n)?```(?P<language>\w+)\n(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
IDENTITY: Final = ROOT / "systemd/signwatch-identity"
LOGIN: Final = ("HOME=/root", "PATH=/usr/local/sbin:/usr/sbin:/usr/bin")
BROKER: Final = """
listener 8883 127.0.0.1
certfile /root/broker.pem
keyfile /root/broker.key
allow_anonymous true
"""


class Block(NamedTuple):
    how: str | None
    where: str
    text: str


BLOCKS: Final = [
    Block(match["how"], match["where"] or "", match["text"])
    for match in _BLOCK.finditer(PAGE.read_text(encoding="utf-8"))
]


def block(where: str, beginning: str) -> str:
    """The one block that runs there and holds these words."""
    (found,) = [one.text for one in BLOCKS if one.how == "run" and one.where == where and beginning in one.text]
    return found


def test_each_block_of_the_page_says_where_it_is_run_or_why_it_is_not() -> None:
    assert len(BLOCKS) > 8
    assert [one.text for one in BLOCKS if one.how is None] == []
    assert {one.where for one in BLOCKS if one.how == "run"} == PLACES
    assert [one for one in BLOCKS if one.how == "not run" and len(one.where) < 10] == []


@pytest.mark.parametrize("player", sorted(file.stem for file in (ROOT / "systemd/players").glob("*.toml")))
def test_what_is_watched_on_each_kind_of_player_is_a_configuration_that_is_accepted(player: str) -> None:
    head = 'tenant = "acme"\ndevice = "p1"\n[mqtt]\nhost = "h"\n'
    text = (ROOT / f"systemd/players/{player}.toml").read_text(encoding="utf-8").replace("@uid@", "1000")
    settings = parse(head + text, Path("agent.toml"))
    assert list(settings.watched) == ["main"]
    assert player in PAGE.read_text(encoding="utf-8").lower()


# --- a machine's own name -------------------------------------------------------------------------------------------


class Card:
    """The files of a player's card, put into one machine after another."""

    def __init__(self, root: Path, device: str = "@serial@") -> None:
        self.root = root
        self.settings = root / "etc/signwatch"
        self.settings.mkdir(parents=True)
        (root / "var/lib/signwatch/spool").mkdir(parents=True)
        (root / "etc/hostname").write_text("Shop_Window.7\n", encoding="ascii")
        self.write("agent.toml.in", f'tenant = "acme"\ndevice = "{device}"\n')

    def write(self, name: str, text: str) -> None:
        (self.settings / name).write_text(text, encoding="ascii")

    def read(self, name: str) -> str:
        return (self.settings / name).read_text(encoding="ascii")

    def wakes_in(self, serial: bytes) -> subprocess.CompletedProcess[str]:
        """Put it into the machine with this serial number, and boot."""
        file = self.root / "proc/device-tree/serial-number"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(serial)
        argv = ["bash", IDENTITY, "--root", self.root]
        return subprocess.run(argv, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)


PI, OTHER_PI = b"10000000ABCD1234\0", b"10000000abcd9999\0"


def test_a_machine_is_called_by_its_serial_number_and_makes_a_password_of_its_own(tmp_path: Path) -> None:
    card = Card(tmp_path)
    done = card.wakes_in(PI)
    assert (done.returncode, done.stdout) == (0, "signwatch-identity: this is 10000000abcd1234\n")
    assert card.read("agent.toml") == 'tenant = "acme"\ndevice = "10000000abcd1234"\n'
    assert len(card.read("mqtt.password").strip()) == 24
    assert (card.settings / "mqtt.password").stat().st_mode & 0o777 == 0o640


def test_a_second_boot_changes_nothing(tmp_path: Path) -> None:
    card = Card(tmp_path)
    card.wakes_in(PI)
    password = card.read("mqtt.password")
    card.write("agent.toml", "# changed by hand\n")
    done = card.wakes_in(PI)
    assert (done.returncode, done.stdout) == (0, "")
    assert (card.read("agent.toml"), card.read("mqtt.password")) == ("# changed by hand\n", password)


def test_a_cloned_card_gets_a_name_a_password_and_a_spool_of_its_own(tmp_path: Path) -> None:
    card = Card(tmp_path)
    card.wakes_in(PI)
    (tmp_path / "var/lib/signwatch/spool/spool.journal").write_text("evidence", encoding="ascii")
    password = card.read("mqtt.password")
    done = card.wakes_in(OTHER_PI)
    assert done.returncode == 0
    assert "comes from the machine 10000000abcd1234" in done.stdout
    assert 'device = "10000000abcd9999"' in card.read("agent.toml")
    assert card.read("mqtt.password") != password
    assert not (tmp_path / "var/lib/signwatch/spool").exists()
    aside = tmp_path / "var/lib/signwatch/spool.of-10000000abcd1234/spool.journal"
    assert aside.read_text(encoding="ascii") == "evidence"


@pytest.mark.parametrize("serial", [b"", b"0000000000000000\0", b"ffff-ffff\0"])
def test_a_machine_that_nothing_tells_from_another_is_not_given_a_name(tmp_path: Path, serial: bytes) -> None:
    card = Card(tmp_path)
    done = card.wakes_in(serial)
    assert done.returncode == 1
    assert "write its name into" in done.stderr
    assert not (card.settings / "agent.toml").exists()


def test_a_host_name_becomes_a_name_that_the_wire_allows(tmp_path: Path) -> None:
    card = Card(tmp_path, device="@hostname@")
    assert card.wakes_in(b"").returncode == 0
    assert 'device = "shop-window.7"' in card.read("agent.toml")


def test_a_configuration_that_was_written_by_hand_is_left_alone(tmp_path: Path) -> None:
    card = Card(tmp_path)
    (card.settings / "agent.toml.in").unlink()
    card.write("agent.toml", "mine")
    assert card.wakes_in(PI).returncode == 0
    assert card.read("agent.toml") == "mine"


# --- the page itself ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def player(machine: Machine) -> Machine:
    """A booted machine with a user `player`, the bundle, and a broker with TLS that answers to mqtt.example.com."""
    clone = machine.root / "root/clone"
    shutil.copytree(ROOT, clone, ignore=shutil.ignore_patterns(".git", ".venv", ".*cache", "__pycache__"))
    machine.chroot("env", "-i", *LOGIN, "bash", "-euc", f"cd /root/clone\n{block('clone', 'pip wheel')}")
    shutil.copy(clone / "signwatch-bundle.tar.gz", machine.root / "root")
    shutil.rmtree(clone)
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


def as_root(machine: Machine, text: str) -> str:
    return machine.run("env", "-i", *LOGIN, "COLLECTOR_PASSWORD=any", "bash", "-euc", f"cd /root\n{text}\necho DONE")


@pytest.mark.system
@pytest.mark.timeout(600)
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

    before = player.run("readlink", "/opt/signwatch")
    told = as_root(player, block("player", "bundle/install-player\n"))
    assert "signwatch-agent runs" in told, told
    assert player.run("readlink", "/opt/signwatch") != before
    assert player.show("signwatch-agent", "ActiveState") == "active"

    told = as_root(player, block("player", "--uninstall"))
    assert "signwatch is gone" in told
    assert player.run("sh", "-c", "ls -d /opt/signwatch* /etc/signwatch /var/lib/signwatch 2>/dev/null") == ""
    assert player.show("signwatch-agent", "LoadState") == "not-found"
