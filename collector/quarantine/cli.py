"""`signwatch quarantine …`: look at the messages that the collector refused, take them in again, drop them.

Their content comes from anybody who may publish: nothing of it reaches the terminal unescaped, except by `--raw`.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Final

import msgspec

from collector.decisions.shell import instant
from collector.ledger.quarantine_store import Choice, Kept, count_by_reason, kept_message, kept_messages
from collector.quarantine.backend import order
from collector.quarantine.orders import Drop, QuarantineAnswer, QuarantineRequest, Retry, Selection
from collector.quarantine.retry import choice_of
from collector.quarantine.texts import as_json, escaped, full_text, summary_line
from collector.registry.backend import read_ledger
from collector.registry.options import Subparsers, add_ledger, ledger_path, read_who, whole
from common.clock import SystemClock
from common.config import ConfigError, Finding

_SHOWN: Final = 50
_LARGEST_ID: Final = 2**63 - 1


def add_parser(subparsers: Subparsers[argparse.ArgumentParser]) -> None:
    """Add `quarantine` and its subcommands."""
    parser = subparsers.add_parser("quarantine", help="messages that the collector refused: look, try again, drop")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    _add_list(commands)
    _add_show(commands)
    retrying = commands.add_parser("retry", help="take messages in once more, after an update or a change")
    _add_choice(retrying)
    retrying.add_argument("--format", choices=("text", "json"), default="text", help="json: one object a line")
    retrying.set_defaults(run=_retry)
    dropping = commands.add_parser("drop", help="delete messages that nobody needs; the journal keeps who did, and why")
    _add_choice(dropping)
    dropping.add_argument("--why", required=True, metavar="TEXT", help="the reason, for the journal")
    dropping.set_defaults(run=_drop)


def _add_list(commands: Subparsers[argparse.ArgumentParser]) -> None:
    listing = commands.add_parser("list", help="the latest refused messages, and how many by reason")
    add_ledger(listing)
    _add_filters(listing)
    listing.add_argument("--limit", type=whole, default=_SHOWN, help="the latest so many; 0: all")
    _add_format(listing, "json: one object a line")
    listing.set_defaults(run=_list)


def _add_show(commands: Subparsers[argparse.ArgumentParser]) -> None:
    showing = commands.add_parser("show", help="one refused message, whole")
    showing.add_argument("id", type=whole, metavar="ID")
    add_ledger(showing)
    form = showing.add_mutually_exclusive_group()
    _add_format(form, "json: one object")
    form.add_argument("--raw", action="store_true", help="write the body as it came")
    showing.set_defaults(run=_show)


def _add_format(parser: argparse._ActionsContainer, meaning: str) -> None:
    parser.add_argument("--format", choices=("text", "json"), default="text", help=meaning)
    parser.add_argument("--json", action="store_const", const="json", dest="format", help="the same as --format json")


def _add_filters(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--reason", default="", help="only of this reason, such as invalid or malformed")
    parser.add_argument("--device", default="", metavar="TENANT/DEVICE", help="only of this device")
    parser.add_argument("--topic", default="", metavar="TEXT", help="only with this in the topic, such as /player-7/")
    parser.add_argument("--since", default="", metavar="INSTANT", help="only received then or later")
    parser.add_argument("--until", default="", metavar="INSTANT", help="only received before")


def _add_choice(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("ids", type=whole, nargs="*", metavar="ID", help="numbers, as `list` shows them")
    parser.add_argument("--all", action="store_true", help="all of them, or all that the filters leave")
    add_ledger(parser)
    _add_filters(parser)
    parser.add_argument("--who", default="", metavar="NAME", help="who does this (default: you)")


def _selection(options: argparse.Namespace, ids: tuple[int, ...] = ()) -> Selection:
    since_ms = instant("--since", options.since) if options.since else None
    until_ms = instant("--until", options.until) if options.until else None
    return Selection(ids, options.reason, options.device, options.topic, since_ms, until_ms)


def _chosen(options: argparse.Namespace) -> Selection:
    if bool(options.ids) == options.all:
        message = "are named, and all chosen" if options.ids else "are neither named nor all chosen"
        remedy = "give their numbers, or --all with or without filters"
        raise ConfigError(Finding("quarantine.choice", "messages", "", message, remedy))
    for number in options.ids:
        if not 0 < number <= _LARGEST_ID:
            raise ConfigError(_unknown("ID", number))
    return _selection(options, tuple(options.ids))


def _list(options: argparse.Namespace) -> int:
    path = ledger_path(options)
    limit = options.limit if options.limit > 0 else None
    choice = choice_of(_selection(options))
    kept = read_ledger(path, lambda connection: kept_messages(connection, choice, limit))
    if options.format == "json":
        for message in kept:
            print(json.dumps(as_json(message)))
        return 0
    for message in kept:
        print(summary_line(message))
    counts = read_ledger(path, count_by_reason)
    by_reason = ", ".join(f"{count} {reason}" for reason, count in counts.items())
    print(f"{len(kept)} shown of {sum(counts.values())} kept ({by_reason})" if counts else "nothing was refused")
    return 0


def _show(options: argparse.Namespace) -> int:
    path = ledger_path(options)
    message = _find(path, options.id)
    if options.raw:
        sys.stdout.buffer.write(message.body)
    elif options.format == "json":
        print(json.dumps(as_json(message), indent=2))
    else:
        print("\n".join(full_text(message)))
    return 0


def _retry(options: argparse.Namespace) -> int:
    answer = _ordered(options, Retry(_chosen(options)))
    for result in answer.retried:
        if options.format == "json":
            print(json.dumps(msgspec.to_builtins(result)))
        else:
            print(f"{result.id:>6}  {'taken' if result.taken else f'{result.reason}: {escaped(result.detail)}'}")
    taken = sum(result.taken for result in answer.retried)
    if options.format == "text":
        print(f"{taken} taken, {len(answer.retried) - taken} refused again")
    if answer.left:
        print(f"{answer.left} more were chosen: run the command again", file=sys.stderr)
    return 0


def _drop(options: argparse.Namespace) -> int:
    answer = _ordered(options, Drop(_chosen(options), options.why))
    by_reason = ", ".join(f"{count} {reason}" for reason, count in sorted(answer.dropped.items()))
    print(f"dropped {sum(answer.dropped.values())}" + (f" ({by_reason})" if by_reason else ""))
    print(f"the journal ends at {answer.journal_head}")
    return 0


def _ordered(options: argparse.Namespace, wanted: Retry | Drop) -> QuarantineAnswer:
    path = ledger_path(options)
    if wanted.selection.ids:
        found = {message.id for message in read_ledger(path, lambda it: kept_messages(it, Choice(options.ids)))}
        for number in options.ids:
            if number not in found:
                raise ConfigError(_unknown(str(path), number))
    return order(path, QuarantineRequest(wanted, read_who(options.who)), SystemClock().wall_ms())


def _find(path: Path, number: int) -> Kept:
    known = 0 < number <= _LARGEST_ID
    message = read_ledger(path, lambda connection: kept_message(connection, number)) if known else None
    if message is None:
        raise ConfigError(_unknown(str(path), number))
    return message


def _unknown(where: str, number: int) -> Finding:
    remedy = "signwatch quarantine list shows the numbers there are"
    return Finding("quarantine.unknown", where, "", f"has no refused message {number}", remedy)
