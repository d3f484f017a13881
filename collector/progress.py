"""Progress on standard error: on a terminal one line that is written over, elsewhere one line a step."""

from __future__ import annotations

import sys
from typing import Final, TextIO

_WIDTH: Final = 78


class Progress:
    """Call it with a step's name, how many are done, and of how many; `close` it before something else is printed."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr
        self._overwrites = self._stream.isatty()
        self._said = ""

    def __call__(self, step: str, done: int, of: int) -> None:
        """Tell where the work is."""
        if self._overwrites:
            line = f"{step}: {100 * done // of} %" if of else step
            self._stream.write(f"\r{line:<{_WIDTH}.{_WIDTH}}")
            self._stream.flush()
        elif step != self._said:
            self._stream.write(f"{step}\n")
        self._said = step

    def close(self) -> None:
        """Leave the line clean."""
        if self._overwrites and self._said:
            self._stream.write(f"\r{'':<{_WIDTH}}\r")
            self._stream.flush()
