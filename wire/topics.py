"""Topics: `signwatch/v1/{shard}/{tenant}/{device}/{kind}` (SPEC part 4)."""

from __future__ import annotations

import re
from binascii import crc32
from typing import Final, Literal, NamedTuple, get_args

Kind = Literal["hello", "heartbeat", "runs", "gone", "ack"]
KINDS: Final[frozenset[str]] = frozenset(get_args(Kind))
PREFIX: Final = "signwatch/v1"
ID_PATTERN: Final = r"[a-z0-9][a-z0-9._-]{0,62}"
_ID: Final = re.compile(ID_PATTERN)
_LEVELS: Final = 6


class Address(NamedTuple):
    """Whom a message concerns."""

    tenant: str
    device: str

    def __str__(self) -> str:
        """Give `tenant/device`."""
        return f"{self.tenant}/{self.device}"


class TopicError(ValueError):
    """The topic is not one of ours, or its shard does not fit its device."""


def is_id(text: str) -> bool:
    """Whether `text` can name a tenant, a device or an output."""
    return _ID.fullmatch(text) is not None


def shard(address: Address) -> str:
    """Two hex digits: CRC-32 of "tenant/device" mod 256."""
    return f"{crc32(str(address).encode()) % 256:02x}"


def topic(address: Address, kind: Kind) -> str:
    """The topic of one kind of message of one device."""
    return f"{PREFIX}/{shard(address)}/{address.tenant}/{address.device}/{kind}"


def parse_topic(text: str) -> tuple[Address, Kind]:
    """Topic → who and what; TopicError where it is not of our shape."""
    parts = text.split("/")
    if len(parts) != _LEVELS or not text.startswith(PREFIX + "/"):
        raise TopicError(f"topic {text[:200]!r} is not signwatch/v1/shard/tenant/device/kind")
    _, _, given, tenant, device, kind = parts
    if not (is_id(tenant) and is_id(device)):
        raise TopicError(f"topic {text[:200]!r} names no tenant and device of the form {ID_PATTERN}")
    if kind not in KINDS:
        raise TopicError(f"topic {text[:200]!r} has the unknown kind {kind!r}")
    address = Address(tenant, device)
    if given != shard(address):
        raise TopicError(f"topic {text[:200]!r} has shard {given!r}, {address} belongs to {shard(address)!r}")
    return address, kind  # type: ignore[return-value]  # it is in KINDS


def subscriptions(kinds: tuple[Kind, ...] = ("hello", "heartbeat", "runs", "gone")) -> list[str]:
    """The filters by which a collector hears every device."""
    return [f"{PREFIX}/+/+/+/{kind}" for kind in kinds]
