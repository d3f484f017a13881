from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from collector.views import AlertView, Event, PlayerView
from collector.web import hub as hub_module
from collector.web.hub import Batch, Hub, Subscription
from tests.collector.web.fake_desk import FakeDesk, make_alert
from tests.collector.web.waiting import until


class PlainStream:
    """Tells a batch as text, and counts how often it was asked."""

    def __init__(self) -> None:
        self.told = 0
        self.fail = False

    def changes(self, batch: Batch) -> bytes:
        self.told += 1
        if self.fail:
            raise RuntimeError("a template broke")
        return b"event: changes\ndata: " + ",".join(view.state for view in batch.players).encode() + b"\n\n"

    def pulse(self) -> bytes:
        return b": pulse\n\n"


@pytest.fixture
def stream() -> PlainStream:
    return PlainStream()


@pytest.fixture
async def hub(desk: FakeDesk, stream: PlainStream) -> AsyncIterator[Hub]:
    hub = Hub(desk, {"plain": stream, "other": PlainStream()})
    yield hub
    await hub.close()


def first(desk: FakeDesk) -> PlayerView:
    return desk.players()[0]


def change(hub: Hub, desk: FakeDesk, state: str, player: int = 0) -> None:
    hub.take(Event("player", replace(desk.players()[player], state=state)))


def waiting(subscription: Subscription) -> list[bytes]:
    return list(subscription._queue)


async def test_what_changes_together_is_one_message_that_tells_each_subject_as_it_is_at_the_end(
    hub: Hub, desk: FakeDesk
) -> None:
    subscription = hub.subscribe("plain", None)
    for state in ("stopped", "frozen", "playing", "off"):
        change(hub, desk, state)
    change(hub, desk, "black", player=1)
    hub.flush()
    assert [message.splitlines()[2] for message in waiting(subscription)] == [b"data: off,black"]


async def test_a_message_is_made_once_for_all_who_listen(hub: Hub, desk: FakeDesk, stream: PlainStream) -> None:
    listeners = [hub.subscribe("plain", None) for _ in range(50)]
    change(hub, desk, "stopped")
    hub.flush()
    assert stream.told == 1
    assert len({id(waiting(listener)[0]) for listener in listeners}) == 1


async def test_nothing_is_made_while_nobody_listens(hub: Hub, desk: FakeDesk, stream: PlainStream) -> None:
    change(hub, desk, "stopped")
    hub.flush()
    assert stream.told == 0


async def test_a_page_that_was_drawn_before_its_stream_opened_misses_nothing(hub: Hub, desk: FakeDesk) -> None:
    drawn = hub.last_id
    for state in ("stopped", "frozen"):
        change(hub, desk, state)
        hub.flush()
    subscription = hub.subscribe("plain", drawn)
    assert [message.splitlines()[2] for message in waiting(subscription)] == [b"data: stopped", b"data: frozen"]
    assert waiting(subscription)[-1].startswith(b"id: " + hub.last_id.encode())
    assert waiting(hub.subscribe("plain", hub.last_id)) == []


@pytest.mark.parametrize("after", ["nonsense", "abcd-1", "-", "x-99999999999999999999", "é-٣"])
async def test_an_id_that_is_not_ours_asks_for_everything_again(hub: Hub, desk: FakeDesk, after: str) -> None:
    change(hub, desk, "stopped")
    hub.flush()
    assert waiting(hub.subscribe("plain", after)) == [hub.resync_message()]


async def test_an_id_from_the_future_of_this_hub_asks_for_everything_again(hub: Hub) -> None:
    epoch = hub.last_id.partition("-")[0]
    assert waiting(hub.subscribe("plain", f"{epoch}-7")) == [hub.resync_message()]


async def test_who_was_away_longer_than_is_remembered_reads_everything_again(hub: Hub, desk: FakeDesk) -> None:
    drawn = hub.last_id
    for number in range(70):
        change(hub, desk, "stopped" if number % 2 else "playing")
        hub.flush()
    assert waiting(hub.subscribe("plain", drawn)) == [hub.resync_message()]


