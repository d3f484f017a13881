import pytest

from collector.evidence import RunRow
from collector.fleet import Fleet
from collector.ledger.evidence_store import DeviceRow, Outcome
from collector.registry.model import Device, Registry, Subject
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


def test_a_new_state_looks_different(fleet: Fleet) -> None:
    fleet.changed(outcome(row(1, 0, 1000)), NOW)
    changed = fleet.changed(outcome(row(1, 0, 5000, closed=True), row(2, 5000, 6000, "frozen")), NOW)
    assert changed == {(PLAYER, "main")}
    current = fleet.current(SUBJECT)
    assert current is not None
    assert current.state == "frozen"


def test_late_history_does_not_disturb_the_present(fleet: Fleet) -> None:
    fleet.changed(outcome(row(9, 50_000, 60_000)), NOW)
    assert fleet.changed(outcome(row(1, 0, 5000, "stopped", closed=True)), NOW) == set()
    assert [each.seq for each in fleet.track(SUBJECT).runs_sorted()] == [1, 9]


def test_a_closed_run_is_not_opened_again_by_a_late_heartbeat(fleet: Fleet) -> None:
    fleet.changed(outcome(row(1, 0, 5000, closed=True)), NOW)
    fleet.changed(outcome(row(1, 0, 9000)), NOW)
    assert fleet.track(SUBJECT).evidence_ms == NOW + 5000


def test_a_run_that_moved_in_true_time_takes_its_new_place(fleet: Fleet) -> None:
    fleet.changed(outcome(row(1, 0, 5000, closed=True), row(2, 5000, 9000)), NOW)
    moved = row(2, 5000, 9000)._replace(start_ms=NOW - 20_000, end_ms=NOW - 16_000)
    fleet.changed(outcome(moved), NOW)
    assert [each.seq for each in fleet.track(SUBJECT).runs_sorted()] == [2, 1]
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
    fleet.heard(PLAYER, Heartbeat(**stamp, open=[]), NOW)  # type: ignore[arg-type]
    state = fleet.device(PLAYER)
    assert state is not None
    assert state.host == {"cpu_percent": 12.5}


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
    assert [each.seq for each in fleet.track(SUBJECT).runs_sorted()] == [2]
