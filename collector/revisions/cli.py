"""`signwatch sla close|revisions|export|verify`: close a month, see what was closed, hand it out, prove it."""

from __future__ import annotations

import argparse
import json
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from collector.registry.options import add_agreement, add_month, ledger_path, read_who, whole
from collector.report.cli import check_month, find_contract, write_file
from common.clock import SystemClock
from common.config import ConfigError, Finding

if TYPE_CHECKING:
    from collections.abc import Callable

    from collector.revisions.seal import Listed, Manifest

    SubParsers = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001  # argparse names it no other way

_SEAL_SHOWN = 16  # as many as `verify --seal` wants
_SEAL = re.compile(r"[0-9a-f]{16,64}")
_MISSING = "–"


def add_commands(commands: SubParsers) -> None:
    """Add the four commands to `sla`."""
    _add_close(commands)
    _add_revisions(commands)
    _add_export(commands)
    _add_verify(commands)


def _add_close(commands: SubParsers) -> None:
    parser = commands.add_parser(
        "close",
        help="freeze a month as a revision that is never overwritten",
        description="A running collector closes months by itself; see docs/revisions.md.",
    )
    add_agreement(parser)
    add_month(parser)
    parser.add_argument("--now", action="store_true", help="though evidence may still come, or with today's contract")
    parser.add_argument("--why", default="", metavar="TEXT", help="the reason; needed with --now")
    parser.add_argument("--who", default="", metavar="NAME", help="who decides this, for the journal (default: you)")
    parser.set_defaults(run=_close)


def _add_revisions(commands: SubParsers) -> None:
    parser = commands.add_parser("revisions", help="the closed months of an agreement, and what changed between them")
    add_agreement(parser)
    add_month(parser, "only this month", required=False)
    parser.add_argument("--format", choices=("table", "json"), default="table")
    parser.add_argument("--lang", choices=("en", "es"), default="en", help="language of the table")
    parser.set_defaults(run=_revisions)


def _add_export(commands: SubParsers) -> None:
    parser = commands.add_parser("export", help="one file with everything a month was judged from, to hand out")
    add_agreement(parser)
    add_month(parser)
    parser.add_argument("--revision", type=whole, default=0, metavar="N", help="which one (default: the latest)")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="BUNDLE", help="write it there")
    parser.set_defaults(run=_export)


