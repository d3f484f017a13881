"""A ledger of revision 0001 is brought up to date with its data, and its months can be closed and proved."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from collector.ledger.audit import verify as audit
from collector.ledger.ledger import Ledger
from collector.revisions.bundle import write_bundle
from collector.revisions.look import read_source
from collector.revisions.make import keep, look, make
from collector.revisions.orders import CloseRequest
from collector.revisions.shelf import Wanted, journal_part, take_closed
from collector.revisions.verify import verify
from collector.sla.instants import parse_instant
from tests.fixtures.processes import ROOT

APRIL = parse_instant("2026-04-20T00:00:00Z")


def test_a_month_of_an_old_ledger_is_closed_and_proved(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    with closing(sqlite3.connect(path)) as raw:
        raw.executescript((ROOT / "tests/collector/ledger/ledger-0001.sql").read_text(encoding="utf-8"))
    ledger = Ledger.open(path)
    file = read_source("admira", str(ROOT / "contracts/admira.toml"))
    request = CloseRequest("admira", "2026-03", "ana")
    sight = ledger.read_now(lambda connection: look(connection, file, request, APRIL))
    assert sight.reason == "settled"
    made = make(sight, request)
    assert ledger.write_now(lambda connection: keep(connection, sight, made)).made
    taken = ledger.read_now(lambda connection: take_closed(connection, Wanted("admira", "2026-03")))
    journal = ledger.read_now(lambda connection: journal_part(connection, taken))
    assert {entry["form"] for entry in journal.entries} == {1, 2}
    assert verify(write_bundle(taken.frozen, journal)).problems == []
    assert b"unplugged" in taken.frozen.papers["rulings.json"]
    assert ledger.read_now(audit).problems == []
    ledger.close()
