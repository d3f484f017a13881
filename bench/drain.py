"""A broker that was away for seven days, and 1,000 players that bring their backlog at once when it is back.

How long until the last closed run is acknowledged, and how old changes of other players' screens are meanwhile when the
API first shows them. A peer in the same run: the same players without a backlog. Prints JSON.

    python bench/drain.py [--players 1000] [--days 7] [--changes-per-day 48] [--runs 3]

Collector, broker and players share the machine's cores.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from _common import machine, say, summary
from _drains import Drain, Load


def measure(load: Load) -> dict[str, float]:
    """One drain in a folder of its own."""
    with tempfile.TemporaryDirectory() as folder:
        return Drain(Path(folder), load).run()


def main() -> None:
    """Drain so many times; with a backlog and without, in turn."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--players", type=int, default=1000)
    parser.add_argument("--days", type=float, default=7)
    parser.add_argument("--changes-per-day", type=int, default=48)
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    loads = {
        "backlog": Load(options.players, options.days, options.changes_per_day),
        "a day with one change": Load(options.players, 1, 1),
    }
    found: dict[str, list[dict[str, float]]] = {name: [] for name in loads}
    for number in range(options.runs):
        for name, load in loads.items():
            found[name].append(measure(load))
            say(f"run {number + 1} of {options.runs}: {name}: {found[name][-1]}")
    report = {
        "bench": "drain",
        **vars(options),
        "machine": machine(),
        "load_1m": os.getloadavg()[0],
        "results": {name: summary(results, 2) for name, results in found.items()},
    }
    print(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
