"""The one console script. Each subcommand's code is imported only when it is asked for.

`signwatch agent …` must start quickly and small on a Raspberry Pi, and on a player the collector's libraries are not
installed at all; so the table names modules, and only the chosen one is imported.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from typing import TYPE_CHECKING, Final, NamedTuple

from common.config import ConfigError
from signwatch import __version__

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import ModuleType


class Command(NamedTuple):
    """Where a subcommand lives: `module` has `add_parser(subparsers)`; leaf parsers set `run=function`."""

    module: str
    summary: str
    extra: str = ""


COMMANDS: Final[dict[str, Command]] = {
    "agent": Command("agent.cli", "watch this machine's playback and report it"),
    "collector": Command("collector.cli", "take in evidence, judge contracts, raise alerts", "collector"),
    "registry": Command(
        "collector.registry.cli", "say which devices exist and which contract judges them", "collector"
    ),
    "quarantine": Command("collector.quarantine_cli", "look at the messages that were refused", "collector"),
    "sla": Command("collector.sla.cli", "evaluate contracts", "collector"),
    "broker": Command("collector.broker.cli", "passwords for the embedded broker", "collector"),
    "simulate": Command("simulator.cli", "run virtual players that speak the real wire"),
    "demo": Command("demo.cli", "run the whole product on this machine, with a simulated fleet", "collector"),
}
USAGE_ERROR: Final = 2


def main(argv: Sequence[str] | None = None) -> int:
    """Run one subcommand; the exit status is 0, 1 for a refused input, 2 for wrong usage."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    name = next((word for word in arguments if not word.startswith("-")), "")
    parser = _parser(name)
    options = parser.parse_args(arguments)
    run = getattr(options, "run", None)
    if run is None:
        parser.print_help()
        return USAGE_ERROR
    try:
        status: int = run(options)
    except ConfigError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        sys.stderr.close()
        return 1
    return status


def _parser(name: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="signwatch", description="Proof that screens play.")
    parser.add_argument("--version", action="version", version=f"signwatch {__version__}")
    subparsers = parser.add_subparsers(metavar="COMMAND")
    for command, where in COMMANDS.items():
        if command == name:
            _load(command, where).add_parser(subparsers)
        else:
            subparsers.add_parser(command, help=where.summary, add_help=False)
    return parser


def _load(name: str, where: Command) -> ModuleType:
    try:
        return importlib.import_module(where.module)
    except ModuleNotFoundError as error:
        if not where.extra or (error.name or "").partition(".")[0] in {"collector", "demo", "simulator", "agent"}:
            raise
        print(
            f"signwatch {name}: the package {error.name!r} is missing; install it with: "
            f"pip install 'signwatch[{where.extra}]'",
            file=sys.stderr,
        )
        raise SystemExit(1) from None


if __name__ == "__main__":
    sys.exit(main())
