from dataclasses import replace

import pytest

from collector.evidence import RunRow
from collector.fleet import Fleet
from collector.ledger.intake import DeviceRow, Outcome
from collector.registry.model import Device, PortalCheck, Registry, Subject, VoteRule
from collector.steps import to_the_end
from wire.messages import Heartbeat
from wire.topics import Address

PLAYER = Address("acme", "player-1")
NOW = 1_772_323_200_000
SUBJECT = Subject("acme", "player-1", "main", "player", "", "admira")


def row(seq: int, start: int, end: int, state: str = "playing", closed: bool = False) -> RunRow:
    return RunRow(
        1,
        "spool",
        seq,
        "main",
        state,
        None,
        None,
        closed,
        "boot",
        "boot",
        start,
        end,
        0,
        0,
        NOW + start,
        NOW + end,
        "synced",
    )


def device(last_received_ms: int = NOW, gone: bool = False) -> DeviceRow:
    return DeviceRow(1, PLAYER, NOW, last_received_ms, 15_000, "boot", 0, gone, {"outputs": [{"id": "main"}]})


def outcome(*rows: RunRow, of: DeviceRow | None = None) -> Outcome:
    return Outcome(rows=[(PLAYER, each) for each in rows], devices={PLAYER: of or device()})


@pytest.fixture
def fleet() -> Fleet:
    fleet = Fleet()
    fleet.take_registry(
        Registry(devices={"acme/player-1": Device("acme", "player-1", None, "")}, subjects={SUBJECT.key: SUBJECT})
    )
    return fleet


def test_an_extension_of_the_open_run_changes_nothing_to_look_at(fleet: Fleet) -> None:
    assert fleet.changed(outcome(row(1, 0, 1000)), NOW) == {(PLAYER, "main")}
    assert fleet.changed(outcome(row(1, 0, 16_000)), NOW) == set()
    assert fleet.track(SUBJECT).evidence_ms == NOW + 16_000


def crowd(fleet: Fleet, points: int, runs: int) -> Subject:
    """A platform part on which so many vantage points vote, each with so many runs, the last of which is open."""
    part = Subject("acme", "", "portal", "platform", "", "admira", check=PortalCheck(votes=VoteRule(["*"])))
    names = [f"shop-{number}" for number in range(points)]
    devices = {f"acme/{name}": Device("acme", name, None, "") for name in names}
    fleet.take_registry(Registry(devices=devices, subjects={part.key: part}))
    for name in names:
        vote(fleet, name, *(("up" if run % 2 else "down", run * 1000, run * 1000 + 1000) for run in range(runs)))
    return part


def vote(fleet: Fleet, name: str, *said: tuple[str, int, int]) -> None:
    address = Address("acme", name)
    rows = [
        row(begun, begun, until, state)._replace(output="check.portal", end_mono_ms=10**9)
        for state, begun, until in said
    ]
    known = DeviceRow(1, address, NOW, NOW, 15_000, "boot", 10**9, False, {"outputs": [{"id": "check.portal"}]})
    fleet.changed(Outcome(rows=[(address, each) for each in rows], devices={address: known}), NOW)


def test_what_thousands_of_votes_make_is_judged_in_small_steps(fleet: Fleet) -> None:
    part = crowd(fleet, 300, 4)
    steps = sum(1 for _ in fleet.judging(part))
    assert steps > 600  # each point is taken in and painted by itself
    assert [one.state for one in fleet.track(part).painted()] == ["down", "up", "down", "up"]


def test_a_glance_at_a_crowd_is_what_was_judged_last_and_a_figure_judges_anew(fleet: Fleet) -> None:
    part = crowd(fleet, 301, 1)
    assert fleet.glance(part).newest is None
    assert fleet.track(part).evidence_ms == NOW + 1000
    for number in range(301):
        vote(fleet, f"shop-{number}", ("down", 0, 5000))
    assert fleet.glance(part).evidence_ms == NOW + 1000
    assert fleet.track(part).evidence_ms == NOW + 5000
    assert fleet.glance(part).evidence_ms == NOW + 5000


