from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from collector.influx.config import InfluxConfig
from collector.influx.spool import LineSpool
from collector.influx.writer import InfluxWriter
from common.clock import ManualClock
from tests.collector.influx.writing import NOW_MS, line, running, text_of, v1, values
from tests.fixtures.influx import ADMIN, InfluxServer, StartInflux
from tests.fixtures.receiver import Answer, Receiver
from tests.fixtures.victoria import VictoriaServer
from tests.fixtures.waiting import free_port, until


def bodies(receiver: Receiver) -> list[list[str]]:
    return [text_of(request).splitlines() for request in receiver.requests]


@pytest.mark.parametrize("packed", [True, False], ids=["gzip", "plain"])
async def test_points_land_in_influxdb_1_with_their_milliseconds(
    influx: InfluxServer, tmp_path: Path, packed: bool
) -> None:
    async with running(v1(influx.url, gzip=packed), tmp_path) as writer:
        writer.enqueue(line(number) for number in range(250))
        await until(lambda: writer.stats().written_lines == 250, "all lines are written")
    assert values(influx) == list(range(250))
    (first,) = influx.query('SELECT "value" FROM "m" ORDER BY time LIMIT 1')
    assert first.rows == [{"time": NOW_MS, "value": 0}]
    assert writer.stats().state == "ok"


async def test_points_land_in_victoriametrics_through_version_2(victoria: VictoriaServer, tmp_path: Path) -> None:
    config = InfluxConfig(url=victoria.url, version=2, flush_s=0.05, batch_lines=100)
    async with running(config, tmp_path) as writer:
        writer.enqueue(line(number) for number in range(250))
        await until(lambda: writer.stats().written_lines == 250, "all lines are written")
    series = await until(lambda: victoria.export("m_value"), "VictoriaMetrics shows them")
    assert sum(len(one["values"]) for one in series) == 250
    assert {one["metric"]["device"] for one in series} == {f"d{number}" for number in range(7)}
    first = next(one for one in series if one["metric"]["device"] == "d0")
    assert (first["timestamps"][0], first["values"][0]) == (NOW_MS, 0)


async def test_version_2_sends_org_bucket_precision_token_and_gzip(receiver: Receiver, tmp_path: Path) -> None:
    receiver.answer = lambda _: Answer(204)
    config = InfluxConfig(url=receiver.url + "/", org="o", bucket="b", token="secret-token", flush_s=0.01)
    async with running(config, tmp_path) as writer:
        writer.enqueue([line(1)])
        await until(lambda: receiver.requests, "it was sent")
    (request,) = receiver.requests
    assert request.path == "/api/v2/write"
    assert dict(request.query) == {"org": "o", "bucket": "b", "precision": "ms"}
    assert request.headers["Authorization"] == "Token secret-token"
    assert request.headers["Content-Encoding"] == "gzip"
    assert bodies(receiver) == [[line(1)]]


async def test_a_database_is_made_where_that_is_asked_for_and_with_the_password(
    start_influx: StartInflux, tmp_path: Path
) -> None:
    influx = start_influx(auth=True)
    user, password = ADMIN
    config = v1(influx.url, database="noc", username=user, password=password, create_database=True)
    async with running(config, tmp_path) as writer:
        writer.enqueue([line(1)])
        await until(lambda: writer.stats().written_lines == 1, "it is written")
    (row,) = influx.query('SELECT "value" FROM "m"', "noc")[0].rows
    assert row["value"] == 1


