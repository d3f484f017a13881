"""PURE. Who may send how much: the allowance and the lane of each device, and how many unknown ones there may be.

What is held here is bounded: a sender for each registered device, and for at most so many that are not registered.
Those share one lane and, beside each one's own, one allowance: however many names somebody makes up, together they
weigh as much as one device of the fleet's queue and no more.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterable
from typing import Final, NamedTuple

from collector.intake.allowance import Allowance, Limits, Rate
from collector.intake.reading import MessageRefusedError, read_topic
from wire.topics import Address, Kind

STRANGERS_LANE: Final = "unregistered"
_SHOWN_MAX: Final = 50


class Intake(NamedTuple):
    """What senders may do: one device, all unregistered ones together, and how many of those there may be."""

    device: Limits = Limits(Rate(2_000, 20), Rate(100_000, 100))
    unregistered: Limits = Limits(Rate(20_000, 1_000), Rate(1_000_000, 2_000))
    unregistered_max: int = 5_000


class Sender:
    """One device as intake sees it."""

    __slots__ = ("_shared", "address", "allowance", "lane")

    def __init__(self, address: Address, own: Allowance, shared: Allowance | None) -> None:
        self.address = address
        self.lane: Hashable = address if shared is None else STRANGERS_LANE
        self.allowance = own
        self._shared = shared

    @property
    def is_registered(self) -> bool:
        """Whether the registry names it."""
        return self._shared is None

    def admits(self, now_ms: int, restates: bool) -> bool:  # noqa: FBT001 - as in Allowance
        """Whether another message is taken now."""
        if not self.allowance.admits(now_ms, restates):
            return False
        return self._shared is None or self._shared.admits(now_ms, restates)

    def pay(self, runs: int) -> None:
        """Take the price of a message's runs."""
        self.allowance.pay(runs)
        if self._shared is not None:
            self._shared.pay(runs)


class Senders:
    """Every device that may send."""

    def __init__(self, intake: Intake) -> None:
        self._intake = intake
        self._shared = Allowance(intake.unregistered, 0)
        self._registered: Collection[str] = frozenset()
        self._strangers: set[Address] = set()
        self._senders: dict[Address, Sender] = {}
        self._places: dict[str, tuple[Sender, Kind]] = {}  # by topic; only valid ones, so five for each sender

    def load(self, known: Iterable[Address]) -> None:
        """Start from the devices that the ledger knows already: they may go on."""
        self._strangers |= {address for address in known if str(address) not in self._registered}

    def take_registry(self, registered: Collection[str]) -> None:
        """Go on with other registered devices (`tenant/device`)."""
        self._registered = registered
        self._strangers |= {sender.address for sender in self._senders.values()}
        self._strangers = {address for address in self._strangers if str(address) not in registered}
        self._senders = {address: self._sender(address, sender.allowance) for address, sender in self._senders.items()}
        self._places.clear()

    def of(self, topic: str, now_ms: int) -> tuple[Sender, Kind]:
        """Who sends on this topic, and what; MessageRefusedError for no topic, or one unknown device too many."""
        place = self._places.get(topic)
        if place is None:
            address, kind = read_topic(topic)
            place = self._places[topic] = self._senders.get(address) or self._admit(address, now_ms), kind
        return place

    def is_registered(self, device: str) -> bool:
        """Whether the registry names `tenant/device`."""
        return device in self._registered

    @property
    def unregistered(self) -> int:
        """How many devices that are not registered are known."""
        return len(self._strangers)

    def shed(self) -> list[tuple[Address, int]]:
        """Which devices were shed, and how many messages of each; those that were shed most, most first."""
        counted = [(sender.address, sender.allowance.shed) for sender in self._senders.values()]
        return sorted((found for found in counted if found[1]), key=lambda found: (-found[1], found[0]))[:_SHOWN_MAX]

    def _admit(self, address: Address, now_ms: int) -> Sender:
        if str(address) not in self._registered and address not in self._strangers:
            if len(self._strangers) >= self._intake.unregistered_max:
                raise MessageRefusedError(
                    "unregistered",
                    f"{len(self._strangers)} devices that are not registered are known already: register it, "
                    "or raise ingest.unregistered_devices_max",
                )
            self._strangers.add(address)
        sender = self._senders[address] = self._sender(address, Allowance(self._intake.device, now_ms))
        return sender

    def _sender(self, address: Address, own: Allowance) -> Sender:
        return Sender(address, own, None if str(address) in self._registered else self._shared)
