"""Whether an agent is at work with this spool, and what it says of itself on `/healthz`."""

from __future__ import annotations

import asyncio
import fcntl
import os
from pathlib import Path
from typing import Final

import msgspec

from agent.config import Settings
from agent.httpclient import Ask, HttpError, get
from agent.listening import HEALTH_PATH
from agent.processes import arguments
from common.config import ConfigError

_PATIENCE_S: Final = 3.0
_LOCKS: Final = Path("/proc/locks")


class LinkHealth(msgspec.Struct):
    """Its connection."""

    online: bool
    error: str | None = None


class SpoolHealth(msgspec.Struct):
    """Its spool: `runs` wait for the collector."""

    runs: int
    error: str | None = None


class OutputHealth(msgspec.Struct):
    """What it believes of an output; None: nothing yet."""

    state: str | None = None
    detail: str | None = None


class Health(msgspec.Struct):
    """The answer of `/healthz`, as far as the doctor reads it."""

    link: LinkHealth
    spool: SpoolHealth
    outputs: dict[str, OutputHealth]


async def health_of(settings: Settings) -> Health | None:
    """What the running agent says; None where nobody answers as an agent does."""
    table = settings.config.health
    if not table.listen:
        return None
    headers = {"Authorization": f"Bearer {table.token}"} if table.token else {}
    try:
        async with asyncio.timeout(_PATIENCE_S):
            answer = await get(f"http://{table.listen}{HEALTH_PATH}", Ask(headers=headers))
        return msgspec.json.decode(answer.body, type=Health)
    except (OSError, TimeoutError, HttpError, ValueError, msgspec.MsgspecError):
        return None  # nobody there, or somebody else


def is_held(directory: Path) -> bool:
    """Whether a process holds the spool. The lock is had for a moment only, so that no starting agent misses it."""
    try:
        descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError:
        return False  # what keeps us from it is the disk's matter
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def holder_of(directory: Path) -> str:
    """Who holds the spool, "process 4711 (signwatch agent run …)"; "another process" where that cannot be seen."""
    try:
        inode = directory.stat().st_ino
        lines = [line.split() for line in _LOCKS.read_text(encoding="ascii").splitlines()]
        pid = next(int(line[4]) for line in lines if line[1] == "FLOCK" and line[5].endswith(f":{inode}"))
        told = " ".join(arguments(pid))[:120]
    except (OSError, ValueError, IndexError, StopIteration):
        return "another process"
    return f"process {pid} ({told})" if told else f"process {pid}"


def password_of(settings: Settings) -> str | None:
    """The password to log in with, None where there is none or its file cannot be read (the configuration's matter)."""
    try:
        return settings.password()
    except ConfigError:
        return None
