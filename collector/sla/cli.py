"""`signwatch sla …`: the contract core from the command line."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from collector.forecast import cli as forecast_cli
from collector.report import cli as report_cli
from collector.revisions import cli as revisions_cli
from collector.sla.evaluate import evaluate_file
from common.config import ConfigError

if TYPE_CHECKING:
    SubParsers = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001  # argparse names it no other way


def add_parser(subparsers: SubParsers) -> None:
    """Add `sla` and what it can do."""
    sla = subparsers.add_parser("sla", help="evaluate contracts")
    commands = sla.add_subparsers(metavar="COMMAND", required=True)
    evaluate_parser = commands.add_parser(
        "evaluate",
        help="judge case files",
        description="Judge case files: one JSON object a line, in the order given. A bad case is told on stderr, "
        "the others are printed all the same, and the exit status is 1.",
    )
    evaluate_parser.add_argument("cases", nargs="+", metavar="CASE", help="a case file (JSON)")
    evaluate_parser.set_defaults(run=lambda options: evaluate(options.cases))
    report_cli.add_options(
        commands.add_parser(
            "report",
            help="a month out of the ledger: its figure, what it is made of, what it costs",
            description="Report a month of an agreement, from the ledger: see docs/report.md.",
        )
    )
    forecast_cli.add_options(
        commands.add_parser(
            "forecast",
            help="look ahead: what may still fail this month, and where it ends if it goes on like this",
            description="Look ahead in the month of an agreement, from the ledger: see docs/forecast.md.",
        )
    )
    revisions_cli.add_commands(commands)


def evaluate(paths: Sequence[str]) -> int:
    """Print the result of each case; 1 if one of them could not be judged."""
    status = 0
    for path in paths:
        try:
            result = evaluate_file(path)
        except ConfigError as error:
            print(error, file=sys.stderr)
            status = 1
        else:
            print(json.dumps(result), flush=True)
    return status
