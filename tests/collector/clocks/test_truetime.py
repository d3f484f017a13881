from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.clocks.truetime import (
    MAX_AHEAD_MS,
    MAX_BEHIND_MS,
    UNKNOWN,
    BootClock,
    believable,
    note_message,
    note_told,
)

NOW = 1_772_323_200_000


@dataclass(frozen=True)
class Said:
    sent_ms: int
    mono_ms: int
    synced: bool
    received_ms: int

    def note(self, clock: BootClock) -> BootClock:
        return note_message(
            clock, sent_ms=self.sent_ms, mono_ms=self.mono_ms, synced=self.synced, received_ms=self.received_ms
        )


@dataclass(frozen=True)
class Told:
    offset_ms: int
    received_ms: int

    def note(self, clock: BootClock) -> BootClock:
        return note_told(clock, offset_ms=self.offset_ms, received_ms=self.received_ms)


def near(middle: int) -> st.SearchStrategy[int]:
    return st.integers(middle - 2 * MAX_BEHIND_MS, middle + 2 * MAX_BEHIND_MS)


said = st.builds(Said, near(NOW), st.integers(0, 10**9), st.booleans(), near(NOW))
told = st.builds(Told, near(NOW), near(NOW))


def learn(words: list[Said | Told]) -> BootClock:
    clock = UNKNOWN
    for word in words:
        clock = word.note(clock)
    return clock


def placed(clock: BootClock, mono_ms: int = 1000) -> tuple[int, str]:
    assert clock.curve is not None
    return clock.curve.at(mono_ms), clock.curve.source


@given(
    st.lists(st.one_of(said, told), max_size=8).flatmap(lambda words: st.tuples(st.just(words), st.permutations(words)))
)
def test_order_and_repetition_of_statements_change_nothing(pair: tuple[list[Said | Told], list[Said | Told]]) -> None:
    some, shuffled = pair
    assert learn(shuffled + some) == learn(some)


def test_a_synced_statement_beats_the_time_of_receipt() -> None:
    clock = learn([Said(NOW, 1000, synced=True, received_ms=NOW + 700)])
    assert placed(clock) == (NOW - 1000, "synced")


def test_the_earliest_synced_statement_stands_so_that_judged_runs_do_not_wander() -> None:
    clock = learn(
        [Said(NOW + 5003, 6000, synced=True, received_ms=NOW + 5003), Said(NOW, 1000, synced=True, received_ms=NOW)]
    )
    assert placed(clock) == (NOW - 1000, "synced")


def test_without_sync_the_fastest_message_tells_the_offset() -> None:
    clock = learn(
        [Said(5, 1000, synced=False, received_ms=NOW + 900), Said(6, 2000, synced=False, received_ms=NOW + 1020)]
    )
    assert placed(clock) == (NOW - 980, "received")


def test_what_a_later_boot_remembers_counts_as_synced_and_beats_receipt() -> None:
    unsynced = Said(5, 1000, synced=False, received_ms=NOW + 900)
    clock = learn([unsynced, Told(NOW - 1000, NOW + 10_000)])
    assert placed(clock) == (NOW - 1000, "told")


def test_a_memory_that_puts_its_boot_into_the_future_is_none() -> None:
    assert learn([Told(NOW + MAX_AHEAD_MS + 1, NOW)]).curve is None


def test_nothing_known_gives_no_offset() -> None:
    assert UNKNOWN.curve is None


@pytest.mark.parametrize(
    ("ahead_ms", "expected"),
    [(MAX_AHEAD_MS, True), (MAX_AHEAD_MS + 1, False), (-MAX_BEHIND_MS, True), (-MAX_BEHIND_MS - 1, False)],
)
def test_a_clock_far_from_ours_is_not_believed_to_be_synced(ahead_ms: int, expected: bool) -> None:
    assert believable(NOW + ahead_ms, NOW) is expected
    _, source = placed(learn([Said(NOW + ahead_ms, 1000, synced=True, received_ms=NOW)]))
    assert (source == "synced") is expected
