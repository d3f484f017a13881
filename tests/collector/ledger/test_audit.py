"""Whatever is changed behind the journal's back, in it or in the tables that it tells of, is found and named."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, delete, insert, select, text, update
from sqlalchemy.exc import IntegrityError

from collector.decisions.orders import Announce, Cancel, DecisionRequest, Order, Rule
from collector.ledger import audit, journal, schema
from collector.ledger.chain import parse_head
from collector.ledger.decisions_store import decide
from collector.ledger.ledger import Ledger
from collector.ledger.registry_store import apply_request
from collector.registry.files import SourceFile
from collector.registry.plan import ApplyRequest

NOW: Final = 1_772_323_200_000
HOUR: Final = 3_600_000
REGISTRY: Final = """
[[tenants]]
id = "acme"
name = "Ácme"
[[sites]]
tenant = "acme"
id = "bcn"
[[calendars]]
tenant = "acme"
id = "shop"
timezone = "Europe/Madrid"
rules = [{ days = "all", hours = ["09:00-21:00"] }]
[[devices]]
tenant = "acme"
id = "p1"
site = "bcn"
[[devices.outputs]]
id = "main"
contract = "admira"
emission = "shop"
[[platforms]]
tenant = "acme"
id = "portal"
contract = "admira"
check = { url = "https://portal.example/", interval_s = 30.5 }
"""
ORDERS: Final[tuple[Order, ...]] = (
    Announce("acme", "planned", ("p1",), NOW + HOUR, NOW + 2 * HOUR, "new network"),
    Announce("acme", "other", ("*",), NOW + HOUR, NOW + 2 * HOUR, "strike"),
    Cancel(2, "called off"),
    Rule("acme", "acme/p1/main", NOW - 2 * HOUR, NOW - HOUR, None, "customer", "unplugged"),
)
DECIDED: Final = (
    *(schema.tenants, schema.sites, schema.calendars, schema.registered_devices, schema.subjects),
    *(schema.windows, schema.rulings, schema.journal, schema.journal_head),
)


def fill(connection: Connection) -> None:
    apply_request(connection, ApplyRequest([SourceFile("r.toml", REGISTRY)], "ana"), NOW)
    renamed = '[[sites]]\ntenant = "acme"\nid = "bcn"\nname = "Barcelona"\n'
    apply_request(connection, ApplyRequest([SourceFile("r.toml", renamed)], "ben"), NOW + 1)
    for order in ORDERS:
        decide(connection, DecisionRequest(order, "ana"), NOW + 2)


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ledger]:
    """One ledger for all; whoever changes it rolls back."""
    opened = Ledger.open(tmp_path_factory.mktemp("audit") / "ledger.db")
    opened.write_now(fill)
    yield opened
    opened.close()


class _UndoneError(Exception):
    pass


def problems_after(ledger: Ledger, *statements: Any, noted: str = "") -> list[str]:
    """What is found after somebody did this to the file; it is undone at once."""
    found: list[str] = []

    def work(connection: Connection) -> None:
        for statement in statements:
            assert connection.execute(statement).rowcount
        found.extend(audit.verify(connection, parse_head(noted) if noted else None).problems)
        raise _UndoneError

    with pytest.raises(_UndoneError):
        ledger.write_now(work)
    return found


def test_what_was_decided_by_the_commands_is_whole(filled: Ledger) -> None:
    verdict = filled.read_now(audit.verify)
    assert verdict.problems == []
    assert verdict.head.entries == len(filled.read_now(journal.entries)) > 10
    assert filled.read_now(lambda connection: audit.verify(connection, verdict.head)).problems == []


def test_progress_is_told_of_a_long_journal(ledger: Ledger) -> None:
    many = [journal.Decision("note.nothing", "acme", None, number) for number in range(2500)]
    ledger.write_now(lambda connection: journal.append(connection, many, "ana", NOW))
    told: list[tuple[int, int]] = []
    verdict = ledger.read_now(lambda found: audit.verify(found, tell=lambda done, of: told.append((done, of))))
    assert verdict.problems == []
    assert told == [(1000, 2500), (2000, 2500)]


RULINGS, WINDOWS, SITES = schema.rulings, schema.windows, schema.sites
DONE: Final = [
    (
        update(RULINGS).values(cause="platform"),
        'ruling acme/p1/main/ruling-1 is not what entry 11 wrote: cause "customer" → "platform"',
    ),
    (delete(RULINGS), "ruling acme/p1/main/ruling-1 is missing from its table, though entry 11 wrote it"),
    (
        update(WINDOWS).where(WINDOWS.c.id == 2).values(cancelled_at_ms=None),
        f"window acme/window-2 is not what entry 10 wrote: cancelled_at_ms {NOW + 2} → null",
    ),
    (
        update(SITES).values(name="BCN"),
        'registry.site acme/bcn is not what entry 7 wrote: name "Barcelona" → "BCN"',
    ),
    (
        update(schema.subjects).where(schema.subjects.c.id == "main").values(contract=None),
        'registry.output acme/p1/main is not what entry 5 wrote: contract "admira" → null',
    ),
    (
        insert(SITES).values(tenant="acme", id="mad", name="Madrid"),
        "registry.site acme/mad is in its table, but no entry of the journal wrote it",
    ),
]


@pytest.mark.parametrize(("statement", "told"), DONE)
def test_a_table_that_was_edited_is_named_with_the_entry_and_the_field(
    filled: Ledger, statement: Any, told: str
) -> None:
    assert problems_after(filled, statement) == [told]


def test_an_edit_that_a_later_decision_covered_up_is_still_found(ledger: Ledger) -> None:
    ledger.write_now(fill)
    ledger.write_now(lambda connection: connection.execute(update(SITES).values(name="BCN")))
    over = '[[sites]]\ntenant = "acme"\nid = "bcn"\nname = "Barcelona 2"\n'
    ledger.write_now(lambda found: apply_request(found, ApplyRequest([SourceFile("r.toml", over)], "ana"), NOW + 3))
    assert ledger.read_now(audit.verify).problems == [
        "entry 12 found registry.site acme/bcn other than entry 7 had left it: its table was edited before"
    ]


def test_two_entries_that_changed_places_are_found(filled: Ledger) -> None:
    column = schema.journal.c.id
    swap = [update(schema.journal).where(column == was).values(id=now) for was, now in ((3, 99), (4, 3), (99, 4))]
    found = problems_after(filled, *swap)
    assert any("entry 3 " in problem and "was changed" in problem for problem in found)


def test_a_journal_that_was_cut_off_with_its_tables_is_found_by_a_noted_head(filled: Ledger) -> None:
    noted = str(filled.read_now(journal.head))
    last = filled.read_now(lambda found: list(journal.links(found)))[-2]
    cut = [
        delete(RULINGS),
        delete(schema.journal).where(schema.journal.c.id > last.id),
        update(schema.journal_head).values(entries=last.id, hash=last.hash),
    ]
    assert problems_after(filled, *cut) == []
    assert problems_after(filled, *cut, noted=noted) == [
        "entry 11 is not the one whose hash was noted: the journal was rewritten"
    ]


@pytest.mark.parametrize("table", DECIDED, ids=lambda table: table.name)
def test_each_removed_row_is_found(filled: Ledger, table: Any) -> None:
    for row in filled.read_now(lambda found: found.execute(select(table)).all()):
        mine = [column == value for column, value in zip(table.columns, row, strict=True) if column.primary_key]
        assert problems_after(filled, delete(table).where(*mine)) != []


def cells(ledger: Ledger) -> list[tuple[str, str, int]]:
    """Every cell of the decided tables that holds anything: table, column, rowid."""

    def work(connection: Connection) -> list[tuple[str, str, int]]:
        return [
            (table.name, column.name, row)
            for table in DECIDED
            for column in table.columns
            for row in connection.scalars(
                text(f'SELECT rowid FROM {table.name} WHERE length("{column.name}") > 0')  # noqa: S608  # our own names
            )
        ]

    return ledger.read_now(work)


def change_a_byte(ledger: Ledger, cell: tuple[str, str, int], position: int, by: int) -> list[str]:
    """Change one byte of one cell, of its text or of its number, as an editor of files would; what is found."""
    table, column, row = cell
    where = f'{table} SET "{column}" = :new WHERE rowid = {row}'

    def new(connection: Connection) -> object:
        query = f'SELECT "{column}" FROM {table} WHERE rowid = {row}'  # noqa: S608  # our own names
        old = connection.execute(text(query)).scalar_one()
        if isinstance(old, int):
            return old ^ (by << 8 * (position % 5))
        raw = bytearray(old.encode())
        raw[position % len(raw)] ^= by
        return raw.decode("utf-8", "replace")

    statement = text(f"UPDATE {where}").bindparams(new=ledger.read_now(new))
    try:
        return problems_after(ledger, statement)
    except IntegrityError as error:  # another row has that key already
        return [str(error)]


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_one_changed_byte_anywhere_in_the_decided_tables_is_found(filled: Ledger, data: st.DataObject) -> None:
    cell = data.draw(st.sampled_from(cells(filled)))
    position, by = data.draw(st.integers(0, 400)), data.draw(st.integers(1, 127))
    assert change_a_byte(filled, cell, position, by) != []


@pytest.mark.slow
@settings(max_examples=20_000, deadline=None)
@given(data=st.data())
def test_one_changed_byte_is_found_in_many_more_places(filled: Ledger, data: st.DataObject) -> None:
    cell = data.draw(st.sampled_from(cells(filled)))
    assert change_a_byte(filled, cell, data.draw(st.integers(0, 400)), data.draw(st.integers(1, 127))) != []


DUMP: Final = Path(__file__).with_name("ledger-0001.sql")


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A ledger of revision 0001 with data (scripts/make_ledger_0001.py)."""
    path = tmp_path / "old.db"
    with sqlite3.connect(path) as raw:
        raw.executescript(DUMP.read_text(encoding="utf-8"))
    raw.close()
    return path


