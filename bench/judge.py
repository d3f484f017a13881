"""How long a contract takes to judge: against two databases on the same samples, at its full size, and as fleets grow.

Prints JSON: median, min and max of the runs, and the machine.

    python bench/judge.py [--runs 9] [--players 300] [--growth 1000,10000,100000] [--only compare|fleet|growth]

1. `compare`: 300 players, 31 days of one-minute samples, 0.8 % of them down at random. The databases answer each
   player's share of up samples (`avg_over_time`, `mean() GROUP BY`); signwatch judges the whole contract, from the runs
   that agents would have sent: figure, band, windows, discount. All three must agree on every player's share.
2. `fleet`: 10,000 players, 6 months, 60 outages a month each, shop hours, windows, causes: from the ledger's rows, as
   columns, to the figures. Reading the rows from a real ledger is measured apart, on fewer players.
3. `growth`: the same with more and more players.

Each fleet is judged in a process of its own, so that its peak memory is known.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from _common import machine, say, summary
from _databases import Database, influx, victoria
from _fleets import LATER_MS, MONTHS, Fleet, Samples, fleet_of_outages, sampled_fleet, sampled_month
from _ledgers import read, write

from collector.ledger.ledger import Ledger
from collector.sla.sweep import judge_fleet, tally_fleet
from collector.sla.tally import month_span
from collector.sla.verdict import judge_figures

SHARE_DOWN = 0.008
TOLERANCE = 1e-9  # of a share: the databases compute in floats
OUTAGES_A_MONTH = 60
READ_PLAYERS = 500
MIB = 1024  # KiB, the unit of ru_maxrss


def timed(work: Callable[[], object]) -> float:
    """Milliseconds on the wall."""
    begin = time.perf_counter()
    work()
    return (time.perf_counter() - begin) * 1000


def timed_twice(work: Callable[[], object]) -> dict[str, float]:
    """Milliseconds on the wall, and of this process's CPU: they part where others keep the machine busy."""
    cpu = time.process_time()
    wall_ms = timed(work)
    return {"judge_ms": wall_ms, "judge_cpu_ms": (time.process_time() - cpu) * 1000}


def evaluate(fleet: Fleet) -> dict[str, Any]:
    """Judge a whole contract: every month's figure, bands, windows, discounts, the right to leave."""
    figures = judge_fleet(fleet.contract, fleet.months, LATER_MS, fleet.subjects, fleet.runs, fleet.windows)
    return judge_figures(fleet.contract, figures)


def compare(players: int, runs: int) -> dict[str, Any]:
    """Part 1."""
    samples = sampled_month(players, SHARE_DOWN)
    fleet = sampled_fleet(samples)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write(fleet, folder / "ledger.db")
        ledger = Ledger.open_read_only(folder / "ledger.db")
        with victoria(folder, samples) as fast, influx(folder, samples) as slow:
            agree(fleet, samples, {"VictoriaMetrics": fast, "InfluxDB": slow})
            measured = []
            for number in range(runs):
                measured.append(
                    {
                        "signwatch_ms": timed(lambda: evaluate(fleet)),
                        "signwatch_with_reading_ms": timed(lambda: evaluate(reread(fleet, ledger))),
                        "victoriametrics_ms": timed(fast.ask),
                        "influxdb_ms": timed(slow.ask),
                    }
                )
                say(f"compare, run {number + 1} of {runs}: {measured[-1]}")
        ledger.close()
    results = summary(measured, 2)
    return {
        "players": players,
        "samples": int(samples.down.size),
        "runs_judged": len(fleet.runs),
        "results": results,
        "times_as_fast": ratios(results, "signwatch_ms"),
        "times_as_fast_with_reading": ratios(results, "signwatch_with_reading_ms"),
    }


def ratios(results: dict[str, dict[str, float]], own: str) -> dict[str, dict[str, float]]:
    """How many times as long the databases take: by the medians, and by the least, which a busy machine spoils less."""
    return {
        name: {of: round(results[f"{name}_ms"][of] / results[own][of], 1) for of in ("median", "min")}
        for name in ("victoriametrics", "influxdb")
    }


