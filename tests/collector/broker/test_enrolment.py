"""The list of players, from the registry's CSV to brokers that let them in."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import aiomqtt
import pytest

from collector.broker import mosquitto_file
from collector.broker.credentials import CredentialStore
from collector.broker.enrolment import machine_of, read_list
from common.config import ConfigError
from signwatch.cli import main
from tests.fixtures.mosquitto import program
from tests.fixtures.processes import Processes
from tests.fixtures.waiting import LOOPBACK, accepts, free_port, wait_until

FLEET = """tenant,device,machine,output
acme,shop-1,B8:27:EB:01:02:03,main
acme,shop-1,,second
acme,shop-2,10000000ABCD1234,main
acme,player-3,,main
"""


class Office:
    """Where somebody sets up a fleet: its CSV, the list, the broker's file."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.fleet, self.list, self.users = folder / "fleet.csv", folder / "players.tsv", folder / "credentials.toml"
        self.fleet.write_text(FLEET, encoding="utf-8")
        self._capsys = capsys

    def enrol(self, *more: str, broker: str = "--file") -> tuple[int, str, str]:
        status = main(["broker", "enrol", *more, "--list", str(self.list), broker, str(self.users)])
        told = self._capsys.readouterr()
        return status, told.out, told.err

    def forget(self) -> None:
        """Look away from what was printed so far."""
        self._capsys.readouterr()

    def passwords(self) -> dict[str, str]:
        players = read_list(self.list.read_text(encoding="utf-8"), "players.tsv")
        return {name: player.password for name, player in players.items()}

    async def lets_in(self, name: str, password: str) -> bool:
        return await CredentialStore(self.users).verify(name, password)


