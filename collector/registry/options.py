"""What several command lines share: which ledger, and who decides. Light: nothing here loads the ledger itself."""

from __future__ import annotations

import argparse
import getpass
import os
from pathlib import Path

from collector.registry.plan import LONGEST_WHO
from common.config import ConfigError, Finding

Subparsers = argparse._SubParsersAction  # noqa: SLF001  # argparse has no public name for it


def add_ledger(parser: argparse.ArgumentParser) -> None:
    """Add the two ways to name a ledger."""
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--ledger", type=Path, metavar="PATH", help="the ledger's file")
    where.add_argument("--config", type=Path, metavar="FILE", help="the collector's configuration, which names it")


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
