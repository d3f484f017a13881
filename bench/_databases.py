"""VictoriaMetrics and InfluxDB 1.6 with one month of samples, for `bench/judge.py`. Both are Debian's, and real."""

from __future__ import annotations

import contextlib
import json
import subprocess
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from _common import free_port, say, wait_for_port
from _fleets import Samples

from collector.sla.instants import DAY_MS

TIMEOUT_S = 600
INFLUX_CONFIG = """
reporting-disabled = true
bind-address = "127.0.0.1:{rpc}"
[meta]
  dir = "{folder}/meta"
[data]
  dir = "{folder}/data"
  wal-dir = "{folder}/wal"
  query-log-enabled = false
[monitor]
  store-enabled = false
[http]
  bind-address = "127.0.0.1:{port}"
  log-enabled = false
  max-body-size = 0
"""


class Database(Protocol):
    """What is measured: `ask` gives the answer as it comes, `shares` reads it."""

    def ask(self) -> bytes:
        """Ask for each player's share of up samples in the month."""
        ...

    def shares(self, answer: bytes) -> dict[str, float]:
        """Player → its share of up samples, after a look that none is missing."""
        ...


class Victoria:
    """`avg_over_time` of a month, by the instant query API."""

    def __init__(self, port: int, samples: Samples) -> None:
        self._url = f"http://127.0.0.1:{port}"
        self._days = (samples.end_ms - samples.start_ms) // DAY_MS
        self._time = f"{samples.instants_ms[-1] / 1000:.3f}"  # the range ends with the last sample, that one included
        self._count = len(samples.instants_ms)
        instants = ",".join(map(str, samples.instants_ms))
        for number, down in enumerate(samples.down):
            values = ",".join("01"[not one] for one in down.tolist())
            metric = json.dumps({"__name__": "up", "player": f"p{number:04}"})
            line = f'{{"metric":{metric},"values":[{values}],"timestamps":[{instants}]}}'
            fetch(f"{self._url}/api/v1/import", line.encode())
        fetch(f"{self._url}/internal/force_flush")
        fetch(f"{self._url}/internal/force_merge")
        counted = self.shares(self._query("count_over_time"))
        if set(counted.values()) != {self._count}:
            raise SystemExit(f"VictoriaMetrics has {set(counted.values())} samples a player, not {self._count}")

    def ask(self) -> bytes:
        """See Database."""
        return self._query("avg_over_time")

    def shares(self, answer: bytes) -> dict[str, float]:
        """See Database."""
        return {one["metric"]["player"]: float(one["value"][1]) for one in json.loads(answer)["data"]["result"]}

    def _query(self, function: str) -> bytes:
        query = urllib.parse.urlencode({"query": f"{function}(up[{self._days}d])", "time": self._time, "nocache": "1"})
        return fetch(f"{self._url}/api/v1/query?{query}")


class Influx:
    """`mean() GROUP BY` of a month, by InfluxQL."""

    def __init__(self, port: int, samples: Samples) -> None:
        self._url = f"http://127.0.0.1:{port}"
        self._rest = f"FROM up WHERE time >= {samples.start_ms}ms AND time < {samples.end_ms}ms GROUP BY player"
        self._query("CREATE DATABASE bench")
        endings = [[f" value={up} {at}" for at in samples.instants_ms] for up in (1, 0)]
        for number, down in enumerate(samples.down):
            points = (f"up,player=p{number:04}{endings[one][at]}" for at, one in enumerate(down.tolist()))
            fetch(f"{self._url}/write?db=bench&precision=ms", "\n".join(points).encode())
        counted = self.shares(self._query(f"SELECT count(value) {self._rest}"))
        if set(counted.values()) != {len(samples.instants_ms)}:
            raise SystemExit(f"InfluxDB has {set(counted.values())} samples a player")

    def ask(self) -> bytes:
        """See Database."""
        return self._query(f"SELECT mean(value) {self._rest}")

    def shares(self, answer: bytes) -> dict[str, float]:
        """See Database."""
        [result] = json.loads(answer)["results"]
        return {one["tags"]["player"]: one["values"][0][1] for one in result["series"]}

    def _query(self, text: str) -> bytes:
        return fetch(f"{self._url}/query", urllib.parse.urlencode({"db": "bench", "q": text}).encode())


def fetch(url: str, body: bytes | None = None) -> bytes:
    """GET, or POST where there is a body; the answer."""
    with urllib.request.urlopen(url, body, TIMEOUT_S) as answer:  # noqa: S310  # loopback
        content: bytes = answer.read()
        return content


@contextlib.contextmanager
def victoria(folder: Path, samples: Samples) -> Iterator[Victoria]:
    """Start VictoriaMetrics with the samples in it. Its default retention of one month would drop them unsaid."""
    port = free_port()
    argv = ["victoria-metrics", f"-httpListenAddr=127.0.0.1:{port}", f"-storageDataPath={folder}/victoria"]
    argv += ["-retentionPeriod=100y", "-search.latencyOffset=0s", "-search.disableCache"]
    with running(argv, port, folder):
        say("VictoriaMetrics: writing the samples")
        yield Victoria(port, samples)


@contextlib.contextmanager
def influx(folder: Path, samples: Samples) -> Iterator[Influx]:
    """Start InfluxDB 1.6 with the samples in it."""
    port = free_port()
    config = folder / "influxdb.conf"
    config.write_text(INFLUX_CONFIG.format(folder=folder / "influx", port=port, rpc=free_port()))
    with running(["influxd", "run", "-config", str(config)], port, folder):
        say("InfluxDB: writing the samples (a minute or two)")
        yield Influx(port, samples)


@contextlib.contextmanager
def running(argv: list[str], port: int, folder: Path) -> Iterator[None]:
    """Run a server while the block lasts; what it says goes to a file."""
    with (
        (folder / f"{argv[0]}.log").open("wb") as log,
        subprocess.Popen(argv, stdout=log, stderr=log) as server,
    ):
        try:
            wait_for_port(port, argv[0])
            yield
        finally:
            server.terminate()
