"""Which code and which data a revision is made with: they go into its manifest."""

from __future__ import annotations

import platform
import re
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final
from zoneinfo import TZPATH

from signwatch import __version__

_UNKNOWN: Final = "unknown"
_HEAD_BYTES: Final = 200
_NUMBER: Final = re.compile(r"# version (\S+)")


def versions() -> dict[str, str]:
    """Name → version, of all that a figure may depend on beside its inputs."""
    return {
        "signwatch": __version__,
        "python": platform.python_version(),
        "holidays": _package("holidays"),
        "tzdata": _package("tzdata"),
        "zoneinfo": _zones(),
    }


def _package(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return _UNKNOWN


def _zones() -> str:
    """The version of the time-zone rules that Python reads: the system's first, the package's where there are none."""
    for folder in map(Path, TZPATH):
        try:
            with (folder / "tzdata.zi").open(encoding="utf-8") as file:
                match = _NUMBER.search(file.read(_HEAD_BYTES))
        except OSError:
            continue
        return f"system {match[1]}" if match else "system"
    return f"package {_package('tzdata')}"
