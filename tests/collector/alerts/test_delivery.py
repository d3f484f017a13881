from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import hmac
import json
import signal
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from collector.alerts.channel import GiveUp, Later, NotNow, Patience, Refused, after
from collector.alerts.config import AlertmanagerChannel, AlertsConfig, Channel, LogChannel, WebhookChannel
from collector.alerts.desk import AlertDesk
from collector.ledger import alert_store as store
from collector.ledger.ledger import Ledger
from common.clock import SystemClock
from common.tasks import cancel, spawn
from tests.collector.alerts.samples import NOW_MS, alert, figure
from tests.fixtures.alertmanager import StartAlertmanager
from tests.fixtures.processes import ROOT
from tests.fixtures.receiver import Answer, Receiver, Request
from tests.fixtures.waiting import free_port, until

DOWN = figure(down_now=13)


def config(*channels: Channel, **changes: Any) -> AlertsConfig:
    return AlertsConfig(**{"hold_s": 0, "release_s": 0, "reopen_s": 0, "channels": channels, **changes})


@contextlib.asynccontextmanager
async def running(ledger: Ledger, settings: AlertsConfig) -> AsyncIterator[AlertDesk]:
    desk = AlertDesk(ledger, settings, SystemClock())
    await desk.load()
    task = spawn(desk.run(), "desk")
    try:
        yield desk
    finally:
        await cancel(task)


def hook(receiver: Receiver, **changes: Any) -> WebhookChannel:
    return WebhookChannel(**{"url": f"{receiver.url}/hook", "timeout_s": 5, **changes})


def events(receiver: Receiver) -> list[str]:
    return [json.loads(request.body)["event"] for request in receiver.requests]


async def test_an_opening_and_a_closing_reach_the_webhook_with_numbers_and_sentences(
    ledger: Ledger, receiver: Receiver
) -> None:
    channel = hook(receiver, headers={"X-Team": "noc"}, username="Añil", password="pa:ss")
    settings = config(channel, page_url="https://noc.example/")
    async with running(ledger, settings) as desk:
        (view,) = await desk.consider(DOWN, NOW_MS)
        await desk.consider(figure(down_now=6), NOW_MS + 60_000)
        await until(lambda: len(receiver.requests) == 2, "both events have arrived")
    opened, closed = (json.loads(request.body) for request in receiver.requests)
    assert opened == {
        "version": 1,
        "id": receiver.requests[0].headers["webhook-id"],
        "event": "opened",
        "alert": {
            "id": view.id,
            "agreement": "acme/admira",
            "tenant": "acme",
            "contract": "admira",
            "kind": "players_down",
            "subject": None,
            "severity": "critical",
            "summary": "ADmira (acme): more than 20 % of the players are down",
            "reason": "13 of 40 players (32.50 %) down since 10:02:11Z, limit 20 %",
            "opened_at": "2026-03-01T10:02:11.000Z",
            "opened_ms": NOW_MS,
            "closed_at": None,
            "closed_ms": None,
            "close_reason": None,
            "facts": opened["alert"]["facts"],
            "url": "https://noc.example/alerts",
        },
    }
    assert opened["alert"]["facts"]["down"] == 13
    assert closed["event"] == "closed"
    assert closed["alert"]["closed_at"] == "2026-03-01T10:03:11.000Z"
    assert closed["alert"]["close_reason"].startswith("6 of 40 players (15.00 %) down, at or under 15 %")
    assert receiver.requests[0].method == "POST"
    assert receiver.requests[0].path == "/hook"
    assert receiver.requests[0].headers["Content-Type"] == "application/json"
    assert receiver.requests[0].headers["X-Team"] == "noc"
    who = receiver.requests[0].headers["Authorization"].removeprefix("Basic ")
    assert base64.b64decode(who).decode() == "Añil:pa:ss"
    assert "webhook-signature" not in receiver.requests[0].headers
    assert opened["id"] != closed["id"]


@pytest.mark.parametrize(
    ("secret", "key"), [("open sesame", b"open sesame"), ("whsec_c2lnbndhdGNo", b"signwatch")], ids=["plain", "whsec"]
)
async def test_a_secret_signs_id_timestamp_and_body(
    ledger: Ledger, receiver: Receiver, secret: str, key: bytes
) -> None:
    async with running(ledger, config(hook(receiver, secret=secret))) as desk:
        await desk.consider(DOWN, NOW_MS)
        await until(lambda: receiver.requests, "the event has arrived")
    (request,) = receiver.requests
    signed = f"{request.headers['webhook-id']}.{request.headers['webhook-timestamp']}.".encode() + request.body
    digest = hmac.new(key, signed, hashlib.sha256).digest()
    assert request.headers["webhook-signature"] == "v1," + base64.b64encode(digest).decode()


