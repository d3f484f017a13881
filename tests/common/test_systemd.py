"""`sd_notify(3)` over a real datagram socket, as systemd would listen."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from common import systemd
from common.systemd import feed_watchdog, notify, watchdog_interval_s
from common.tasks import cancel, spawn
from tests.fixtures.waiting import until


@pytest.fixture(params=["file", "abstract"])
def listener(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[socket.socket]:
    """What stands behind NOTIFY_SOCKET: a path, or a name that begins with @."""
    name = str(tmp_path / "notify") if request.param == "file" else f"@signwatch-test-{os.getpid()}-{id(request)}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as heard:
        heard.bind(name.replace("@", "\0", 1) if request.param == "abstract" else name)
        heard.setblocking(False)
        monkeypatch.setenv("NOTIFY_SOCKET", name)
        yield heard


def received(listener: socket.socket) -> list[bytes]:
    """Take every message that waits."""
    messages = []
    while True:
        try:
            messages.append(listener.recv(4096))
        except BlockingIOError:
            return messages


def test_a_message_reaches_systemd_as_one_datagram(listener: socket.socket) -> None:
    assert notify("READY=1\nSTATUS=3 players ñ")
    assert received(listener) == ["READY=1\nSTATUS=3 players ñ".encode()]


def test_programs_that_are_started_do_not_hear_where_systemd_listens(
    listener: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(systemd, "_kept", {})
    monkeypatch.setenv("WATCHDOG_USEC", "60000000")
    monkeypatch.setenv("WATCHDOG_PID", str(os.getpid()))
    systemd.keep_to_ourselves()
    assert {"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"} & set(os.environ) == set()
    assert notify("READY=1")
    assert received(listener) == [b"READY=1"]
    assert watchdog_interval_s() == 20


def test_without_systemd_nothing_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    assert not notify("READY=1")


def test_a_listener_that_has_gone_is_no_reason_to_fail(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "nobody"))
    assert not notify("READY=1")


def test_the_watchdog_is_fed_three_times_in_the_time_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", "60000000")
    monkeypatch.delenv("WATCHDOG_PID", raising=False)
    assert watchdog_interval_s() == 20
    monkeypatch.setenv("WATCHDOG_PID", str(os.getpid()))
    assert watchdog_interval_s() == 20


@pytest.mark.parametrize(
    ("limit", "owner"),
    [("", ""), ("soon", ""), ("0", ""), ("60000000", "1")],
    ids=["unset", "text", "zero", "another's"],
)
def test_there_is_no_watchdog_where_none_is_meant_for_us(
    monkeypatch: pytest.MonkeyPatch, limit: str, owner: str
) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", limit)
    monkeypatch.setenv("WATCHDOG_PID", owner or str(os.getpid()))
    assert watchdog_interval_s() is None


async def test_the_watchdog_is_fed_only_while_the_main_work_turns(
    listener: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", "30000")
    asked = 0
    alive = True

    def turns() -> bool:
        nonlocal asked
        asked += 1
        return alive

    task = spawn(feed_watchdog(turns), "watchdog")
    fed: list[bytes] = []

    def fed_twice() -> bool:
        fed.extend(received(listener))
        return len(fed) > 1

    await until(fed_twice, "the watchdog was fed twice")
    assert set(fed) == {b"WATCHDOG=1"}
    alive = False
    received(listener)
    before = asked
    await until(lambda: asked > before + 2, "it was asked again")
    assert received(listener) == []
    await cancel(task)


async def test_without_a_watchdog_the_feeder_ends_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WATCHDOG_USEC", raising=False)
    await asyncio.wait_for(feed_watchdog(lambda: True), 100)