def test_a_vote_that_comes_while_a_crowd_is_judged_is_judged_the_next_time(fleet: Fleet) -> None:
    part = crowd(fleet, 301, 1)
    steps = fleet.judging(part)
    for _ in range(400):
        next(steps)
    for number in range(301):
        vote(fleet, f"shop-{number}", ("down", 0, 5000))
    assert to_the_end(steps).evidence_ms == NOW + 1000
    assert fleet.track(part).evidence_ms == NOW + 5000


def test_the_few_votes_of_most_parts_are_judged_at_a_glance(fleet: Fleet) -> None:
    part = crowd(fleet, 3, 2)
    newest = fleet.glance(part).newest
    assert newest is not None
    assert newest.state == "up"


def test_a_new_state_looks_different(fleet: Fleet) -> None:
    fleet.changed(outcome(row(1, 0, 1000)), NOW)
    changed = fleet.changed(outcome(row(1, 0, 5000, closed=True), row(2, 5000, 6000, "frozen")), NOW)
    assert changed == {(PLAYER, "main")}
    current = fleet.current(SUBJECT)
    assert current is not None
    assert current.state == "frozen"


def test_a_vote_looks_different_when_it_turns_and_not_with_every_latency() -> None:
    portal = Subject("acme", "", "portal", "platform", "", None, check=PortalCheck(votes=VoteRule(["player-1"])))
    fleet = Fleet()
    fleet.take_registry(
        Registry(devices={"acme/player-1": Device("acme", "player-1", None, "")}, subjects={portal.key: portal})
    )
    vote = row(1, 0, 1000, "up")._replace(output="check.portal", detail="status 200 in 12 ms")
    assert fleet.changed(outcome(vote), NOW) == {(PLAYER, "check.portal")}
    again = vote._replace(end_mono_ms=2000, end_ms=NOW + 2000, detail="status 200 in 9 ms")
    assert fleet.changed(outcome(again), NOW) == set()
    down = row(2, 2000, 3000, "down")._replace(output="check.portal", detail="status 503")
    assert fleet.changed(outcome(again._replace(closed=True), down), NOW) == {(PLAYER, "check.portal")}
    current = fleet.current(portal)
    assert current is not None
    assert current.state == "down"


def test_late_history_does_not_disturb_the_present(fleet: Fleet) -> None:
    fleet.changed(outcome(row(9, 50_000, 60_000)), NOW)
    assert fleet.changed(outcome(row(1, 0, 5000, "stopped", closed=True)), NOW) == set()
    assert [each.seq for each in fleet.track(SUBJECT).painted()] == [1, 9]


def test_a_run_that_moved_in_true_time_takes_its_new_place(fleet: Fleet) -> None:
    fleet.changed(outcome(row(1, 0, 5000, closed=True), row(2, 5000, 9000)), NOW)
    moved = row(2, 5000, 9000)._replace(start_ms=NOW - 20_000, end_ms=NOW - 16_000)
    fleet.changed(outcome(moved), NOW)
    assert [each.seq for each in fleet.track(SUBJECT).painted()] == [2, 1]
    newest = fleet.track(SUBJECT).newest
    assert newest is not None
    assert newest.seq == 1


def test_three_silent_intervals_make_a_device_silent_and_a_word_brings_it_back(fleet: Fleet) -> None:
    fleet.changed(outcome(row(1, 0, 1000)), NOW)
    assert fleet.tick(NOW + 45_000) == set()
    assert fleet.tick(NOW + 45_001) == {(PLAYER, "main")}
    assert fleet.link(PLAYER) == "silent"
    assert fleet.changed(outcome(row(1, 0, 50_000), of=device(NOW + 50_000)), NOW + 50_000) == {(PLAYER, "main")}
    assert fleet.link(PLAYER) == "online"


def test_a_last_will_is_believed_at_once(fleet: Fleet) -> None:
    fleet.changed(outcome(row(1, 0, 1000)), NOW)
    assert fleet.changed(outcome(of=device(gone=True)), NOW) == {(PLAYER, "main")}
    assert fleet.link(PLAYER) == "gone"


def test_a_device_that_never_spoke_is_never_and_not_silent(fleet: Fleet) -> None:
    assert fleet.link(PLAYER) == "never"