def test_a_ledger_of_revision_0001_comes_along_with_all_its_data(old: Path) -> None:
    def counts(connection: sqlite3.Connection) -> dict[str, int]:
        names = [row[0] for row in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
        return {name: connection.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in names}  # noqa: S608

    raw = sqlite3.connect(old)
    before = counts(raw)
    assert min(before[table.name] for table in DECIDED if table is not schema.calendars) > 0
    before["clock_marks"] = before.pop("boots")  # each boot's one offset became the beginning of its history
    Ledger.open(old).close()
    assert counts(raw).items() >= before.items()
    raw.close()


def test_a_journal_of_revision_0001_is_verified_and_goes_on(old: Path) -> None:
    ledger = Ledger.open(old)
    noted = ledger.read_now(journal.head)
    assert ledger.read_now(audit.verify).problems == []
    renamed = '[[sites]]\ntenant = "acme"\nid = "bcn"\nname = "BCN"\n'
    ledger.write_now(lambda found: apply_request(found, ApplyRequest([SourceFile("r.toml", renamed)], "ana"), NOW))
    assert ledger.read_now(lambda found: audit.verify(found, noted)).problems == []
    assert [link.form for link in ledger.read_now(lambda found: list(journal.links(found)))] == [1] * 6 + [2]
    ledger.close()