async def test_a_missing_database_is_told_and_the_points_wait_until_it_is_there(
    start_influx: StartInflux, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    influx = start_influx()
    async with running(v1(influx.url), tmp_path) as writer:
        writer.enqueue([line(1), line(2)])
        await until(lambda: writer.stats().failed_requests >= 3, "it was tried a few times")
        assert writer.stats().state == "misconfigured"
        assert "database not found" in writer.stats().last_error
        influx.create()
        await until(lambda: writer.stats().written_lines == 2, "both are written")
        assert writer.stats().state == "ok"
        await until(lambda: writer.stats().spooled_bytes == 0, "nothing waits on disk")
    assert values(influx) == [1, 2]
    said = capsys.readouterr().out
    assert said.count("influx_misconfigured") == 1  # once, not at every attempt
    assert "check [influx] url, database" in said


async def test_a_wrong_password_is_a_wrong_configuration_and_loses_nothing(
    start_influx: StartInflux, tmp_path: Path
) -> None:
    influx = start_influx(auth=True)
    influx.create()
    config = v1(influx.url, username="admin", password="wrong")
    async with running(config, tmp_path) as writer:
        writer.enqueue([line(1)])
        await until(lambda: writer.stats().state == "misconfigured", "it is told")
    async with running(v1(influx.url, username=ADMIN[0], password=ADMIN[1]), tmp_path) as again:
        await until(lambda: again.stats().written_lines >= 1, "it is written with the right one")
    assert values(influx) == [1]


async def test_an_influxdb_that_is_away_gets_everything_later_in_order_even_after_a_restart(
    influx: InfluxServer, tmp_path: Path
) -> None:
    influx.stop()
    config = v1(influx.url, batch_lines=10)
    async with running(config, tmp_path) as writer:
        for start in range(0, 100, 10):
            writer.enqueue(line(number) for number in range(start, start + 10))
            await asyncio.sleep(0)
        await until(lambda: writer.stats().spooled_bytes > 0, "lines went to the disk")
        assert writer.stats().state == "away"
        writer.enqueue([line(100)])
    assert (await asyncio.to_thread(lambda: list((tmp_path / "spool").glob("*.lp")))) != []
    async with running(config, tmp_path) as again:
        again.enqueue([line(101)])
        await until(lambda: again.stats().failed_requests >= 1, "it was tried while away")
        await asyncio.to_thread(influx.start)
        await until(lambda: again.stats().written_lines >= 102, "everything is written")
        await until(lambda: again.stats().spooled_bytes + again.stats().queued_lines == 0, "nothing waits")
    assert values(influx) == list(range(102))


async def test_spooled_lines_are_sent_oldest_first(receiver: Receiver, tmp_path: Path) -> None:
    receiver.answer = lambda _: Answer(503)
    async with running(v1(receiver.url, batch_lines=3), tmp_path) as writer:
        for number in range(12):
            writer.enqueue([line(number)])
            await asyncio.sleep(0.02)
        await until(lambda: writer.stats().spooled_bytes > 0, "lines went to the disk")
        receiver.requests.clear()
        receiver.answer = lambda _: Answer(204)
        await until(lambda: writer.stats().written_lines == 12, "everything is written")
    landed = [each for body in bodies(receiver) for each in body if each in {line(number) for number in range(12)}]
    assert landed[-12:] == [line(number) for number in range(12)]


async def test_a_bad_line_is_isolated_and_set_aside_and_the_others_land(influx: InfluxServer, tmp_path: Path) -> None:
    bad = f"m,device=d1 value=not-a-number{'ñ' * 200} {NOW_MS}"
    conflict = f'm,device=d1 value="text" {NOW_MS + 999}'
    lines = [line(number) for number in range(1, 60)]
    async with running(v1(influx.url), tmp_path) as writer:
        writer.enqueue([line(0)])
        await until(lambda: writer.stats().written_lines == 1, "the field has its type")
        writer.enqueue([*lines[:20], bad, *lines[20:], conflict])
        await until(lambda: writer.stats().refused_lines == 2, "both bad lines are found")
        await until(lambda: writer.stats().written_lines == 60, "the others are written")
    assert values(influx) == list(range(60))
    (file,) = (tmp_path / "spool").glob("refused-*.lp")
    kept = file.read_text(encoding="utf-8").splitlines()
    assert kept[1] == bad
    assert kept[3] == conflict
    assert "unable to parse" in kept[0]
    assert "field type conflict" in kept[2]
    assert kept[0].startswith("# 20")


async def test_a_bad_line_that_waited_on_disk_is_set_aside_too(receiver: Receiver, tmp_path: Path) -> None:
    receiver.answer = lambda _: Answer(503)
    async with running(v1(receiver.url), tmp_path) as writer:
        writer.enqueue([line(1), "bad", line(2)])
        await until(lambda: writer.stats().spooled_bytes > 0, "lines went to the disk")
        receiver.answer = lambda request: (
            Answer(400, '{"error":"partial write: unable to parse"}') if "bad" in text_of(request) else Answer(204)
        )
        await until(lambda: writer.stats().refused_lines == 1, "the bad line is found")
        await until(lambda: writer.stats().spooled_bytes == 0, "the disk is empty again")
        assert writer.stats().written_lines == 2


async def test_a_batch_that_is_too_large_is_halved_until_it_fits(receiver: Receiver, tmp_path: Path) -> None:
    receiver.answer = lambda request: Answer(413 if len(text_of(request).splitlines()) > 10 else 204)
    async with running(v1(receiver.url), tmp_path) as writer:
        writer.enqueue(line(number) for number in range(40))
        await until(lambda: writer.stats().written_lines == 40, "everything is written")
        assert writer.stats().refused_lines == 0
    small = [body for body in bodies(receiver) if len(body) <= 10]
    assert [each for body in small for each in body] == [line(number) for number in range(40)]


async def test_a_400_of_a_proxy_condemns_no_line(receiver: Receiver, tmp_path: Path) -> None:
    receiver.answer = lambda _: Answer(400, "<html>The plain HTTP request was sent to HTTPS port</html>")
    async with running(v1(receiver.url), tmp_path) as writer:
        writer.enqueue([line(1)])
        await until(lambda: writer.stats().failed_requests >= 2, "it is tried again")
        assert (writer.stats().state, writer.stats().refused_lines) == ("misconfigured", 0)
        receiver.answer = lambda _: Answer(204)
        await until(lambda: writer.stats().written_lines == 1, "it is written")


async def test_retry_after_is_heeded(receiver: Receiver, tmp_path: Path) -> None:
    receiver.answer = lambda _: Answer(429, headers={"Retry-After": "3600"})
    async with running(v1(receiver.url), tmp_path) as writer:
        writer.enqueue([line(1)])
        await until(lambda: writer.stats().spooled_bytes > 0, "it waits on disk")
        writer.enqueue([line(2)])
        before = writer.stats().spooled_bytes
        await until(lambda: writer.stats().spooled_bytes > before, "the next one waits behind it")
    assert len(receiver.requests) == 1


async def test_nobody_who_enqueues_ever_waits_and_the_queue_is_bounded(tmp_path: Path) -> None:
    config = v1(f"http://127.0.0.1:{free_port()}", queue_lines=1000)
    writer = InfluxWriter(config, ManualClock(NOW_MS), tmp_path)
    writer.enqueue(line(number) for number in range(5000))  # nobody runs it
    assert (writer.stats().queued_lines, writer.stats().dropped_lines) == (1000, 4000)
    await writer.close()
    spool = LineSpool(tmp_path, config.spool_max_bytes)
    spool.open()
    segment = spool.oldest()
    assert segment is not None
    assert [kept.decode() for kept in segment.lines] == [line(number) for number in range(4000, 5000)]


async def test_a_disk_that_fails_keeps_lines_in_memory_until_it_is_mended(receiver: Receiver, tmp_path: Path) -> None:
    receiver.answer = lambda _: Answer(503)
    blocker = tmp_path / "spool"
    blocker.write_text("a file where the folder should be", encoding="utf-8")
    async with running(v1(receiver.url), tmp_path) as writer:
        writer.enqueue(line(number) for number in range(5))
        await until(lambda: writer.stats().disk_errors >= 2, "the disk fails")
        await until(lambda: writer.stats().queued_lines == 5, "the lines are still there")
        blocker.unlink()
        await until(lambda: writer.stats().spooled_bytes > 0, "they go to the disk when that works again")
        receiver.answer = lambda _: Answer(204)
        await until(lambda: writer.stats().written_lines == 5, "they are written")


async def test_what_is_left_at_the_end_is_written_or_kept(influx: InfluxServer, tmp_path: Path) -> None:
    slow = v1(influx.url, flush_s=3600)
    async with running(slow, tmp_path) as writer:
        await asyncio.sleep(0)
        writer.enqueue(line(number) for number in range(20))
    assert values(influx) == list(range(20))
    assert writer.stats().queued_lines == 0


async def test_a_line_that_is_far_too_long_never_leaves(receiver: Receiver, tmp_path: Path) -> None:
    receiver.answer = lambda _: Answer(204)
    async with running(v1(receiver.url), tmp_path) as writer:
        writer.enqueue([line(1), 'm value="' + "x" * 70_000 + '"', line(2)])
        await until(lambda: writer.stats().written_lines == 2, "the others are written")
        assert writer.stats().refused_lines == 1


def test_the_counters_have_prometheus_names(tmp_path: Path) -> None:
    writer = InfluxWriter(v1("http://127.0.0.1:1"), ManualClock(NOW_MS), tmp_path)
    writer.enqueue([line(1)])
    metrics = writer.stats().metrics()
    assert metrics["signwatch_influx_queued_lines"] == 1
    assert metrics["signwatch_influx_up"] == 1
