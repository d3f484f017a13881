from __future__ import annotations

import numpy as np
import pytest

from collector.sla.columns import CAUSE_CODES, CAUSES, STATE_CODES, STATES, Columns, Row
from collector.sla.timeline import Evidence
from wire.states import CAUSES as WIRE_CAUSES
from wire.states import PLATFORM_STATES, PLAYER_STATES

ROWS: list[Row] = [
    (1, 30, 40, "frozen", None),
    (0, 10, 20, "playing", None),
    (1, 10, 30, "off", "power"),
    (0, 10, 15, "error", "hardware"),
]


def rows_of(runs: Columns) -> list[Row]:
    starts = runs.subject.tolist()
    return [(subject, *run) for subject, run in zip(starts, runs.evidence(), strict=True)]


def test_every_state_and_cause_has_a_code_of_its_own() -> None:
    assert set(STATES) == PLAYER_STATES | PLATFORM_STATES
    assert set(CAUSES) == WIRE_CAUSES | {None}
    assert [STATES[STATE_CODES[state]] for state in STATES] == list(STATES)
    assert [CAUSES[CAUSE_CODES[cause]] for cause in CAUSES] == list(CAUSES)


def test_rows_become_columns_and_evidence_again() -> None:
    runs = Columns.from_rows(iter(ROWS))
    assert rows_of(runs) == ROWS
    assert runs.evidence()[2] == Evidence(10, 30, "off", "power")
    assert len(runs) == 4


def test_a_row_takes_22_bytes() -> None:
    runs = Columns.from_rows(ROWS)
    columns = (runs.subject, runs.start_ms, runs.end_ms, runs.state, runs.cause)
    assert sum(column.nbytes for column in columns) == 22 * 4
    assert all(column.flags["C_CONTIGUOUS"] for column in columns)


def test_painting_order_is_by_subject_and_start_and_ties_stay_as_they_were() -> None:
    assert rows_of(Columns.from_rows(ROWS).in_painting_order()) == [ROWS[1], ROWS[3], ROWS[2], ROWS[0]]


@pytest.mark.parametrize("shift", [0, 1])
def test_starts_are_sorted_within_a_subject_only(shift: int) -> None:
    rows: list[Row] = [(0, 50, 60, "playing", None), (1, 10, 20, "playing", None), (1, 10 - shift, 20, "off", None)]
    runs = Columns.from_rows(rows)
    ordered = runs.in_painting_order()
    assert (ordered is runs) is (shift == 0)
    assert [run.state for run in ordered.evidence()] == [
        "playing",
        *(["off", "playing"] if shift else ["playing", "off"]),
    ]


def test_a_subject_that_comes_too_late_is_put_in_its_place() -> None:
    rows: list[Row] = [(1, 10, 20, "playing", None), (0, 50, 60, "off", None)]
    assert rows_of(Columns.from_rows(rows).in_painting_order()) == rows[::-1]


@pytest.mark.parametrize("end", [10, 9])
def test_runs_without_a_length_are_left_out(end: int) -> None:
    rows: list[Row] = [(0, 10, end, "off", None), (0, 11, 12, "off", None)]
    assert rows_of(Columns.from_rows(rows).in_painting_order()) == rows[1:]


def test_a_part_shares_memory_and_a_choice_does_not() -> None:
    runs = Columns.from_rows(ROWS)
    assert rows_of(runs.part(1, 3)) == ROWS[1:3]
    assert np.shares_memory(runs.part(1, 3).start_ms, runs.start_ms)
    assert rows_of(runs.take(np.array([3, 0]))) == [ROWS[3], ROWS[0]]


def test_columns_that_do_not_fit_together_are_refused() -> None:
    runs = Columns.from_rows(ROWS)
    with pytest.raises(ValueError, match=r"^the columns are not equally long$"):
        Columns(runs.subject, runs.start_ms, runs.end_ms[1:], runs.state, runs.cause)


def test_a_code_that_means_nothing_is_refused() -> None:
    runs = Columns.from_rows([(0, 1, 2, STATES[-1], CAUSES[-1])])
    for state, cause, message in (
        (10, 0, "10 is no code of a state; the last one is 9"),
        (0, 17, "17 is no code of a cause;"),
    ):
        codes = np.array([state], np.uint8), np.array([cause], np.uint8)
        with pytest.raises(ValueError, match=message):
            Columns(runs.subject, runs.start_ms, runs.end_ms, *codes)


def test_a_state_or_cause_that_is_none_is_refused() -> None:
    with pytest.raises(KeyError, match="dancing"):
        Columns.from_rows([(0, 1, 2, "dancing", None)])
    with pytest.raises(KeyError, match="boredom"):
        Columns.from_rows([(0, 1, 2, "off", "boredom")])
