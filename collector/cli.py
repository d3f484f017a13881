"""`signwatch collector`."""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path

from collector.config import check_contracts, load_config
from common.logs import set_up


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `collector` and its subcommands."""
    parser = subparsers.add_parser("collector", help="take in evidence, judge contracts, raise alerts")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    run = commands.add_parser("run", help="run until SIGTERM")
    run.add_argument("--config", type=Path, required=True, help="the configuration file (docs/collector.md)")
    run.set_defaults(run=_run)
    check = commands.add_parser("check", help="check the configuration file and the contracts that it names")
    check.add_argument("--config", type=Path, required=True)
    check.set_defaults(run=_check)


def _run(options: argparse.Namespace) -> int:
    from collector.app import CollectorFailedError, run
    from collector.broker import BrokerError
    from collector.ledger.ledger import LedgerError

    config = load_config(options.config)
    set_up(config.log.level, config.log.format)
    try:
        asyncio.run(run(config))
    except (LedgerError, BrokerError, CollectorFailedError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _check(options: argparse.Namespace) -> int:
    config = load_config(options.config)
    contracts, warnings = check_contracts(config.contracts.files)
    for warning in warnings:
        print(f"warning: {warning}", file=sys.stderr)
    names = ", ".join(sorted(contracts)) or "none"
    print(f"{options.config}: OK (contracts: {names})")
    return 0
