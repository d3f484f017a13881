"""What the agent's spool costs an SD card: bytes written and fsyncs a day, of an idle healthy player.

Prints JSON: for each store what it asked of the kernel in a day, and what reached the device.

    python bench/spool.py [--seconds 180] [--only day|real]

1. `day`: 24 hours of a player that plays, a heartbeat every 15 s, a sign of life synced every 60 s, on a simulated
   clock (the spool's own code, real calls, no waiting). Beside it the named peer: SQLite in WAL mode with
   synchronous=FULL, which keeps the same sign of life in one row, committed at every heartbeat, and `sqlite-minute`,
   which commits it once a minute, as the spool syncs it.
2. `real`: the real agent with a real mosquitto and a real process to watch, for so many seconds, extrapolated to a day.

The calls are counted by strace on the store's own files. As root each store gets an ext4 file system of its own on a
loop device, and what that device was told to write is counted too: with its journal, in blocks of 4 KiB. On a simulated
clock the kernel has no time to write back by itself, so there the device's figure is a lower bound; `real` has it all.
The floor: a sync reaches the card as one block of 4 KiB at least.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from _common import free_port, machine, say, wait_for_port

from agent.backlog import Bounds
from agent.journal import Journal
from agent.records import Opened
from agent.spool import Spool
from common.clock import ManualClock
from wire.messages import Run

ROOT = Path(__file__).parents[1]
DAY_S = 86_400
INTERVAL_S = 15
SIGN_OF_LIFE_S = 60.0
BLOCK_BYTES = 4096
SECTOR_BYTES = 512
IMAGE_BYTES = 64 * 1024 * 1024
FSYNCS_A_DAY_AT_MOST = 8640
_CALL = re.compile(r'(\w+)\(\d+<([^>]*)>(?:, ""(?:\.\.\.)?, (\d+))?')
_SYNCS = {"fsync", "fdatasync"}


async def spool_day(folder: Path) -> None:
    """Let the spool live through a day in which nothing happens."""
    clock = ManualClock()
    spool = Spool.open(Journal(folder), "acme/p1", clock, Bounds(16 * 1024 * 1024), SIGN_OF_LIFE_S)
    name, seq = spool.issue()
    start = {"start_ms": clock.wall, "start_mono_ms": clock.mono}
    run = Run(seq=seq, output="main", state="playing", boot=clock.boot_id(), **start)
    spool.turn([], [Opened(name, run, clock.mono, clock.wall)])
    await spool.commit()
    for _ in range(DAY_S // INTERVAL_S):
        clock.advance(INTERVAL_S * 1000)
        spool.saw("main", clock.mono, clock.wall, None)
        spool.alive()
        await spool.commit()
    spool.close(orderly=True)


def sqlite_day(folder: Path, every_s: int) -> None:
    """Keep the same sign of life in SQLite, committed every so often."""
    clock = ManualClock()
    connection = sqlite3.connect(folder / "alive.sqlite")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("CREATE TABLE alive (output TEXT PRIMARY KEY, mono_ms INTEGER, wall_ms INTEGER)")
    for _ in range(DAY_S // every_s):
        clock.advance(every_s * 1000)
        with connection:
            connection.execute("INSERT OR REPLACE INTO alive VALUES ('main', ?, ?)", (clock.mono, clock.wall))
    connection.close()


@contextmanager
def store(name: str, scratch: Path) -> Iterator[tuple[Path, Path | None]]:
    """Give a folder for a store, and its device's statistics in /sys where it has a device of its own."""
    folder, image = scratch / name, scratch / f"{name}.img"
    folder.mkdir()
    with image.open("wb") as file:
        file.truncate(IMAGE_BYTES)
    subprocess.run(
        ["mkfs.ext4", "-q", "-b", str(BLOCK_BYTES), "-E", "lazy_itable_init=0,lazy_journal_init=0", image], check=True
    )
    if os.geteuid() or subprocess.run(["mount", "-o", "loop", image, folder], check=False).returncode:
        yield folder, None
        return
    try:
        found = subprocess.run(["findmnt", "-no", "SOURCE", folder], check=True, capture_output=True, text=True)
        yield folder, Path("/sys/block", Path(found.stdout.strip()).name, "stat")
    finally:
        subprocess.run(["umount", folder], check=True)


def device_bytes(statistics: Path | None) -> int | None:
    """Bytes that the device was told to write since it was made (Documentation/block/stat.rst, field 7)."""
    return int(statistics.read_text().split()[6]) * SECTOR_BYTES if statistics else None


