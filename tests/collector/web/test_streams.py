from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from collector.web.hub import Batch
from collector.web.render import Renderer
from collector.web.streams import ApiStream, PageStream
from collector.web.texts import ENGLISH
from common.clock import ManualClock
from tests.collector.web.fake_desk import NOW_MS, FakeDesk, make_newcomer, make_players

SUBJECT = "acme/player-0001/main"


class CountingDesk(FakeDesk):
    """Counts how often the whole fleet is asked for."""

    reads = 0

    def players(self) -> Any:
        self.reads += 1
        return super().players()


def told(frame: bytes) -> Any:
    assert frame.endswith(b"\n\n")
    return json.loads(frame.partition(b"data: ")[2])


@pytest.fixture
def counting() -> CountingDesk:
    return CountingDesk.with_fleet(24)  # type: ignore[return-value]


@pytest.fixture
def stream(counting: CountingDesk) -> PageStream:
    return PageStream(counting, Renderer(ENGLISH))


def test_a_batch_costs_what_changed_and_not_the_whole_fleet(counting: CountingDesk, stream: PageStream) -> None:
    stream.pulse()
    reads = counting.reads
    for state in ("stopped", "frozen", "off"):
        changed = counting.set_state(SUBJECT, state)
        data = told(stream.changes(Batch(players=(changed,))))
        assert data["counts"][state] == 1
        assert data["counts"]["playing"] == 23
    assert counting.reads == reads


def test_a_player_that_was_not_known_is_counted_at_once(counting: CountingDesk, stream: PageStream) -> None:
    stream.pulse()
    player = replace(make_players(25)[24], state="black")
    counting.add_player(player)
    assert told(stream.changes(Batch(players=(player,))))["counts"]["black"] == 1


def test_after_nobody_listened_the_fleet_is_read_again(counting: CountingDesk, stream: PageStream) -> None:
    stream.pulse()
    counting.set_state(SUBJECT, "stopped")  # nobody is told
    counting.clock = ManualClock(wall=NOW_MS + 60_000)
    changed = counting.set_state("acme/player-0002/main", "off")
    counts = told(stream.changes(Batch(players=(changed,))))["counts"]
    assert (counts["stopped"], counts["off"]) == (1, 1)


def test_a_pulse_tells_time_evidence_counts_and_newcomers(counting: CountingDesk, stream: PageStream) -> None:
    counting.newcomer_views = [make_newcomer()]
    assert told(stream.pulse()) == {
        "now_ms": NOW_MS,
        "newest": NOW_MS - 2000,
        "evidence": {"acme/admira": NOW_MS - 2000},
        "counts": {"playing": 24} | dict.fromkeys(("stopped", "frozen", "black", "error", "idle", "off", "unknown"), 0),
        "newcomers": 1,
        "alarm": False,
    }


def test_only_touched_agreements_are_drawn_again(counting: CountingDesk, stream: PageStream) -> None:
    other = replace(counting.figure_views[0], contract="other")
    counting.figure_views.append(other)
    assert told(stream.changes(Batch()))["cards"] == {}
    assert list(told(stream.changes(Batch(figures=(other,))))["cards"]) == ["acme/other"]


def test_programs_hear_comments_as_a_pulse(counting: CountingDesk) -> None:
    assert ApiStream(counting).pulse() == b": heartbeat\n\n"
