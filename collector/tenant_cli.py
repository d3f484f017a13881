"""`signwatch tenant …`: erase a customer after the contract's term, with a certificate (docs/ledger.md)."""

from __future__ import annotations

import argparse
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from collector.erasure.backend import erase
from collector.erasure.model import EraseAnswer, EraseRequest
from collector.erasure.texts import certificate_text
from collector.registry.options import Subparsers, add_ledger, file_path, ledger_path, read_who
from collector.report.cli import is_ledger
from common.config import ConfigError, Finding
from common.files import put_in_place

if TYPE_CHECKING:
    from collections.abc import Mapping

    from collector.erasure.shell import PointEraser
    from collector.sla.contract import Contract

_TEXT_SUFFIX: Final = ".txt"


def add_parser(subparsers: Subparsers[argparse.ArgumentParser]) -> None:
    """Add `tenant` and what can be done with one."""
    parser = subparsers.add_parser("tenant", help="erase a customer after the contract's term")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    erasing = commands.add_parser(
        "erase",
        help="erase everything of a customer and certify it; the journal's chain stays whole",
        description="Shows what would be erased and asks, unless --yes is given. It cannot be undone but by a backup.",
    )
    erasing.add_argument("tenant", metavar="TENANT", help="the customer's id")
    add_ledger(erasing)
    erasing.add_argument("--why", required=True, metavar="TEXT", help="the reason, for journal and certificate")
    erasing.add_argument("--who", default="", metavar="NAME", help="who decides this (default: you)")
    erasing.add_argument(
        "--certificate", type=file_path, metavar="FILE", help="write the certificate: FILE (JSON) and FILE.txt"
    )
    erasing.add_argument(
        "--lang", choices=["en", "es"], default="en", help="the certificate's text: English or Spanish"
    )
    erasing.add_argument("--force", action="store_true", help="although the contract's term is not over")
    erasing.add_argument("--dry-run", action="store_true", help="only show what there is and what speaks against it")
    erasing.add_argument("--yes", action="store_true", help="do not ask (without a terminal it must be given)")
    erasing.set_defaults(run=_erase)


def _erase(options: argparse.Namespace) -> int:
    request = _request(options)
    carry_out = partial(_carry_out, options)
    if options.certificate is not None:
        _check_writable(options.certificate)
    look = carry_out(msgspec.structs.replace(request, dry_run=True))
    _show(look, options.tenant)
    if options.dry_run:
        return 0
    if look.obstacles and look.rows and not options.force:
        print("nothing was erased: wait for that, or override it with --force", file=sys.stderr)
        return 1
    if look.rows and not options.yes and not _confirmed(options.tenant):
        print("nothing was erased", file=sys.stderr)
        return 1
    answer = carry_out(request)
    return _tell(answer, options)


def _request(options: argparse.Namespace) -> EraseRequest:
    request = EraseRequest(options.tenant, options.why, read_who(options.who), force=options.force)
    try:
        return msgspec.convert(msgspec.to_builtins(request), EraseRequest)
    except msgspec.ValidationError as error:
        where = "TENANT" if "$.tenant" in str(error) else "--why"
        remedy = (
            "give the tenant's id" if where == "TENANT" else "give a reason on one line, of at most 1000 characters"
        )
        raise ConfigError(Finding("tenant.invalid", where, "", "is not what it must be", remedy)) from None


def _carry_out(options: argparse.Namespace, request: EraseRequest) -> EraseAnswer:
    contracts: Mapping[str, Contract] | None = None
    points: PointEraser | None = None
    if options.config is not None:
        from collector.config import load_config, load_contracts
        from collector.influx.erase import erase_points

        config = load_config(options.config)
        contracts = load_contracts(config.contracts.files)
        points = partial(erase_points, config.influx) if config.influx is not None else None
    return erase(ledger_path(options), request, contracts, points)


def _check_writable(path: Path) -> None:
    """Before anything is erased: afterwards it would be late to learn that the certificate has no place."""
    for file in (path, path.with_name(path.name + _TEXT_SUFFIX)):
        if is_ledger(file):
            remedy = "name another file"
            raise ConfigError(Finding("tenant.certificate", str(file), "", "is a ledger, or belongs to one", remedy))
        if file.exists() and not file.is_file():  # before it is opened: a FIFO would keep us waiting
            raise ConfigError(_no_place(file, "is no ordinary file"))
        there = file.exists()
        try:
            with file.open("a", encoding="utf-8"):
                pass
            if not there:
                file.unlink()
        except OSError as error:
            raise ConfigError(_no_place(file, f"cannot be written ({error.strerror})")) from None


def _no_place(file: Path, message: str) -> Finding:
    return Finding("tenant.certificate", str(file), "", message, "name a file in a folder that is there")


def _keep(path: Path, data: bytes) -> None:
    try:
        put_in_place(path, data)
    except OSError as error:
        remedy = "make room, or name another file, and run the command again: it gives the certificate once more"
        message = f"the tenant is erased, but the certificate cannot be written ({error.strerror})"
        raise ConfigError(Finding("tenant.certificate", str(path), "", message, remedy)) from None


def _show(answer: EraseAnswer, tenant: str) -> None:
    for table, rows in sorted(answer.rows.items()):
        print(f"{tenant}: {rows} {table}")
    if not answer.rows:
        print(f"{tenant}: nothing is left to erase")
    for obstacle in answer.obstacles:
        print(f"warning: {obstacle}", file=sys.stderr)


def _confirmed(tenant: str) -> bool:
    if not sys.stdin.isatty():
        print("without a terminal nobody can be asked: give --yes", file=sys.stderr)
        return False
    return input(f"This cannot be undone. Write the tenant's id to erase {tenant}: ").strip() == tenant


def _tell(answer: EraseAnswer, options: argparse.Namespace) -> int:
    if answer.certificate is None:  # the term was found running meanwhile
        print("nothing was erased: run the command again", file=sys.stderr)
        return 1
    text = certificate_text(answer.certificate, options.lang)
    if answer.again:
        print(f"{options.tenant} was erased before; its certificate once more:", file=sys.stderr)
    print(text, end="")
    if options.certificate is not None:
        _keep(options.certificate, msgspec.json.format(msgspec.json.encode(answer.certificate), indent=2) + b"\n")
        _keep(options.certificate.with_name(options.certificate.name + _TEXT_SUFFIX), text.encode())
    if answer.unfinished:
        print(f"warning: {answer.unfinished}", file=sys.stderr)
    return 1 if answer.unfinished else 0
