"""Nobody listens on the debugging port: has Chromium died, or does it run without that port? /proc tells.

Only browsers themselves count, not the processes that they start (`--type=…`). What the kernel hides (hidepid, another
container) is not seen, and then nothing more is said than that nobody listens.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final, NamedTuple

from agent.hardware import ROOT
from agent.processes import arguments, census

# As the kernel cuts them (15 characters): Debian's, Google's, Microsoft's, Brave's; Electron applications as they come.
_NAMES: Final = frozenset({"chromium", "chromium-browse", "chrome", "msedge", "brave", "electron"})
_PORT: Final = "--remote-debugging-port"
_PROFILE: Final = "--user-data-dir"
_PIPE: Final = "--remote-debugging-pipe"  # a program drives it, nobody looks at it


class Browser(NamedTuple):
    """A running browser. `port`: what it was told to open, None where nothing; `profile`: whether it has one named."""

    pid: int
    port: str | None
    profile: bool


class Closed(NamedTuple):
    """Why nobody listens though a browser runs. `maybe_ours`: False where it was told another port, so is another's."""

    why: str
    maybe_ours: bool


def browsers(root: Path = ROOT) -> Iterator[Browser]:
    """Every Chromium that runs, and how it was started. Blocks: a file or two of each process."""
    for process in census(root) or ():
        told = arguments(process.pid, root) if process.name in _NAMES else []
        if not told or any(one.startswith(("--type=", _PIPE)) for one in told):
            continue
        given = dict(one.partition("=")[::2] for one in told if one.startswith("--"))
        yield Browser(process.pid, given.get(_PORT), bool(given.get(_PROFILE)))


def why_closed(found: Iterable[Browser], port: int) -> Closed | None:
    """PURE. What is the matter with a browser that runs and has not opened the port; None where none runs."""
    seen = sorted(found, key=lambda one: (one.port != str(port), one.port is not None))
    if not seen:
        return None
    one = seen[0]
    runs = f"Chromium runs (process {one.pid})"
    if one.port is None:
        return Closed(f"{runs} without {_PORT}: start it with {_PORT}={port}", maybe_ours=True)
    if one.port != str(port):
        return Closed(f"{runs} with {_PORT}={one.port}: if that is the one, write it into url", maybe_ours=False)
    hint = "it has just started, or hangs" if one.profile else f"from version 136 it needs {_PROFILE}"
    return Closed(f"{runs} and has not opened its port: {hint}", maybe_ours=True)
