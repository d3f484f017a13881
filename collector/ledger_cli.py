"""`signwatch ledger …`: back it up, put a backup in its place, check it, and say how large it is (docs/ledger.md)."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from collector.ledger import audit, journal
from collector.ledger.backup import backup, restore
from collector.ledger.check import check
from collector.ledger.ledger import LedgerBusyError
from collector.ledger.stats import Stats, measure
from collector.progress import Progress
from collector.registry.backend import read_ledger, readable
from collector.registry.options import Subparsers, add_ledger, ledger_path
from common.clock import iso, utc_now
from common.config import ConfigError, Finding

_KIB: Final = 1024


def add_parser(subparsers: Subparsers[argparse.ArgumentParser]) -> None:
    """Add `ledger` and its subcommands."""
    parser = subparsers.add_parser("ledger", help="back up, restore, check and measure the ledger")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    saving = commands.add_parser("backup", help="copy the ledger, also beside a running collector, and check the copy")
    saving.add_argument("file", type=Path, metavar="FILE", help="the backup to write")
    add_ledger(saving)
    saving.add_argument("--force", action="store_true", help="overwrite FILE")
    saving.set_defaults(run=_backup)
    restoring = commands.add_parser(
        "restore", help="check a backup and put it in the ledger's place (collector stopped)"
    )
    restoring.add_argument("file", type=Path, metavar="FILE", help="the backup")
    add_ledger(restoring)
    restoring.set_defaults(run=_restore)
    checking = commands.add_parser("check", help="sound pages, the right schema, rows that can be true together")
    add_ledger(checking)
    checking.set_defaults(run=_check)
    verifying = commands.add_parser("verify", help="the journal's chain, and every decided table against the journal")
    add_ledger(verifying)
    verifying.add_argument(
        "--head", metavar="N:HASH", help="the head that somebody noted down: it must lie on the chain"
    )
    verifying.set_defaults(run=_verify)
    measuring = commands.add_parser("stats", help="rows, bytes, oldest and newest of each table, growth")
    add_ledger(measuring)
    measuring.add_argument("--json", action="store_true", help="print a JSON object")
    measuring.set_defaults(run=_stats)


@contextmanager
def _progress() -> Iterator[Progress]:
    progress = Progress()
    try:
        yield progress
    finally:
        progress.close()


def _backup(options: argparse.Namespace) -> int:
    path = ledger_path(options)
    with readable(path), _progress() as progress:
        done = backup(path, options.file, force=options.force, tell=progress)
    print(f"{done.path}: {size(done.size_bytes)}, {done.rows} rows, checked; the journal ends at {done.head}")
    for problem in done.problems:
        print(f"warning: the ledger itself: {problem}", file=sys.stderr)
    return 1 if done.problems else 0


def _restore(options: argparse.Namespace) -> int:
    path = ledger_path(options)
    try:
        with readable(path), _progress() as progress:
            aside = restore(options.file, path, f"{utc_now():%Y%m%dT%H%M%SZ}", progress)
    except LedgerBusyError as busy:
        message = f"process {busy.pid or '?'} has this ledger open"
        raise ConfigError(Finding("ledger.busy", str(path), "", message, "stop the collector first")) from None
    print(f"{path}: is now what {options.file} holds")
    if aside is not None:
        print(f"{aside}: the ledger that stood there; delete it when you are sure")
    return 0


def _check(options: argparse.Namespace) -> int:
    path = ledger_path(options)
    with _progress() as progress:
        problems = read_ledger(path, lambda connection: check(connection, progress))
    return _tell(path, problems, f"{path}: sound")


def _verify(options: argparse.Namespace) -> int:
    path, noted = ledger_path(options), read_head(options.head)
    with _progress() as progress:
        verdict = read_ledger(
            path,
            lambda found: audit.verify(found, noted, lambda done, of: progress("playing the journal", done, of)),
        )
    for number, count in verdict.erasures.items():
        print(f"entry {number} erased a tenant by decision; {count} entries lost their content by it")
    head = verdict.head
    return _tell(path, verdict.problems, f"the journal is whole: {head.entries} entries, head {head}")


def _tell(path: Path, problems: list[str], fine: str) -> int:
    for problem in problems:
        print(f"{path}: {problem}", file=sys.stderr)
    if not problems:
        print(fine)
    return 1 if problems else 0


def read_head(text: str | None) -> journal.Head | None:
    """The head that somebody noted down, None where none was given; ConfigError where it is none."""
    try:
        return journal.parse_head(text) if text else None
    except ValueError as error:
        remedy = "copy it from the line that the deciding command printed, such as 42:9f2c…"
        raise ConfigError(Finding("journal.head", "--head", "", str(error), remedy)) from None


def _stats(options: argparse.Namespace) -> int:
    found = read_ledger(ledger_path(options), measure)
    if options.json:
        print(json.dumps({**found._asdict(), "tables": [table._asdict() for table in found.tables]}, indent=2))
    else:
        print("\n".join(lines(found)))
    return 0


def lines(stats: Stats) -> list[str]:
    """The same for a person."""
    told = [f"{'table':<20} {'rows':>12} {'size':>10}  {'oldest':<24}  newest"]
    for table in stats.tables:
        oldest, newest = (iso(at) if at is not None else "-" for at in (table.oldest_ms, table.newest_ms))
        told.append(f"{table.name:<20} {table.rows:>12} {size(table.bytes):>10}  {oldest:<24}  {newest}")
    told.append(f"file: {size(stats.file_bytes)}, of which {size(stats.free_bytes)} free for what comes next")
    if stats.runs_per_player_month is not None:
        told.append(
            f"growth: {stats.runs_per_player_month:.0f} runs, {size(stats.run_bytes_per_player_month)} a player and"
            f" month (30 days; {stats.player_months:.1f} player-months of evidence)"
        )
    return told


def size(count: float | None) -> str:
    """Bytes for a person: `1.5 MiB`; `?` where nobody knows."""
    if count is None:
        return "?"
    for unit in ("B", "KiB", "MiB"):
        if count < _KIB:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= _KIB
    return f"{count:.1f} GiB"