def _add_verify(commands: SubParsers) -> None:
    parser = commands.add_parser(
        "verify",
        help="compute a bundle again from nothing but itself",
        description='Says "equal" (exit 0), or which file or number differs (exit 1). It needs no ledger.',
    )
    parser.add_argument("bundle", type=Path, metavar="BUNDLE", help="a file that `sla export` wrote")
    parser.add_argument(
        "--seal",
        default="",
        metavar="HASH",
        help="the seal on the report, or at least its first 16 digits: is this that revision?",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.set_defaults(run=_verify)


def _close(options: argparse.Namespace) -> int:
    import msgspec

    from collector.revisions.backend import close
    from collector.revisions.look import read_source
    from collector.revisions.orders import CloseRequest
    from collector.revisions.seal import Listed, Manifest

    name, file = find_contract(options)
    source = read_source(name, file)
    now_ms = SystemClock().wall_ms()
    check_month(source.contract, options.month, now_ms)
    who, why = read_who(options.who), options.why.strip()
    request = CloseRequest(name, options.month, who, options.tenant, options.now, why)
    answer = close(ledger_path(options), source, request, now_ms)
    manifest = msgspec.json.decode(answer.manifest, type=Manifest)
    _print_revision(Listed(manifest, answer.seal), "en", full=True)
    if answer.made:
        print(f"the journal ends at {answer.journal_head}")
    else:
        print("nothing has changed since; no revision was made")
    return 0


def _revisions(options: argparse.Namespace) -> int:
    from collector.ledger.revision_store import list_revisions
    from collector.ledger.tenants import of_tenant
    from collector.registry.backend import read_ledger

    name, _ = find_contract(options)
    tenant = options.tenant or None
    work = of_tenant(tenant, lambda opened: list_revisions(opened, tenant, name, options.month))
    found = read_ledger(ledger_path(options), work)
    if options.format == "json":
        print(json.dumps({"revisions": [plain(each) for each in found]}, ensure_ascii=False, indent=1))
        return 0
    for each in found:
        _print_revision(each, options.lang)
    if not found:
        print("no month of it is closed", file=sys.stderr)
    return 0


def plain(listed: Listed) -> dict[str, object]:
    """A revision as plain data for programs: everything but the hashes of single files."""
    from collector.revisions.listing import plain_revision

    return plain_revision(listed)


def _print_revision(listed: Listed, language: Any, *, full: bool = False) -> None:  # noqa: ANN401  # one of the languages
    from collector.report.words import Words
    from collector.revisions.listing import line, zone_of
    from collector.revisions.wording import tell

    manifest: Manifest = listed.manifest
    words = Words(language, zone_of(manifest))
    seal = listed.seal if full else listed.seal[:_SEAL_SHOWN]
    _say(line(manifest, words, seal))
    for change in tell(manifest):
        _say(f"    - {change.said_in(language)}")


def _say(text: str) -> None:
    encoding = sys.stdout.encoding or "utf-8"
    print(text.encode(encoding, "replace").decode(encoding))  # what the terminal can show


def _export(options: argparse.Namespace) -> int:
    from collector.ledger.tenants import of_tenant
    from collector.registry.backend import read_ledger
    from collector.revisions.bundle import write_bundle
    from collector.revisions.shelf import Wanted, journal_part, take_closed

    name, _ = find_contract(options)
    wanted = Wanted(name, options.month, options.tenant, options.revision)

    def work(connection: Any) -> tuple[bytes, str]:  # noqa: ANN401  # SQLAlchemy stays in its corner
        taken = take_closed(connection, wanted)
        return write_bundle(taken.frozen, journal_part(connection, taken)), taken.frozen.seal

    data, seal = read_ledger(ledger_path(options), of_tenant(options.tenant, work))
    write_file(options.output, data)
    _say(f"{options.output}: {len(data)} bytes, seal {seal}")
    return 0


def _verify(options: argparse.Namespace) -> int:
    from collector.revisions.bundle import BundleError
    from collector.revisions.verify import told, verify

    data, seal = _read(options.bundle), options.seal.strip().lower()
    if seal and _SEAL.fullmatch(seal) is None:
        remedy = "copy it from the report, or at least its first 16 digits"
        raise ConfigError(Finding("seal.invalid", "--seal", "", f"{options.seal[:80]!r} is no seal", remedy))
    try:
        verdict = verify(data, seal)
    except BundleError as error:
        message, _, remedy = str(error).partition("; ")
        raise ConfigError(
            Finding("bundle.unreadable", str(options.bundle), "", message, remedy or "ask for it again")
        ) from None
    if options.json:
        print(json.dumps(told(verdict), ensure_ascii=False, indent=1))
    else:
        _print_verdict(told(verdict), _say)
    return 1 if verdict.problems else 0


def _print_verdict(facts: Any, say: Callable[[str], None]) -> None:  # noqa: ANN401  # plain data
    if "seal" in facts:
        whose = f"{facts['tenant']}/{facts['contract']} {facts['month']}"
        say(f"{whose}, revision {facts['revision']}, seal {facts['seal']}")
        say(f"journal {facts['journal_head']}")
    if facts["equal"]:
        discount = _MISSING if facts["discount_percent"] is None else f"{facts['discount_percent']} %"
        say(f"equal: availability {facts['percent']} %, discount {discount} ({facts['discount_reason']})")
    for problem in facts["problems"]:
        say(f"differs: {problem}")


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        message = f"cannot be read ({error.strerror})"
        raise ConfigError(Finding("bundle.unreadable", str(path), "", message, "check path and permissions")) from None
