"""What the benches share: telling the machine, summing up runs, and waiting for a server."""

from __future__ import annotations

import contextlib
import json
import os
import platform
import socket
import statistics
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

__all__ = ["free_port", "load_1m", "machine", "print_results", "say", "summary", "wait_for_port"]


def say(text: str) -> None:
    """Tell the person who waits; what is measured goes to standard output."""
    print(text, file=sys.stderr, flush=True)


def free_port() -> int:
    """Find a TCP port on loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_for_port(port: int, program: str) -> None:
    """Wait until somebody listens; SystemExit names the program that does not."""
    for _ in range(1200):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 0.2):
            return
        time.sleep(0.05)
    raise SystemExit(f"nobody listens on port {port}: is {program} installed?")


def summary(results: Sequence[Mapping[str, float]], digits: int = 1) -> dict[str, dict[str, float]]:
    """Median, minimum and maximum of each figure."""
    return {
        name: {
            "median": round(statistics.median(values), digits),
            "min": round(min(values), digits),
            "max": round(max(values), digits),
        }
        for name in results[0]
        if (values := [result[name] for result in results])
    }


def machine() -> dict[str, object]:
    """Say what this was measured on."""
    model = next(
        (
            line.split(":", 1)[1].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if "model name" in line
        ),
        platform.machine(),
    )
    return {"cpu": model, "cores": os.cpu_count(), "python": platform.python_version(), "kernel": platform.release()}


def load_1m() -> float:
    """How many programs wanted to run in the last minute, on average."""
    return round(os.getloadavg()[0], 1)


def print_results(load_before: float, results: Mapping[str, object]) -> None:
    """Print JSON: the machine, its load before and now, and the results."""
    print(json.dumps({"machine": machine(), "load_1m": [load_before, load_1m()], **results}, indent=2))
