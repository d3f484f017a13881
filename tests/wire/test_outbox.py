from __future__ import annotations

from agent.records import Kept
from wire.messages import MAX_BODY_BYTES, Run, Runs, encode
from wire.outbox import BATCH_RUNS, RESEND_MAX_S, RESEND_MIN_S, WINDOW, Batch, Outbox


def kept(seq: int, spool: str = "aa", detail: str | None = None) -> Kept:
    return Kept(
        spool,
        Run(
            seq=seq,
            output="main",
            state="playing",
            detail=detail,
            start_ms=seq,
            start_mono_ms=seq,
            end_ms=seq + 1,
            end_mono_ms=seq + 1,
            boot="b" * 32,
        ),
    )


def backlog(count: int) -> list[Kept]:
    return [kept(seq) for seq in range(1, count + 1)]


def seqs(batch: Batch | None) -> list[int]:
    return [run.seq for run in batch.runs] if batch else []


def drain(outbox: Outbox, waiting: list[Kept], now_s: float) -> list[list[int]]:
    batches = []
    while batch := outbox.next(waiting, now_s):
        batches.append(seqs(batch))
    return batches


def test_the_oldest_go_first_a_message_at_a_time() -> None:
    outbox = Outbox()
    assert seqs(outbox.next(backlog(250), 0)) == list(range(1, 101))
    assert seqs(outbox.next(backlog(250), 0)) == list(range(101, 201))
    assert seqs(outbox.next(backlog(250), 0)) == list(range(201, 251))
    assert outbox.next(backlog(250), 0) is None


def test_nothing_to_send_is_no_message_and_no_appointment() -> None:
    assert Outbox().next([], 0) is None
    assert Outbox().wait_s(0) is None


def test_only_so_many_are_on_their_way_at_once() -> None:
    outbox = Outbox()
    assert sum(map(len, drain(outbox, backlog(2000), 0))) == WINDOW


def test_an_ack_makes_room_for_more() -> None:
    outbox, waiting = Outbox(), backlog(WINDOW + 10)
    drain(outbox, waiting, 0)
    waiting = waiting[100:]
    names = {(one.spool, one.run.seq) for one in waiting}
    outbox.forget(names.__contains__)
    assert drain(outbox, waiting, 0) == [list(range(WINDOW + 1, WINDOW + 11))]


def test_what_is_not_acknowledged_goes_again_after_pauses_that_double_up_to_a_limit() -> None:
    outbox, now_s, pauses = Outbox(), 0.0, []
    for _ in range(8):
        assert seqs(outbox.next(backlog(1), now_s)) == [1]
        pause_s = outbox.wait_s(now_s)
        assert pause_s is not None
        assert outbox.next(backlog(1), now_s + pause_s - 0.001) is None
        pauses.append(pause_s)
        now_s += pause_s
    assert pauses[:4] == [RESEND_MIN_S, 40, 80, 160]
    assert set(pauses[4:]) == {RESEND_MAX_S}


def test_a_new_connection_sends_everything_again_at_once_and_in_as_large_company() -> None:
    outbox = Outbox()
    for _ in range(5):
        drain(outbox, backlog(100), 0)
        outbox.reconnected()
    assert drain(outbox, backlog(100), 0) == [list(range(1, 101))]


def test_a_run_that_the_collector_never_takes_ends_up_alone() -> None:
    outbox, waiting, now_s = Outbox(), backlog(100), 0.0
    for _ in range(20):
        for batch in drain(outbox, waiting, now_s):
            if 42 not in batch:
                waiting = [one for one in waiting if one.run.seq not in batch]
        outbox.forget({(one.spool, one.run.seq) for one in waiting}.__contains__)
        now_s += RESEND_MAX_S
    assert [one.run.seq for one in waiting] == [42]


def test_a_message_names_one_spool() -> None:
    waiting = [kept(1, "aa"), kept(2, "aa"), kept(1, "bb"), kept(3, "aa")]
    outbox = Outbox()
    batches = [outbox.next(waiting, 0) for _ in range(3)]
    assert [(batch.spool, seqs(batch)) for batch in batches if batch] == [("aa", [1, 2]), ("bb", [1]), ("aa", [3])]


def test_a_message_fits_however_much_the_runs_have_to_say() -> None:
    waiting = [kept(seq, detail="\x01" * 1000) for seq in range(40)]
    outbox, sent = Outbox(), []
    while batch := outbox.next(waiting, 0):
        body = Runs(spool=batch.spool, runs=batch.runs, boot="b" * 64, sent_ms=10**14, mono_ms=10**14, synced=False)
        assert len(encode(body)) <= MAX_BODY_BYTES
        sent += seqs(batch)
    assert sent == list(range(40))


def test_a_message_has_no_more_than_a_hundred_runs() -> None:
    assert BATCH_RUNS == 100
    assert len(seqs(Outbox().next(backlog(101), 0))) == BATCH_RUNS
