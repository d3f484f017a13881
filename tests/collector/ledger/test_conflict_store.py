"""Two machines with one name, on a real ledger: told with proof, the evidence of both kept and never mixed."""

import json
from collections.abc import Iterable
from typing import Any

import pytest
from sqlalchemy import select

from collector.intake.reading import Statement
from collector.ledger import schema
from collector.ledger.conflict_store import ConflictRow, read_conflicts
from collector.ledger.evidence_store import EvidenceStore
from collector.ledger.intake import Outcome, Received
from collector.ledger.ledger import Ledger
from collector.ledger.quarantine_store import kept_messages
from wire.messages import Heartbeat, Hello, Run, Runs
from wire.topics import Address

PLAYER = Address("acme", "p1")
START = 1_772_323_200_000
HOUR = 3_600_000


class Machine:
    """One player's agent: a boot that began at `born_ms`, and a spool."""

    def __init__(self, boot: str, born_ms: int, spool: str, *, synced: bool = True) -> None:
        self.boot, self.born_ms, self.spool, self.synced = boot * 32, born_ms, spool * 16, synced

    def stamp(self, now_ms: int) -> dict[str, Any]:
        mono_ms = now_ms - self.born_ms
        said = {"boot": self.boot, "sent_ms": now_ms, "mono_ms": mono_ms, "synced": self.synced}
        return {**said, "spool": self.spool}

    def heartbeat(self, now_ms: int, seq: int = 1, state: str = "playing") -> Received:
        run = self.run(seq, self.born_ms, None, state)
        return received(Heartbeat(**self.stamp(now_ms), open=[run]), now_ms)

    def hello(self, now_ms: int) -> Received:
        return received(Hello(**self.stamp(now_ms), agent="1", interval_s=15, outputs=[]), now_ms)

    def closed(self, now_ms: int, seq: int, state: str = "frozen", detail: str | None = None) -> Received:
        run = self.run(seq, now_ms - 2000, now_ms - 1000, state)
        run.boot, run.detail = self.boot, detail
        return received(Runs(**self.stamp(now_ms), runs=[run]), now_ms)

    def run(self, seq: int, start_ms: int, end_ms: int | None, state: str) -> Run:
        start = {"start_ms": start_ms, "start_mono_ms": start_ms - self.born_ms}
        end = {} if end_ms is None else {"end_ms": end_ms, "end_mono_ms": end_ms - self.born_ms}
        return Run(seq=seq, output="main", state=state, **start, **end)  # type: ignore[arg-type]


def received(message: Statement, now_ms: int) -> Received:
    return Received(PLAYER, message, now_ms)