def asked(trace: Path, folder: Path) -> dict[str, int]:
    """What strace saw of the calls on that folder's files."""
    told = {"writes": 0, "written_bytes": 0, "fsyncs": 0}
    for line in trace.read_text(errors="replace").splitlines():
        call = _CALL.search(line)
        if call is None or not call[2].startswith(str(folder)):
            continue
        if call[1] in _SYNCS:
            told["fsyncs"] += 1
        else:
            told["writes"] += 1
            told["written_bytes"] += int(call[3])
    return told


def traced(trace: Path, argv: Sequence[str | Path]) -> list[str | Path]:
    """Put a command under strace."""
    calls = "trace=write,pwrite64,fsync,fdatasync"
    return ["strace", "-f", "-y", "-s", "0", "-e", calls, "-e", "signal=none", "-o", trace, *argv]


def simulated(name: str, scratch: Path) -> dict[str, object]:
    """Run one store's day in a process of its own."""
    say(f"a day of {name} …")
    trace = scratch / f"{name}.strace"
    with store(name, scratch) as (folder, statistics):
        before = device_bytes(statistics)
        subprocess.run(traced(trace, [sys.executable, __file__, "--day-of", name, folder]), check=True)
        os.sync()
        after = device_bytes(statistics)
        told: dict[str, object] = dict(asked(trace, folder))
    told["device_bytes"] = None if before is None or after is None else after - before
    return told


def real(seconds: int, scratch: Path) -> dict[str, object]:
    """Let the real agent watch a process for so long."""
    say(f"the real agent, for {seconds} s …")
    trace, port = scratch / "real.strace", free_port()
    mosquitto = shutil.which("mosquitto", path=f"{os.environ['PATH']}:/usr/sbin") or "mosquitto"
    broker = subprocess.Popen([mosquitto, "-p", str(port)], stderr=subprocess.DEVNULL)
    watched = subprocess.Popen(["sleep", "infinity"])
    wait_for_port(port, "mosquitto")
    with store("real", scratch) as (folder, statistics):
        config = scratch / "agent.toml"
        pidfile = scratch / "watched.pid"
        pidfile.write_text(str(watched.pid))
        config.write_text(
            f'tenant = "acme"\ndevice = "p1"\n[mqtt]\nhost = "127.0.0.1"\nport = {port}\n[spool]\ndir = "{folder}"\n'
            f'[health]\nlisten = ""\n[[outputs]]\nid = "main"\nprobe = "process"\n'
            f'process.pidfile = "{pidfile}"\nprocess.min_cpu_percent = 0\n'
        )
        argv = [sys.executable, "-m", "signwatch", "agent", "run", "--config", config]
        with (scratch / "agent.log").open("wb") as log:
            agent = subprocess.Popen(traced(trace, argv), cwd=ROOT, stderr=log, start_new_session=True)
        time.sleep(30)  # its start is no idling
        first, before = asked(trace, folder), device_bytes(statistics)
        time.sleep(seconds)
        last, after = asked(trace, folder), device_bytes(statistics)
        os.killpg(agent.pid, signal.SIGTERM)
        agent.wait()
    for child in (watched, broker):
        child.terminate()
        child.wait()
    told: dict[str, object] = {name: round((last[name] - first[name]) * DAY_S / seconds) for name in last}
    told["device_bytes"] = None if before is None or after is None else round((after - before) * DAY_S / seconds)
    return {"measured_s": seconds, "measured_fsyncs": last["fsyncs"] - first["fsyncs"], "a_day": told}


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=180, help="how long the real agent is watched")
    parser.add_argument("--only", choices=["day", "real"])
    parser.add_argument("--day-of", nargs=2, metavar=("STORE", "FOLDER"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.day_of:
        name, folder = options.day_of
        if name == "signwatch":
            asyncio.run(spool_day(Path(folder)))
        else:
            sqlite_day(Path(folder), INTERVAL_S if name == "sqlite" else int(SIGN_OF_LIFE_S))
        return 0
    syncs = DAY_S // int(SIGN_OF_LIFE_S)
    floor = {"fsyncs": syncs, "device_bytes": syncs * BLOCK_BYTES}
    result: dict[str, object] = {"machine": machine(), "load_1m": os.getloadavg()[0], "floor_a_day": floor}
    with tempfile.TemporaryDirectory(prefix="signwatch-bench-") as scratch:
        if options.only != "real":
            names = ("signwatch", "sqlite", "sqlite-minute")
            result["simulated_day"] = {name: simulated(name, Path(scratch)) for name in names}
        if options.only != "day":
            result["real"] = real(options.seconds, Path(scratch))
    result["fsyncs_a_day_at_most"] = FSYNCS_A_DAY_AT_MOST
    print(json.dumps(result, indent=2))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
