"""`signwatch claim draft`: what a month's claim would say, by when it must be made, and what is missing."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING, Final

from collector.report.cli import add_question, find_report, put_out
from common.clock import SystemClock
from common.config import ConfigError, Finding

if TYPE_CHECKING:
    from collector.claims.model import Draft
    from collector.claims.money import Fee
    from collector.registry.options import Subparsers
    from collector.sla.service import Language

FORMATS: Final = ("text", "html", "json")
_SIDES: Final = ("customer", "provider")


def add_parser(subparsers: Subparsers[argparse.ArgumentParser]) -> None:
    """Add `claim` and its subcommand."""
    parser = subparsers.add_parser("claim", help="draft the claim about a month")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    drafting = commands.add_parser(
        "draft",
        help="the letter, the deadlines and what is missing",
        description="Draft a claim about a month of an agreement, from the ledger: see docs/claims.md.",
    )
    add_question(drafting)
    drafting.add_argument("--side", choices=_SIDES, default="customer", help="who writes (customer)")
    drafting.add_argument("--fee", metavar="AMOUNT", help="what a discount is taken of, such as 12345.67")
    drafting.add_argument("--currency", metavar="CODE", help="the fee's currency (ISO 4217), such as EUR")
    drafting.add_argument("--project", default="", metavar="NAME", help="the project that the claim must name")
    drafting.add_argument("--format", choices=FORMATS, default="text", help="html: one file to look at and print")
    drafting.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    from collector.claims.draft import draft_claim

    fee = _fee(options.fee, options.currency)
    draft = draft_claim(find_report(options), options.side, fee, options.project, SystemClock().wall_ms())
    put_out(render(draft, options.format, options.lang), options.output)
    return 0


def _fee(amount: str | None, currency: str | None) -> Fee | None:
    from collector.claims.money import parse_fee

    if amount is None and currency is None:
        return None
    if amount is None or currency is None:
        missing, given = ("--fee", "--currency") if amount is None else ("--currency", "--fee")
        finding = Finding("claim.fee", missing, "", f"is needed beside {given}", "give both, such as 12345.67 and EUR")
        raise ConfigError(finding)
    try:
        return parse_fee(amount, currency)
    except ValueError as error:
        message, _, remedy = str(error).partition("; ")
        raise ConfigError(Finding("claim.fee", "--fee", "", message, remedy)) from None


def render(draft: Draft, form: str, language: Language) -> str:
    """The draft in one of the `FORMATS`."""
    if form == "json":
        from collector.claims.as_json import as_json

        return json.dumps(as_json(draft, language), ensure_ascii=False, indent=1) + "\n"
    if form == "html":
        from collector.claims.as_html import as_html

        return as_html(draft, language)
    from collector.claims.as_text import as_text

    return as_text(draft, language)
