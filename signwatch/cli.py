"""The one console script. Each subcommand's code is imported only when it is asked for.

`signwatch agent …` must start quickly and small on a Raspberry Pi, and on a player the collector's libraries are not
installed at all; so the table names modules, and only the chosen one is imported.
"""

from __future__ import annotations

import argparse
import errno
import importlib
import os
import sys
from typing import TYPE_CHECKING, Final, NamedTuple

from signwatch import __version__

if TYPE_CHECKING:
    from collections.abc import Sequence


class Command(NamedTuple):
    """Where a subcommand lives: `module` has `add_parser(subparsers)`; leaf parsers set `run=function`.

    `rare` has `defer_all()`, which is called before anything else is imported.
    """

    module: str
    summary: str
    extra: str = ""
    rare: str = ""


COMMANDS: Final[dict[str, Command]] = {
    "agent": Command("agent.cli", "watch this machine's playback and report it", rare="agent.rare"),
    "collector": Command("collector.cli", "take in evidence, judge contracts, raise alerts", "collector"),
    "registry": Command(
        "collector.registry.cli", "say which devices exist and which contract judges them", "collector"
    ),
    "device": Command("collector.device_cli", "devices that reported, and what their clocks did", "collector"),
    "ledger": Command("collector.ledger_cli", "back up, restore, check and measure the ledger", "collector"),
    "quarantine": Command("collector.quarantine.cli", "refused messages: look, try again, drop", "collector"),
    "tenant": Command("collector.tenant_cli", "erase a customer after the contract's term", "collector"),
    "contract": Command("collector.contract_cli", "check contract files, say what they will do", "collector"),
    "sla": Command("collector.sla.cli", "evaluate contracts", "collector"),
    "window": Command("collector.decisions.window_cli", "announce maintenance windows", "collector"),
    "ruling": Command("collector.decisions.ruling_cli", "decide on the cause or the state of an interval", "collector"),
    "claim": Command("collector.claims.cli", "draft the claim about a month", "collector"),
    "broker": Command(
        "collector.broker.cli", "passwords of players, for the embedded broker or mosquitto", "collector"
    ),
    "influx": Command("collector.influx.cli", "look at refused points, write points anew", "collector"),
    "simulate": Command("simulator.cli", "run virtual players that speak the real wire"),
    "demo": Command("demo.cli", "run the whole product on this machine, with a simulated fleet", "collector"),
}
OUR_PACKAGES: Final = frozenset({"agent", "collector", "common", "demo", "signwatch", "simulator", "wire"})
REFUSED: Final = 1
USAGE_ERROR: Final = 2
INTERRUPTED: Final = 130  # 128 + SIGINT, as shells say it
_SHOWN: Final = 60  # of a name that is too long


def main(argv: Sequence[str] | None = None) -> int:
    """Run one subcommand; the exit status is 0, 1 for a refused input, 2 for wrong usage."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    name = next((word for word in arguments if not word.startswith("-")), "")
    if (strange := next((word for word in arguments if not _is_text(word)), None)) is not None:
        print(f"{os.fsencode(strange)[:_SHOWN]!r} is not UTF-8; write it, or name the file, in UTF-8", file=sys.stderr)
        return REFUSED
    try:
        status = _checked(name, arguments)
        sys.stdout.flush()  # here, not at the interpreter's end, where a closed pipe could only be complained of
    except ModuleNotFoundError as error:
        return _tell_missing(name, error)
    except KeyboardInterrupt:
        return INTERRUPTED
    except OSError as error:
        return _tell_refusal(error)
    return status


def _checked(name: str, arguments: Sequence[str]) -> int:
    if name in COMMANDS and COMMANDS[name].rare:
        importlib.import_module(COMMANDS[name].rare).defer_all()
    from common.config import ConfigError

    try:
        return _run(name, arguments)
    except ConfigError as error:
        print(error, file=sys.stderr)
        return REFUSED


def _is_text(word: str) -> bool:
    try:
        word.encode()
    except UnicodeEncodeError:
        return False
    return True


def _run(name: str, arguments: Sequence[str]) -> int:
    parser = _parser(name)
    options = parser.parse_args(arguments)
    run = getattr(options, "run", None)
    if run is None:
        parser.print_help(sys.stderr)
        return USAGE_ERROR
    status: int = run(options)
    return status


def _parser(name: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="signwatch", description="Proof that screens play.")
    parser.add_argument("--version", action="version", version=f"signwatch {__version__}")
    subparsers = parser.add_subparsers(metavar="COMMAND")
    for command, where in COMMANDS.items():
        if command == name:
            importlib.import_module(where.module).add_parser(subparsers)
        else:
            subparsers.add_parser(command, help=where.summary, add_help=False)
    return parser


def _tell_refusal(error: OSError) -> int:
    """Say which name is too long or that nothing more can be printed; anything else is a fault of ours."""
    if error.errno == errno.ENAMETOOLONG:
        print(f"{str(error.filename)[:_SHOWN]}…: the name is too long; give a shorter one", file=sys.stderr)
        return REFUSED
    if error.errno not in {errno.EPIPE, errno.ENOSPC} or error.filename is not None:
        raise error
    if error.errno == errno.ENOSPC:
        print("what was to be printed has no room; make room where it goes", file=sys.stderr)
    # Whoever read has gone (`| head`), or its disk is full: what is buffered must not be written at our end.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return REFUSED


def _tell_missing(name: str, error: ModuleNotFoundError) -> int:
    """Say which extra brings the package that is missing; a missing part of signwatch itself is a fault of ours."""
    extra, package = COMMANDS[name].extra, (error.name or "").partition(".")[0]
    if not extra or package in OUR_PACKAGES:
        raise error
    print(
        f"signwatch {name}: the package {package!r} is missing; install it with: pip install 'signwatch[{extra}]'",
        file=sys.stderr,
    )
    return REFUSED


if __name__ == "__main__":
    sys.exit(main())