async def test_a_listener_who_does_not_keep_up_gets_one_resync_in_place_of_what_waited(
    hub: Hub, desk: FakeDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub_module, "_QUEUE_BYTES", 300)
    slow = hub.subscribe("plain", None)
    for _ in range(20):
        change(hub, desk, "stopped")
        hub.flush()
    messages = waiting(slow)
    assert sum(map(len, messages)) <= 300
    assert b"event: resync" in messages[0]
    assert hub.resyncs >= 1


async def test_a_resync_of_the_desk_reaches_every_listener_and_forgets_the_past(hub: Hub, desk: FakeDesk) -> None:
    drawn = hub.last_id
    subscription = hub.subscribe("plain", None)
    change(hub, desk, "stopped")
    hub.take(Event("resync", None))
    hub.flush()
    assert waiting(subscription) == [hub.resync_message()]
    assert waiting(hub.subscribe("plain", drawn)) == [hub.resync_message()]


async def test_alerts_are_told_apart_by_their_number(hub: Hub) -> None:
    seen: list[tuple[AlertView, ...]] = []

    class Watcher(PlainStream):
        def changes(self, batch: Batch) -> bytes:
            seen.append(batch.alerts)
            return b"event: changes\n\n"

    hub._streams = {"plain": Watcher()}
    hub.subscribe("plain", None)
    for alert in (make_alert(id=1), make_alert(id=2), make_alert(id=1, closed_ms=5)):
        hub.take(Event("alert", alert))
    hub.flush()
    assert [(alert.id, alert.closed_ms) for alert in seen[0]] == [(1, 5), (2, None)]


async def test_a_running_hub_reads_batches_and_delivers(hub: Hub, desk: FakeDesk) -> None:
    hub.start()
    subscription = hub.subscribe("plain", None)
    await until(lambda: desk.listeners == 1)
    desk.set_state(first(desk).subject, "stopped")
    message = await asyncio.wait_for(subscription.next(), 100)
    assert message is not None
    assert b"data: stopped" in message


async def test_a_source_of_events_that_ends_is_opened_again_and_the_listeners_resync(hub: Hub, desk: FakeDesk) -> None:
    hub.start()
    subscription = hub.subscribe("plain", None)
    await until(lambda: desk.listeners == 1)
    desk.end_events()
    message = await asyncio.wait_for(subscription.next(), 100)
    assert message is not None
    assert b"event: resync" in message
    await until(lambda: desk.listeners == 1)


async def test_a_batch_that_cannot_be_told_leaves_the_hub_alive_and_asks_for_a_resync(
    hub: Hub, desk: FakeDesk, stream: PlainStream
) -> None:
    hub.start()
    subscription = hub.subscribe("plain", None)
    await until(lambda: desk.listeners == 1)
    stream.fail = True
    desk.set_state(first(desk).subject, "stopped")
    assert b"event: resync" in (await asyncio.wait_for(subscription.next(), 100) or b"")
    stream.fail = False
    desk.set_state(first(desk).subject, "frozen")
    assert b"data: frozen" in (await asyncio.wait_for(subscription.next(), 100) or b"")


async def test_closing_ends_every_subscription_after_what_waits(hub: Hub, desk: FakeDesk) -> None:
    subscription = hub.subscribe("plain", None)
    change(hub, desk, "stopped")
    hub.flush()
    await hub.close()
    assert b"stopped" in (await subscription.next() or b"")
    assert await subscription.next() is None
    assert await hub.subscribe("plain", None).next() is None


async def test_each_stream_pulses_in_its_own_words(hub: Hub) -> None:
    plain, silent = hub.subscribe("plain", None), hub.subscribe("other", None)
    hub.unsubscribe(silent)
    hub.pulse()
    assert waiting(plain) == [b": pulse\n\n"]
    assert waiting(silent) == []
