"""PURE. A fleet's runs as columns of integers: what the fast road (`sweep.py`) judges.

One row a run: subject (its index in the caller's list), start, end, state code, cause code. Ten thousand players with
60 outages in each of six months are 7.2 million rows: 160 MB here, 1.5 GB as Python objects.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, get_args

import numpy as np
from numpy.typing import NDArray

from collector.sla.timeline import Evidence
from wire.states import Cause, State

Codes = NDArray[np.uint8]
Indices = NDArray[np.int32]
Instants = NDArray[np.int64]

Row = tuple[int, int, int, str, str | None]  # subject's index, start_ms, end_ms, state, cause (None: the state's)

STATES: Final[tuple[str, ...]] = get_args(State)  # a state's code is its place here
CAUSES: Final[tuple[str | None, ...]] = (None, *get_args(Cause))  # 0: the state's default cause
STATE_CODES: Final = {state: code for code, state in enumerate(STATES)}
CAUSE_CODES: Final = {cause: code for code, cause in enumerate(CAUSES)}

_ROW: Final = np.dtype(
    [("subject", np.int32), ("start", np.int64), ("end", np.int64), ("state", np.uint8), ("cause", np.uint8)]
)


@dataclass(frozen=True, slots=True, eq=False)
class Columns:
    """Runs, column by column; among a subject's equal starts, later rows are painted over earlier ones."""

    subject: Indices
    start_ms: Instants
    end_ms: Instants
    state: Codes
    cause: Codes

    def __post_init__(self) -> None:
        if len({len(column) for column in (self.subject, self.start_ms, self.end_ms, self.state, self.cause)}) > 1:
            raise ValueError("the columns are not equally long")
        for name, codes, known in (("state", self.state, STATES), ("cause", self.cause, CAUSES)):
            if len(codes) and codes.max() >= len(known):
                raise ValueError(f"{codes.max()} is no code of a {name}; the last one is {len(known) - 1}")

    @classmethod
    def from_rows(cls, rows: Iterable[Row]) -> Columns:
        """Rows as a ledger gives them, in any order; KeyError names a state or cause that is none."""
        coded = np.fromiter(
            (
                (subject, start, end, STATE_CODES[state], CAUSE_CODES[cause])
                for subject, start, end, state, cause in rows
            ),
            _ROW,
        )
        return cls(*(np.ascontiguousarray(coded[name]) for name in _ROW.names or ()))

    def __len__(self) -> int:
        return len(self.subject)

    def take(self, rows: NDArray[np.intp] | NDArray[np.bool_]) -> Columns:
        """Only these rows, in this order."""
        return Columns(self.subject[rows], self.start_ms[rows], self.end_ms[rows], self.state[rows], self.cause[rows])

    def part(self, first: int, last: int) -> Columns:
        """Rows `[first, last)`, sharing memory with these."""
        rows = slice(first, last)
        return Columns(self.subject[rows], self.start_ms[rows], self.end_ms[rows], self.state[rows], self.cause[rows])

    def in_painting_order(self) -> Columns:
        """By subject and start, without runs that have no length; columns that are so already are not copied."""
        lengths = self.end_ms > self.start_ms
        kept = self if lengths.all() else self.take(lengths)
        subject, start = kept.subject, kept.start_ms
        same = subject[1:] == subject[:-1]
        if bool(((subject[1:] > subject[:-1]) | (same & (start[1:] >= start[:-1]))).all()):
            return kept
        return kept.take(np.lexsort((start, subject)))  # stable: equal starts stay in the order given

    def evidence(self) -> Sequence[Evidence]:
        """The rows as the slow road takes them."""
        rows = (self.start_ms.tolist(), self.end_ms.tolist(), self.state.tolist(), self.cause.tolist())
        return [
            Evidence(start, end, STATES[state], CAUSES[cause]) for start, end, state, cause in zip(*rows, strict=True)
        ]
