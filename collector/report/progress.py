"""Tell a person who waits how far long work has come: on stderr, and only if it takes more than a moment.

On a terminal one line is written over again and again, and wiped at the end; elsewhere (a log, a scheduler) there is a
line now and then.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from typing import Final, Protocol, Self, TextIO, TypeVar

from common.clock import monotonic_s

QUIET_S: Final = 2.0
TERMINAL_EVERY_S: Final = 0.2
ELSEWHERE_EVERY_S: Final = 10.0
_ROWS_BETWEEN: Final = 20_000

T = TypeVar("T")


class Tell(Protocol):
    """What long work reports to: what it is at, how much of it is done, and of how much (None: nobody knows)."""

    def __call__(self, what: str, done: int, whole: int | None = None) -> None:
        """Take note of it; cheap enough to be called often."""


def quietly(what: str, done: int, whole: int | None = None) -> None:
    """Tell nobody."""


class Progress:
    """Tells on a stream; a context manager, so that no half line stays on a terminal."""

    def __init__(self, stream: TextIO | None = None, now_s: Callable[[], float] = monotonic_s) -> None:
        self._stream = sys.stderr if stream is None else stream
        self._now_s = now_s
        self._terminal = self._stream.isatty()
        self._due_s = now_s() + QUIET_S
        self._shown = False

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(self, *_: object) -> None:
        """Wipe the line that stands on a terminal."""
        if self._shown and self._terminal:
            self._write("\r\x1b[K")

    def __call__(self, what: str, done: int, whole: int | None = None) -> None:
        """Show how far it has come, if it is time to."""
        now_s = self._now_s()
        if now_s < self._due_s:
            return
        self._due_s = now_s + (TERMINAL_EVERY_S if self._terminal else ELSEWHERE_EVERY_S)
        self._shown = True
        text = f"{what}: {done:,}" + ("" if whole is None else f" of {whole:,}")
        self._write(f"\r\x1b[K{text}" if self._terminal else f"{text}\n")

    def _write(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()


def counted(rows: Iterable[T], tell: Tell, what: str) -> Iterator[T]:
    """The same rows, their number told every now and then."""
    for number, row in enumerate(rows, 1):
        if number % _ROWS_BETWEEN == 0:
            tell(what, number)
        yield row
