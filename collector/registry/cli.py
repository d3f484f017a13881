"""`signwatch registry …`: which devices exist, which contract judges them, and who changed that when."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Final

from collector.ledger import audit, journal
from collector.ledger.registry_store import newcomers, read_registry
from collector.registry.backend import apply, read_ledger
from collector.registry.export import to_csv, to_toml
from collector.registry.files import SourceFile
from collector.registry.options import Subparsers, add_ledger, ledger_path, read_who, whole
from collector.registry.plan import ApplyAnswer, ApplyRequest
from collector.registry.render import describe, render
from collector.sla.instants import parse_instant
from common.clock import SystemClock, iso
from common.config import ConfigError, Finding, read_text

_SHOWN_CHANGES: Final = 60
_SHOWN_ENTRIES: Final = 100


def add_parser(subparsers: Subparsers[argparse.ArgumentParser]) -> None:
    """Add `registry` and its subcommands."""
    parser = subparsers.add_parser("registry", help="say which devices exist and which contract judges them")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    _add_apply(commands)
    _add_export(commands)
    _add_newcomers(commands)
    _add_log(commands)


def _add_apply(commands: Subparsers[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "apply", help="show what files would change, and change it (also in a running collector)"
    )
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="*.toml or *.csv")
    add_ledger(parser)
    parser.add_argument("--dry-run", action="store_true", help="only show the difference")
    parser.add_argument("--yes", action="store_true", help="do not ask (without a terminal nobody is asked)")
    parser.add_argument("--who", default="", metavar="NAME", help="who decided this, for the journal (default: you)")
    parser.add_argument("--full", action="store_true", help=f"show every change, not the first {_SHOWN_CHANGES}")
    parser.add_argument("--json", action="store_true", help="print the answer as one JSON object; asks nothing")
    parser.add_argument(
        "--prune", action="store_true", help="end what the files do not mention of their tenants; needs --until"
    )
    parser.add_argument(
        "--until", metavar="INSTANT", help="when what is pruned ends, such as 2026-04-01T00:00:00+02:00"
    )
    parser.set_defaults(run=_apply)


def _add_export(commands: Subparsers[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser("export", help="write the registry back as a file")
    add_ledger(parser)
    parser.add_argument("--format", choices=("toml", "csv"), default="toml", help="csv: devices and outputs only")
    parser.set_defaults(run=_export)


def _add_newcomers(commands: Subparsers[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser("newcomers", help="devices that report but are not registered, ready to apply")
    add_ledger(parser)
    parser.add_argument("--json", action="store_true", help="print a JSON array")
    parser.set_defaults(run=_newcomers)


def _add_log(commands: Subparsers[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser("log", help="the journal: who decided what, when")
    add_ledger(parser)
    parser.add_argument("--key", default="", help="only about this key and what is below it, e.g. acme/player-0001")
    parser.add_argument("--limit", type=whole, default=_SHOWN_ENTRIES, help="the latest so many entries; 0: all")
    parser.add_argument("--json", action="store_true", help="print one JSON object a line")
    parser.add_argument("--verify", action="store_true", help="check the whole chain instead of printing it")
    parser.add_argument("--head", metavar="N:HASH", help="with --verify: the head that was noted down earlier")
    parser.set_defaults(run=_log)


def _apply(options: argparse.Namespace) -> int:
    path = ledger_path(options)
    now_ms = SystemClock().wall_ms()
    request = ApplyRequest(
        files=[SourceFile(str(file), read_text(file)) for file in options.files],
        who=read_who(options.who),
        prune_until_ms=_until(options),
    )
    asks = not (options.yes or options.json or options.dry_run) and sys.stdin.isatty()
    if asks or options.dry_run:
        answer = apply(path, _with(request, dry_run=True), now_ms)
        _show(answer, options, now_ms)
        if options.dry_run or not answer.changes:
            return 0
        if input("Apply? [y/N] ").strip().lower() not in {"y", "yes"}:
            print("nothing was applied")
            return 1
        answer = apply(path, _with(request, expect=answer.fingerprint), now_ms)
    else:
        answer = apply(path, request, now_ms)
        _show(answer, options, now_ms)
    if answer.changes and not options.json:
        print(f"applied; the journal ends at {answer.journal_head}")
    return 0


def _with(request: ApplyRequest, *, dry_run: bool = False, expect: str | None = None) -> ApplyRequest:
    return ApplyRequest(request.files, request.who, dry_run, request.prune_until_ms, expect)


def _show(answer: ApplyAnswer, options: argparse.Namespace, now_ms: int) -> None:
    for warning in answer.warnings:
        print(f"warning: {warning}", file=sys.stderr)
    if options.json:
        import msgspec

        print(msgspec.json.encode(answer).decode())
        return
    print(*render(answer.changes, now_ms, None if options.full else _SHOWN_CHANGES), sep="\n")


def _until(options: argparse.Namespace) -> int | None:
    if options.prune != (options.until is not None):
        message = "are given together or not at all: --prune ends what is not mentioned, --until says when"
        raise ConfigError(Finding("registry.prune", "--prune and --until", "", message, "give both"))
    if options.until is None:
        return None
    try:
        return parse_instant(options.until)
    except ValueError as error:
        remedy = "write it as 2026-04-01T00:00:00+02:00"
        raise ConfigError(Finding("registry.until", "--until", "", f"{options.until!r} {error}", remedy)) from None


def _export(options: argparse.Namespace) -> int:
    registry = read_ledger(ledger_path(options), read_registry)
    if options.format == "csv":
        sys.stdout.write(to_csv(registry))
        platforms = sum(subject.kind == "platform" for subject in registry.subjects.values())
        left_out = f"{len(registry.tenants)} tenants, {len(registry.calendars)} calendars, {platforms} platforms"
        print(f"left out, since they do not fit into rows: {left_out}; --format toml has them", file=sys.stderr)
    else:
        sys.stdout.write(to_toml(registry))
    return 0


def _newcomers(options: argparse.Namespace) -> int:
    found = read_ledger(ledger_path(options), newcomers)
    if options.json:
        import msgspec

        print(msgspec.json.encode(found).decode())
        return 0
    if not found:
        print("# everything that reports is registered")
    for newcomer in found:
        seen = f"first seen {iso(newcomer.first_seen_ms)}, last {iso(newcomer.last_seen_ms)}"
        print(f"# {newcomer.tenant}/{newcomer.device}: {seen}")
        print(newcomer.registry_toml)
    return 0


def _log(options: argparse.Namespace) -> int:
    path = ledger_path(options)
    if options.verify:
        return _verify(path, options.head)
    limit = options.limit if options.limit > 0 else None
    for entry in read_ledger(path, lambda connection: journal.entries(connection, limit, options.key)):
        if options.json:
            print(json.dumps(entry._asdict(), ensure_ascii=False))
        else:
            print(_line(entry))
    return 0


def _line(entry: journal.Entry) -> str:
    before = entry.before if isinstance(entry.before, dict) else None
    after = entry.after if isinstance(entry.after, dict) else None
    if entry.redacted_by is not None:
        return f"{entry.id:>6}  {iso(entry.at_ms)}  erased by entry {entry.redacted_by}: {entry.kind}"
    what = describe(entry.kind.removeprefix("registry."), entry.key, before, after)
    return f"{entry.id:>6}  {iso(entry.at_ms)}  {entry.who}  {what}"


def _verify(path: Path, text: str | None) -> int:
    try:
        noted = journal.parse_head(text) if text else None
    except ValueError as error:
        remedy = "copy it from the line that `registry apply` prints"
        raise ConfigError(Finding("journal.head", "--head", "", str(error), remedy)) from None
    problems, head, _ = read_ledger(path, lambda connection: audit.verify(connection, noted))
    for problem in problems:
        print(f"{path}: {problem}", file=sys.stderr)
    if not problems:
        print(f"the journal is whole: {head.entries} entries, head {head}")
    return 1 if problems else 0
