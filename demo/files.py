"""The demonstration's folder: who holds it, what is written into it, and our own commands that are run in it."""

from __future__ import annotations

import asyncio
import fcntl
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import resources
from pathlib import Path
from typing import Final

from common.clock import utc_now
from demo import chain, stage
from demo.children import DemoError

SIGNWATCH: Final = (sys.executable, "-P", "-m", "signwatch")
_LONGEST_SOCKET: Final = 100  # unix(7): 107 bytes, and a margin
_SHIPPED: Final = {  # what it is called in the folder, and in this package
    f"{stage.CONTRACT}.toml": "contract.toml",
    f"{chain.CONTRACT}.toml": "chain.toml",
    "story.toml": "story.toml",
}


async def prepare(
    folder: Path, ports: stage.Ports, tell: Callable[[str], None], *, keep: bool
) -> chain.LastMonth | None:
    """Write everything that the parts read, and apply the registry.

    Args:
        folder: held by `alone`.
        ports: where everything is going to listen.
        tell: is given what is done.
        keep: go on with the ledger of the last time, where there is one.

    Returns:
        The second customer's month that is still to be brought in; None where the kept ledger has one.

    Raises:
        DemoError: one of our own commands has failed.
    """
    keep = keep and (folder / "registry.toml").exists()
    if not keep:
        _clear(folder)
    tell(f"writing configuration, passwords, registry and contract to {folder}")
    for name, shipped in _SHIPPED.items():
        _write(folder / name, resources.files("demo").joinpath(shipped).read_text("utf-8"))
    tell(f"making a password for each of {len(stage.users())} users of the broker")
    passwords = await _make_passwords(folder)
    machine = passwords[f"{stage.TENANT}/{stage.THIS_MACHINE}"]
    _write(folder / "collector.toml", stage.collector(ports, passwords[stage.COLLECTOR]))
    _write(folder / "agent.toml", stage.agent(ports, machine, str(mpv_socket(folder))))
    _write(folder / "players.toml", stage.passwords(passwords.items()))
    now = utc_now()
    month = None if keep else chain.last_month(now)
    start = None if keep else now.isoformat(timespec="milliseconds")
    chain_start = None if month is None else month.active_from.isoformat()
    _write(folder / "registry.toml", stage.registry(ports, start) + "\n" + chain.registry(chain_start))
    await signwatch(folder, "registry", "apply", "registry.toml", "--ledger", "ledger.db", "--yes", "--who", "demo")
    return month


async def signwatch(folder: Path, *arguments: str) -> str:
    """Run one of our own commands in the folder; what it printed, or DemoError with what it complained of.

    It ends with the task that waits for it.
    """
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", "demo.leash", *SIGNWATCH),
        *arguments,
        cwd=folder,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        said, complained = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode:
        command = " ".join(arguments[:2])
        raise DemoError(f"signwatch {command} has failed:\n{complained.decode(errors='replace').strip()}")
    return said.decode()


def mpv_socket(folder: Path) -> Path:
    """Where mpv is asked: in the folder, or elsewhere where the folder's name is too long for a socket."""
    inside = folder / "mpv.sock"
    if len(os.fsencode(inside)) <= _LONGEST_SOCKET:
        return inside
    return Path(tempfile.gettempdir()) / f"signwatch-demo-{os.getpid()}.sock"


async def _make_passwords(folder: Path) -> dict[str, str]:
    (folder / "credentials.toml").unlink(missing_ok=True)
    printed = await signwatch(folder, "broker", "passwd", *stage.users(), "--file", "credentials.toml")
    return dict(line.split("\t", 1) for line in printed.splitlines())


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Hold the folder; DemoError where another demonstration holds it or it cannot be made."""
    try:
        (folder / "logs").mkdir(parents=True, exist_ok=True)
        lock = (folder / "lock").open("w")
    except OSError as error:
        raise DemoError(f"{folder} cannot be used ({error.strerror}): give another folder: --dir DIR") from None
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise DemoError(f"another demonstration runs in {folder}: end it, or give --dir and --port") from None
        yield


def _clear(folder: Path) -> None:
    """A fresh start: what an earlier demonstration left behind goes, and nothing else."""
    for name in ("ledger.db", "ledger.db-wal", "ledger.db-shm", "ledger.db.lock", "ledger.db.sock", "mpv.sock"):
        (folder / name).unlink(missing_ok=True)
    shutil.rmtree(folder / "spool", ignore_errors=True)
    for log in (folder / "logs").glob("*.log"):
        log.unlink()


def _write(path: Path, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)  # there are passwords in some of them
    with open(descriptor, "w", encoding="utf-8") as file:  # noqa: PTH123 - a descriptor, for its mode
        file.write(text)
