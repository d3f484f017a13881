"""What the page tells an engineer with thousands of players: the server's part, and Ansible's."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Final

import pytest

from collector.broker.enrolment import read_list
from tests.fixtures.bundle import LOGIN, as_root, block
from tests.fixtures.machine import PYTHON, Machine
from tests.fixtures.processes import ROOT
from tests.fixtures.waiting import wait_until

ANSIBLE: Final = "ansible-core>=2.19,<2.20"
INVENTORY: Final = "[players]\nlobby-1 ansible_connection=local ansible_python_interpreter=/usr/bin/python3\n"
BROKER: Final = "listener 1883 127.0.0.1\nallow_anonymous false\npassword_file /root/passwords\nuser root\n"


@pytest.fixture
def office(tmp_path: Path) -> Path:
    """A folder with the page's CSV, and a registry with the calendar that it names."""
    (tmp_path / "fleet.csv").write_text(block("fleet.csv"), encoding="utf-8")
    shutil.copy(ROOT / "docs/examples/registry.toml", tmp_path)
    return tmp_path


def test_on_the_server_one_csv_becomes_the_registry_and_everybodys_password(office: Path) -> None:
    commands = block("office")
    for documented, here in (
        ("/var/lib/signwatch-collector/ledger.db", "ledger.db"),
        ("/etc/mosquitto/signwatch.passwords", "passwords"),
        ("systemctl reload mosquitto\n", ""),
    ):
        assert documented in commands
        commands = commands.replace(documented, here)
    before = "signwatch registry apply registry.toml --yes --ledger ledger.db"
    after = "signwatch registry export --format csv --ledger ledger.db >exported.csv"
    env = {"PATH": f"{ROOT / '.venv/bin'}:/usr/bin:/bin", "LANG": "C.UTF-8"}
    script = ["bash", "-euc", f"{before}\n{commands}\n{after}"]
    done = subprocess.run(script, cwd=office, capture_output=True, text=True, check=False, env=env)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 players in players.tsv, 2 of them new; the broker was told of 2" in done.stdout
    players = read_list((office / "players.tsv").read_text(encoding="utf-8"), "players.tsv")
    assert [player.machine for player in players.values()] == ["10000000abcd1234", "b827eb010203"]
    exported = (office / "exported.csv").read_text(encoding="utf-8")
    assert "lobby-1" in exported
    assert "lobby-2" in exported


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_the_play_installs_is_played_again_and_gives_a_new_password(machine: Machine, bundle: Path) -> None:
    """Ansible comes from PyPI into an environment of the machine, and plays on the machine itself."""
    machine.chroot(PYTHON, "-m", "venv", "/root/ansible")
    machine.chroot("/root/ansible/bin/pip", "install", "--quiet", "--no-input", ANSIBLE)
    shutil.copy(bundle, machine.root / "root")
    machine.chroot("useradd", "--uid", "1500", "--create-home", "player")
    play = block("ansible")
    for documented, here in (
        ("--broker mqtt.example.com --player mpv --user player", "--broker localhost --no-tls --player xibo"),
        ("failed_when: doctor.rc != 0", "failed_when: \"'unsynced' not in doctor.stdout\""),  # there is no time source
    ):
        assert documented in play
        play = play.replace(documented, here)
    machine.write("/root/play.yml", play)
    machine.write("/root/inventory", INVENTORY)
    machine.write("/root/players.tsv", "lobby-1\tacme/lobby-1\tfirst secret\n")
    machine.write("/root/passwords", "acme/lobby-1:first secret\n")
    machine.chroot("mosquitto_passwd", "-U", "/root/passwords")
    machine.write("/root/mosquitto.conf", BROKER)
    machine.write("/etc/hosts", "127.0.0.1 localhost\n")
    playbook = ["env", "-i", *LOGIN, "/root/ansible/bin/ansible-playbook", "-i", "/root/inventory", "/root/play.yml"]
    machine.chroot(*playbook, "--syntax-check")
    machine.boot(card="02:00:00:00:00:07")
    machine.run("systemd-run", "--unit=broker", "/usr/sbin/mosquitto", "-v", "-c", "/root/mosquitto.conf")

    command = " ".join(playbook[2 + len(LOGIN) :])
    told = as_root(machine, command)
    assert "failed=0" in told, told
    wait_until(lambda: "link_up" in machine.journal("signwatch-agent"), "the agent logs in")
    assert 'device = "lobby-1"' in machine.run("cat", "/etc/signwatch/agent.toml")
    assert "changed=0" in as_root(machine, command)

    machine.run("sed", "-i", "s/first secret/second secret/", "/root/players.tsv")
    assert "failed=0" in as_root(machine, command)
    assert machine.run("cat", "/etc/signwatch/mqtt.password") == "second secret"
