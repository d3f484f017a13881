"""`signwatch influx …`: what an operator does about the points in InfluxDB."""

from __future__ import annotations

import argparse
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Final

from common.config import ConfigError, Finding

if TYPE_CHECKING:
    from collector.config import CollectorConfig
    from collector.influx.config import InfluxConfig
    from collector.registry.options import Subparsers

_SHOWN: Final = 20
_LINE_WIDTH: Final = 160


def add_parser(subparsers: Subparsers[argparse.ArgumentParser]) -> None:
    """Add `influx` and its subcommands."""
    parser = subparsers.add_parser("influx", help="look at refused points, write points anew")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    refused = commands.add_parser("refused", help="the lines that InfluxDB refused, and why")
    _add_config(refused)
    refused.add_argument("--limit", type=int, default=_SHOWN, help="the latest so many; 0: all")
    refused.set_defaults(run=_refused)


def _add_config(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--config", type=Path, required=True, metavar="FILE", help="the collector's configuration")


def read_config(path: Path) -> tuple[CollectorConfig, InfluxConfig]:
    """The collector's configuration and its `[influx]` table; ConfigError where there is none."""
    from collector.config import load_config

    config = load_config(path)
    if config.influx is None:
        message = "is missing: this collector writes to no InfluxDB"
        raise ConfigError(Finding("influx.missing", str(path), "influx", message, "add the table (docs/influx.md)"))
    return config, config.influx


def _refused(options: argparse.Namespace) -> int:
    from collector.influx.refused import read_refused
    from collector.quarantine.texts import escaped

    _, influx = read_config(options.config)
    folder = Path(influx.spool_dir)
    try:
        found = list(read_refused(folder))
    except OSError as error:
        remedy = "run the command as the collector's user, or as root"
        raise ConfigError(
            Finding("influx.refused", str(folder), "", f"cannot be read ({error.strerror})", remedy)
        ) from None
    if not found:
        print("nothing was refused")
        return 0
    latest = found[-options.limit :] if options.limit > 0 else found
    for one in latest:
        print(f"{one.at}  {escaped(one.reason)[:_LINE_WIDTH]}\n    {escaped(one.line)[:_LINE_WIDTH]}")
    print(f"\n{len(latest)} shown of {len(found)} refused, in {folder}:")
    for reason, count in Counter(one.reason for one in found).most_common(_SHOWN):
        print(f"{count:>8}  {escaped(reason)[:_LINE_WIDTH]}")
    return 0
