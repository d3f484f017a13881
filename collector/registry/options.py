"""What several command lines share: which ledger, and who decides. Light: nothing here loads the ledger itself."""

from __future__ import annotations

import argparse
import getpass
import os
from pathlib import Path
from typing import Final

from collector.registry.plan import LONGEST_WHO
from common.config import ConfigError, Finding

MOST: Final = 2**63 - 1  # of an integer in SQLite
_DIGITS: Final = 19
_SHOWN: Final = 40  # of what is refused

Subparsers = argparse._SubParsersAction  # noqa: SLF001  # argparse has no public name for it


def add_ledger(parser: argparse.ArgumentParser) -> None:
    """Add the two ways to name a ledger."""
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--ledger", type=file_path, metavar="PATH", help="the ledger's file")
    where.add_argument("--config", type=Path, metavar="FILE", help="the collector's configuration, which names it")


def add_agreement(parser: argparse.ArgumentParser) -> None:
    """Add what every question about an agreement needs: which, whose, and out of which ledger."""
    help_text = "its name in the registry; with --ledger instead of --config, its file (NAME.toml)"
    parser.add_argument("--contract", required=True, metavar="NAME", help=help_text)
    parser.add_argument("--tenant", default="", metavar="ID", help="the customer; needed where there are several")
    add_ledger(parser)


def add_month(parser: argparse.ArgumentParser, help_text: str = "", *, required: bool = True) -> None:
    """Add `--month`, the one place that says how a month is written; None where none is given."""
    help_text = help_text or "the month, in the contract's time zone"
    parser.add_argument("--month", required=required, default=None, type=_month, metavar="YYYY-MM", help=help_text)


def file_path(text: str) -> Path:
    """The path of a file, for argparse's `type`."""
    if not text:
        raise argparse.ArgumentTypeError("an empty name is none")
    return Path(text)


def whole(text: str) -> int:
    """A number that a ledger can hold, for argparse's `type`."""
    if not (text.isascii() and text.isdigit()) or int(text[:_DIGITS]) > MOST or len(text) > _DIGITS:
        raise argparse.ArgumentTypeError(f"{text[:_SHOWN]!r} is no whole number from 0 to {MOST}")
    return int(text)


def _month(text: str) -> str:
    """A month as it is written everywhere; ConfigError otherwise."""
    from collector.sla.instants import parse_month

    try:
        parse_month(text)
    except ValueError:
        message, remedy = f"{text[:_SHOWN]!r} is no month", "write it as YYYY-MM, such as 2026-03"
        raise ConfigError(Finding("month.invalid", "--month", "", message, remedy)) from None
    return text


def ledger_path(options: argparse.Namespace) -> Path:
    """The ledger that the options name; ConfigError where the configuration cannot be used."""
    if options.ledger is not None:
        path: Path = options.ledger
        return path
    from collector.config import load_config

    return Path(load_config(options.config).ledger.path)


def read_who(given: str) -> str:
    """Who decides, for the journal: as given, or the login name; ConfigError where it is no name."""
    if not given:
        return _login()
    if not given.isprintable() or len(given) > LONGEST_WHO:
        message = "is no name that a journal can keep"
        raise ConfigError(Finding("registry.who", "--who", "", message, f"use one line of at most {LONGEST_WHO}"))
    return given


def _login() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a user id without a name, as in some containers
        return f"uid {os.getuid()}"
