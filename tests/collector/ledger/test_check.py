"""The check of the ledger names what cannot be true, and measures what grows."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any, Final

import pytest
from sqlalchemy import delete, insert, text, update

from collector.ledger import schema
from collector.ledger.check import check
from collector.ledger.ledger import Ledger
from collector.ledger.stats import MONTH_MS, measure
from collector.ledger_cli import lines, size
from signwatch.cli import main

NOW: Final = 1_772_323_200_000
DUMP: Final = Path(__file__).with_name("ledger-0001.sql")


def load_dump(path: Path) -> Path:
    with sqlite3.connect(path) as raw:
        raw.executescript(DUMP.read_text(encoding="utf-8"))
    raw.close()
    return path


@pytest.fixture
def filled(tmp_path: Path) -> Any:
    """The ledger of revision 0001 with one of everything, brought up to date."""
    ledger = Ledger.open(load_dump(tmp_path / "ledger.db"))
    yield ledger
    ledger.close()


def test_a_sound_ledger_has_no_problems_and_every_step_is_told(filled: Ledger) -> None:
    told: list[tuple[str, int, int]] = []
    assert filled.read_now(lambda found: check(found, lambda *step: told.append(step))) == []
    assert [done for _, done, _ in told] == list(range(len(told)))
    assert told[-1] == ("done", len(told) - 1, len(told) - 1)


RUNS: Final = schema.runs
FOUND: Final = [
    (update(RUNS).where(RUNS.c.seq == 1).values(end_ms=1), "1 runs that end before they start: 1/s1/1"),
    (update(RUNS).values(state="dancing"), "3 runs in a state or of a cause that is none: 1/s1/1, 1/s1/2, 1/s1/3"),
    (
        update(RUNS).where(RUNS.c.seq == 2).values(cause="gremlins"),
        "1 runs in a state or of a cause that is none: 1/s1/2",
    ),
    (update(RUNS).where(RUNS.c.seq == 2).values(clock="sundial"), "1 runs by a clock that is none: 1/s1/2"),
    (text("UPDATE runs SET closed = 7 WHERE seq = 3"), "1 runs that are neither open nor closed: 1/s1/3"),
    (delete(schema.tenants), "1 sites of tenants that do not exist: acme/bcn"),
    (delete(schema.sites), "1 devices at sites that do not exist: p1"),
    (delete(schema.registered_devices), "1 outputs of devices that are not registered: acme/p1/main"),
    (update(schema.subjects).values(emission="shop"), "1 subjects with calendars that do not exist: acme/p1/main"),
    (update(schema.windows).values(end_ms=0), "1 windows that end before they start: 1"),
    (update(schema.rulings).values(cause="gremlins"), "1 rulings on a state or cause that is none: 1"),
    (update(schema.alerts).values(closed_ms=0), "1 alerts that closed before they opened: 1"),
    (delete(schema.alerts), "1 deliveries of alerts that do not exist: 1"),
    (text("DROP INDEX ix_runs_boot"), "its schema is not the one of its version"),
]


@pytest.mark.parametrize(("statement", "told"), FOUND)
def test_each_impossible_row_is_named(filled: Ledger, statement: Any, told: str) -> None:
    filled.write_now(lambda connection: connection.execute(statement))
    problems = filled.read_now(check)
    assert [problem for problem in problems if problem.startswith(told)], problems


def test_evidence_of_a_device_that_does_not_exist_is_named(filled: Ledger) -> None:
    filled.write_now(lambda connection: connection.execute(delete(schema.devices)))
    assert filled.read_now(check) == [
        "3 runs of devices that do not exist: 1/s1/1, 1/s1/2, 1/s1/3",
        "1 clocks of devices that do not exist: b1",
    ]


def test_a_damaged_page_is_found(filled: Ledger, capsys: pytest.CaptureFixture[str]) -> None:
    def fill(connection: Any) -> None:
        rows = [
            {"id": number, "received_ms": NOW, "topic": "t", "reason": "r", "detail": "d", "body": b"x" * 900}
            for number in range(2, 300)
        ]
        connection.execute(insert(schema.quarantine), rows)

    filled.write_now(fill)
    filled.close()
    raw = bytearray(filled.path.read_bytes())
    middle = len(raw) * 3 // 4 // 4096 * 4096
    raw[middle : middle + 4096] = b"\xa5" * 4096
    filled.path.write_bytes(raw)
    assert main(["ledger", "check", "--ledger", str(filled.path)]) == 1
    assert "ledger.db: the file is damaged: " in capsys.readouterr().err


def test_stats_tell_rows_bytes_edges_and_growth(filled: Ledger) -> None:
    stats = filled.read_now(measure)
    runs = next(table for table in stats.tables if table.name == "runs")
    assert (runs.rows, runs.oldest_ms, runs.newest_ms) == (3, NOW, NOW + 3 * 3_600_000)
    assert runs.bytes is not None
    assert runs.bytes % 4096 == 0
    assert stats.player_months == 3 * 3_600_000 / MONTH_MS
    assert {table.name for table in stats.tables} == set(schema.metadata.tables)
    assert sum(table.bytes or 0 for table in stats.tables) + stats.free_bytes < stats.file_bytes
    assert any(line.startswith("growth: 720 runs") for line in lines(stats))


def test_an_empty_ledger_has_stats_too(ledger: Ledger) -> None:
    stats = ledger.read_now(measure)
    assert stats.player_months == 0
    assert stats.run_bytes_per_player_month is None
    assert lines(stats)[-1].startswith("file: ")


@pytest.mark.parametrize(
    ("count", "text"), [(None, "?"), (0, "0 B"), (1023, "1023 B"), (1536, "1.5 KiB"), (5 * 2**30, "5.0 GiB")]
)
def test_sizes_are_told_in_units(count: float | None, text: str) -> None:
    assert size(count) == text


def test_the_commands_check_verify_and_measure(filled: Ledger, capsys: pytest.CaptureFixture[str]) -> None:
    where = ["--ledger", str(filled.path)]
    assert main(["ledger", "check", *where]) == 0
    assert capsys.readouterr().out == f"{filled.path}: sound\n"
    assert main(["ledger", "verify", *where]) == 0
    said = capsys.readouterr().out
    assert said.startswith("the journal is whole: 6 entries, head 6:")
    assert main(["ledger", "verify", *where, "--head", said.rpartition(" ")[2].strip()]) == 0
    assert main(["ledger", "verify", *where, "--head", f"6:{'0' * 64}"]) == 1
    assert "entry 6 is not the one whose hash was noted" in capsys.readouterr().err
    assert main(["ledger", "verify", *where, "--head", "nonsense"]) == 1
    assert "--head: 'nonsense' is no head" in capsys.readouterr().err
    assert main(["ledger", "stats", *where, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert next(table["rows"] for table in told["tables"] if table["name"] == "runs") == 3


def test_a_ledger_of_an_older_signwatch_is_no_traceback(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    old = str(load_dump(tmp_path / "old.db"))
    assert main(["ledger", "check", "--ledger", old]) == 1
    assert "its schema is 0001, an older one: start the collector once" in capsys.readouterr().err
    assert main(["ledger", "verify", "--ledger", old]) == 1
    assert "start the collector once, which brings it up to date" in capsys.readouterr().err