def test_after_a_restart_a_device_that_fell_silent_meanwhile_is_silent(fleet: Fleet) -> None:
    fleet.load([device(NOW - 60_000)], NOW)
    fleet.remember([(PLAYER, row(1, 0, 1000))])
    assert fleet.link(PLAYER) == "silent"


def test_host_figures_are_those_of_the_last_heartbeat_that_had_any(fleet: Fleet) -> None:
    fleet.changed(outcome(row(1, 0, 1000)), NOW)
    stamp = {"spool": "s", "boot": "b", "sent_ms": NOW, "mono_ms": 1, "synced": True}
    fleet.heard(PLAYER, Heartbeat(**stamp, open=[], host={"cpu_percent": 12.5}), NOW)  # type: ignore[arg-type]
    fleet.heard(PLAYER, Heartbeat(**stamp, open=[]), NOW + 15_000)  # type: ignore[arg-type]
    state = fleet.device(PLAYER)
    assert state is not None
    assert (state.host, state.host_ms, state.last_heard_ms) == ({"cpu_percent": 12.5}, NOW, NOW + 15_000)
    fleet.clock_stepped(3_600_000)
    assert state.host_ms == NOW + 3_600_000  # its age is what it was
    fleet.heard(PLAYER, Heartbeat(**stamp, open=[], host={"load_1m": 0.5}), NOW + 30_000)  # type: ignore[arg-type]
    assert (state.host, state.host_ms) == ({"load_1m": 0.5}, NOW + 30_000)


def test_an_unregistered_device_is_a_newcomer_with_a_ready_text(fleet: Fleet) -> None:
    stranger = Address("acme", "player-9")
    fleet.changed(
        Outcome(rows=[(stranger, row(1, 0, 1000))], devices={stranger: DeviceRow(2, stranger, NOW, NOW)}), NOW
    )
    (newcomer,) = fleet.newcomers()
    assert (newcomer.device, newcomer.outputs) == ("player-9", ("main",))
    assert 'id = "player-9"' in newcomer.registry_toml


def test_pruning_forgets_the_past_but_not_the_last_word(fleet: Fleet) -> None:
    fleet.changed(outcome(row(1, 0, 5000, closed=True), row(2, 5000, 9000)), NOW)
    list(fleet.pruning(NOW + 10**9))
    assert [each.seq for each in fleet.track(SUBJECT).painted()] == [2]


def current_state(fleet: Fleet) -> str | None:
    current = fleet.current(SUBJECT)
    return current.state if current else None


def test_an_output_that_its_agent_no_longer_speaks_of_is_unknown_though_the_device_answers(fleet: Fleet) -> None:
    fleet.changed(outcome(row(1, 0, 1000), of=replace(device(), mono_ms=1000)), NOW)
    assert current_state(fleet) == "playing"
    assert fleet.changed(outcome(of=replace(device(), mono_ms=46_000)), NOW) == set()
    assert current_state(fleet) == "playing"
    assert fleet.changed(outcome(of=replace(device(), mono_ms=46_001)), NOW) == {(PLAYER, "main")}
    assert current_state(fleet) is None
    assert fleet.link(PLAYER) == "online"


def test_after_a_reboot_the_run_of_the_boot_before_says_nothing_of_now(fleet: Fleet) -> None:
    fleet.changed(outcome(row(1, 0, 1000)), NOW)
    assert fleet.changed(outcome(of=replace(device(), boot="next", mono_ms=500)), NOW) == {(PLAYER, "main")}
    assert current_state(fleet) is None


def test_of_two_agents_with_one_name_the_one_that_still_speaks_is_believed(fleet: Fleet) -> None:
    one, other = row(1, 0, 9000), row(7, 4000, 9000, "frozen")._replace(spool="other")
    fleet.changed(outcome(one, other), NOW)
    assert current_state(fleet) == "frozen"  # it began later
    fleet.changed(outcome(row(1, 0, 12_000), other._replace(closed=True)), NOW)
    assert current_state(fleet) == "playing"


