"""A machine's own name: what `systemd/signwatch-identity` makes of a card in one machine after another."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Final

import pytest

from collector.broker.enrolment import Player, machine_of, read_list
from tests.fixtures.processes import ROOT

IDENTITY: Final = ROOT / "systemd/signwatch-identity"


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

    def wakes_in(self, serial: bytes, *options: str) -> subprocess.CompletedProcess[str]:
        """Put it into the machine with this serial number, and boot (or ask)."""
        file = self.root / "proc/device-tree/serial-number"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(serial)
        argv = ["bash", IDENTITY, "--root", self.root, *options]
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


def test_a_machine_says_by_what_a_list_of_players_may_know_it(tmp_path: Path) -> None:
    card = Card(tmp_path)
    for name, address in (("lo", "00:00:00:00:00:00"), ("eth0", "B8:27:EB:01:02:03"), ("wlan0", "b8:27:eb:0a:0b:0c")):
        (tmp_path / f"sys/class/net/{name}").mkdir(parents=True)
        (tmp_path / f"sys/class/net/{name}/address").write_text(f"{address}\n", encoding="ascii")
        if name != "lo":
            (tmp_path / f"sys/class/net/{name}/device").touch()
    (tmp_path / "sys/class/dmi/id").mkdir(parents=True)
    (tmp_path / "sys/class/dmi/id/product_serial").write_text("5CG1234XYZ\n", encoding="ascii")
    done = card.wakes_in(PI, "--names")
    names = {"10000000abcd1234", "b827eb010203", "b827eb0a0b0c", "5cg1234xyz", "shop-window.7"}
    assert set(done.stdout.split()) == names
    assert {machine_of(name) for name in names} == names  # as `broker enrol` writes them into the list
    assert not (card.settings / "agent.toml").exists()


def test_a_machine_tells_its_own_line_of_the_list(tmp_path: Path) -> None:
    card = Card(tmp_path)
    card.wakes_in(PI)
    players = read_list(card.wakes_in(PI, "--line").stdout, "players.tsv")
    password = card.read("mqtt.password").strip()
    assert players == {"acme/10000000abcd1234": Player("10000000abcd1234", "acme/10000000abcd1234", password)}
