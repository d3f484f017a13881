"""`signwatch sla forecast`: what may still fail this month, where it ends if it goes on so, and how fast it burns."""

from __future__ import annotations

import argparse
import json
import sys
from typing import TYPE_CHECKING, Final

from collector.registry.options import add_agreement, add_month, ledger_path
from collector.report.cli import read_contract
from common.clock import SystemClock
from common.config import ConfigError, Finding

if TYPE_CHECKING:
    from collector.sla.contract import Contract

PAST_MONTHS: Final = 6


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `sla forecast`, and what it runs."""
    add_agreement(parser)
    add_month(parser, "default: the one in progress", required=False)
    parser.add_argument(
        "--players",
        type=_count,
        action="append",
        metavar="N",
        help="reckon how long N players may be down at once; repeatable (default: as many as make a month eligible for "
        "a discount, and all)",
    )
    parser.add_argument(
        "--past",
        type=_count,
        default=PAST_MONTHS,
        metavar="N",
        help=f"learn from N past months (default: {PAST_MONTHS}); more where the contract's windows need them",
    )
    parser.add_argument("--at", default="", metavar="INSTANT", help="look ahead from then instead of now")
    parser.add_argument("--format", choices=("table", "json"), default="table")
    parser.add_argument("--lang", choices=("en", "es"), default="en", help="language of the table")
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    # here, so that the other commands of `sla` need neither a database nor the configuration's libraries
    from collector.forecast.source import Wish, read_source
    from collector.forecast.view import as_json, as_table
    from collector.registry.backend import read_ledger
    from collector.sla.forecast import forecast

    contract_id, contract = read_contract(options)
    wish = Wish(
        contract_id=contract_id,
        contract=contract,
        tenant=options.tenant,
        month=options.month or "",
        past_months=max(options.past, _window_months(contract) - 1),
        now_ms=_instant(options.at) if options.at else SystemClock().wall_ms(),
    )
    tenant, case = read_ledger(ledger_path(options), lambda connection: read_source(connection, wish))
    found = forecast(case, options.players)
    if options.format == "json":
        print(json.dumps(as_json(found, tenant, contract_id, case.months[0]), ensure_ascii=False))
    else:
        _say(as_table(found, tenant, options.lang, case.months[0]))
    return 0


def _window_months(contract: Contract) -> int:
    """How many months the longest window of the contract has."""
    ending = contract.termination.window_months if contract.termination else 1
    return max(contract.guarantee.window_months or 1, ending)


def _instant(text: str) -> int:
    from collector.sla.instants import parse_instant

    try:
        return parse_instant(text)
    except ValueError as error:
        remedy = "write it with its offset, such as 2026-03-14T02:00:00+01:00"
        raise ConfigError(Finding("instant.invalid", "--at", "", f"{text!r} {error}", remedy)) from None


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of one or more")
    return int(text)


def _say(text: str) -> None:
    """Print what the terminal can show, and a question mark for what it cannot."""
    encoding = sys.stdout.encoding or "utf-8"
    print(text.encode(encoding, "replace").decode(encoding), end="")
