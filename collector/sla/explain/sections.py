"""PURE. The parts that an explanation is made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Grid:
    """A table; the first row is its heading."""

    caption: str
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True, slots=True)
class Section:
    """A heading with its sentences and tables."""

    title: str
    parts: Sequence[str | Grid]
