from __future__ import annotations

import csv
import io

import pytest

from collector.report.as_csv import as_csv
from collector.report.model import Report
from tests.collector.report.samples import platform, player, report, run


def parts(told: Report) -> tuple[dict[str, str], list[dict[str, str]]]:
    """The summary, and the rows of the subjects."""
    summary, _, rows = as_csv(told).partition("\r\n\r\n")
    pairs = list(csv.reader(io.StringIO(summary)))
    assert pairs[0] == ["key", "value"]
    return dict(pairs[1:]), list(csv.DictReader(io.StringIO(rows)))


def test_the_summary_and_a_row_for_every_subject() -> None:
    told = report(player("p1"), player("p2", run("02T00:00", "02T12:00", "frozen")), platform("portal"))
    summary, rows = parts(told)
    assert summary["month"] == "2026-03"
    assert summary["percent"] == "99.35"
    assert summary["players_downtime_ms"] == "43200000"
    assert summary["discount_percent"] == "0"
    assert summary["discount_reason"] == "met"
    assert summary["met"] == "true"
    assert summary["eligible_guarantee_window"] == ""
    assert [row["name"] for row in rows] == ["portal", "p2", "p1"]  # the most down time first
    assert rows[1]["accountable_ms"] == "43200000"
    assert rows[1]["share_percent"] == "1.615074"
    assert rows[1]["affected"] == "true"
    assert sum(int(row["accountable_ms"]) for row in rows if row["kind"] == "player") == 43_200_000


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@SUM(A1)", "\tx"])
def test_a_name_never_becomes_a_formula(name: str) -> None:
    _, rows = parts(report(player(name), tenant_name=name))
    assert rows[0]["name"] == f"'{name}"


def test_commas_quotes_and_line_ends_stay_within_their_cell() -> None:
    _, rows = parts(report(player('a,"b"\nc')))
    assert rows[0]["name"] == 'a,"b"\nc'


def test_a_negative_number_is_no_formula() -> None:
    assert ",'" not in as_csv(report(player("p1")))
