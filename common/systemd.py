"""`sd_notify(3)` without a library: ready, stopping, and a watchdog that is fed only while the main loop turns."""

from __future__ import annotations

import asyncio
import os
import re
import socket
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_MICROSECONDS = 1_000_000
_PATIENCE_S = 1.0  # a service manager that does not listen must not hold the event loop
_OURS = ("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID")
_kept: dict[str, str] = {}


def keep_to_ourselves() -> None:
    """Take what systemd told this process out of the environment: programs that it starts would speak for it."""
    _kept.update({name: os.environ.pop(name) for name in _OURS if name in os.environ})


def _told(name: str) -> str | None:
    return os.environ.get(name, _kept.get(name))


def notify(message: str) -> bool:
    """Send one message (`READY=1`, `STOPPING=1`, `STATUS=…`) to systemd; False where nobody listens."""
    address = _told("NOTIFY_SOCKET")
    if not address:
        return False
    if address.startswith("@"):
        address = "\0" + address[1:]
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as channel:
            channel.settimeout(_PATIENCE_S)
            channel.connect(address)
            channel.sendall(message.encode())
    except OSError:
        return False
    return True


def watchdog_interval_s() -> float | None:
    """A third of the time systemd gives us, None where no watchdog is set for this process."""
    limit = _told("WATCHDOG_USEC") or ""
    owner = _told("WATCHDOG_PID") or str(os.getpid())
    if not re.fullmatch(r"[0-9]*[1-9][0-9]*", limit) or owner != str(os.getpid()):
        return None
    return int(limit) / _MICROSECONDS / 3


async def feed_watchdog(alive: Callable[[], bool]) -> None:
    """Feed the watchdog from inside the event loop for as long as `alive()` says that the main work turns."""
    interval = watchdog_interval_s()
    if interval is None:
        return
    while True:
        if alive():
            notify("WATCHDOG=1")
        await asyncio.sleep(interval)
