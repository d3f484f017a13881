"""Run a program that ends with its parent: `python -m demo.leash PROGRAM ARGUMENT…`.

The demonstration ends its children itself; this is for the day on which it is killed (prctl(2), PR_SET_PDEATHSIG).
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from typing import Final

_PR_SET_PDEATHSIG: Final = 1


def main(argv: list[str]) -> None:
    """Become the program named; OSError where it cannot be started."""
    parent = os.getppid()
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:
        sys.exit(0)  # it died before we were on the leash
    os.execvp(argv[0], argv)  # noqa: S606 - our own commands, from demo.show


if __name__ == "__main__":
    main(sys.argv[1:])
