"""What the agent takes of a player, next to what else is installed to watch machines, side by side in one run.

    ./dev bench agent                       # 2 minutes
    ./dev bench agent --seconds 600         # what docs/performance.md publishes
    ./dev bench agent --alone --tls         # only the agent, speaking TLS

The agent is installed as on a player (a fresh environment, base dependencies), watches a playing mpv with two probes,
and beats each 15 s; the others run with Debian's defaults or a small configuration of the usual figures, and are read
out each 15 s. Memory and CPU are those of the whole process tree. Bytes are counted both ways by a relay that every
connection goes through (collectd: as its datagrams arrive): `payload` is what the programs say to each other over TCP
or UDP (of the agent: MQTT's PUBLISH and PUBACK), `ip` is that with the headers of IPv4 and TCP or UDP, pure
acknowledgements included.
"""

from __future__ import annotations

import argparse
import asyncio
import subprocess
import sys
import tempfile
from pathlib import Path

from common.clock import monotonic_s

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from _agent import Broker, agent, surroundings
from _common import load_1m, print_results, say
from _others import others
from _watcher import INTERVAL_S

DEBIANS = "/usr/bin/python3"
SETTLE_S = 20.0  # before measuring: first readings, first connections


async def measure(folder: Path, broker: Broker, options: argparse.Namespace) -> dict[str, object]:
    """All of them at once."""
    watchers = [
        await agent(folder, broker, python=options.python, tls=options.tls),
        *([] if options.alone else await others(folder)),
    ]
    await asyncio.sleep(SETTLE_S)
    for watcher in watchers:
        watcher.begin()
    until = monotonic_s() + options.seconds
    say(f"measuring for {options.seconds:.0f} s: {', '.join(watcher.name for watcher in watchers)}")
    while monotonic_s() < until:
        for watcher in watchers:
            if watcher.read_out is not None:
                await watcher.read_out()
        await asyncio.sleep(max(0.0, min(INTERVAL_S, until - monotonic_s())))
    return {watcher.name: watcher.result() for watcher in watchers}


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=120, help="how long they are watched (%(default)s)")
    parser.add_argument("--alone", action="store_true", help="only the agent")
    parser.add_argument("--tls", action="store_true", help="the agent speaks TLS")
    parser.add_argument("--python", default=DEBIANS, help="what the agent runs under (%(default)s, as on a player)")
    options = parser.parse_args()
    load_before = load_1m()
    with tempfile.TemporaryDirectory(prefix="signwatch-bench-", ignore_cleanup_errors=True) as scratch:
        folder = Path(scratch)
        with surroundings(folder) as broker:
            results = asyncio.run(measure(folder, broker, options))
    told = {
        "python_of_the_agent": subprocess.check_output([options.python, "--version"], text=True).strip(),
        "measured_s": options.seconds,
        "interval_s": INTERVAL_S,
        "programs": results,
    }
    print_results(load_before, told)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
