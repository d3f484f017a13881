import sqlite3
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, insert, select, text
from sqlalchemy.exc import DatabaseError

from collector.ledger import schema
from collector.ledger.ledger import Ledger, LedgerBusyError, LedgerError


def add_tenant(connection: Connection) -> None:
    connection.execute(insert(schema.tenants), {"id": "acme", "name": "ACME"})


def tenants(connection: Connection) -> list[str]:
    return list(connection.scalars(select(schema.tenants.c.id)))


def test_what_is_written_is_read_by_the_other_connection(tmp_path: Path) -> None:
    ledger = Ledger.open(tmp_path / "ledger.db")
    ledger.write_now(add_tenant)
    assert ledger.read_now(tenants) == ["acme"]
    ledger.close()


async def test_it_can_be_used_from_the_event_loop(tmp_path: Path) -> None:
    ledger = Ledger.open(tmp_path / "ledger.db")
    await ledger.write(add_tenant)
    assert await ledger.read(tenants) == ["acme"]
    ledger.close()


def test_a_transaction_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    ledger = Ledger.open(tmp_path / "ledger.db")

    def half(connection: Connection) -> None:
        add_tenant(connection)
        raise RuntimeError("in the middle")

    with pytest.raises(RuntimeError, match="in the middle"):
        ledger.write_now(half)
    assert ledger.read_now(tenants) == []
    ledger.close()


def test_a_second_writer_is_refused_and_told_who_holds_it(tmp_path: Path) -> None:
    ledger = Ledger.open(tmp_path / "ledger.db")
    with pytest.raises(LedgerBusyError, match=r"process \d+ has this ledger open for writing"):
        Ledger.open(tmp_path / "ledger.db")
    ledger.close()
    Ledger.open(tmp_path / "ledger.db").close()


def test_a_reader_beside_a_writer_can_read_and_not_write(tmp_path: Path) -> None:
    writer = Ledger.open(tmp_path / "ledger.db")
    writer.write_now(add_tenant)
    reader = Ledger.open_read_only(tmp_path / "ledger.db")
    assert reader.read_now(tenants) == ["acme"]
    with pytest.raises(LedgerError, match="opened read-only"):
        reader.write_now(add_tenant)
    with pytest.raises(DatabaseError, match="readonly"):
        reader.read_now(add_tenant)
    reader.close()
    writer.close()


def test_commits_survive_a_power_cut_by_configuration(tmp_path: Path) -> None:
    ledger = Ledger.open(tmp_path / "ledger.db")

    def durability(connection: Connection) -> tuple[str, int]:
        journal = connection.execute(text("PRAGMA journal_mode")).scalar_one()
        return journal, connection.execute(text("PRAGMA synchronous")).scalar_one()

    assert ledger.write_now(durability) == ("wal", 2)  # 2: FULL
    ledger.close()


def test_migrations_make_exactly_the_schema_of_the_code(tmp_path: Path) -> None:
    ledger = Ledger.open(tmp_path / "ledger.db")
    differences = ledger.write_now(
        lambda connection: compare_metadata(MigrationContext.configure(connection), schema.metadata)
    )
    assert differences == []
    ledger.close()


def test_opening_again_keeps_what_is_there(tmp_path: Path) -> None:
    first = Ledger.open(tmp_path / "ledger.db")
    first.write_now(add_tenant)
    first.close()
    again = Ledger.open(tmp_path / "ledger.db")
    assert again.read_now(tenants) == ["acme"]
    again.close()


def test_a_file_that_is_no_database_is_refused_with_its_name(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    path.write_bytes(b"dear diary, " * 500)
    with pytest.raises(LedgerError, match=r"ledger\.db: is not a usable ledger .*restore it from a backup"):
        Ledger.open(path)
    assert path.read_bytes().startswith(b"dear diary")


def test_a_ledger_of_a_newer_signwatch_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    Ledger.open(path).close()
    with sqlite3.connect(path) as raw:
        raw.execute("UPDATE alembic_version SET version_num = '9999'")
    raw.close()
    with pytest.raises(LedgerError, match="'9999' is newer than this signwatch: update signwatch"):
        Ledger.open(path)


def test_a_missing_ledger_is_not_made_by_reading(tmp_path: Path) -> None:
    with pytest.raises(LedgerError, match="no such ledger"):
        Ledger.open_read_only(tmp_path / "ledger.db")
    assert not (tmp_path / "ledger.db").exists()


def test_a_folder_that_cannot_be_made_is_an_error_with_the_remedy(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(LedgerError, match="check the folder and its permissions"):
        Ledger.open(tmp_path / "file" / "ledger.db")


@pytest.mark.parametrize("name", ["50%20 off.db", "what?.db", "no#1.db", "ñandú & co.db"])
def test_a_ledger_may_have_any_name(tmp_path: Path, name: str) -> None:
    ledger = Ledger.open(tmp_path / name)
    ledger.write_now(add_tenant)
    assert ledger.read_now(tenants) == ["acme"]
    ledger.close()
    assert (tmp_path / name).exists()
    reader = Ledger.open_read_only(tmp_path / name)
    assert reader.read_now(tenants) == ["acme"]
    reader.close()


def test_a_ledger_that_may_not_be_written_is_no_case_for_a_backup(tmp_path: Path) -> None:
    folder = tmp_path / "ledger.db"
    folder.mkdir()
    with pytest.raises(LedgerError, match=r"unable to open database file\); check the permissions of file and folder"):
        Ledger.open(folder)
