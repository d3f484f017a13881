"""`signwatch ruling …`: decide afterwards what an interval's state or cause was. Evidence stays as it is."""

from __future__ import annotations

import argparse
import sys

import msgspec

from collector.decisions.backend import order
from collector.decisions.model import RulingRecord
from collector.decisions.orders import DecisionRequest, Rule
from collector.decisions.selectors import UnknownSubjectError, subject_key
from collector.decisions.shell import add_interval, add_reason, add_tenant, instant, show_warnings
from collector.ledger.decisions_store import read_rulings
from collector.ledger.registry_store import read_registry
from collector.ledger.tenants import of_tenant
from collector.registry.backend import read_ledger
from collector.registry.options import Subparsers, add_ledger, ledger_path, read_who
from collector.sla.instants import format_instant
from common.clock import SystemClock
from wire.states import CAUSES, PLATFORM_STATES, PLAYER_STATES


def add_parser(subparsers: Subparsers[argparse.ArgumentParser]) -> None:
    """Add `ruling` and its subcommands."""
    parser = subparsers.add_parser("ruling", help="decide on the cause or the state of an interval")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    adding = commands.add_parser("add", help="decide; the ruling is dated now, and later ones stand above it")
    add_ledger(adding)
    add_tenant(adding)
    adding.add_argument("--subject", required=True, metavar="WHO", help="a player (device/output) or a platform")
    add_interval(adding)
    adding.add_argument("--state", help=f"player: {_words(PLAYER_STATES)}; platform: {_words(PLATFORM_STATES)}")
    adding.add_argument("--cause", help=_words(CAUSES))
    add_reason(adding)
    adding.set_defaults(run=_add)
    listing = commands.add_parser("list", help="every ruling, in the order in which they were made")
    add_ledger(listing)
    add_tenant(listing)
    listing.add_argument("--subject", default="", metavar="WHO", help="only those about this player or platform")
    listing.add_argument("--json", action="store_true", help="print one JSON object a line")
    listing.set_defaults(run=_list)


def _words(words: frozenset[str]) -> str:
    return ", ".join(sorted(words))


def _add(options: argparse.Namespace) -> int:
    rule = Rule(
        tenant=options.tenant,
        subject=options.subject,
        start_ms=instant("--start", options.start),
        end_ms=instant("--end", options.end),
        state=options.state,
        cause=options.cause,
        why=options.why,
    )
    request = DecisionRequest(rule, read_who(options.who))
    answer = order(ledger_path(options), request, SystemClock().wall_ms())
    show_warnings(answer.warnings)
    for ruling in answer.ruled:
        print(describe(ruling))
    print(f"the journal ends at {answer.journal_head}")
    return 0


def _list(options: argparse.Namespace) -> int:
    tenant = options.tenant or None
    path = ledger_path(options)
    work = of_tenant(tenant, lambda found: (read_registry(found), read_rulings(found, tenant)))
    registry, rulings = read_ledger(path, work)
    tenants = [tenant] if tenant else sorted(registry.tenants)
    keys = set()
    for name in tenants if options.subject else ():
        try:
            keys.add(subject_key(options.subject, name, registry))
        except UnknownSubjectError:  # another tenant may have it; rulings of what has left the registry stay
            keys.add(f"{name}/{options.subject.removeprefix(f'{name}/')}")
    shown = [ruling for ruling in rulings if not options.subject or ruling.subject in keys]
    for ruling in shown:
        print(msgspec.json.encode(ruling).decode() if options.json else describe(ruling))
    if not shown and not options.json:
        print("no ruling was made", file=sys.stderr)
    return 0


def describe(ruling: RulingRecord) -> str:
    """One ruling on a line."""
    said = [f"{name} {value}" for name, value in (("state", ruling.state), ("cause", ruling.cause)) if value]
    times = f"{format_instant(ruling.start_ms)} to {format_instant(ruling.end_ms)}"
    made = f"{format_instant(ruling.at_ms)} by {ruling.who}"
    return f"{ruling.id:>5}  {ruling.subject}  {times}  {', '.join(said)}  ({ruling.why}); ruled {made}"
