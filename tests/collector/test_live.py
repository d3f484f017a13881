"""The live side: what it shows after a restart is what it showed before, and nobody waits for its sums."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, create_engine
from sqlalchemy.pool import StaticPool

from collector.bus import Bus
from collector.evidence import RunRow
from collector.ledger import schema
from collector.ledger.evidence_store import EvidenceStore
from collector.ledger.intake import DeviceRow, Outcome, Received
from collector.ledger.run_queries import runs_since
from collector.live import KEPT_MS, Live, in_slices
from collector.registry.model import Device, PortalCheck, Registry, Subject, VoteRule
from collector.sla.contract import Contract, parse_contract
from common.clock import ManualClock
from common.tasks import cancel, spawn
from tests.fixtures.waiting import PATIENCE_S, until
from wire.messages import BootClock, Gone, Heartbeat, Hello, Output, Run, Runs
from wire.topics import Address

PLAYERS = [Address("acme", name) for name in ("a", "b")]
OUTPUTS = ("main", "side")
NOW = 1_772_366_400_000  # 2026-03-01T12:00:00Z
CONTRACT = parse_contract(
    {"name": "C", "timezone": "Europe/Madrid", "availability": {"weights": {"players": "1"}}}, "c.toml"
)
SUBJECTS = [Subject("acme", player.device, output, "player", "", "c") for player in PLAYERS for output in OUTPUTS]
REGISTRY = Registry(
    devices={str(player): Device("acme", player.device, None, "") for player in PLAYERS},
    subjects={subject.key: subject for subject in SUBJECTS},
)
BOOTS = ("a" * 32, "b" * 32)
SPOOLS = ("1" * 32, "2" * 32)


async def test_a_part_with_a_crowd_of_vantage_points_is_shown_once_a_second_and_not_at_each_vote() -> None:
    part = Subject("acme", "", "portal", "platform", "", "c", check=PortalCheck(votes=VoteRule(["*"])))
    points = [Address("acme", f"shop-{number}") for number in range(101)]
    shown: list[str] = []
    bus, clock = Bus(), ManualClock(NOW)
    bus.publish = lambda event: shown.append(event.kind)  # type: ignore[method-assign]
    live = Live(clock, bus, {"c": CONTRACT})
    devices = {str(point): Device("acme", point.device, None, "") for point in points}
    live.take_registry(Registry(devices=devices, subjects={part.key: part}))
    shown.clear()
    for number, point in enumerate(points):
        row = RunRow(
            number, "s", 1, "check.portal", "up", None, None, False, *("b", "b"), *(0, 9, 0, 9, NOW, NOW, "synced")
        )
        device = DeviceRow(number, point, NOW, NOW, 15_000, "b", 9, False)
        live.take(Outcome(rows=[(point, row)], devices={point: device}))
    assert shown == []
    assert live.platform_view(part).state == "up"
    for _ in range(2):
        live.tick()
        await live.show_crowds()
    assert shown == ["platform"]
    before = live.platform_view(part)
    turned, first = row._replace(device_id=0, seq=2, state="down"), replace(device, id=0, address=points[0])
    live.take(Outcome(rows=[(points[0], turned)], devices={points[0]: first}))
    assert live.platform_view(part) is before
    await live.show_crowds()
    votes = live.platform_view(part).votes
    assert votes is not None
    assert votes.tally.down == 1
    assert shown == ["platform", "platform"]


@st.composite
def messages(draw: st.DrawFn) -> Received:
    """Anything that two devices with two boots, two spools and two outputs each might say, sense or nonsense."""
    received_ms = NOW + draw(st.integers(0, 100_000))
    boot = draw(st.sampled_from(BOOTS))
    mono_ms = draw(st.integers(10_000, 99_000))
    error_ms = draw(st.sampled_from([0, 0, -1000, -NOW + 5_000_000]))
    stamp = {
        "boot": boot,
        "mono_ms": mono_ms,
        "sent_ms": received_ms + error_ms,
        "synced": draw(st.booleans()),
        "spool": draw(st.sampled_from(SPOOLS)),
    }

    def run(**more: object) -> Run:
        fields: dict[str, object] = {
            "seq": draw(st.integers(1, 9)),
            "output": draw(st.sampled_from(OUTPUTS)),
            "state": draw(st.sampled_from(["playing", "frozen", "off"])),
            "start_ms": draw(st.integers(0, NOW)),
            "start_mono_ms": draw(st.integers(0, mono_ms)),
        }
        return Run(**{**fields, **more})  # type: ignore[arg-type]

    def closed() -> Run:
        opened = run(boot=draw(st.sampled_from(BOOTS)), end_ms=NOW)
        opened.end_boot = draw(st.sampled_from([None, *BOOTS]))
        opened.end_mono_ms = opened.start_mono_ms + draw(st.integers(0, 50_000))
        return opened

    kind = draw(st.integers(0, 5))
    body: Hello | Heartbeat | Runs | Gone
    if kind == 0:
        clocks = [BootClock(boot=draw(st.sampled_from(BOOTS)), offset_ms=NOW - draw(st.integers(0, 60_000)))]
        outputs = [Output(id="main")]
        body = Hello(**stamp, agent="1", interval_s=15, outputs=outputs, clocks=clocks)  # type: ignore[arg-type]
    elif kind == 1:
        body = Gone(boot=boot)
    elif kind == 2:
        body = Runs(**stamp, runs=[closed() for _ in range(draw(st.integers(0, 3)))])  # type: ignore[arg-type]
    else:
        body = Heartbeat(**stamp, open=[run() for _ in range(draw(st.integers(0, 2)))])  # type: ignore[arg-type]
    return Received(draw(st.sampled_from(PLAYERS)), body, received_ms)


def new_live(clock: ManualClock, contract: Contract = CONTRACT) -> Live:
    return Live(clock, Bus(), {"c": contract})


@contextmanager
def new_ledger() -> Iterator[Engine]:
    engine = create_engine("sqlite://", poolclass=StaticPool)
    schema.metadata.create_all(engine)
    yield engine
    engine.dispose()


async def restarted(engine: Engine, clock: ManualClock) -> Live:
    live = new_live(clock)
    with engine.begin() as connection:
        live.load(EvidenceStore().load(connection).values())
        missing = live.take_registry(REGISTRY)
        await live.remember(runs_since(connection, missing, live.memory_starts_ms()))
    return live


async def live_and_again(heard: list[Received], sizes: list[int], clock: ManualClock) -> tuple[Live, Live]:
    """A live side that heard everything, and one that starts from the ledger which that left behind."""
    live, store = new_live(clock), EvidenceStore()
    live.take_registry(REGISTRY)
    waiting = sorted(heard, key=lambda received: received.received_ms)
    with new_ledger() as engine:
        while waiting:
            batch, waiting = waiting[: sizes[0]], waiting[sizes[0] :]
            sizes = [*sizes[1:], sizes[0]]
            with engine.begin() as connection:
                outcome = store.apply(connection, batch, [])
            clock.wall = batch[-1].received_ms
            live.take(outcome)
        clock.wall = NOW + 110_000
        live.tick()
        return live, await restarted(engine, clock)


@settings(max_examples=100, deadline=None)
@given(st.lists(messages(), max_size=30), st.lists(st.integers(1, 5), min_size=1, max_size=5))
def test_after_a_restart_it_shows_what_it_showed_before(heard: list[Received], sizes: list[int]) -> None:
    async def check() -> None:
        before, after = await live_and_again(heard, sizes, ManualClock())
        assert after.players() == before.players()
        for subject in SUBJECTS:
            assert list(after.fleet.track(subject).painted()) == list(before.fleet.track(subject).painted())
        await before.compute()
        await after.compute()
        assert after.figures == before.figures

    asyncio.run(check())


def row(seq: int, start_ms: int, end_ms: int, state: str = "playing", *, closed: bool = True) -> RunRow:
    said = ("b", "b", 0, end_ms - start_ms, 0, 0)
    return RunRow(1, "s", seq, "main", state, None, None, closed, *said, start_ms, end_ms, "synced")


def outcome(*rows: RunRow, now_ms: int = NOW) -> Outcome:
    device = DeviceRow(1, PLAYERS[0], NOW, now_ms, boot="b")
    return Outcome(rows=[(PLAYERS[0], each) for each in rows], devices={PLAYERS[0]: device})


async def test_evidence_of_a_finished_month_changes_no_figure_of_this_one_and_is_forgotten() -> None:
    clock = ManualClock(wall=NOW)
    live = new_live(clock)
    live.take_registry(REGISTRY)
    live.take(outcome(row(9, NOW - 60_000, NOW, closed=False)))
    await live.compute()
    before = live.figures["acme/c"]
    long_ago = NOW - KEPT_MS - 86_400_000
    live.take(outcome(row(1, long_ago, long_ago + 3_600_000, "stopped")))
    await live.compute()
    assert live.figures["acme/c"] == before
    await live.prune()
    assert [run.seq for run in live.fleet.track(SUBJECTS[0]).painted()] == [9]


async def test_at_local_midnight_a_new_month_begins_from_the_same_evidence() -> None:
    midnight = NOW + 31 * 86_400_000 - 14 * 3_600_000  # 2026-03-31T22:00:00Z, in Madrid's summer time
    clock = ManualClock(wall=midnight - 1)
    live = new_live(clock)
    live.take_registry(REGISTRY)
    live.take(outcome(row(1, midnight - 7_200_000, midnight + 3_600_000, "stopped"), now_ms=midnight - 1))
    await live.compute()
    march = live.figures["acme/c"]
    assert (march.month, march.players_downtime_ms) == ("2026-03", 7_200_000 - 1)
    clock.advance(1)
    await live.compute()
    assert (live.figures["acme/c"].month, live.figures["acme/c"].players_downtime_ms) == ("2026-04", 0)
    assert live.figures["acme/c"].availability is None  # not begun: not a millisecond has been counted
    clock.advance(3_600_000)
    await live.compute()
    assert live.figures["acme/c"].players_downtime_ms == 3_600_000
    assert live.figures["acme/c"].availability == 1 - Fraction(1, 4)


async def test_others_get_their_turn_while_figures_are_computed() -> None:
    turns = 0

    async def other() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0)
            turns += 1

    def steps() -> Iterator[None]:
        while turns < 5:  # it would never end if it were not interrupted
            yield

    beside = spawn(other(), "other")
    async with asyncio.timeout(PATIENCE_S):
        await in_slices(steps())  # type: ignore[arg-type]  # it returns nothing
    await cancel(beside)


async def test_a_change_is_computed_at_once_and_by_the_event_loop() -> None:
    clock = ManualClock(wall=NOW)
    live = new_live(clock)
    threads: list[threading.Thread] = []
    live.on_figure(lambda _figure: threads.append(threading.current_thread()))
    computing = spawn(live.run(), "figures")
    live.take_registry(REGISTRY)
    await until(lambda: live.figures, "the first figure")
    live.take(outcome(row(1, NOW - 60_000, NOW, "stopped", closed=False)))
    await until(lambda: live.figures["acme/c"].down_now == 1, "the figure has followed")
    await cancel(computing)
    assert set(threads) == {threading.main_thread()}


async def test_a_registry_that_changes_while_figures_are_computed_leaves_no_figure_of_before() -> None:
    live = new_live(ManualClock(wall=NOW))
    live.take_registry(REGISTRY)
    computing = spawn(live.compute(), "figures")
    await asyncio.sleep(0)
    live.take_registry(replace(REGISTRY, subjects={}))
    await computing
    assert live.figures == {}


async def test_a_view_is_made_anew_when_anything_of_it_has_changed() -> None:
    clock = ManualClock(wall=NOW)
    live = new_live(clock)
    live.take_registry(REGISTRY)
    live.take(outcome(row(1, NOW - 60_000, NOW - 30_000, closed=False)))
    view = live.player_view(SUBJECTS[0])
    assert live.player_view(SUBJECTS[0]) is view
    live.take(outcome(row(1, NOW - 60_000, NOW, closed=False)))
    assert live.player_view(SUBJECTS[0]).evidence_ms == NOW
    clock.advance(46_000)
    live.tick()
    assert (live.player_view(SUBJECTS[0]).state, live.player_view(SUBJECTS[0]).link) == ("unknown", "silent")
