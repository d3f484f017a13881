"""Votes in the ledger and in memory: one timeline, in whatever order they came, and a day late too."""

from __future__ import annotations

from itertools import permutations

import pytest
from sqlalchemy import Engine, create_engine
from sqlalchemy.pool import StaticPool

from collector.fleet import Fleet
from collector.intake.reading import MessageRefusedError, check
from collector.ledger import schema
from collector.ledger.evidence_store import EvidenceStore, Received
from collector.registry.model import OWN_DEVICE, Device, PortalCheck, Registry, Subject, VoteRule
from collector.timelines import outages_between, rows_between, runs_between, stays_between, timeline
from wire.messages import Run, Runs
from wire.states import State
from wire.topics import Address
from wire.votes import output_of

NOW = 1_772_323_200_000
MINUTE = 60_000
DAY = 86_400_000
PORTAL = Subject(
    "acme",
    "",
    "portal",
    "platform",
    "Portal",
    "admira",
    check=PortalCheck("http://portal.example/", votes=VoteRule(["*"], patience_s=60)),
)
PLAYER = Subject("acme", "shop-1", "main", "player", "", "admira")
REGISTRY = Registry(
    devices={f"acme/{name}": Device("acme", name, None, name) for name in ("shop-1", "shop-2")},
    subjects={PORTAL.key: PORTAL, PLAYER.key: PLAYER},
)
Told = list[tuple[int, int, str]]


def said(device: str, *states: State, output: str = "", first: int = 0) -> Received:
    """Closed runs of ten minutes each, from NOW on."""
    runs = [
        Run(
            seq=first + number,
            output=output or ("portal" if device == OWN_DEVICE else output_of("portal")),
            state=state,
            boot="b" * 32,
            start_ms=NOW + number * 10 * MINUTE,
            start_mono_ms=number * 10 * MINUTE,
            end_ms=NOW + (number + 1) * 10 * MINUTE,
            end_mono_ms=(number + 1) * 10 * MINUTE,
        )
        for number, state in enumerate(states)
    ]
    mono_ms = 10**6 * 60
    message = Runs(boot="b" * 32, sent_ms=NOW + mono_ms, mono_ms=mono_ms, synced=True, spool="5" * 32, runs=runs)
    return Received(Address("acme", device), message, NOW + DAY)


OWN = said(OWN_DEVICE, "up", "down", "down")
FIRST = said("shop-1", "up", "down", "unknown")
SECOND = said("shop-2", "up", "up", "down")


class Sight:
    """A ledger and a memory that take in the same."""

    def __init__(self) -> None:
        self.engine: Engine = create_engine("sqlite://", poolclass=StaticPool)
        schema.metadata.create_all(self.engine)
        self.store = EvidenceStore()
        self.fleet = Fleet()
        self.fleet.take_registry(REGISTRY)

    def take(self, *received: Received) -> None:
        with self.engine.begin() as connection:
            outcome = self.store.apply(connection, list(received), [])
        self.fleet.changed(outcome, NOW + DAY)

    @property
    def live(self) -> Told:
        return [told(run) for run in self.fleet.track(PORTAL).painted()]

    @property
    def kept(self) -> Told:
        with self.engine.begin() as connection:
            return [told(run) for run in timeline(connection, REGISTRY, PORTAL, NOW, NOW + DAY)]


def minute(instant_ms: int) -> int:
    return (instant_ms - NOW) // MINUTE


def told(run: object) -> tuple[int, int, str]:
    start, end, state = (getattr(run, name) for name in ("start_ms", "end_ms", "state"))
    return (start - NOW) // MINUTE, (end - NOW) // MINUTE, state


@pytest.mark.parametrize("order", list(permutations([OWN, FIRST, SECOND])))
def test_memory_and_ledger_judge_alike_in_whatever_order_votes_come(order: tuple[Received, ...]) -> None:
    sight = Sight()
    for received in order:
        sight.take(received)
        assert sight.live == sight.kept
    assert sight.live == [(0, 10, "up"), (10, 30, "down")]


