"""What the command lines of windows and rulings share: options, instants, warnings on standard error."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable

from collector.sla.instants import parse_instant
from common.config import ConfigError, Finding


def add_tenant(parser: argparse.ArgumentParser) -> None:
    """Add `--tenant`."""
    parser.add_argument("--tenant", default="", metavar="ID", help="the customer; needed where there are several")


def add_interval(parser: argparse.ArgumentParser) -> None:
    """Add `--start` and `--end`."""
    example = "such as 2026-03-14T02:00:00+01:00"
    parser.add_argument("--start", required=True, metavar="INSTANT", help=f"when it begins, {example}")
    parser.add_argument("--end", required=True, metavar="INSTANT", help="when it is over")


def add_reason(parser: argparse.ArgumentParser) -> None:
    """Add `--why` and `--who`."""
    parser.add_argument(
        "--why", required=True, metavar="TEXT", help="the reason; it is kept, and shown to the customer"
    )
    parser.add_argument("--who", default="", metavar="NAME", help="who decides this, for the journal (default: you)")


def instant(option: str, text: str) -> int:
    """An option's instant in milliseconds since 1970; ConfigError where it is none."""
    try:
        return parse_instant(text)
    except ValueError as error:
        remedy = "write it with its offset, such as 2026-03-14T02:00:00+01:00"
        raise ConfigError(Finding("instant.invalid", option, "", f"{text!r} {error}", remedy)) from None


def show_warnings(warnings: Iterable[Finding]) -> None:
    """Print warnings on standard error."""
    for warning in warnings:
        print(f"warning: {warning}", file=sys.stderr)  # noqa: T201  # part of a command line