def test_a_run_that_an_unset_clock_put_into_the_future_does_not_hide_the_present(fleet: Fleet) -> None:
    years = 10**12
    future = row(1, years, years + 5000, closed=True)._replace(clock="estimated")
    fleet.changed(outcome(future, row(2, 0, 1000)), NOW)
    assert current_state(fleet) == "playing"
    assert fleet.track(SUBJECT).evidence_ms == NOW + 1000


def test_a_clock_that_is_set_makes_nobody_silent_and_keeps_nobody_alive(fleet: Fleet) -> None:
    hour = 3_600_000
    for step in (hour, -hour):
        fleet.changed(outcome(row(1, 0, 1000)), NOW)
        fleet.clock_stepped(step)
        assert fleet.tick(NOW + step + 45_000) == set()
        assert fleet.tick(NOW + step + 45_001) == {(PLAYER, "main")}
        fleet.clock_stepped(-step)


def test_a_word_from_the_future_of_a_clock_set_back_keeps_nobody_alive(fleet: Fleet) -> None:
    fleet.changed(outcome(row(1, 0, 1000), of=device(NOW + 3_600_000)), NOW)
    assert fleet.tick(NOW + 45_001) == {(PLAYER, "main")}
    again = Fleet()
    again.take_registry(fleet.registry)
    again.load([device(NOW + 3_600_000)], NOW)
    assert again.link(PLAYER) == "online"
    assert again.tick(NOW + 45_001) == {(PLAYER, "main")}


def test_of_thousands_of_strangers_only_their_names_are_kept(fleet: Fleet) -> None:
    for number in range(100):
        stranger = Address("acme", f"stranger-{number:04d}")
        rows = [(stranger, row(seq, seq, seq + 1)._replace(output=f"out-{seq:04d}")) for seq in range(100)]
        fleet.changed(Outcome(rows=rows, devices={stranger: DeviceRow(number + 2, stranger, NOW, NOW)}), NOW)
    newcomers = list(fleet.newcomers())
    assert [newcomer.device for newcomer in newcomers] == [f"stranger-{number:04d}" for number in range(100)]
    assert {len(newcomer.outputs) for newcomer in newcomers} == {64}
    assert sum(len(tracks) for tracks in fleet._outputs.values()) == 1  # the registered one


def test_evidence_of_before_the_registration_is_asked_for_once(fleet: Fleet) -> None:
    side = Subject("acme", "player-1", "side", "player", "", "admira")
    fleet.changed(outcome(row(3, 2000, 3000)._replace(output="side")), NOW)
    devices = {"acme/player-1": Device("acme", "player-1", None, "")}
    assert [newcomer.outputs for newcomer in fleet.newcomers()] == [("side",)]
    registry = Registry(devices=devices, subjects={SUBJECT.key: SUBJECT, side.key: side})
    assert fleet.take_registry(registry) == {(PLAYER, "side")}
    assert list(fleet.newcomers()) == []
    fleet.changed(outcome(row(3, 2000, 9000)._replace(output="side")), NOW)  # the present does not wait for the past
    stale = [(PLAYER, row(2, 0, 2000, closed=True)._replace(output="side")), (PLAYER, row(3, 2000, 3000))]
    stale[1] = (PLAYER, stale[1][1]._replace(output="side"))
    fleet.remember(stale)
    assert [(each.seq, each.end_ms - NOW) for each in fleet.track(side).painted()] == [(2, 2000), (3, 9000)]
    assert fleet.take_registry(registry) == set()


def test_what_the_ledger_had_does_not_undo_what_is_known_by_now(fleet: Fleet) -> None:
    fleet.changed(outcome(row(1, 100, 5100, closed=True)), NOW)  # its boot's clock became known meanwhile
    fleet.remember([(PLAYER, row(1, 0, 5000, closed=True))])
    assert [each.start_ms for each in fleet.track(SUBJECT).painted()] == [NOW + 100]


def test_a_player_that_leaves_the_registry_is_a_newcomer_again(fleet: Fleet) -> None:
    fleet.changed(outcome(row(1, 0, 1000)), NOW)
    fleet.take_registry(Registry())
    assert [(each.device, each.outputs) for each in fleet.newcomers()] == [("player-1", ("main",))]
    assert fleet.current(SUBJECT) is None
