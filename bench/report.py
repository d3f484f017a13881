"""How long `signwatch sla report` takes for a large fleet, from a real ledger: six months of 60 outages a player.

    python bench/report.py [--players 300,3000] [--formats table,json,html] [--month 2026-06]

Each report is made by the real command in a process of its own. Prints JSON: seconds, peak memory, size of the report.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

import tomli_w
from _common import machine, say
from _fleets import SHOPS, TERMS, Fleet, fleet_of_outages
from _ledgers import write
from sqlalchemy import Connection

from collector.ledger import schema
from collector.ledger.ledger import Ledger
from collector.ledger.registry_store import apply_request
from collector.registry.files import SourceFile
from collector.registry.model import OWN_DEVICE
from collector.registry.plan import ApplyRequest

OUTAGES_A_MONTH = 60
TENANT = "acme"


def make_ledger(folder: Path, players: int) -> Path:
    """A ledger that holds the fleet and its registry, and the contract's file beside it."""
    fleet = fleet_of_outages(players, OUTAGES_A_MONTH)
    path = folder / f"ledger-{players}.db"
    say(f"writing {len(fleet.runs)} runs of {players} players")
    write(fleet, path)
    ledger = Ledger.open(path)
    ledger.write_now(lambda connection: _register(connection, fleet))
    ledger.close()
    (folder / "bench.toml").write_text(tomli_w.dumps(TERMS), encoding="utf-8")
    return path


def _register(connection: Connection, fleet: Fleet) -> None:
    shops = [{"tenant": TENANT, "id": f"shop-{number}", **_calendar(rules)} for number, rules in enumerate(SHOPS)]
    players = [subject.id for subject in fleet.subjects if subject.kind == "player"]
    devices = [{"tenant": TENANT, "id": name, "outputs": [_output(number)]} for number, name in enumerate(players)]
    platforms = [{"tenant": TENANT, "id": "main", "contract": "bench"}]
    tables = {"tenants": [{"id": TENANT}], "calendars": shops, "platforms": platforms, "devices": devices}
    request = ApplyRequest([SourceFile("registry.toml", tomli_w.dumps(tables))], "bench")
    apply_request(connection, request, 0)
    heard = {"first_seen_ms": 0, "last_received_ms": 0, "interval_ms": 1000, "gone": False}
    names = [*players, OWN_DEVICE]
    rows = [{"id": number, "tenant": TENANT, "device": name, **heard} for number, name in enumerate(names, 1)]
    connection.execute(schema.devices.insert(), rows)


def _calendar(rules: list[dict[str, Any]]) -> dict[str, Any]:
    return {"timezone": "Europe/Madrid", "holidays": "ES-Barcelona", "rules": rules}


def _output(number: int) -> dict[str, str]:
    return {"id": "main", "contract": "bench", "emission": f"shop-{number % len(SHOPS)}"}


def report(ledger: Path, form: str, month: str) -> dict[str, float]:
    """Make one report; what it cost."""
    target = ledger.with_suffix(f".{form}")
    contract = str(ledger.with_name("bench.toml"))
    command = [sys.executable, "-m", "signwatch", "sla", "report", "--contract", contract, "--ledger", str(ledger)]
    begin = time.perf_counter()
    with subprocess.Popen([*command, "--month", month, "--format", form, "--output", str(target)]) as process:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise SystemExit(f"the report failed with status {process.returncode}")
    return {
        "wall_s": round(time.perf_counter() - begin, 2),
        "cpu_s": round(usage.ru_utime + usage.ru_stime, 2),
        "peak_mib": round(usage.ru_maxrss / 1024),
        "size_mib": round(target.stat().st_size / 2**20, 2),
    }


def main() -> None:
    """Measure, and print JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--players", default="300,3000", help="numbers of players (default: %(default)s)")
    parser.add_argument("--formats", default="table,json,html", help="default: %(default)s")
    parser.add_argument("--month", default="2026-06", help="default: %(default)s")
    parser.add_argument("--folder", type=Path, help="keep the ledgers there, and use those that are there")
    options = parser.parse_args()
    found: dict[str, Any] = {"machine": machine(), "load": os.getloadavg()[0], "reports": {}}
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.folder or Path(scratch)
        for players in map(int, options.players.split(",")):
            ledger = folder / f"ledger-{players}.db"
            if not ledger.exists():
                make_ledger(folder, players)
            for form in options.formats.split(","):
                say(f"{players} players: {form}")
                found["reports"][f"{players} {form}"] = report(ledger, form, options.month)
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
