import io
import json

from simulator.truth import TrueRun, Truth


def test_a_run_ends_where_the_next_state_begins_and_the_last_at_the_end() -> None:
    sink = io.StringIO()
    truth = Truth(sink)
    truth.change("a/b/main", "playing", 1000)
    truth.change("a/b/main", "playing", 1500)
    truth.change("a/b/main", "frozen", 2000)
    truth.finish(2500)
    assert truth.runs == [TrueRun("a/b/main", "playing", 1000, 2000), TrueRun("a/b/main", "frozen", 2000, 2500)]
    assert json.loads(sink.getvalue().splitlines()[0]) == {
        "subject": "a/b/main",
        "state": "playing",
        "start_ms": 1000,
        "end_ms": 2000,
    }


def test_a_state_that_lasted_no_time_leaves_no_run() -> None:
    truth = Truth()
    truth.change("a/b/main", "playing", 1000)
    truth.change("a/b/main", "black", 1000)
    truth.finish(1001)
    assert truth.runs == [TrueRun("a/b/main", "black", 1000, 1001)]
