"""`signwatch window …`: announce maintenance, see what is announced, take it back."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

import msgspec

from collector.decisions.backend import order
from collector.decisions.ical import read_ical
from collector.decisions.model import USUAL_KINDS, WindowRecord
from collector.decisions.orders import Announce, Cancel, DecisionAnswer, DecisionRequest, Import
from collector.decisions.shell import add_interval, add_reason, add_tenant, instant, show_warnings
from collector.ledger.decisions_store import read_windows
from collector.ledger.tenants import of_tenant
from collector.registry.backend import read_ledger
from collector.registry.options import Subparsers, add_ledger, ledger_path, read_who, whole
from collector.sla.instants import DAY_MS, format_instant, parse_zone
from common.clock import SystemClock
from common.config import ConfigError, Finding, read_text

_AHEAD_MS: Final = 366 * DAY_MS


def add_parser(subparsers: Subparsers[argparse.ArgumentParser]) -> None:
    """Add `window` and its subcommands."""
    parser = subparsers.add_parser("window", help="announce maintenance windows")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    _add_add(commands)
    _add_list(commands)
    _add_cancel(commands)
    _add_import(commands)


def _add_add(commands: Subparsers[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser("add", help="announce a window; the announcement is dated now, by the ledger's clock")
    add_ledger(parser)
    add_tenant(parser)
    _add_about(parser)
    add_interval(parser)
    add_reason(parser)
    parser.set_defaults(run=_add)


def _add_about(parser: argparse.ArgumentParser) -> None:
    usual = ", ".join(USUAL_KINDS)
    parser.add_argument("--kind", default=USUAL_KINDS[0], help=f"{usual} (default: {USUAL_KINDS[0]})")
    parser.add_argument(
        "--subject",
        action="append",
        required=True,
        metavar="WHOM",
        help="'*', kind:player, kind:platform, site:ID, a device, a player (device/output) or a platform; repeatable",
    )


def _add_list(commands: Subparsers[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser("list", help="the windows there are, with who announced them when")
    add_ledger(parser)
    add_tenant(parser)
    parser.add_argument("--all", action="store_true", help="also those that were cancelled")
    parser.add_argument("--json", action="store_true", help="print one JSON object a line")
    parser.set_defaults(run=_list)


def _add_cancel(commands: Subparsers[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser("cancel", help="take a window back; it stays in the list, and leaves nothing out")
    parser.add_argument("id", type=whole, metavar="ID", help="its number, from `signwatch window list`")
    add_ledger(parser)
    add_reason(parser)
    parser.set_defaults(run=_cancel)


def _add_import(commands: Subparsers[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "import",
        help="announce the events of an iCalendar file, recurrences included",
        description="Announce what is new, cancel what is gone from its event, leave alone what is announced already "
        "or has begun (docs/decisions.md).",
    )
    parser.add_argument("file", metavar="FILE", help="an iCalendar file (*.ics)")
    add_ledger(parser)
    add_tenant(parser)
    _add_about(parser)
    parser.add_argument("--timezone", metavar="ZONE", help="where whole days and times without a zone are")
    parser.add_argument("--until", metavar="INSTANT", help="take events that begin before then (default: in 366 days)")
    parser.add_argument("--who", default="", metavar="NAME", help="who announces, for the journal (default: you)")
    parser.add_argument("--dry-run", action="store_true", help="only show what would be announced and cancelled")
    parser.set_defaults(run=_import)


def _add(options: argparse.Namespace) -> int:
    announce = Announce(
        tenant=options.tenant,
        kind=options.kind,
        subjects=tuple(options.subject),
        start_ms=instant("--start", options.start),
        end_ms=instant("--end", options.end),
        why=options.why,
    )
    request = DecisionRequest(announce, read_who(options.who))
    _show(order(ledger_path(options), request, SystemClock().wall_ms()))
    return 0


def _cancel(options: argparse.Namespace) -> int:
    request = DecisionRequest(Cancel(options.id, options.why), read_who(options.who))
    _show(order(ledger_path(options), request, SystemClock().wall_ms()))
    return 0


def _import(options: argparse.Namespace) -> int:
    now_ms = SystemClock().wall_ms()
    until_ms = instant("--until", options.until) if options.until else now_ms + _AHEAD_MS
    zone = _zone(options.timezone) if options.timezone else None
    reading = read_ical(read_text(Path(options.file)), options.file, now_ms, until_ms, zone)
    wanted = Import(
        tenant=options.tenant,
        file=options.file,
        kind=options.kind,
        subjects=tuple(options.subject),
        occurrences=tuple(reading.occurrences),
        from_ms=now_ms,
        until_ms=until_ms,
    )
    request = DecisionRequest(wanted, read_who(options.who), options.dry_run)
    answer = order(ledger_path(options), request, now_ms)
    show_warnings(reading.warnings)
    _show(answer)
    counts = f"{len(answer.announced)} to announce" if options.dry_run else f"{len(answer.announced)} announced"
    print(f"{counts}, {len(answer.cancelled)} cancelled, {answer.unchanged} announced before and unchanged")
    return 0


def _zone(name: str) -> ZoneInfo:
    try:
        return parse_zone(name)
    except ValueError as error:
        remedy = "use an IANA name such as 'Europe/Madrid'"
        raise ConfigError(Finding("timezone.unknown", "--timezone", "", str(error), remedy)) from None


def _list(options: argparse.Namespace) -> int:
    tenant = options.tenant or None
    windows = read_ledger(ledger_path(options), of_tenant(tenant, lambda found: read_windows(found, tenant)))
    shown = [window for window in windows if options.all or not window.is_cancelled]
    for window in shown:
        print(msgspec.json.encode(window).decode() if options.json else describe(window))
    if not shown and not options.json:
        print("no window is announced", file=sys.stderr)
    return 0


def _show(answer: DecisionAnswer) -> None:
    show_warnings(answer.warnings)
    for window in (*answer.cancelled, *answer.announced):
        print(describe(window))
    if answer.applied and (answer.announced or answer.cancelled):
        print(f"the journal ends at {answer.journal_head}")


def describe(window: WindowRecord) -> str:
    """One window on a line."""
    times = f"{format_instant(window.start_ms)} to {format_instant(window.end_ms)}"
    text = f"{window.id:>5}  {window.kind:<9}  {times}  {window.tenant}: {', '.join(window.subjects)}  ({window.why})"
    told = f"announced {format_instant(window.announced_at_ms)} by {window.announced_by}"
    if window.cancelled_at_ms is None:
        return f"{text}; {told}"
    undone = f"cancelled {format_instant(window.cancelled_at_ms)} by {window.cancelled_by}: {window.cancelled_why}"
    return f"{text}; {told}; {undone}"
