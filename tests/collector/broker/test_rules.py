from __future__ import annotations

import pytest

from collector.broker.rules import allowed
from wire.topics import Address, topic

OWN = Address("acme", "player-1")
OTHER = Address("acme", "player-2")


@pytest.mark.parametrize("kind", ["hello", "heartbeat", "runs", "gone"])
def test_a_device_may_say_its_own_four_kinds(kind: str) -> None:
    assert allowed("acme/player-1", "publish", topic(OWN, kind))  # type: ignore[arg-type]
    assert not allowed("acme/player-1", "publish", topic(OTHER, kind))  # type: ignore[arg-type]
    assert not allowed("acme/player-1", "publish", topic(Address("other", "player-1"), kind))  # type: ignore[arg-type]


def test_a_device_may_not_write_an_ack_not_even_its_own() -> None:
    assert not allowed("acme/player-1", "publish", topic(OWN, "ack"))


def test_a_device_may_not_write_under_a_wrong_shard() -> None:
    right = topic(OWN, "runs")
    shard = right.split("/")[2]
    wrong = right.replace(f"/{shard}/", f"/{(int(shard, 16) + 1) % 256:02x}/")
    assert not allowed("acme/player-1", "publish", wrong)


def test_a_device_hears_its_own_ack_by_its_exact_name_only() -> None:
    own = topic(OWN, "ack")
    for deed in ("subscribe", "receive"):
        assert allowed("acme/player-1", deed, own)  # type: ignore[arg-type]
        assert not allowed("acme/player-1", deed, topic(OTHER, "ack"))  # type: ignore[arg-type]
        assert not allowed("acme/player-1", deed, topic(OWN, "runs"))  # type: ignore[arg-type]
    for wild in ("#", "signwatch/v1/#", "signwatch/v1/+/acme/player-1/ack", own + "/#", "+/v1/+/+/+/+"):
        assert not allowed("acme/player-1", "subscribe", wild)


def test_a_service_reads_everything_and_writes_acks_only() -> None:
    assert allowed("collector", "subscribe", "signwatch/v1/+/+/+/runs")
    assert allowed("collector", "receive", topic(OWN, "runs"))
    assert allowed("collector", "publish", topic(OWN, "ack"))
    assert not allowed("collector", "publish", topic(OWN, "runs"))
    assert not allowed("collector", "publish", "signwatch/v1/ack")
    assert not allowed("collector", "subscribe", "$SYS/#")
