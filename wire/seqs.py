"""Sets of sequence numbers as inclusive ranges, the form in which an `ack` names them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


def to_ranges(seqs: Iterable[int]) -> list[tuple[int, int]]:
    """Numbers in any order → sorted, disjoint, inclusive ranges."""
    ranges: list[tuple[int, int]] = []
    for seq in sorted(set(seqs)):
        if ranges and seq == ranges[-1][1] + 1:
            ranges[-1] = (ranges[-1][0], seq)
        else:
            ranges.append((seq, seq))
    return ranges


def covers(ranges: Sequence[tuple[int, int]], seq: int) -> bool:
    """Whether one of the inclusive ranges holds `seq`."""
    return any(first <= seq <= last for first, last in ranges)