async def test_a_server_error_is_retried_with_the_same_id_until_it_is_taken(ledger: Ledger, receiver: Receiver) -> None:
    receiver.answer = lambda _: Answer(503 if len(receiver.requests) < 2 else 200)
    async with running(ledger, config(hook(receiver))) as desk:
        await desk.consider(DOWN, NOW_MS)
        await until(lambda: len(receiver.requests) == 2, "it was sent again")
        await until(lambda: _counts(desk, pending=0, delivered=1), "it counts as delivered")
    first, second = receiver.requests
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert first.headers["Idempotency-Key"] == first.headers["webhook-id"]


async def test_a_webhook_that_nobody_answers_delays_no_other_channel(ledger: Ledger, receiver: Receiver) -> None:
    away = WebhookChannel(name="away", url=f"http://127.0.0.1:{free_port()}/", timeout_s=5)
    async with running(ledger, config(away, hook(receiver))) as desk:
        await desk.consider(DOWN, NOW_MS)
        await until(lambda: receiver.requests, "the other channel has it")
        await until(lambda: _pending_error(ledger, "away"), "the first one waits with its error")


async def test_a_refusal_is_marked_failed_after_its_attempts_and_the_closing_still_goes_out(
    ledger: Ledger, receiver: Receiver
) -> None:
    def answer(request: Request) -> Answer:
        return Answer(404, "no such hook") if json.loads(request.body)["event"] == "opened" else Answer(204)

    receiver.answer = answer
    async with running(ledger, config(hook(receiver, attempts=1))) as desk:
        await desk.consider(DOWN, NOW_MS)
        await desk.consider(figure(), NOW_MS + 1)
        await until(lambda: _counts(desk, pending=0, failed=1, delivered=1), "one failed and one went through")
    ((_, error),) = ledger.read_now(lambda c: store.read_failed(c, 10))
    assert error == "HTTP 404: no such hook (given up after 1 attempts)"
    assert events(receiver) == ["opened", "closed"]


async def test_a_redirect_is_not_followed(ledger: Ledger, receiver: Receiver) -> None:
    receiver.answer = lambda _: Answer(302, headers={"Location": f"{receiver.url}/elsewhere"})
    async with running(ledger, config(hook(receiver, attempts=1))) as desk:
        await desk.consider(DOWN, NOW_MS)
        await until(lambda: _counts(desk, failed=1), "it counts as failed")
    assert [request.path for request in receiver.requests] == ["/hook"]


async def test_what_was_stored_before_a_crash_is_sent_after_it(tmp_path: Path, receiver: Receiver) -> None:
    script = """
import asyncio, os, signal, sys
from pathlib import Path
from collector.alerts.config import AlertsConfig, WebhookChannel
from collector.alerts.desk import AlertDesk
from collector.ledger.ledger import Ledger
from common.clock import SystemClock
from tests.collector.alerts.samples import NOW_MS, figure

async def main():
    ledger = Ledger.open(Path(sys.argv[1]))
    desk = AlertDesk(ledger, AlertsConfig(hold_s=0, channels=(WebhookChannel(url=sys.argv[2]),)), SystemClock())
    await desk.load()
    await desk.consider(figure(down_now=13), NOW_MS)
    os.kill(os.getpid(), signal.SIGKILL)  # stored, and not yet sent

asyncio.run(main())
"""
    path = tmp_path / "ledger.db"
    child = await asyncio.create_subprocess_exec(sys.executable, "-c", script, path, f"{receiver.url}/hook", cwd=ROOT)
    assert await child.wait() == -signal.SIGKILL
    assert receiver.requests == []
    ledger = Ledger.open(path)
    try:
        async with running(ledger, config(hook(receiver), release_s=3600)) as desk:
            await until(lambda: receiver.requests, "the opening has arrived")
            await until(lambda: _counts(desk, pending=0, delivered=1), "it counts as delivered")
            assert [view.kind for view in desk.open_alerts()] == ["players_down"]
            assert await desk.consider(DOWN, NOW_MS + 60_000) == []  # the same alarm, not a second one
        async with running(ledger, config(hook(receiver))) as desk:
            (view,) = await desk.consider(figure(), NOW_MS + 120_000)
            assert view.close_reason is not None
            assert view.close_reason.startswith("found calm after a restart of the collector: ")
            await until(lambda: len(receiver.requests) == 2, "the closing has arrived")
    finally:
        ledger.close()
    assert events(receiver) == ["opened", "closed"]


async def test_the_log_tells_openings_and_closings(ledger: Ledger, capsys: pytest.CaptureFixture[str]) -> None:
    async with running(ledger, config(LogChannel())) as desk:
        await desk.consider(DOWN, NOW_MS)
        await desk.consider(figure(), NOW_MS + 1)
        await until(lambda: _counts(desk, pending=0, delivered=2), "both lines are written")
    said = capsys.readouterr()
    text = said.out + said.err
    assert "alert_opened" in text
    assert "13 of 40 players (32.50 %) down" in text
    assert "alert_closed" in text