def reread(fleet: Fleet, ledger: Ledger) -> Fleet:
    """The fleet, its runs read from the ledger."""
    return Fleet(fleet.contract, fleet.months, fleet.subjects, read(fleet, ledger), fleet.windows)


def agree(fleet: Fleet, samples: Samples, databases: dict[str, Database]) -> None:
    """See that all judge the same data; this also warms everybody's caches."""
    span = month_span(fleet.contract, fleet.months[0], LATER_MS)
    down_ms = tally_fleet(fleet.contract, [span], fleet.subjects, fleet.runs).down_ms[:, 0]
    own = {one.id: 1 - down / span.counted_ms for one, down in zip(fleet.subjects, down_ms.tolist(), strict=True)}
    for name, database in databases.items():
        shares = database.shares(database.ask())
        if shares.keys() != own.keys() or any(abs(share - own[one]) > TOLERANCE for one, share in shares.items()):
            raise SystemExit(f"{name} and signwatch do not agree on {samples.down.shape} samples")


def judge_alone(players: int, runs: int) -> dict[str, Any]:
    """Judge one fleet in this process."""
    fleet = fleet_of_outages(players, OUTAGES_A_MONTH)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    times = [timed_twice(lambda: evaluate(fleet)) for _ in range(runs)]
    months = evaluate(fleet)["months"]
    return {
        "players": players,
        "months": len(MONTHS),
        "rows": len(fleet.runs),
        **summary(times),
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // MIB,
        "peak_before_judging_mib": before // MIB,
        "percents": [month["percent"] for month in months],
    }


def in_a_process_of_its_own(players: int, runs: int) -> dict[str, Any]:
    """Start this file once more, for one fleet."""
    command = [sys.executable, __file__, "--alone", str(players), "--runs", str(runs)]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    say(f"{players} players: {found['judge_ms']} ms, {found['peak_mib']} MiB")
    return found


def reading(runs: int) -> dict[str, Any]:
    """What reading rows from a ledger costs, by the row."""
    fleet = fleet_of_outages(READ_PLAYERS, OUTAGES_A_MONTH)
    with tempfile.TemporaryDirectory() as name:
        write(fleet, Path(name) / "ledger.db")
        ledger = Ledger.open_read_only(Path(name) / "ledger.db")
        times = [timed(lambda: read(fleet, ledger)) for _ in range(runs)]
        ledger.close()
    rows = len(fleet.runs)
    found = {"rows": rows, **summary([{"us_per_row": one / rows * 1000} for one in times], 3)}
    say(f"reading: {found}")
    return found


def report(options: argparse.Namespace) -> dict[str, Any]:
    """Every part that was asked for."""
    parts: dict[str, Callable[[], Any]] = {
        "compare": lambda: compare(options.players, options.runs),
        "fleet": lambda: {**in_a_process_of_its_own(10_000, options.runs), "reading": reading(options.runs)},
        "growth": lambda: [in_a_process_of_its_own(players, options.runs) for players in options.growth],
    }
    chosen = [options.only] if options.only else list(parts)
    return {name: parts[name]() for name in chosen}


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, and print JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=9)
    parser.add_argument("--players", type=int, default=300, help="in the comparison")
    parser.add_argument(
        "--growth", type=lambda text: [int(one) for one in text.split(",")], default="1000,10000,100000"
    )
    parser.add_argument("--only", choices=["compare", "fleet", "growth"])
    parser.add_argument("--alone", type=int, metavar="PLAYERS", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.alone:
        print(json.dumps(judge_alone(options.alone, options.runs)))
        return
    about = {"bench": "judge", "runs": options.runs, "machine": machine(), "load_1m": round(os.getloadavg()[0], 1)}
    print(json.dumps({**about, **report(options)}, indent=2))


if __name__ == "__main__":
    main()
