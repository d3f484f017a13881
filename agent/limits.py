"""PURE. A check of this machine's own figures: limits that its owner has set, and what the figures say to them.

down      a figure is over its `at_most`, or under its `at_least`
unknown   none of the figures can be read: could not ask is never down
up        else; a figure that cannot be read is told, and accuses nobody
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Final

from agent.probes.base import Reading, tidy
from common.config import Section

Figures = Mapping[str, int | float | str | bool | None]

_SMALL: Final = 1e15  # from here on a float is no whole number any more


class Limit(Section, frozen=True):
    """What a figure may be at most, at least, or both, in the figure's own unit."""

    at_most: float | None = None
    at_least: float | None = None

    def __post_init__(self) -> None:
        if self.at_most is None and self.at_least is None:
            raise ValueError("limits nothing; write { at_most = 90 }, { at_least = 5 }, or both")

    def broken_by(self, value: float) -> str | None:
        """How a value breaks it: `over 90`, `under 5`; None where it does not."""
        if self.at_most is not None and value > self.at_most:
            return f"over {_number(self.at_most)}"
        if self.at_least is not None and value < self.at_least:
            return f"under {_number(self.at_least)}"
        return None


def judge_limits(limits: Mapping[str, Limit], figures: Figures) -> Reading:
    """What the figures say. `limits`: by the name of a figure, or a pattern with `*` that fits several."""
    broken, kept, unread = list[str](), 0, list[str]()
    for pattern, limit in limits.items():
        found = list(_fitting(pattern, figures))
        if not found:
            unread.append(pattern)
        for name, value in found:
            how = limit.broken_by(value)
            kept += how is None
            broken += [] if how is None else [f"{name} is {_number(value)}, {how}"]
    missing = [f"not readable: {', '.join(unread)}"] if unread else []
    if broken:
        return Reading("down", None, tidy("; ".join(broken + missing)))
    if not kept:
        return Reading("unknown", None, tidy("; ".join(missing)))
    return Reading("up", None, tidy("; ".join([f"{kept} figure{'s' if kept > 1 else ''} within limits", *missing])))


def _fitting(pattern: str, figures: Figures) -> Iterator[tuple[str, float]]:
    for name, value in sorted(figures.items()):
        if isinstance(value, int | float) and (name == pattern or fnmatchcase(name, pattern)):
            yield name, value


def _number(value: float) -> str:
    whole = abs(value) < _SMALL and value == int(value)
    return f"{int(value)}" if whole else f"{value:.6g}"