class Book:
    """A ledger that takes statements, each in a batch of its own or all in one."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger, self.store = ledger, EvidenceStore()
        ledger.write_now(self.store.load)

    def take(self, statements: Iterable[Received], *, at_once: bool = False) -> list[Outcome]:
        batches = [list(statements)] if at_once else [[one] for one in statements]
        return [self.ledger.write_now(lambda found, some=batch: self.store.apply(found, some, [])) for batch in batches]

    def conflicts(self) -> list[ConflictRow]:
        return [row for _, row in self.ledger.read_now(read_conflicts)]

    def runs(self) -> list[tuple[Any, ...]]:
        columns = schema.runs.c
        query = select(columns.spool, columns.seq, columns.state, columns.boot).order_by(columns.spool, columns.seq)
        return [tuple(row) for row in self.ledger.read_now(lambda found: found.execute(query).all())]


@pytest.fixture
def book(ledger: Ledger) -> Book:
    return Book(ledger)


ONE, TWO = Machine("a", START - HOUR, "1"), Machine("b", START - 2 * HOUR, "2")


@pytest.mark.parametrize("at_once", [False, True])
@pytest.mark.parametrize("synced", [False, True])
def test_two_machines_that_take_turns_are_told_with_proof(book: Book, at_once: bool, synced: bool) -> None:
    one = Machine("a", START - HOUR, "1", synced=synced)
    two = Machine("b", START - 2 * HOUR, "2", synced=synced)
    turns = [one, two, one, two, one]
    book.take((machine.heartbeat(START + 1000 * turn) for turn, machine in enumerate(turns)), at_once=at_once)
    (conflict,) = book.conflicts()
    assert (conflict.address, conflict.kind, conflict.times) == (PLAYER, "two_machines", 3)
    assert "two machines have this name" in conflict.detail
    assert [(spool, state) for spool, _, state, _ in book.runs()] == [(one.spool, "playing"), (two.spool, "playing")]


def test_a_restart_and_what_was_late_is_no_second_machine(book: Book) -> None:
    before = Machine("a", START - HOUR, "1")
    after = Machine("b", START + 60_000, "1")
    late = before.heartbeat(START + 55_000)._replace(received_ms=START + 200_000)
    book.take([before.hello(START), before.heartbeat(START + 1000), after.hello(START + 90_000)])
    book.take([late, after.heartbeat(START + 210_000, seq=2), late])
    assert book.conflicts() == []


def test_two_agents_of_one_machine_are_told_apart_by_their_spools(book: Book) -> None:
    other = Machine("a", START - HOUR, "2")
    book.take(machine.hello(START + 1000 * turn) for turn, machine in enumerate([ONE, other, ONE]))
    (conflict,) = book.conflicts()
    assert conflict.detail.startswith("two agents in boot")


def test_a_spool_that_was_replaced_is_no_second_agent(book: Book) -> None:
    book.take([ONE.hello(START), Machine("a", START - HOUR, "2").hello(START + 1000)])
    book.take([Machine("a", START - HOUR, "2").hello(START + 2000)])
    assert book.conflicts() == []


@pytest.mark.parametrize("at_once", [False, True])
def test_a_second_run_of_one_name_is_kept_beside_the_first_and_acknowledged(book: Book, at_once: bool) -> None:
    outcomes = book.take([ONE.closed(START, 7, "frozen"), ONE.closed(START, 7, "black")], at_once=at_once)
    assert book.runs() == [(ONE.spool, 7, "frozen", ONE.boot)]
    (kept,) = book.ledger.read_now(kept_messages)
    assert (kept.reason, kept.device) == ("contradiction", "acme/p1")
    assert kept.detail == "run 7 is closed with state 'frozen', and now with 'black'"
    assert json.loads(kept.body)["closed"][0]["state"] == "black"
    assert sum(outcome.contradictions for outcome in outcomes) == 1
    assert [row.kind for row in book.conflicts()] == ["contradiction"]
    assert sum(len(seqs) for outcome in outcomes for seqs in outcome.acks.values()) == 2


def test_a_run_that_is_sent_again_contradicts_nothing(book: Book) -> None:
    book.take([ONE.closed(START, 7), ONE.closed(START, 7), ONE.closed(START, 7, detail="given up")])
    assert (book.conflicts(), book.ledger.read_now(kept_messages)) == ([], [])


def test_a_copied_disk_never_mixes_two_machines_in_one_run(book: Book) -> None:
    """Both machines number on from the same spool: the same names, of different boots."""
    copy = Machine("b", START - 2 * HOUR, "1")
    book.take([ONE.heartbeat(START, 7, "playing"), copy.heartbeat(START + 1000, 7, "black")])
    book.take([copy.closed(START + 2000, 7, "stopped"), ONE.closed(START + 3000, 7, "frozen")])
    assert book.runs() == [(ONE.spool, 7, "frozen", ONE.boot)]
    said = [json.loads(kept.body) for kept in book.ledger.read_now(kept_messages)]
    assert [(body.get("open") or body["closed"])[0]["state"] for body in said] == ["black", "stopped"]
    assert {row.kind for row in book.conflicts()} == {"contradiction", "two_machines"}


def test_conflicts_are_counted_on_after_a_restart_of_the_collector(book: Book) -> None:
    book.take(machine.heartbeat(START + 1000 * turn) for turn, machine in enumerate([ONE, TWO, ONE]))
    again = Book(book.ledger)
    again.take(machine.heartbeat(START + HOUR + 1000 * turn) for turn, machine in enumerate([ONE, TWO, ONE]))
    (conflict,) = again.conflicts()
    assert (conflict.times, conflict.first_ms, conflict.last_ms) == (2, START + 2000, START + HOUR + 2000)
