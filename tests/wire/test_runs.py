"""The run machine, by example and by property."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wire.runs import Closed, Confirm, Instant, Machine, Observation, ObservationError, Rules, close, observe
from wire.states import Cause, State

WALL_MS = 1_772_323_200_000
AT_ONCE = Rules({state: Confirm() for state in ("playing", "stopped", "frozen", "unknown", "idle")})


def at(second: float) -> Instant:
    return Instant(round(second * 1000), WALL_MS + round(second * 1000))


def seen(second: float, state: State, cause: Cause | None = None, detail: str | None = None) -> Observation:
    return Observation(state, cause, detail, at(second))


def feed(observations: list[Observation], rules: Rules) -> tuple[Machine, list[Closed]]:
    machine, closed = Machine(), []
    for observation in observations:
        machine, more = observe(machine, observation, rules)
        closed += more
    return machine, closed


def spans(closed: list[Closed]) -> list[tuple[str, int, int]]:
    return [(run.state, run.start.mono_ms, run.end.mono_ms) for run in closed]


def test_good_news_opens_a_run_at_once() -> None:
    machine, closed = feed([seen(0, "playing")], Rules())
    assert closed == []
    assert machine.open is not None
    assert machine.open.start == at(0)


def test_a_bad_first_observation_is_in_doubt_and_opens_where_the_doubt_began() -> None:
    machine, _ = feed([seen(0, "stopped")], Rules())
    assert machine.open is None
    machine, closed = observe(machine, seen(5, "stopped"), Rules())
    assert closed == []
    assert machine.open is not None
    assert machine.open.start == at(0)


def test_one_missed_sample_is_no_outage() -> None:
    machine, closed = feed([seen(0, "playing"), seen(5, "unknown"), seen(10, "playing")], Rules())
    assert closed == []
    assert machine.open is not None
    assert (machine.open.start, machine.open.seen, machine.doubts) == (at(0), at(10), ())


def test_a_confirmed_change_ends_the_run_where_the_doubt_began() -> None:
    machine, closed = feed([seen(0, "playing"), seen(5, "stopped"), seen(10, "stopped")], Rules())
    assert spans(closed) == [("playing", 0, 5000)]
    assert machine.open is not None
    assert (machine.open.state, machine.open.start, machine.open.seen) == ("stopped", at(5), at(10))


def test_good_news_is_believed_at_once() -> None:
    history = [seen(0, "stopped"), seen(5, "stopped"), seen(10, "playing")]
    assert spans(feed(history, Rules())[1]) == [("stopped", 0, 10_000)]


def test_a_flicker_between_two_bad_states_is_not_kept_playing() -> None:
    history = [seen(0, "playing"), seen(5, "stopped"), seen(10, "frozen")]
    machine, closed = feed(history, Rules())
    assert spans(closed) == [("playing", 0, 5000), ("stopped", 5000, 10_000)]
    assert machine.open is not None
    assert machine.open.state == "frozen"


def test_another_cause_is_another_run() -> None:
    history = [
        seen(0, "frozen"),
        seen(5, "frozen"),
        seen(10, "frozen", "connectivity"),
        seen(15, "frozen", "connectivity"),
    ]
    machine, closed = feed(history, Rules())
    assert spans(closed) == [("frozen", 0, 10_000)]
    assert machine.open is not None
    assert machine.open.cause == "connectivity"


def test_another_detail_is_the_same_run_with_newer_commentary() -> None:
    machine, closed = feed([seen(0, "playing", None, "one"), seen(5, "playing", None, "two")], Rules())
    assert closed == []
    assert machine.open is not None
    assert machine.open.detail == "two"


def test_a_state_is_held_back_until_its_first_sample_is_old_enough() -> None:
    rules = Rules({"frozen": Confirm(samples=2, hold_ms=12_000)})
    history = [seen(0, "playing"), seen(5, "frozen"), seen(10, "frozen")]
    machine, closed = feed(history, rules)
    assert closed == []
    _, closed = observe(machine, seen(17, "frozen"), rules)
    assert spans(closed) == [("playing", 0, 5000)]


def test_silence_that_lasts_too_long_is_nobodys_evidence() -> None:
    rules = Rules(max_gap_ms=15_000)
    machine, closed = feed([seen(0, "playing"), seen(5, "playing"), seen(20.001, "playing")], rules)
    assert spans(closed) == [("playing", 0, 5000)]
    assert machine.open is not None
    assert machine.open.start == at(20.001)


def test_silence_that_lasts_exactly_as_long_as_it_may_is_bridged() -> None:
    machine, closed = feed([seen(0, "playing"), seen(15, "playing")], Rules(max_gap_ms=15_000))
    assert closed == []
    assert machine.open is not None
    assert machine.open.seen == at(15)


def test_a_doubt_does_not_survive_too_long_a_silence() -> None:
    rules = Rules(max_gap_ms=15_000)
    machine, closed = feed([seen(0, "playing"), seen(5, "stopped"), seen(30, "stopped")], rules)
    assert spans(closed) == [("playing", 0, 5000)]
    assert machine.open is None
    assert machine.samples == 1


def test_an_earlier_instant_is_refused_and_changes_nothing() -> None:
    machine, _ = feed([seen(5, "playing")], Rules())
    with pytest.raises(ObservationError, match="before the last"):
        observe(machine, seen(4, "playing"), Rules())


def test_closing_in_doubt_ends_the_run_where_the_doubt_began() -> None:
    machine, _ = feed([seen(0, "playing"), seen(5, "playing"), seen(10, "stopped")], Rules())
    assert spans(close(machine)) == [("playing", 0, 10_000)]


def test_what_was_seen_only_once_is_closed_where_it_began() -> None:
    assert spans(close(feed([seen(0, "playing")], Rules())[0])) == [("playing", 0, 0)]
    assert close(Machine()) == []


states = st.sampled_from(["playing", "stopped", "frozen", "idle", "unknown"])
causes = st.sampled_from([None, None, "connectivity"])
steps = st.one_of(st.integers(0, 10_000), st.integers(0, 200_000), st.just(0))
confirms = st.builds(Confirm, samples=st.integers(1, 4), hold_ms=st.sampled_from([0, 0, 7_000, 30_000]))
rules_of_any_kind = st.builds(Rules, st.dictionaries(states, confirms), st.sampled_from([15_000, 60_000]))


@st.composite
def histories(draw: st.DrawFn) -> list[Observation]:
    mono, history = 0, []
    for _ in range(draw(st.integers(1, 25))):
        mono += draw(steps)
        history.append(Observation(draw(states), draw(causes), None, Instant(mono, WALL_MS + mono)))
    return history


@given(histories(), rules_of_any_kind)
def test_runs_are_disjoint_and_ordered(history: list[Observation], rules: Rules) -> None:
    machine, closed = feed(history, rules)
    everything = closed + close(machine)
    for run in everything:
        assert run.start.mono_ms <= run.end.mono_ms
    for earlier, later in pairwise(everything):
        assert earlier.end.mono_ms <= later.start.mono_ms
    if machine.open is not None and closed:
        assert closed[-1].end.mono_ms <= machine.open.start.mono_ms


@given(histories(), rules_of_any_kind)
def test_nothing_is_claimed_before_the_first_observation_or_behind_the_last(
    history: list[Observation], rules: Rules
) -> None:
    machine, closed = feed(history, rules)
    for run in closed + close(machine):
        assert history[0].at.mono_ms <= run.start.mono_ms
        assert run.end.mono_ms <= history[-1].at.mono_ms


@given(histories(), rules_of_any_kind)
def test_a_run_begins_with_an_observation_of_its_state_and_ends_at_an_observation(
    history: list[Observation], rules: Rules
) -> None:
    instants = {observation.at for observation in history}
    said = {(observation.at, observation.state, observation.cause) for observation in history}
    machine, closed = feed(history, rules)
    for run in closed + close(machine):
        assert (run.start, run.state, run.cause) in said
        assert run.end in instants


@given(histories(), rules_of_any_kind)
def test_too_long_a_silence_is_never_covered(history: list[Observation], rules: Rules) -> None:
    machine, closed = feed(history, rules)
    runs = closed + close(machine)
    for before, after in pairwise(history):
        if after.at.mono_ms - before.at.mono_ms > rules.max_gap_ms:
            assert all(run.end.mono_ms <= before.at.mono_ms or run.start.mono_ms >= after.at.mono_ms for run in runs)


@given(histories(), rules_of_any_kind)
def test_time_that_is_not_covered_lies_behind_a_silence_or_in_an_unfinished_doubt(
    history: list[Observation], rules: Rules
) -> None:
    machine, closed = feed(history, rules)
    gaps_after = {
        later.at.mono_ms
        for earlier, later in pairwise(history)
        if later.at.mono_ms - earlier.at.mono_ms > rules.max_gap_ms
    }
    for earlier, later in pairwise(closed + close(machine)):
        if earlier.end.mono_ms < later.start.mono_ms:
            assert any(earlier.end.mono_ms < gap <= later.start.mono_ms for gap in gaps_after)


def grouped(history: list[Observation], max_gap_ms: int) -> list[tuple[str, str | None, int, int]]:
    """The naive reference where everything is believed at once: equal neighbours belong together."""
    groups: list[list[Observation]] = []
    for observation in history:
        last = groups[-1][-1] if groups else None
        near = last is not None and observation.at.mono_ms - last.at.mono_ms <= max_gap_ms
        if near and last is not None and last[:2] == observation[:2]:
            groups[-1].append(observation)
        else:
            groups.append([observation])
    runs = []
    for group, after in zip(groups, [*groups[1:], None], strict=True):
        last = group[-1].at.mono_ms
        touches = after is not None and after[0].at.mono_ms - last <= max_gap_ms
        end = after[0].at.mono_ms if touches and after is not None else last
        if end > group[0].at.mono_ms:
            runs.append((group[0].state, group[0].cause, group[0].at.mono_ms, end))
    return runs


@given(histories())
def test_where_everything_is_believed_at_once_runs_are_the_groups_of_equal_observations(
    history: list[Observation],
) -> None:
    machine, closed = feed(history, AT_ONCE)
    some = [run for run in closed + close(machine) if run.end > run.start]
    runs = [(run.state, run.cause, run.start.mono_ms, run.end.mono_ms) for run in some]
    assert runs == grouped(history, AT_ONCE.max_gap_ms)


@given(histories(), rules_of_any_kind)
def test_what_was_believed_does_not_depend_on_how_often_the_same_was_seen_at_the_same_moment(
    history: list[Observation], rules: Rules
) -> None:
    """Asking again at once says nothing new about good news; it may only confirm what is in doubt sooner."""
    only_good = [observation for observation in history if observation.state == "playing"]
    doubled = [observation for observation in only_good for _ in range(2)]
    trusting = Rules({}, rules.max_gap_ms)
    assert feed(only_good, trusting)[1] == feed(doubled, trusting)[1]
