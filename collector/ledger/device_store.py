"""SQL of the devices: everybody who ever reported, at hand by address and by id."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec
from sqlalchemy import Connection, select

from collector.ledger import schema
from collector.ledger.intake import DeviceRow
from collector.ledger.upsert import upsert
from wire.topics import Address

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from wire.messages import Hello

INTERVAL_MIN_MS: Final = 1000  # a device that says it speaks more often is not called silent any sooner
_MILLISECONDS: Final = 1000


class Devices:
    """The devices of a ledger. Ids are given out here, so that a batch need not ask the database for them."""

    def __init__(self) -> None:
        self.by_address: dict[Address, DeviceRow] = {}
        self._addresses: dict[int, Address] = {}
        self._next_id = 1

    def load(self, connection: Connection) -> None:
        """Read them all, in place of what was known."""
        self.by_address.clear()
        self._addresses.clear()
        for found in connection.execute(select(schema.devices)):
            address = Address(found.tenant, found.device)
            self.by_address[address] = DeviceRow(
                found.id,
                address,
                found.first_seen_ms,
                found.last_received_ms,
                found.interval_ms,
                found.boot,
                found.mono_ms,
                found.gone,
                found.hello,
            )
            self._addresses[found.id] = address
        self._next_id = max(self._addresses, default=0) + 1

    def address(self, device_id: int) -> Address:
        """Whose id that is."""
        return self._addresses[device_id]

    def named(self, device_id: int) -> DeviceRow:
        """The device of that id."""
        return self.by_address[self._addresses[device_id]]

    def add(self, address: Address, received_ms: int) -> DeviceRow:
        """One that was never heard before."""
        device = DeviceRow(self._next_id, address, received_ms, received_ms)
        self._next_id += 1
        self.by_address[address] = device
        self._addresses[device.id] = address
        return device


def greet(device: DeviceRow, hello: Hello) -> None:
    """Take over what a device says of itself."""
    device.interval_ms = max(INTERVAL_MIN_MS, round(hello.interval_s * _MILLISECONDS))
    device.hello = msgspec.to_builtins(hello)


def write_devices(connection: Connection, devices: Iterable[DeviceRow], greeted: Collection[int]) -> None:
    """Write them down; the hello only of those that said one, since it is large and heartbeats do not change it."""
    rows = list(devices)
    upsert(connection, schema.devices, ("id",), [_values(device) for device in rows])
    said_hello = [{**_values(device), "hello": device.hello} for device in rows if device.id in greeted]
    upsert(connection, schema.devices, ("id",), said_hello)


def _values(device: DeviceRow) -> dict[str, object]:
    return {
        "id": device.id,
        "tenant": device.address.tenant,
        "device": device.address.device,
        "first_seen_ms": device.first_seen_ms,
        "last_received_ms": device.last_received_ms,
        "interval_ms": device.interval_ms,
        "boot": device.boot,
        "mono_ms": device.mono_ms,
        "gone": device.gone,
    }