def test_votes_that_come_a_day_late_change_the_past() -> None:
    sight = Sight()
    sight.take(OWN)
    assert sight.live == sight.kept == [(0, 10, "up"), (10, 30, "down")]
    sight.take(said("shop-1", "up", "up", "up"), said("shop-2", "up", "up", "down"))
    assert sight.live == sight.kept == [(0, 20, "up"), (20, 30, "down")]


def test_the_collector_s_check_alone_is_told_word_for_word_where_nobody_votes() -> None:
    sight = Sight()
    sight.take(OWN, FIRST)
    alone = Subject("acme", "", "portal", "platform", "Portal", "admira", check=PortalCheck("http://portal.example/"))
    with sight.engine.begin() as connection:
        rows = timeline(connection, REGISTRY, alone, NOW, NOW + DAY)
    assert [(told(row), row.spool, row.seq) for row in rows] == [
        ((0, 10, "up"), "5" * 32, 0),
        ((10, 20, "down"), "5" * 32, 1),
        ((20, 30, "down"), "5" * 32, 2),
    ]


def test_every_reader_of_the_past_is_given_the_judged_runs_beside_players_own() -> None:
    sight = Sight()
    sight.take(OWN, FIRST, SECOND, said("shop-2", "playing", output="main", first=9))
    second = Subject("acme", "shop-2", "main", "player", "", "admira")
    with sight.engine.begin() as connection:
        about = connection, REGISTRY, [PORTAL, second], NOW, NOW + DAY
        rows, stays, runs = list(rows_between(*about)), list(stays_between(*about)), list(runs_between(*about))
    places = [(number, state) for number, _, _, state, _ in rows]
    assert places == [(1, "playing"), (0, "up"), (0, "down")]
    assert [(number, stay.state) for number, stay in stays] == places
    assert [(number, run.state) for number, run in runs] == places
    assert "down: _collector, shop-1" in str(runs[-1][1].detail)


def test_an_outage_is_told_from_its_beginning_to_its_end_where_the_range_cuts_it() -> None:
    sight = Sight()
    sight.take(OWN, FIRST, said("shop-2", "up", "up", "down"), said("shop-1", output="main"))
    with sight.engine.begin() as connection:
        about = connection, REGISTRY, PORTAL
        inside = outages_between(*about, NOW + 15 * MINUTE, NOW + 16 * MINUTE, NOW + DAY)
        assert [(minute(one.start_ms), minute(one.end_ms)) for one in inside] == [(10, 30)]
        (outage,) = inside
        assert [cast.ballot for cast in outage.changes[0].cast] == ["down", "down", "up"]
        assert [(minute(change.at_ms), change.tally.down) for change in outage.changes] == [(10, 2), (20, 2)]
        assert outages_between(*about, NOW + 40 * MINUTE, NOW + DAY, NOW + DAY) == []
        assert outages_between(connection, REGISTRY, PLAYER, NOW, NOW + DAY, NOW + DAY) == []


def test_a_check_is_no_newcomer_s_output() -> None:
    sight = Sight()
    sight.take(FIRST, said("shop-2", "up"))
    assert [newcomer.outputs for newcomer in sight.fleet.newcomers()] == []


def test_what_others_than_named_points_say_is_kept_and_does_not_count() -> None:
    sight = Sight()
    sight.take(OWN, said("stranger", "up", "up", "up"))
    assert sight.live == sight.kept == [(0, 10, "up"), (10, 30, "down")]


def test_only_a_check_may_be_up_or_down() -> None:
    check(FIRST.message, NOW + DAY)
    with pytest.raises(MessageRefusedError, match="says 'down', which is no state of a player"):
        check(said("shop-1", "down", output="main").message, NOW + DAY)
