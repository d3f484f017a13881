from __future__ import annotations

from binascii import crc32

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wire.topics import KINDS, Address, Kind, TopicError, is_id, parse_topic, shard, subscriptions, topic

ids = st.from_regex(r"[a-z0-9][a-z0-9._-]{0,62}", fullmatch=True)


@given(ids, ids, st.sampled_from(sorted(KINDS)))
def test_what_a_topic_says_is_what_it_was_made_of(tenant: str, device: str, kind: Kind) -> None:
    assert parse_topic(topic(Address(tenant, device), kind)) == (Address(tenant, device), kind)


def test_the_shard_is_the_crc_of_tenant_and_device() -> None:
    expected = f"{crc32(b'acme/player-0001') & 0xFF:02x}"
    assert shard(Address("acme", "player-0001")) == expected
    assert topic(Address("acme", "player-0001"), "runs") == f"signwatch/v1/{expected}/acme/player-0001/runs"


@pytest.mark.parametrize("text", ["", "-a", ".a", "A", "a/b", "a b", "ñ", "a" * 64, "a\n", "+", "#"])
def test_what_cannot_be_a_name(text: str) -> None:
    assert not is_id(text)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("signwatch/v1/00/acme/p1", "is not signwatch/v1"),
        ("signwatch/v2/00/acme/p1/runs", "is not signwatch/v1"),
        ("signwatch/v1/00/acme/p1/runs/more", "is not signwatch/v1"),
        ("signwatch/v1/00/Acme/p1/runs", "names no tenant and device"),
        ("signwatch/v1/00/acme/p1/run", "unknown kind 'run'"),
        ("", "is not signwatch/v1"),
    ],
)
def test_a_foreign_topic_is_refused_with_its_reason(text: str, complaint: str) -> None:
    with pytest.raises(TopicError, match=complaint):
        parse_topic(text)


def test_a_shard_that_does_not_fit_its_device_is_refused_and_named() -> None:
    good = topic(Address("acme", "p1"), "runs")
    right = shard(Address("acme", "p1"))
    wrong = "00" if right != "00" else "01"
    with pytest.raises(TopicError, match=f"belongs to '{right}'"):
        parse_topic(good.replace(f"/{right}/", f"/{wrong}/"))


def test_a_collector_hears_everything_but_its_own_acks() -> None:
    assert subscriptions() == [f"signwatch/v1/+/+/+/{kind}" for kind in ("hello", "heartbeat", "runs", "gone")]
