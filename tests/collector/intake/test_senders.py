import pytest

from collector.intake.allowance import Limits, Rate
from collector.intake.reading import MessageRefusedError
from collector.intake.senders import STRANGERS_LANE, Intake, Senders
from wire.topics import Address, topic

PLENTY = Limits(Rate(100, 10), Rate(1000, 10))
INTAKE = Intake(device=PLENTY, unregistered=Limits(Rate(3, 1), Rate(1000, 10)), unregistered_max=2)


def of(senders: Senders, device: str) -> str:
    sender, _ = senders.of(topic(Address("acme", device), "runs"), 0)
    return str(sender.lane)


def test_each_registered_device_has_a_lane_of_its_own_and_strangers_share_one() -> None:
    senders = Senders(INTAKE)
    senders.take_registry({"acme/p1", "acme/p2"})
    assert [of(senders, name) for name in ("p1", "p2")] == [str(Address("acme", name)) for name in ("p1", "p2")]
    assert {of(senders, name) for name in ("x1", "x2")} == {STRANGERS_LANE}


def test_there_are_so_many_unknown_devices_and_no_more_but_registered_ones_always() -> None:
    senders = Senders(INTAKE)
    senders.load([Address("acme", "old")])
    of(senders, "old")
    of(senders, "x1")
    with pytest.raises(MessageRefusedError, match=r"2 devices that are not registered .* ingest\.unregistered_devices"):
        of(senders, "x2")
    assert senders.unregistered == 2
    senders.take_registry({"acme/x1", "acme/x2"})
    assert of(senders, "x2") == str(Address("acme", "x2"))
    assert senders.unregistered == 1
    assert of(senders, "x3") == STRANGERS_LANE


def test_strangers_share_one_allowance_beside_their_own() -> None:
    senders = Senders(INTAKE)
    senders.take_registry({"acme/p1"})
    taken = []
    for name in ("x1", "x2", "x1", "x2", "p1"):
        sender, _ = senders.of(topic(Address("acme", name), "runs"), 0)
        taken.append(sender.admits(0, False))
    assert taken == [True, True, True, False, True]


def test_a_device_keeps_its_allowance_when_the_registry_changes() -> None:
    senders = Senders(INTAKE)
    sender, _ = senders.of(topic(Address("acme", "x1"), "runs"), 0)
    sender.pay(5000)
    senders.take_registry({"acme/x1"})
    again, _ = senders.of(topic(Address("acme", "x1"), "runs"), 0)
    assert again.is_registered
    assert not again.admits(0, False)


def test_who_was_shed_most_is_named_first() -> None:
    senders = Senders(INTAKE)
    senders.take_registry({"acme/a", "acme/b", "acme/c"})
    for name, times in (("a", 1), ("b", 3), ("c", 0)):
        sender, _ = senders.of(topic(Address("acme", name), "runs"), 0)
        for _ in range(times):
            sender.allowance.refuse()
    assert senders.shed() == [(Address("acme", "b"), 3), (Address("acme", "a"), 1)]
