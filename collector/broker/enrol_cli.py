"""`signwatch broker enrol`: a name and a password for each player of a fleet (docs/install-player.md)."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple, Protocol

from collector.broker import mosquitto_file
from collector.broker.credentials import (
    PasswordHash,
    generate_password,
    is_user,
    read_credentials,
    write_credentials,
)
from collector.broker.enrolment import Player, check_machines, enrolled, read_list, write_list
from collector.registry.csv_files import read_csv, read_machines
from common.config import ConfigError, Finding, read_text
from common.files import put_in_place

_MODE: Final = 0o600  # of a new file: passwords are nobody else's
_LONG: Final = 24  # characters: as many as generate_password gives, and too many to be guessed


class Users(Protocol):
    """Who may connect to a broker."""

    @property
    def names(self) -> set[str]:
        """Everybody that it lets in."""

    def fits(self, name: str, password: str) -> bool:
        """Whether it lets that user in with that password."""

    def set(self, passwords: Mapping[str, str]) -> None:
        """Give users these passwords, durably; all others stay as they are."""


class EmbeddedUsers:
    """Those of the embedded broker."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._users = read_credentials(path) if path.exists() else {}

    @property
    def names(self) -> set[str]:
        """Everybody that it lets in."""
        return set(self._users)

    def fits(self, name: str, password: str) -> bool:
        """Whether it lets that user in with that password."""
        return name in self._users and self._users[name].fits(password)

    def set(self, passwords: Mapping[str, str]) -> None:
        """Give users these passwords; a running broker notices within a second."""
        write_credentials(
            self._path,
            {name: PasswordHash.of(word, generated=len(word) >= _LONG) for name, word in passwords.items()},
        )


class MosquittoUsers:
    """Those of a password file of mosquitto."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._users = mosquitto_file.read_users(path)

    @property
    def names(self) -> set[str]:
        """Everybody that it lets in."""
        return set(self._users)

    def fits(self, name: str, password: str) -> bool:
        """Whether it lets that user in with that password."""
        return name in self._users and mosquitto_file.fits(self._users[name], password)

    def set(self, passwords: Mapping[str, str]) -> None:
        """Give users these passwords; mosquitto reads them at its next reload."""
        hashes = {name: mosquitto_file.hashed(word) for name, word in passwords.items()}
        _write(self._path, mosquitto_file.write_users(self._users | hashes))


class Told(NamedTuple):
    """What was done."""

    players: int
    new: int
    let_in: int
    left_alone: list[str]


def add_enrol(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `enrol` to the commands of `broker`."""
    parser = commands.add_parser(
        "enrol",
        help="give each player of a fleet a password, and keep the list that players are set up with",
        description="Give each device of the registry's CSV files a password, write it into the list, and let the "
        "broker know. May be run again at any time: who has a password keeps it. Lines that players made themselves "
        "may be added to the list; the broker is told of them, too.",
    )
    parser.add_argument("fleet", nargs="*", type=Path, metavar="FLEET.csv", help="the registry's CSV files, if any")
    parser.add_argument("--list", type=Path, required=True, help="the list; it holds passwords, keep it like keys")
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--file", type=Path, help="the credentials file of the embedded broker")
    where.add_argument("--mosquitto", type=Path, help="a password file of mosquitto 2")
    parser.add_argument("--anew", action="append", default=[], metavar="TENANT/DEVICE", help="give it a new password")
    parser.set_defaults(run=_enrol)


def _enrol(options: argparse.Namespace) -> int:
    users: Users = MosquittoUsers(options.mosquitto) if options.mosquitto else EmbeddedUsers(options.file)
    told = enrol(options.list, _fleet(options.fleet), users, options.anew)
    print(f"{told.players} players in {options.list}, {told.new} of them new; the broker was told of {told.let_in}")
    if told.left_alone:
        names = ", ".join(told.left_alone[:5]) + (" …" if len(told.left_alone) > 5 else "")  # noqa: PLR2004 - enough
        print(
            f"{len(told.left_alone)} have a password already that the list does not know, and keep it: {names}; "
            "--anew gives them another",
            file=sys.stderr,
        )
    return 0


def enrol(path: Path, fleet: Mapping[str, str], users: Users, anew: list[str]) -> Told:
    """Bring list and broker to where the fleet is. The list is written first: a second run mends what a crash left."""
    known = read_list(read_text(path), str(path)) if path.exists() else {}
    others = users.names - set(known)
    _check_anew(anew, known, fleet)
    players = enrolled(known, fleet, others, anew, generate_password)
    check_machines(players, str(path))
    if players != known:
        _write(path, write_list(players.values()))
    news = {player.name: player.password for player in players.values() if not users.fits(player.name, player.password)}
    if news:
        users.set(news)
    left_alone = sorted(name for name in fleet if name not in players)
    return Told(len(players), len(players.keys() - known.keys()), len(news), left_alone)


def _fleet(files: list[Path]) -> dict[str, str]:
    fleet: dict[str, str] = {}
    for file in files:
        text = read_text(file)
        read_csv(text, str(file))  # all that the registry would refuse is refused here
        fleet |= read_machines(text, str(file))
    return fleet


def _check_anew(anew: list[str], known: Mapping[str, Player], fleet: Mapping[str, str]) -> None:
    for name in anew:
        if not is_user(name) or (name not in known and name not in fleet):
            message = "is neither in the list nor in a file of the fleet"
            raise ConfigError(Finding("enrol.anew", "--anew", name, message, "write TENANT/DEVICE as they do"))


def _write(path: Path, text: str) -> None:
    try:
        put_in_place(path, text.encode(), None if path.exists() else _MODE)
    except OSError as error:
        message = f"cannot be written ({error.strerror or error})"
        raise ConfigError(Finding("enrol.unwritable", str(path), "", message, "check folder and owner")) from None
