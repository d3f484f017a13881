"""`signwatch broker`: passwords for the embedded broker, and for a fleet whatever its broker is."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from collector.broker.credentials import PasswordHash, generate_password, is_user, read_credentials, write_credentials
from collector.broker.enrol_cli import add_enrol
from common.config import ConfigError, Finding
from wire.topics import ID_PATTERN


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `broker` and its subcommands."""
    parser = subparsers.add_parser("broker", help="passwords of players, for the embedded broker or mosquitto")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    passwd = commands.add_parser(
        "passwd",
        help="give users a new password each and print it once, as NAME<tab>PASSWORD",
        description="Give users a new password each. The file keeps a hash only: a password is printed once.",
    )
    passwd.add_argument("names", nargs="+", metavar="TENANT/DEVICE", help="or the name of a service, e.g. collector")
    passwd.add_argument("--file", type=Path, required=True, help="the credentials file; made if it does not exist")
    passwd.add_argument("--stdin", action="store_true", help="read the password of the one user from standard input")
    passwd.set_defaults(run=_passwd)
    add_enrol(commands)
    remove = commands.add_parser("remove", help="remove users; a running broker disconnects them within a second")
    remove.add_argument("names", nargs="+", metavar="TENANT/DEVICE")
    remove.add_argument("--file", type=Path, required=True, help="the credentials file")
    remove.set_defaults(run=_remove)


def _passwd(options: argparse.Namespace) -> int:
    names: list[str] = options.names
    _check(names)
    if options.stdin and len(names) != 1:
        raise ConfigError(_finding("--stdin", "sets the password of one user", "name exactly one"))
    passwords = {name: sys.stdin.readline().rstrip("\n") if options.stdin else generate_password() for name in names}
    if not all(passwords.values()):
        raise ConfigError(_finding("--stdin", "the password is empty", "write it on one line"))
    hashes = {name: PasswordHash.of(word, generated=not options.stdin) for name, word in passwords.items()}
    write_credentials(options.file, dict(hashes))
    for name, password in passwords.items():
        if not options.stdin:
            print(f"{name}\t{password}")
    return 0


def _remove(options: argparse.Namespace) -> int:
    _check(options.names)
    users = read_credentials(options.file)
    if unknown := [name for name in options.names if name not in users]:
        raise ConfigError(_finding(unknown[0], f"is not in {options.file}", "check the name"))
    write_credentials(options.file, dict.fromkeys(options.names))
    return 0


def _check(names: list[str]) -> None:
    for name in names:
        if not is_user(name):
            remedy = f"write tenant/device or a service without a slash, each of {ID_PATTERN}"
            raise ConfigError(_finding(name, "names no device or service", remedy))


def _finding(key: str, message: str, remedy: str) -> Finding:
    return Finding("broker.usage", "signwatch broker", key, message, remedy)
