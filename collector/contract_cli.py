"""`signwatch contract …`: check contract files, and say in plain words what they will do."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from collector.registry.files import SourceFile, read_files
from collector.registry.model import Registry
from collector.registry.plan import make_plan
from collector.sla.cautions import weights_without_subject
from collector.sla.contract import check_contract_toml, parse_contract_toml
from collector.sla.explain import explain_text
from common.config import ConfigError, Finding, read_text

if TYPE_CHECKING:
    SubParsers = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001  # argparse names it no other way

_MOST_PLAYERS: Final = 1_000_000
_PLAYERS: Final = 10


def add_parser(subparsers: SubParsers) -> None:
    """Add `contract` and what it can do."""
    contract = subparsers.add_parser("contract", help="check contract files, say what they will do")
    commands = contract.add_subparsers(metavar="COMMAND", required=True)
    checking = commands.add_parser(
        "check",
        help="say what is wrong with contract files, and what to look out for",
        description="Print every finding. Warnings are what someone will be invoiced by; errors make exit status 1.",
    )
    checking.add_argument("files", nargs="+", metavar="FILE", help="a contract file (TOML)")
    checking.add_argument("--json", action="store_true", help="print one JSON object a file")
    checking.add_argument(
        "--registry", metavar="FILE", help="also look that each kind with weight has subjects in this registry file"
    )
    checking.set_defaults(run=_check)
    explaining = commands.add_parser(
        "explain", help="say in plain words, and with the numbers, what a contract will do"
    )
    explaining.add_argument("file", metavar="FILE", help="a contract file (TOML)")
    explaining.add_argument("--lang", choices=["en", "es"], default="en", help="English or Spanish")
    explaining.add_argument(
        "--players", type=_players, default=_PLAYERS, metavar="N", help=f"for a fleet of so many players ({_PLAYERS})"
    )
    explaining.set_defaults(run=_explain)


def _players(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > len(str(_MOST_PLAYERS)):
        raise argparse.ArgumentTypeError(f"{text!r} is no number of players; write 1 to {_MOST_PLAYERS}")
    number = int(text)
    if not 1 <= number <= _MOST_PLAYERS:
        raise argparse.ArgumentTypeError(f"{number} players are out of range; write 1 to {_MOST_PLAYERS}")
    return number


def _check(options: argparse.Namespace) -> int:
    registry = _read_registry(options.registry) if options.registry else None
    status = 0
    for file in options.files:
        findings = check_file(file, registry)
        errors = sum(finding.level == "error" for finding in findings)
        if errors:
            status = 1
        if options.json:
            print(json.dumps({"file": file, "ok": not errors, "findings": [_as_json(each) for each in findings]}))
            continue
        for finding in findings:
            _say(f"{finding.level}: {finding}")
        _say(f"{file}: {_count(errors, 'error')}, {_count(len(findings) - errors, 'warning')}")
    return status


def check_file(file: str, registry: Registry | None = None) -> list[Finding]:
    """Every finding about a contract file, unreadable ones included; with a registry, about who is judged by it too."""
    try:
        contract, findings = check_contract_toml(read_text(Path(file)), file)
    except ConfigError as error:
        return list(error.findings)
    if contract is None or registry is None:
        return findings
    name = Path(file).stem
    judged: dict[str, set[str]] = {}
    for subject in registry.subjects.values():
        if subject.contract == name:
            judged.setdefault(subject.tenant, set()).add(subject.kind)
    for kinds in judged.values() or [set()]:
        findings += [each for each in weights_without_subject(contract, kinds, file) if each not in findings]
    return findings


def _read_registry(file: str) -> Registry:
    source = SourceFile(Path(file).name, read_text(Path(file)))
    return make_plan(Registry(), read_files([source])).wanted


def _explain(options: argparse.Namespace) -> int:
    contract = parse_contract_toml(read_text(Path(options.file)), options.file)
    _say(explain_text(contract, options.lang, options.players).rstrip("\n"))
    return 0


def _say(text: str) -> None:
    """Print what the terminal can show, and a question mark for what it cannot."""
    encoding = sys.stdout.encoding or "utf-8"
    print(text.encode(encoding, "replace").decode(encoding))


def _as_json(finding: Finding) -> dict[str, str]:
    return {
        "id": finding.id,
        "level": finding.level,
        "file": finding.file,
        "key": finding.key,
        "message": finding.message,
        "remedy": finding.remedy,
    }


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
