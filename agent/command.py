"""Asks another program: bounded output, nothing left running when the asker is cut off, and words in English."""

from __future__ import annotations

import asyncio
import contextlib
import os
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import Mapping
from typing import Final, NamedTuple

OUTPUT_BYTES: Final = 256 * 1024
_OUT, _ERR = 1, 2


class Said(NamedTuple):
    """How a program ended (negative: by which signal) and what it said, cut off at `OUTPUT_BYTES`."""

    status: int
    out: str
    err: str

    @property
    def complaint(self) -> str:
        """The last line of what it complained of, or how it ended."""
        lines = [line.strip() for line in self.err.splitlines() if line.strip()]
        return lines[-1] if lines else f"it ended with status {self.status}"


class Ended(NamedTuple):
    """The same of a program that says no words: `out` is what it wrote, byte by byte."""

    status: int
    out: bytes
    err: str


class _Listener(asyncio.SubprocessProtocol):
    """Collects what a program says until it has ended and its pipes are closed, or until it has said too much."""

    def __init__(self) -> None:
        self.heard = {_OUT: bytearray(), _ERR: bytearray()}
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        """Keep it."""
        self.heard[fd] += data
        if len(self.heard[fd]) > OUTPUT_BYTES:
            self._finish()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        """It has ended."""
        self._finish()

    def _finish(self) -> None:
        if not self.done.done():
            self.done.set_result(None)


async def ask_program(*argv: str) -> Said:
    """Run a program to its end; OSError where it cannot be started. When cancelled or too loud, it is killed."""
    ended = await run_program(*argv)
    return Said(ended.status, ended.out.decode(errors="replace"), ended.err)


async def run_program(*argv: str, env: Mapping[str, str] | None = None) -> Ended:
    """Do what `ask_program` does for a program that writes data. `env` is added to the agent's own environment."""
    transport, listener = await asyncio.get_running_loop().subprocess_exec(
        _Listener,
        *argv,
        stdin=DEVNULL,
        stdout=PIPE,
        stderr=PIPE,
        env={**os.environ, "LC_ALL": "C", "LANGUAGE": "C", **(env or {})},
    )
    try:
        await listener.done
        status = transport.get_returncode()
    finally:
        with contextlib.suppress(ProcessLookupError):
            transport.close()  # kills it where it still runs, and lets go of the pipes
    out, err = (bytes(listener.heard[fd][:OUTPUT_BYTES]) for fd in (_OUT, _ERR))
    return Ended(-9 if status is None else status, out, err.decode(errors="replace"))
