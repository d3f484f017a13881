"""`signwatch demo`: the whole product on this machine."""

from __future__ import annotations

import argparse
import asyncio
import shutil
import signal
import sys
from pathlib import Path
from typing import Final

from demo.children import DemoError
from demo.show import Options, Show

_LAST_PORT: Final = 65_535


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `demo`."""
    parser = subparsers.add_parser(
        "demo",
        help="run the whole product on this machine, with a simulated fleet",
        description="Run broker, collector, page, a real agent with a real player, and a simulated fleet that fails by "
        "a script, on this machine: no root, no internet. Ctrl-C ends it.",
    )
    parser.add_argument("--port", type=int, default=8080, help="of the page, on 127.0.0.1 (default: 8080)")
    parser.add_argument("--dir", type=Path, default=Path("var/demo"), help="where its files go (default: var/demo)")
    parser.add_argument("--keep", action="store_true", help="go on with the ledger of the last time")
    parser.add_argument("--duration-s", type=float, metavar="S", help="end by itself after this time")
    parser.add_argument("--once", action="store_true", help="end by itself when the story has been told once")
    parser.add_argument("--no-mpv", action="store_true", help="watch a stand-in through the push probe instead of mpv")
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    if not 0 < options.port <= _LAST_PORT:
        print(f"signwatch demo: --port {options.port} is no port: write 1 to {_LAST_PORT}", file=sys.stderr)
        return 1
    mpv = None if options.no_mpv else shutil.which("mpv")
    wanted = Options(options.dir, options.port, options.keep, options.duration_s, options.once, mpv)
    try:
        asyncio.run(_show(wanted))
    except DemoError as error:
        print(f"signwatch demo: {error}", file=sys.stderr)
        return 1
    return 0


async def _show(options: Options) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await Show(options, lambda sentence: print(sentence, flush=True)).run(stop)
