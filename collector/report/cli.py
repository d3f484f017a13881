"""`signwatch sla report`: a month of an agreement out of the ledger, for a terminal, a program or a customer."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from collector.registry.options import add_agreement, add_month, ledger_path
from common.clock import SystemClock
from common.config import ConfigError, Finding, read_text
from common.files import put_in_place

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from collector.report.model import Report
    from collector.revisions.shelf import Taken
    from collector.sla.contract import Contract
    from collector.sla.service import Language

FORMATS: Final = ("table", "json", "csv", "html")
LATEST: Final = "latest"
NOW: Final = "now"
MOST_REVISIONS: Final = 1_000_000
_DATABASE: Final = b"SQLite format 3\0"  # how every ledger begins (https://sqlite.org/fileformat.html)
_LANGUAGES: Final = ("en", "es")


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `sla report`, and what it runs."""
    add_question(parser)
    parser.add_argument("--format", choices=FORMATS, default="table", help="html: one file to send to a customer")
    parser.set_defaults(run=_run)


def add_question(parser: argparse.ArgumentParser) -> None:
    """Add what every question about a month needs: whose, which, from where, in which language and to where."""
    add_agreement(parser)
    add_month(parser)
    parser.add_argument(
        "--revision",
        default=LATEST,
        metavar="N",
        help=f"of a closed month: a number, or {NOW}: the ledger as it is (default: the latest, where it is closed)",
    )
    parser.add_argument("--lang", choices=_LANGUAGES, default="en", help="language of what people read")
    parser.add_argument("--output", type=Path, metavar="FILE", help="write there instead of to the terminal")


def _run(options: argparse.Namespace) -> int:
    taken = _taken(options)
    if taken is not None and options.format == "json":
        from collector.revisions.edition import frozen_json

        put_out(frozen_json(*taken), options.output)
        return 0
    report = _report_of(options, taken)
    put_out(render(report, options.format, options.lang), options.output)
    if taken is None and report.unwatched:
        print(tell_of_life(report.contract_id, report.contract, report.months[0].span.month), file=sys.stderr)
    return 0


def find_report(options: argparse.Namespace) -> Report:
    """The month that the options of `add_question` ask for, as it was closed or as the ledger has it now."""
    return _report_of(options, _taken(options))


def _report_of(options: argparse.Namespace, taken: Taken | None) -> Report:
    from collector.revisions.edition import report_of

    return ask(options) if taken is None else report_of(*taken)


def _taken(options: argparse.Namespace) -> Taken | None:
    """The revision that is asked for; None: no number was asked for, and the month is not closed."""
    from collector.registry.backend import read_ledger
    from collector.revisions.look import read_source
    from collector.revisions.shelf import Wanted, take, take_closed, with_waiting

    if options.revision == NOW:
        return None
    source, now_ms = read_source(*find_contract(options)), SystemClock().wall_ms()
    check_month(source.contract, options.month, now_ms)
    number = 0 if options.revision == LATEST else _number(options.revision)
    wanted = Wanted(source.id, options.month, options.tenant, number)

    def work(connection: Connection) -> Taken | None:
        taken = take_closed(connection, wanted) if number else take(connection, wanted)
        return None if taken is None else with_waiting(connection, taken, source, now_ms)

    return read_ledger(ledger_path(options), work)


def _number(text: str) -> int:
    if text.isascii() and text.isdigit() and 0 < int(text) <= MOST_REVISIONS:
        return int(text)
    remedy = f"write a number such as 1, `{LATEST}`, or `{NOW}` for the ledger as it is"
    raise ConfigError(Finding("revision.invalid", "--revision", "", f"{text[:40]!r} is no revision", remedy))


def ask(options: argparse.Namespace) -> Report:
    """The month that the options of `add_question` ask for, as the ledger has it; ConfigError where that is nothing."""
    # here, so that the other commands of `sla` need neither a database nor the configuration's libraries
    from collector.registry.backend import read_ledger
    from collector.report.gather import Question, gather
    from collector.report.judge import make_report
    from collector.report.progress import Progress

    name, contract = read_contract(options)
    now_ms = SystemClock().wall_ms()
    check_month(contract, options.month, now_ms)
    question = Question(name, contract, options.tenant, options.month, now_ms)
    with Progress() as tell:
        dossier = read_ledger(ledger_path(options), lambda connection: gather(connection, question, tell))
        return make_report(dossier, lambda done, whole: tell("judging", done, whole))


def put_out(text: str, path: Path | None) -> None:
    """Write the text to a file in one step, or to the terminal as far as that can show it."""
    if path is not None:
        write_file(path, text.encode())
        return
    encoding = sys.stdout.encoding or "utf-8"
    sys.stdout.write(text.encode(encoding, "replace").decode(encoding))


