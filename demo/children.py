"""Our own programs as children: started, kept alive, told to end. Each has a log of its own."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import BinaryIO, Final

from common.clock import monotonic_s

STOP_S: Final = 15.0
QUICK_S: Final = 3.0  # a child that ends sooner than this did not really run
QUICK_ENDS: Final = 3
TAIL_LINES: Final = 12
_LINE_BYTES: Final = 1024 * 1024


class DemoError(Exception):
    """The demonstration cannot go on; the message says why and what to do."""


class Child:
    """One program. `hear` is given each line that it writes, besides its log.

    Args:
        name: what it is called in messages; its log is `NAME.log`.
        argv: the command.
        folder: its working directory, with `logs/` in it.
        hear: called for each line.
        restart_s: seconds after which it is started again when it ends.
    """

    def __init__(
        self,
        name: str,
        argv: Sequence[str],
        folder: Path,
        hear: Callable[[str], None] | None = None,
        restart_s: float = 3.0,
    ) -> None:
        self.name = name
        self.log = folder / "logs" / f"{name.replace(' ', '-')}.log"
        self._argv = [sys.executable, "-P", "-m", "demo.leash", *argv]
        self._folder = folder
        self._hear = hear
        self._restart_s = restart_s
        self._process: asyncio.subprocess.Process | None = None
        self._stopping = asyncio.Event()

    @property
    def pid(self) -> int:
        """Its process id, 0 while it does not run."""
        return self._process.pid if self._process is not None and self._process.returncode is None else 0

    async def keep(self, tell: Callable[[str], None]) -> None:
        """Run it and start it again whenever it ends; DemoError where it does not stay up."""
        quick, again = 0, False
        while not self._stopping.is_set():
            begun_s = monotonic_s()
            status = await self._run(tell if again else None)
            if self._stopping.is_set():
                return
            again = True
            quick = quick + 1 if monotonic_s() - begun_s < QUICK_S else 0
            if quick >= QUICK_ENDS:
                raise DemoError(f"the {self.name} does not stay up; the end of {self.log}:\n{self.tail()}")
            tell(f"the {self.name} has ended ({_describe(status)}); it is started again in {self._restart_s:g} s")
            await asyncio.sleep(self._restart_s)

    async def stop(self) -> None:
        """Ask it to end (SIGTERM); kill it if it does not listen."""
        self._stopping.set()
        process = self._process
        if process is None or process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(signal.SIGCONT)  # somebody may have stopped it, as the screen proposes
            process.terminate()
        try:
            await asyncio.wait_for(process.wait(), STOP_S)
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()

    def tail(self) -> str:
        """Give the last lines of its log."""
        try:
            lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError as error:
            return f"(cannot be read: {error.strerror})"
        return "\n".join(f"    {line}" for line in lines[-TAIL_LINES:])

    async def _run(self, tell: Callable[[str], None] | None) -> int:
        with self.log.open("ab", buffering=0) as log:
            self._process = process = await asyncio.create_subprocess_exec(
                *self._argv,
                cwd=self._folder,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE if self._hear else log,
                stderr=asyncio.subprocess.STDOUT,
                env={**os.environ, "PYTHONUNBUFFERED": "1"},
                start_new_session=True,  # Ctrl-C is for the demonstration, which ends the others in order
                limit=_LINE_BYTES,
            )
            if tell is not None:
                tell(f"the {self.name} runs again, as process {process.pid}")
            if process.stdout is not None:
                await self._read(process.stdout, log)
            return await process.wait()

    async def _read(self, stream: asyncio.StreamReader, log: BinaryIO) -> None:
        while line := await stream.readline():
            log.write(line)
            if self._hear is not None:
                self._hear(line.decode("utf-8", errors="replace").rstrip())


def _describe(status: int) -> str:
    if status >= 0:
        return f"status {status}"
    with contextlib.suppress(ValueError):
        return signal.Signals(-status).name
    return f"signal {-status}"