@pytest.fixture
def office(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Office:
    return Office(tmp_path, capsys)


async def test_each_player_of_a_fleet_gets_a_line_and_may_log_in(office: Office) -> None:
    assert office.enrol(str(office.fleet)) == (
        0,
        f"3 players in {office.list}, 3 of them new; the broker was told of 3\n",
        "",
    )
    lines = [line.split("\t") for line in office.list.read_text(encoding="utf-8").splitlines()]
    assert [line[:2] for line in lines] == [
        ["b827eb010203", "acme/shop-1"],
        ["10000000abcd1234", "acme/shop-2"],
        ["player-3", "acme/player-3"],
    ]
    assert office.list.stat().st_mode & 0o777 == 0o600
    for name, password in office.passwords().items():
        assert len(password) == 24
        assert await office.lets_in(name, password)
    assert not await office.lets_in("acme/shop-1", lines[1][2])


def test_a_second_run_changes_nothing(office: Office) -> None:
    office.enrol(str(office.fleet))
    before = office.list.read_bytes(), office.users.read_bytes()
    status, out, _ = office.enrol(str(office.fleet))
    assert (status, out) == (0, f"3 players in {office.list}, 0 of them new; the broker was told of 0\n")
    assert (office.list.read_bytes(), office.users.read_bytes()) == before


def test_a_fleet_that_grew_keeps_the_passwords_that_it_has(office: Office) -> None:
    office.enrol(str(office.fleet))
    before = office.passwords()
    office.fleet.write_text(f"{FLEET}acme,shop-4,0200.4,main\n", encoding="utf-8")
    assert office.enrol(str(office.fleet))[1].endswith("1 of them new; the broker was told of 1\n")
    after = office.passwords()
    assert {name: after[name] for name in before} == before


def test_a_machine_that_was_replaced_takes_over_name_and_password(office: Office) -> None:
    office.enrol(str(office.fleet))
    before = office.passwords()
    office.fleet.write_text(FLEET.replace("10000000ABCD1234", "10000000abcd9999"), encoding="utf-8")
    office.enrol(str(office.fleet))
    assert "10000000abcd9999\tacme/shop-2\t" in office.list.read_text(encoding="utf-8")
    assert office.passwords() == before


async def test_a_player_that_was_stolen_gets_another_password_and_the_old_one_is_dead(office: Office) -> None:
    office.enrol(str(office.fleet))
    before = office.passwords()
    office.enrol("--anew", "acme/shop-1")
    after = office.passwords()
    assert [name for name in after if after[name] != before[name]] == ["acme/shop-1"]
    assert await office.lets_in("acme/shop-1", after["acme/shop-1"])
    assert not await office.lets_in("acme/shop-1", before["acme/shop-1"])


def test_a_player_that_was_set_up_by_hand_keeps_its_password(office: Office) -> None:
    assert main(["broker", "passwd", "acme/shop-2", "--file", str(office.users)]) == 0
    before = office.users.read_text(encoding="utf-8")
    office.forget()
    status, out, err = office.enrol(str(office.fleet))
    assert (status, out) == (0, f"2 players in {office.list}, 2 of them new; the broker was told of 2\n")
    assert "1 have a password already that the list does not know, and keep it: acme/shop-2" in err
    assert "acme/shop-2" not in office.passwords()
    assert before.splitlines()[0] in office.users.read_text(encoding="utf-8")


async def test_passwords_that_players_made_themselves_are_told_to_the_broker(office: Office) -> None:
    office.list.write_text("host-9\tacme/player-9\tq1w2+e3/r4t5z6u7i8o9p0==\n", encoding="ascii")
    assert office.enrol()[1].endswith("the broker was told of 1\n")
    assert await office.lets_in("acme/player-9", "q1w2+e3/r4t5z6u7i8o9p0==")


async def test_mosquitto_lets_in_whom_the_list_names_and_keeps_its_other_users(
    office: Office, processes: Processes
) -> None:
    office.users.write_text("collector:$6$aaaa$bbbb\nacme/shop-1:$6$cccc$dddd\n", encoding="ascii")
    office.list.write_text("m1\tacme/shop-1\tits own\n", encoding="ascii")
    assert office.enrol(str(office.fleet), broker="--mosquitto")[0] == 0
    assert office.users.read_text(encoding="ascii").startswith("collector:$6$aaaa$bbbb\n")
    assert office.enrol(str(office.fleet), broker="--mosquitto")[1].endswith("the broker was told of 0\n")

    port = free_port()
    config = office.list.with_name("mosquitto.conf")
    lines = [f"listener {port} {LOOPBACK}", "allow_anonymous false", f"password_file {office.users}", "user root"]
    config.write_text("\n".join(lines) + "\n", encoding="ascii")
    broker = processes.start([program("mosquitto", "mosquitto"), "-c", config], "mosquitto")
    wait_until(lambda: broker.alive and accepts(port), "mosquitto listens")
    for name, password in office.passwords().items():
        async with aiomqtt.Client(LOOPBACK, port, username=name, password=password):
            pass
    with pytest.raises(aiomqtt.MqttError):
        async with aiomqtt.Client(LOOPBACK, port, username="acme/shop-1", password="another"):
            await asyncio.sleep(0)


def test_a_hash_fits_its_password_only() -> None:
    stored = mosquitto_file.hashed("secret")
    assert mosquitto_file.fits(stored, "secret")
    assert not mosquitto_file.fits(stored, "Secret")
    for other in ("", "$7$101$x", "$7$101$!$!", "$6$aaaa$bbbb", "$7$many$YQ==$YQ=="):
        assert not mosquitto_file.fits(other, "secret")


def test_a_file_that_root_writes_keeps_its_owner_and_its_mode(office: Office) -> None:
    office.users.write_text("", encoding="ascii")
    office.users.chmod(0o640)
    if os.geteuid() == 0:
        os.chown(office.users, 65534, 65534)
    office.enrol(str(office.fleet), broker="--mosquitto")
    status = office.users.stat()
    assert status.st_mode & 0o777 == 0o640
    assert status.st_uid == (65534 if os.geteuid() == 0 else os.geteuid())


@pytest.mark.parametrize(
    ("written", "compared"),
    [
        ("B8:27:EB:01:02:03", "b827eb010203"),
        ("b8-27-eb-01-02-03", "b827eb010203"),
        (" 10000000ABCD1234 ", "10000000abcd1234"),
        ("4C4C4544-0042-3510-8054-B7C04F583532", "4c4c4544-0042-3510-8054-b7c04f583532"),
        ("Shop-Window.7", "shop-window.7"),
    ],
)
def test_a_machine_is_compared_as_it_names_itself(written: str, compared: str) -> None:
    assert machine_of(written) == compared


@pytest.mark.parametrize(
    ("fleet", "listed", "complaint"),
    [
        (
            FLEET.replace("10000000ABCD1234", "b827eb010203"),
            "",
            "b827eb010203: is the machine of acme/shop-1, acme/shop-2",
        ),
        (
            FLEET.replace("shop-1,,second", "shop-1,other,second"),
            "",
            "fleet.csv:3: machine: 'other' is not what another",
        ),
        (FLEET.replace("acme,shop-2", "acme,Shop 2"), "", "fleet.csv:4: device"),
        (FLEET, "b827eb010203 acme/shop-1 secret\n", "players.tsv:1: is no line of a list of players; write MACHINE"),
        (FLEET, "a\tacme/x\tp\nb\tacme/x\tq\n", "players.tsv:2: acme/x: stands there twice; keep one"),
    ],
    ids=["one machine twice", "rows that disagree", "no id", "blanks for tabs", "a name twice"],
)
def test_what_cannot_be_is_refused_and_nothing_is_written(
    office: Office, fleet: str, listed: str, complaint: str
) -> None:
    office.fleet.write_text(fleet, encoding="utf-8")
    if listed:
        office.list.write_text(listed, encoding="ascii")
    status, _, err = office.enrol(str(office.fleet))
    assert status == 1
    assert complaint in err
    assert not office.users.exists()


def test_a_name_that_nobody_knows_gets_no_new_password(office: Office) -> None:
    office.enrol(str(office.fleet))
    status, _, err = office.enrol("--anew", "acme/shop-7")
    assert status == 1
    assert "--anew: acme/shop-7: is neither in the list nor in a file of the fleet" in err


def test_passwords_in_clear_are_not_taken_for_hashes(office: Office) -> None:
    office.users.write_text("acme/shop-1:secret\n", encoding="ascii")
    status, _, err = office.enrol(str(office.fleet), broker="--mosquitto")
    assert status == 1
    assert "mosquitto_passwd -U" in err


def test_a_list_is_read_whole_or_not_at_all() -> None:
    assert read_list("# the stick of the north\n\nm1\tacme/a\tpw\n", "l").keys() == {"acme/a"}
    with pytest.raises(ConfigError) as refused:
        read_list("m1\tacme/a\tpw\nm1\tacme/b\tpw\nnonsense\n", "l")
    assert len(refused.value.findings) == 2