def render(report: Report, form: str, language: Language) -> str:
    """The report in one of the `FORMATS`."""
    if form == "json":
        import json

        from collector.report.as_json import as_json

        return json.dumps(as_json(report), ensure_ascii=False, indent=1) + "\n"
    if form == "csv":
        from collector.report.as_csv import as_csv

        return as_csv(report)
    if form == "html":
        from collector.report.as_html import as_html

        return as_html(report, language)
    from collector.report.as_table import as_table

    return as_table(report, language)


def read_contract(options: argparse.Namespace) -> tuple[str, Contract]:
    """The contract's name in the registry and its terms; ConfigError where its file is not known or wrong."""
    from collector.sla.contract import parse_contract_toml

    name, file = find_contract(options)
    return name, parse_contract_toml(read_text(Path(file)), file)


def find_contract(options: argparse.Namespace) -> tuple[str, str]:
    """The contract's name in the registry, and its file; ConfigError where it is not known."""
    from collector.config import load_config

    files = load_config(options.config).contracts.files if options.config is not None else (options.contract,)
    known = {Path(name).stem: name for name in files if name.endswith(".toml")}
    name = Path(options.contract).stem if options.contract.endswith(".toml") else options.contract
    if name not in known:
        raise ConfigError(_unknown(options, sorted(known)))
    return name, known[name]


def _unknown(options: argparse.Namespace, known: list[str]) -> Finding:
    if options.config is None:
        message = f"{options.contract!r} is no contract file, and a ledger alone does not say where contracts are"
        remedy = f"name the file (--contract {options.contract}.toml), or give --config instead of --ledger"
    elif known:
        message, remedy = f"the collector has no contract {options.contract!r}", f"use one of: {', '.join(known)}"
    else:
        message = "the collector's configuration names no contract"
        remedy = f"add {options.contract}.toml to `contracts.files` in {options.config}"
    return Finding("report.contract_unknown", "--contract", "", message, remedy)


def check_month(contract: Contract, month: str, now_ms: int) -> None:
    """ConfigError where the month has not begun, or lies outside the contract's life."""
    from collector.sla.instants import format_month, parse_month
    from collector.sla.tally import month_span

    number, life = parse_month(month), contract.life
    if (life.first is not None and number < life.first) or (life.last is not None and number > life.last):
        first, last = ("…" if end is None else format_month(end) for end in (life.first, life.last))
        message = f"{month} lies outside the contract's life, {first} to {last}"
        raise ConfigError(Finding("month.outside", "--month", "", message, "choose a month within it"))
    if month_span(contract, month, now_ms).counted_ms == 0:
        message = f"{month} has not begun in {contract.timezone.key}"
        raise ConfigError(Finding("month.future", "--month", "", message, "choose one that has"))


def write_file(path: Path, data: bytes) -> None:
    """Put the file in its place in one step, so that nobody sends half of one; ConfigError where that cannot be."""
    if path.is_dir():
        raise ConfigError(_unwritable(path, "is a folder"))
    if path.exists() and not path.is_file():  # before it is opened: a FIFO would keep us waiting
        raise ConfigError(_unwritable(path, "is no ordinary file, and would be replaced by one"))
    if is_ledger(path):
        raise ConfigError(_unwritable(path, "is a ledger, or belongs to one: it is not overwritten"))
    try:
        put_in_place(path, data)
    except OSError as error:
        raise ConfigError(_unwritable(path, f"cannot be written ({error.strerror})")) from None


def is_ledger(path: Path) -> bool:
    """Whether a database stands there, or the log of one: what nothing but `ledger restore` may replace."""
    if path.name.endswith(("-wal", "-shm", "-journal")):
        return path.exists()
    try:
        with path.open("rb") as file:
            return file.read(len(_DATABASE)) == _DATABASE
    except OSError:  # nothing that could be read: whether it can be written is told next
        return False


def _unwritable(path: Path, message: str) -> Finding:
    return Finding("report.output", str(path), "", message, "name a file in a folder that you may write to")


def tell_of_life(name: str, contract: Contract, first: str) -> str:
    """What to do where months before the first evidence hold periods open; `first`: the first that is known."""
    from collector.sla.instants import format_month

    life = contract.life.first
    why = "" if life is None else f", although its [life] begins with {format_month(life)}"
    return (
        f"note: nothing is known of the months before {first}{why}; periods that reach into them stay open until that "
        f'evidence arrives. If {name} is judged from {first} on, say so in {name}.toml: [life] from = "{first}"'
    )
