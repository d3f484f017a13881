"""How far the times of estimated clocks may be off is told with the month, frozen with it, and computed again."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from collector.ledger.evidence_store import EvidenceStore
from collector.ledger.intake import Received
from collector.ledger.ledger import Ledger
from collector.report.as_table import as_table
from collector.revisions.papers import EVIDENCE, from_papers
from collector.revisions.recompute import recompute
from collector.revisions.seal import Frozen
from collector.revisions.verify import verify
from tests.collector.revisions.shop import SPOOL, Shop, all_month, at
from tests.collector.revisions.test_bundle import export
from wire.messages import Run, Runs
from wire.topics import Address

HOUR = 3_600_000
BOOTS = {"before": at("03-01T00:00"), "offline": 0, "after": at("03-20T14:00")}  # what each one's wall clock began at


def stay(seq: int, boot: str, state: str, from_ms: int, until_ms: int) -> Run:
    began_ms = BOOTS[boot]
    times = {"start_ms": began_ms + from_ms, "end_ms": began_ms + until_ms}
    return Run(seq=seq, output="main", state=state, boot=boot, start_mono_ms=from_ms, end_mono_ms=until_ms, **times)


def say(store: EvidenceStore, connection: Any, boot: str, *runs: Run) -> None:
    mono_ms = max(run.end_mono_ms or 0 for run in runs if run.boot == boot)
    sent_ms = BOOTS[boot] + mono_ms
    message = Runs(boot=boot, sent_ms=sent_ms, mono_ms=mono_ms, synced=True, spool=SPOOL, runs=list(runs))
    store.apply(connection, [Received(Address("acme", "p1"), message, sent_ms)], [])


@pytest.fixture
def adrift(ledger: Ledger) -> Shop:
    """p1 was frozen for an hour in a boot of whose clock nothing is known, somewhere in four hours of 20 March."""
    shop = Shop(ledger)
    shop.register()
    shop.send(*all_month("p2", "p3", "portal"))
    known_ms = at("03-20T10:00") - BOOTS["before"]
    later_ms = at("04-01T12:00") - BOOTS["after"]

    def work(connection: Any) -> None:
        store = EvidenceStore()
        store.load(connection)
        say(store, connection, "before", stay(1000, "before", "playing", 0, known_ms))
        offline = stay(1001, "offline", "frozen", 0, HOUR)
        say(store, connection, "after", offline, stay(1002, "after", "playing", 0, later_ms))

    shop.ledger.write_now(work)
    return shop


def result(frozen: Frozen) -> dict[str, Any]:
    return msgspec.json.decode(frozen.result, type=dict[str, Any])


def test_a_closed_month_keeps_how_far_its_times_may_be_off(adrift: Shop) -> None:
    adrift.close()
    frozen = adrift.revision()
    told = result(frozen)
    assert (told["estimated_clock_ms"], told["estimated_clock_off_ms"]) == (HOUR, 3 * HOUR)
    players = [(each["name"], each.get("estimated_clock_off_ms")) for each in told["player_subjects"]]
    assert players == [("p1", 3 * HOUR), ("p2", None), ("p3", None)]
    again = recompute(from_papers(frozen.papers))
    assert again.result == told
    table = " ".join(as_table(again.report, "es").split())
    assert "pueden desviarse como máximo 3 h (p1)" in table
    assert verify(export(adrift)).problems == []


def test_months_that_were_closed_without_bounds_stay_what_they_were(adrift: Shop) -> None:
    adrift.close()
    papers = dict(adrift.revision().papers)
    head, *rows = papers[EVIDENCE].decode().splitlines(keepends=True)
    assert head.endswith(",clock_off_ms\r\n")
    papers[EVIDENCE] = "".join(row.rpartition(",")[0] + "\r\n" for row in (head, *rows)).encode()
    told = recompute(from_papers(papers)).result
    assert told["estimated_clock_ms"] == HOUR
    assert "estimated_clock_off_ms" not in told
    assert not any("estimated_clock_off_ms" in each for each in told["player_subjects"])  # type: ignore[attr-defined]
