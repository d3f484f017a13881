"""The ledger is a set with a join: lost, repeated and reordered messages change nothing (SPEC part 4)."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from sqlalchemy import Engine, create_engine, delete, select
from sqlalchemy.pool import StaticPool

from collector.evidence import RunRow
from collector.ledger import schema
from collector.ledger.clock_history import clocks_of
from collector.ledger.evidence_store import EvidenceStore
from collector.ledger.intake import Outcome, Received, Refused
from collector.ledger.revision_store import first_evidence_ms
from collector.ledger.run_queries import runs_of, runs_since
from wire.messages import BootClock, Gone, Heartbeat, Hello, Output, Run, Runs
from wire.topics import Address

PLAYER = Address("acme", "player-1")
SPOOL = "5" * 32
START_WALL = 1_772_323_200_000
BOOT = "a" * 32


def new_ledger() -> Engine:
    engine = create_engine("sqlite://", poolclass=StaticPool)
    schema.metadata.create_all(engine)
    return engine


def emptied(engine: Engine) -> Engine:
    with engine.begin() as connection:
        for table in reversed(schema.metadata.sorted_tables):
            connection.execute(delete(table))
    return engine


def join(
    engine: Engine, store: EvidenceStore, received: Iterable[Received], refused: Iterable[Refused] = ()
) -> Outcome:
    with engine.begin() as connection:
        return store.apply(connection, received, refused)


def ready(engine: Engine) -> EvidenceStore:
    store = EvidenceStore()
    with engine.begin() as connection:
        store.load(connection)
    return store


def contents(engine: Engine) -> set[tuple[object, ...]]:
    with engine.begin() as connection:
        return {tuple(row) for row in connection.execute(select(schema.runs))}


@dataclass
class Player:
    """A small truthful device: makes the messages that an agent would."""

    wall: int = START_WALL
    mono: int = 10_000
    boot: str = BOOT
    synced: bool = True
    seq: int = 0
    state: str = "playing"
    started: tuple[int, int] = (10_000, START_WALL)
    closed: list[Run] = field(default_factory=list)
    messages: list[Received] = field(default_factory=list)

    def send(self, body: Heartbeat | Runs | Hello, lag_ms: int = 40) -> None:
        self.messages.append(Received(PLAYER, body, self.wall + lag_ms))

    def stamp(self) -> dict[str, object]:
        return {"boot": self.boot, "sent_ms": self.wall, "mono_ms": self.mono, "synced": self.synced, "spool": SPOOL}

    def run(self) -> Run:
        return Run(
            seq=self.seq, output="main", state=self.state, start_mono_ms=self.started[0], start_ms=self.started[1]
        )

    def live(self, milliseconds: int) -> None:
        self.mono += milliseconds
        self.wall += milliseconds
        self.send(Heartbeat(**self.stamp(), open=[self.run()]))

    def become(self, state: str) -> None:
        run = self.run()
        run.end_mono_ms, run.end_ms, run.boot = self.mono, self.wall, self.boot
        self.closed.append(run)
        self.seq, self.state, self.started = self.seq + 1, state, (self.mono, self.wall)
        self.send(Runs(**self.stamp(), runs=[run]))

    def say_all_again(self) -> None:
        self.send(Runs(**self.stamp(), runs=list(self.closed)))


@st.composite
def histories(draw: st.DrawFn) -> list[Received]:
    player = Player(synced=draw(st.booleans()))
    for _ in range(draw(st.integers(1, 6))):
        player.live(draw(st.integers(1, 40_000)))
        if draw(st.booleans()):
            player.become(draw(st.sampled_from(["playing", "frozen", "stopped"])))
        if draw(st.booleans()):
            player.synced = True  # the clock is disciplined at last
    player.say_all_again()
    return player.messages


@pytest.fixture(scope="module")
def two_ledgers() -> Iterator[tuple[Engine, Engine]]:
    """Kept over all examples, and emptied before each: statements are prepared once."""
    pair = new_ledger(), new_ledger()
    yield pair
    for engine in pair:
        engine.dispose()


@settings(max_examples=150, deadline=None)
@given(messages=histories(), chance=st.randoms(use_true_random=False))
def test_order_repetition_and_restarts_of_the_collector_change_nothing(
    two_ledgers: tuple[Engine, Engine], messages: list[Received], chance: object
) -> None:
    straight, crooked = map(emptied, two_ledgers)
    join(straight, ready(straight), messages)
    shuffled = messages * 2
    chance.shuffle(shuffled)  # type: ignore[attr-defined]
    while shuffled:
        size = chance.randint(1, len(shuffled))  # type: ignore[attr-defined]
        batch, shuffled = shuffled[:size], shuffled[size:]
        join(crooked, ready(crooked), batch)
    assert contents(crooked) == contents(straight)


def test_a_lost_heartbeat_changes_nothing_once_the_run_has_closed() -> None:
    player = Player()
    for _ in range(3):
        player.live(15_000)
    player.become("frozen")
    everything, without = new_ledger(), new_ledger()
    join(everything, ready(everything), player.messages)
    join(without, ready(without), player.messages[-1:])
    assert contents(without) == contents(everything)


def test_closed_runs_are_acknowledged_and_open_ones_are_not() -> None:
    player = Player()
    player.live(15_000)
    player.become("frozen")
    player.live(15_000)
    engine = new_ledger()
    outcome = join(engine, ready(engine), player.messages)
    assert dict(outcome.acks) == {(PLAYER, SPOOL): [0]}


def test_repeated_runs_are_acknowledged_again_since_the_first_ack_may_be_lost() -> None:
    player = Player()
    player.live(1000)
    player.become("frozen")
    engine = new_ledger()
    store = ready(engine)
    join(engine, store, player.messages)
    assert dict(join(engine, store, player.messages).acks) == {(PLAYER, SPOOL): [0]}


def test_runs_move_to_their_true_time_when_the_clock_becomes_known() -> None:
    player = Player(wall=5_000, synced=False, started=(10_000, 5_000))  # a board that boots in 1970
    player.live(15_000)
    player.become("frozen")
    late = [Received(PLAYER, received.message, START_WALL) for received in player.messages]
    engine = new_ledger()
    store = ready(engine)
    join(engine, store, late)
    assert {row[-1] for row in contents(engine)} == {"received"}
    player.wall, player.synced = START_WALL + 60_000, True
    player.messages.clear()
    player.live(0)
    outcome = join(engine, store, player.messages)
    truth = START_WALL + 60_000 - player.mono
    assert all((row[-3], row[-1]) == (row[10] + truth, "synced") for row in contents(engine))
    assert {row.seq for _, row in outcome.rows} == {0, 1}  # the live view hears of what moved


def test_an_offline_boot_is_placed_by_what_the_next_boot_remembers() -> None:
    player = Player(wall=7_000, synced=False, started=(10_000, 7_000))
    player.mono += 60_000
    player.wall += 60_000
    player.become("frozen")
    player.boot, player.mono, player.wall, player.synced = "c" * 32, 5_000, START_WALL + 900_000, True
    player.messages.clear()
    player.say_all_again()
    engine = new_ledger()
    store = ready(engine)
    join(engine, store, player.messages)
    assert {row[-1] for row in contents(engine)} == {"estimated"}
    hello = Hello(
        **player.stamp(),  # type: ignore[arg-type]
        agent="1",
        interval_s=15,
        outputs=[Output(id="main")],
        clocks=[BootClock(boot=BOOT, offset_ms=START_WALL - 10_000)],
    )
    join(engine, store, [Received(PLAYER, hello, player.wall)])
    (row,) = contents(engine)
    assert RunRow(*row).start_ms == START_WALL  # type: ignore[arg-type]
    assert RunRow(*row).clock == "synced"  # type: ignore[arg-type]


def test_an_offline_boot_is_placed_by_its_runs_own_message_although_the_hello_was_lost() -> None:
    player = Player(started=(10_000, START_WALL))
    offset_ms = player.wall - player.mono
    player.mono += 60_000
    player.wall += 60_000
    player.become("frozen")
    player.boot, player.mono, player.wall = "c" * 32, 5_000, START_WALL + 900_000
    engine = new_ledger()
    told = [BootClock(boot=BOOT, offset_ms=offset_ms)]
    runs = Runs(**player.stamp(), runs=list(player.closed), clocks=told)  # type: ignore[arg-type]
    join(engine, ready(engine), [Received(PLAYER, runs, player.wall)])
    (row,) = contents(engine)
    assert RunRow(*row).start_ms == 10_000 + offset_ms  # type: ignore[arg-type]
    assert RunRow(*row).clock == "synced"  # type: ignore[arg-type]


def test_the_live_view_is_told_what_the_ledger_holds_and_not_what_was_said() -> None:
    player = Player()
    player.live(15_000)
    late = player.messages[0]
    player.become("frozen")
    engine = new_ledger()
    store = ready(engine)
    outcome = join(engine, store, player.messages)
    assert {tuple(row) for _, row in outcome.rows} == contents(engine)
    assert join(engine, store, [late]).rows == []  # a closed run is not opened again
    stolen = Runs(**player.stamp(), runs=[replace(player.closed[0], output="side")])  # type: ignore[arg-type]
    assert join(engine, store, [Received(PLAYER, stolen, player.wall)]).rows == []


def test_a_name_keeps_its_output() -> None:
    player = Player()
    player.live(15_000)
    player.live(15_000)
    heartbeat = player.messages.pop().message
    assert isinstance(heartbeat, Heartbeat)
    heartbeat.open[0].output = "side"
    engine = new_ledger()
    store = ready(engine)
    join(engine, store, player.messages)
    assert join(engine, store, [Received(PLAYER, heartbeat, player.wall)]).rows == []
    assert {row[3] for row in contents(engine)} == {"main"}


def test_a_last_will_marks_the_device_gone_until_it_speaks_again() -> None:
    player = Player()
    player.live(1000)
    engine = new_ledger()
    store = ready(engine)
    join(engine, store, player.messages)
    outcome = join(engine, store, [Received(PLAYER, Gone(boot=BOOT), player.wall)])
    assert outcome.devices[PLAYER].gone
    player.live(1000)
    assert not join(engine, store, player.messages[-1:]).devices[PLAYER].gone


def test_a_last_will_of_an_earlier_boot_says_nothing_about_this_one() -> None:
    player = Player()
    player.live(1000)
    engine = new_ledger()
    store = ready(engine)
    join(engine, store, player.messages)
    assert not join(engine, store, [Received(PLAYER, Gone(boot="e" * 32), player.wall)]).devices[PLAYER].gone


def test_devices_keep_their_number_over_a_restart_of_the_collector() -> None:
    engine = new_ledger()
    for name in ("b", "a", "c"):
        player = Player()
        player.live(1000)
        join(engine, ready(engine), [Received(Address("acme", name), player.messages[0].message, player.wall)])
    with engine.begin() as connection:
        names = {row.device: row.id for row in connection.execute(select(schema.devices))}
    assert names == {"b": 1, "a": 2, "c": 3}


def test_refused_messages_are_kept_with_their_bytes() -> None:
    engine = new_ledger()
    join(engine, ready(engine), [], [Refused(START_WALL, "signwatch/v1/zz", "topic", "no such topic", b"\xff\x00")])
    with engine.begin() as connection:
        (row,) = connection.execute(select(schema.quarantine))
    assert (row.topic, row.reason, row.body) == ("signwatch/v1/zz", "topic", b"\xff\x00")


@pytest.fixture
def with_a_day() -> Engine:
    player = Player()
    for state in ("frozen", "playing", "stopped"):
        player.live(10_000)
        player.become(state)
    player.live(10_000)
    engine = new_ledger()
    join(engine, ready(engine), player.messages)
    return engine


def test_a_timeline_holds_the_runs_that_touch_the_interval_half_open(with_a_day: Engine) -> None:
    with with_a_day.begin() as connection:
        rows = runs_of(connection, PLAYER, "main", START_WALL + 10_000, START_WALL + 20_000)
    assert [(row.start_ms - START_WALL, row.end_ms - START_WALL, row.state) for row in rows] == [
        (10_000, 20_000, "frozen")
    ]


def test_the_live_view_starts_from_recent_runs_and_the_last_word_of_each_output(with_a_day: Engine) -> None:
    strangers = (Address("acme", "player-9"), "main"), (PLAYER, "side")
    with with_a_day.begin() as connection:
        recent = runs_since(connection, [(PLAYER, "main"), *strangers], START_WALL + 20_000)
        last = runs_since(connection, [(PLAYER, "main"), *strangers], START_WALL + 10**9)
        nothing = runs_since(connection, strangers, 0)
    assert sorted(row.state for _, row in recent) == ["playing", "stopped"]
    assert [(address, row.state, row.closed) for address, row in last] == [(PLAYER, "stopped", False)]
    assert nothing == []


def test_thousands_of_outputs_are_asked_for_in_portions(with_a_day: Engine) -> None:
    places = [(PLAYER, "main"), *((PLAYER, f"side-{number}") for number in range(1000))]
    with with_a_day.begin() as connection:
        assert len(runs_since(connection, places, 0)) == 4


YEARS_MS = 9 * 365 * 86_400_000
LATER_BOOT = "c" * 32


def told_by_a_later_boot(year_ms: int) -> list[Received]:
    """An hour offline by a clock that shows another year; the next boot tells of it twice, and has a new spool."""
    player = Player(wall=START_WALL + year_ms, synced=False, started=(10_000, START_WALL + year_ms))
    for state in ("frozen", "playing"):
        player.mono, player.wall = player.mono + 1_800_000, player.wall + 1_800_000
        player.become(state)
    player.messages.clear()
    player.boot, player.mono, player.wall, player.synced = LATER_BOOT, 60_000, START_WALL + 7_200_000, True
    player.say_all_again()
    player.mono, player.wall = player.mono + 5_000, player.wall + 5_000
    player.say_all_again()
    run = Run(seq=0, output="main", state="playing", start_mono_ms=60_000, start_ms=START_WALL + 7_200_000)
    spool = player.stamp() | {"spool": "6" * 32}
    player.send(Heartbeat(**spool, open=[run]))  # type: ignore[arg-type]
    return player.messages


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0, 1)])
def test_a_boot_that_shows_a_year_to_come_had_ended_when_the_one_began_that_tells_of_it(order: tuple[int, ...]) -> None:
    messages = told_by_a_later_boot(YEARS_MS)
    engine = new_ledger()
    for number in order:
        join(engine, ready(engine), [messages[number]])
    rows = sorted((RunRow(*row) for row in contents(engine)), key=lambda row: row.start_ms)  # type: ignore[arg-type]
    began_ms = START_WALL + 7_200_000 - 60_000 + 40  # by the first message, which was 40 ms under way
    assert [(row.state, row.clock, row.end_ms - row.start_ms) for row in rows[:2]] == [
        ("playing", "estimated", 1_800_000),
        ("frozen", "estimated", 1_800_000),
    ]
    assert (rows[0].end_ms, rows[1].end_ms) == (rows[1].start_ms, began_ms)
    assert rows[2].start_ms >= rows[1].end_ms  # and the present is painted by nobody else
    with engine.begin() as connection:
        views = {view.boot: view for view in clocks_of(connection, 1)}
        assert first_evidence_ms(connection, [(PLAYER, "main")]) == rows[2].start_ms
    assert (views[BOOT].early_ms, views[BOOT].late_ms) == (None, 0)


def test_a_clock_that_can_have_been_right_is_quoted_still() -> None:
    engine = new_ledger()
    join(engine, ready(engine), told_by_a_later_boot(0))
    starts = {row.start_ms for row in (RunRow(*row) for row in contents(engine)) if row.boot == BOOT}  # type: ignore[arg-type]
    assert starts == {START_WALL, START_WALL + 1_800_000}