async def test_the_real_alertmanager_fires_and_resolves(
    ledger: Ledger, receiver: Receiver, start_alertmanager: StartAlertmanager
) -> None:
    server = start_alertmanager(f"{receiver.url}/from-alertmanager")
    channel = AlertmanagerChannel(url=server.url, labels={"team": "noc"}, refresh_s=1)
    settings = config(channel, page_url="http://127.0.0.1:8080")
    now_ms = SystemClock().wall_ms()
    async with running(ledger, settings) as desk:
        await desk.consider(replace(DOWN, computed_ms=now_ms), now_ms)
        await until(lambda: receiver.requests, "Alertmanager has notified")
        (firing,) = server.alerts()
        assert firing["labels"] == {
            "alertname": "SignwatchPlayersDown",
            "severity": "critical",
            "tenant": "acme",
            "contract": "admira",
            "team": "noc",
        }
        assert firing["annotations"]["summary"] == "ADmira (acme): more than 20 % of the players are down"
        assert firing["annotations"]["description"].startswith("13 of 40 players (32.50 %) down since ")
        assert firing["generatorURL"] == "http://127.0.0.1:8080/alerts"
        first_end = firing["endsAt"]
        await until(lambda: server.alerts()[0]["endsAt"] > first_end, "the open alert was said again, with a later end")
        await desk.consider(figure(), now_ms + 1_000)
        await until(lambda: _statuses(receiver) == ["firing", "resolved"], "Alertmanager has told the end")
        assert server.alerts() == []
    resolved = json.loads(receiver.requests[-1].body)["alerts"][0]
    assert " — closed: 0 of 40 players (0.00 %) down" in resolved["annotations"]["description"]


async def test_an_opening_that_alertmanager_gets_after_the_closing_does_not_ring(
    ledger: Ledger, receiver: Receiver, start_alertmanager: StartAlertmanager
) -> None:
    now_ms = SystemClock().wall_ms()
    server = start_alertmanager(f"{receiver.url}/from-alertmanager")
    desk = AlertDesk(ledger, config(AlertmanagerChannel(url=server.url)), SystemClock())
    await desk.load()
    await desk.consider(DOWN, now_ms - 120_000)  # Alertmanager was away all the while
    await desk.consider(figure(), now_ms - 60_000)
    async with running(ledger, config(AlertmanagerChannel(url=server.url))) as late:
        await until(lambda: _counts(late, pending=0, delivered=2), "both were delivered late")
    assert server.alerts() == []
    assert "firing" not in _statuses(receiver)


def _delivery(attempts: int = 0, queued_ms: int = NOW_MS) -> store.Delivery:
    return store.Delivery(1, "hook", "opened", attempts, queued_ms, store.StoredAlert(alert(), {}))


def test_a_wait_is_never_shorter_than_what_the_server_asks_for() -> None:
    verdict = after(NotNow("HTTP 503", 90_000), _delivery(), Patience(), NOW_MS, lambda: 0.5)
    assert verdict == Later(NOW_MS + 90_000, "HTTP 503")


def test_silence_is_put_up_with_until_the_patience_ends() -> None:
    patience = Patience(attempts=2, give_up_ms=3_600_000)
    assert isinstance(after(NotNow("refused"), _delivery(500), patience, NOW_MS + 3_599_999), Later)
    assert isinstance(after(NotNow("refused"), _delivery(0), patience, NOW_MS + 3_600_000), Later)
    verdict = after(NotNow("refused"), _delivery(500), patience, NOW_MS + 3_600_000)
    assert verdict == GiveUp("refused (given up after 1 h, 501 attempts)")


def test_a_refusal_is_asked_again_only_so_often() -> None:
    patience = Patience(attempts=3)
    assert isinstance(after(Refused("HTTP 400"), _delivery(1), patience, NOW_MS), Later)
    assert after(Refused("HTTP 400"), _delivery(2), patience, NOW_MS) == GiveUp("HTTP 400 (given up after 3 attempts)")


async def _counts(desk: AlertDesk, **expected: int) -> bool:
    counts = await desk.deliveries()
    return all(counts[name] == number for name, number in expected.items())


def _pending_error(ledger: Ledger, channel: str) -> bool:
    far = NOW_MS * 2  # whatever waits, waits for an instant before this one
    waiting = ledger.read_now(lambda c: store.read_due(c, channel, far, 0))
    return [delivery.attempts > 0 for delivery in waiting] == [True]


def _statuses(receiver: Receiver) -> list[str]:
    return [json.loads(request.body)["status"] for request in receiver.requests]
