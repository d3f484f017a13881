"""Which devices must be placed anew after a batch, and what is remembered for that."""

from __future__ import annotations

from collector.evidence import RunRow
from collector.ledger.placing_store import Unplaced


def row(seq: int, clock: str = "synced", *, closed: bool = False) -> RunRow:
    times = (0, 1, 0, 1, 0, 1)
    return RunRow(7, "s", seq, "main", "playing", None, None, closed, "b", "b", *times, clock)  # type: ignore[arg-type]


def test_an_open_run_that_goes_on_touches_its_device_once_and_its_end_once_more() -> None:
    unplaced = Unplaced()
    assert unplaced.touched([row(1)], ()) == set()  # nothing of the device is estimated
    assert unplaced.touched([row(2, "estimated", closed=True)], ()) == {7}
    assert unplaced.touched([row(3)], ()) == {7}
    assert unplaced.touched([row(3)], ()) == set()
    assert unplaced.touched([row(3, closed=True)], ()) == {7}


def test_of_a_device_with_estimated_runs_no_run_is_remembered_that_has_ended() -> None:
    unplaced = Unplaced()
    unplaced.touched([row(0, "estimated", closed=True)], ())
    for seq in range(1, 1000):
        unplaced.touched([row(seq)], ())
        unplaced.touched([row(seq, closed=True)], ())
    assert list(unplaced._devices.values()) == [set()]
