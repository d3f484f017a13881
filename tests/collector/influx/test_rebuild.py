"""`signwatch influx rebuild`: after it every dashboard shows what it had shown before InfluxDB was wiped."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from collector.influx.past import History
from collector.ledger.month_store import Stay
from collector.sla.instants import parse_instant
from common.clock import iso
from signwatch.cli import main
from tests.collector.influx.past_fleet import BEGIN_MS, CONTRACT, END_MS, RULED_AT, STEP_MS, STEPS, Past
from tests.collector.influx.writing import text_of, v1
from tests.dashboards.queries import NOC, Board
from tests.fixtures.influx import InfluxServer
from tests.fixtures.receiver import Answer, Receiver, Request
from tests.fixtures.waiting import free_port

NOT_KEPT = {"Processor, memory and disk", "Temperature", "Answer time"}


def config_file(folder: Path, url: str, more: str = "") -> Path:
    file = folder / "collector.toml"
    text = f"""
        ledger.path = "ledger.db"
        mqtt.host = "127.0.0.1"
        contracts.files = ["{CONTRACT}"]
        [influx]
        url = "{url}"
        version = 1
        {more}
    """
    file.write_text(text, encoding="utf-8")
    return file


async def rebuild(file: Path, *arguments: object) -> int:
    """Run the command as an operator would, in a thread of its own."""
    argv = ["influx", "rebuild", "--config", str(file), "--step", "15", *map(str, arguments)]
    return await asyncio.to_thread(main, argv)


INTERVAL = ("--from", iso(BEGIN_MS), "--to", iso(END_MS))


@pytest.fixture
async def past(influx: InfluxServer, tmp_path: Path) -> AsyncIterator[Past]:
    """A past of six minutes, in a ledger that is open for writing, and in InfluxDB."""
    lived = Past(tmp_path, v1(influx.url, spool_dir=str(tmp_path / "spool")))
    await lived.live_through()
    yield lived
    lived.collector.ledger.close()


@pytest.fixture
async def brief_past(tmp_path: Path) -> AsyncIterator[None]:
    """A ledger of a minute and a half."""
    lived = Past(tmp_path, v1(f"http://127.0.0.1:{free_port()}", spool_dir=str(tmp_path / "spool")))
    await lived.live_through(6)
    yield
    lived.collector.ledger.close()


def shown(influx: InfluxServer) -> dict[str, Any]:
    found = Board(NOC, influx, BEGIN_MS - 60_000, END_MS, chosen={"device": "p-1"}).show()
    for row in found["Players that do not play, now"]:
        row.pop("link")  # the ledger does not keep how a link was
    return {title: value for title, value in found.items() if title not in NOT_KEPT}


def counts(influx: InfluxServer) -> dict[str, Any]:
    """How many points each measurement has."""
    return {series.name: series.rows[0] for series in influx.query("SELECT count(*) FROM /.*/")}


def wipe(influx: InfluxServer) -> None:
    influx.query('DROP DATABASE "signwatch"')
    influx.create()


async def test_after_a_rebuild_every_dashboard_shows_what_it_had_shown(
    past: Past, influx: InfluxServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = shown(influx)
    assert before["Players by state"]["frozen"] == [0] * 4 + [1] * 10 + [0] * (STEPS - 14)
    assert before["Alerts that closed"]  # there was an alert
    assert before["Closed runs that were not playing"]
    burns = before["Burn of the error budget"]["acme / admira 1h burns"]
    assert burns[RULED_AT - 1] > burns[RULED_AT] > 0  # what the customer did burns nothing, from the ruling on
    wipe(influx)
    file = config_file(tmp_path, influx.url)
    assert await rebuild(file, *INTERVAL) == 0
    assert shown(influx) == before
    assert f"points written, {iso(BEGIN_MS)} to {iso(END_MS)}" in capsys.readouterr().out

    once = counts(influx)
    assert await rebuild(file, *INTERVAL) == 0
    assert counts(influx) == once  # the same points
    wipe(influx)
    middle = iso(BEGIN_MS + 7 * STEP_MS + 1)
    assert await rebuild(file, "--from", iso(BEGIN_MS), "--to", middle) == 0
    assert await rebuild(file, "--from", middle, "--to", iso(END_MS)) == 0
    assert (counts(influx), shown(influx)) == (once, before)  # in two parts, too

    wipe(influx)
    assert await rebuild(file, *INTERVAL, "--tenant", "bar") == 0
    assert {row["tenant"] for row in influx.rows('SELECT * FROM "player", "figure", "run", "alerts_open"')} == {"bar"}


async def test_a_rebuild_that_influxdb_stops_says_where_to_go_on_and_going_on_completes_it(
    brief_past: None, receiver: Receiver, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = config_file(tmp_path, receiver.url, "gzip = false\nbatch_lines = 40\npatience_s = 0.1")
    lines: set[str] = set()

    def take(request: Request) -> Answer:
        if len(receiver.requests) > 4:
            return Answer(404, '{"error":"database not found"}')
        lines.update(text_of(request).splitlines())
        return Answer(204)

    receiver.answer = take
    assert await rebuild(file, *INTERVAL) == 1
    complaint = capsys.readouterr().err
    assert "took the points up to" in complaint
    assert "then no more (HTTP 404: database not found)" in complaint
    resume = complaint.rpartition("--from ")[2].split()[0]
    assert BEGIN_MS < parse_instant(resume) < END_MS

    receiver.answer = lambda request: lines.update(text_of(request).splitlines()) or Answer(204)
    assert await rebuild(file, "--from", resume, "--to", iso(END_MS)) == 0
    in_parts = frozenset(lines)
    lines.clear()
    assert await rebuild(file, *INTERVAL) == 0
    assert lines == in_parts


async def test_points_that_are_refused_or_too_old_are_told(
    brief_past: None, receiver: Receiver, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def take(request: Request) -> Answer:
        text = text_of(request)
        if "fleet," in text:
            return Answer(400, '{"error":"unable to parse"}')
        if "threshold," in text and "\n" not in text:
            return Answer(400, '{"error":"partial write: points beyond retention policy dropped=1"}')
        return Answer(400, '{"error":"?"}') if "threshold," in text else Answer(204)

    receiver.answer = take
    file = config_file(tmp_path, receiver.url, "gzip = false")
    assert await rebuild(file, "--from", iso(BEGIN_MS), "--to", iso(BEGIN_MS + 1)) == 1
    complaint = capsys.readouterr().err
    assert "points are older than InfluxDB's retention policy keeps" in complaint
    assert "points were refused, such as:\n  HTTP 400: unable to parse\n    fleet," in complaint


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("--from", "yesterday"), "--from: 'yesterday' is no ISO 8601 instant; write it with its offset, such as"),
        (("--from", "2026-03-01T00:00:00Z", "--to", "2026-03-01T00:00:00Z"), "--from: is not before --to;"),
        (("--from", "2020-03-01T00:00:00Z", "--to", "9026-03-01T00:00:00Z"), "--to: lies in the future; leave it out"),
        (("--from", "2020-03-01T00:00:00Z", "--step", "0"), "--step: 0 is not between 1 and 86400 seconds; use 60"),
        (("--from", "2020-03-01T00:00:00Z"), "no such ledger; check the path, or start the collector once"),
    ],
)
def test_what_makes_no_sense_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], complaint: str
) -> None:
    file = config_file(tmp_path, "http://127.0.0.1:1")
    assert main(["influx", "rebuild", "--config", str(file), *arguments]) == 1
    assert complaint in capsys.readouterr().err


async def test_an_unknown_tenant_is_refused_with_the_one_that_was_meant(
    brief_past: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await rebuild(config_file(tmp_path, "http://127.0.0.1:1"), *INTERVAL, "--tenant", "acmee") == 1
    assert "--tenant: the registry has no tenant 'acmee'; did you mean 'acme'?" in capsys.readouterr().err


def test_the_run_that_is_painted_last_says_what_was_and_an_open_one_speaks_for_a_while() -> None:
    runs = [
        Stay(0, 100, "playing", None, closed=True),
        Stay(20, 40, "frozen", None, closed=True),
        Stay(200, 250, "off", "power", closed=False),
    ]
    history = History(runs, silent_after_ms=30)
    states = {at: stay.state if (stay := history.at(at)) else None for at in (-1, 0, 19, 20, 39, 40, 99, 100, 200, 279)}
    assert states == {
        -1: None,
        0: "playing",
        19: "playing",
        20: "frozen",
        39: "frozen",
        40: "playing",
        99: "playing",
        100: None,
        200: "off",
        279: "off",
    }
    assert history.at(280) is None
    assert [history.evidence_ms(at) for at in (-1, 0, 50, 150, 260)] == [None, 0, 50, 100, 250]
