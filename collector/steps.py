"""PURE. Work that is done in steps, so that a caller on the event loop may give others their turn in between."""

from __future__ import annotations

from collections.abc import Generator
from typing import TypeVar

_T = TypeVar("_T")


def to_the_end(steps: Generator[None, None, _T]) -> _T:
    """Run a generator to its end at once, and give what it returns."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            result: _T = end.value
            return result
