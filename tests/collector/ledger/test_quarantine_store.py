"""What is kept of refused messages: bounded, and nobody pushes out what others sent."""

from collections import Counter
from pathlib import Path

import pytest
from alembic import command
from sqlalchemy import create_engine, insert, text

from collector.ledger import schema
from collector.ledger.ledger import Ledger
from collector.ledger.migrate import configuration
from collector.ledger.quarantine_store import DAY_MS, Choice, Keeper, Quota, count_by_reason, kept_messages

NOW = 1_772_323_200_000
SMALL = Quota(newest=3, device_bytes=1000, rows=20, bytes=4000, age_ms=10 * DAY_MS)


def message(device: str, reason: str = "invalid", body: bytes = b"{}", at: int = NOW) -> dict[str, object]:
    return {"received_ms": at, "topic": "t", "reason": reason, "detail": "d", "body": body, "device": device}


class Quarantine:
    """A keeper on a real ledger."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.keeper = Keeper(SMALL)
        ledger.write_now(self.keeper.load)

    def keep(self, *messages: dict[str, object]) -> Counter[str]:
        return self.ledger.write_now(lambda connection: self.keeper.keep(connection, messages))

    def register(self, *devices: str) -> None:
        rows = [{"tenant": "acme", "id": name, "name": name, "role": "player"} for name in devices]
        self.ledger.write_now(lambda connection: connection.execute(insert(schema.registered_devices), rows).rowcount)

    def devices(self) -> list[str]:
        return [kept.device for kept in self.ledger.read_now(kept_messages)]


@pytest.fixture
def quarantine(ledger: Ledger) -> Quarantine:
    return Quarantine(ledger)


def test_of_a_device_and_reason_the_first_and_the_newest_are_kept(quarantine: Quarantine) -> None:
    let_go = [quarantine.keep(message("acme/p1", body=str(number).encode())) for number in range(10)]
    kept = quarantine.ledger.read_now(kept_messages)
    assert [found.body for found in kept] == [b"0", b"7", b"8", b"9"]
    assert sum(map(Counter.total, let_go)) == 6


def test_one_reason_does_not_push_out_another_nor_one_device_another(quarantine: Quarantine) -> None:
    quarantine.keep(message("acme/p1", "malformed"), message("acme/p2"))
    for _ in range(30):
        quarantine.keep(message("acme/p1", "invalid"))
    assert quarantine.ledger.read_now(count_by_reason) == {"invalid": 5, "malformed": 1}
    assert quarantine.devices().count("acme/p2") == 1


def test_a_device_has_so_many_bytes_and_the_newest_stay(quarantine: Quarantine) -> None:
    reasons = ("topic", "invalid", "malformed", "retained")
    let_go = quarantine.keep(*(message("acme/p1", reason, bytes(400)) for reason in reasons))
    assert let_go == {"topic": 1, "invalid": 1}
    assert quarantine.ledger.read_now(count_by_reason) == {"malformed": 1, "retained": 1}


def test_a_flood_of_made_up_names_makes_room_for_registered_devices(quarantine: Quarantine) -> None:
    quarantine.register("p1")
    quarantine.keep(message("acme/p1"))
    for number in range(100):
        quarantine.keep(message(f"acme/x{number}"))
        assert len(quarantine.devices()) <= SMALL.rows
    assert "acme/p1" in quarantine.devices()
    assert quarantine.devices()[-1] == "acme/x99"


def test_among_registered_devices_the_one_with_the_most_makes_room(quarantine: Quarantine) -> None:
    quarantine.register(*(f"p{number}" for number in range(18)))
    for number in range(1, 18):
        quarantine.keep(message(f"acme/p{number}"))
    for reason in ("topic", "invalid", "malformed", "retained", "unusable"):
        quarantine.keep(message("acme/p0", reason))
    kept = Counter(quarantine.devices())
    assert kept.total() <= SMALL.rows
    assert all(kept[f"acme/p{number}"] == 1 for number in range(1, 18))
    assert kept["acme/p0"] >= 1


def test_all_together_have_so_many_bytes(quarantine: Quarantine) -> None:
    for number in range(20):
        quarantine.keep(message(f"acme/x{number}", body=bytes(900)))
        size = quarantine.ledger.read_now(lambda found: found.execute(text("SELECT sum(length(body)) FROM quarantine")))
        assert size is not None
    assert sum(len(kept.body) for kept in quarantine.ledger.read_now(kept_messages)) <= SMALL.bytes


def test_what_is_too_old_goes(quarantine: Quarantine) -> None:
    quarantine.keep(message("acme/p1", at=NOW - 11 * DAY_MS), message("acme/p2", at=NOW - 9 * DAY_MS))
    quarantine.keep(message("acme/p3", at=NOW))
    assert quarantine.devices() == ["acme/p2", "acme/p3"]


def test_a_keeper_that_starts_anew_counts_what_is_there(quarantine: Quarantine) -> None:
    for number in range(SMALL.rows):
        quarantine.keep(message(f"acme/x{number}"))
    again = Quarantine(quarantine.ledger)
    assert again.keep(message("acme/new")).total() >= 1
    assert len(again.devices()) <= SMALL.rows


def test_a_choice_names_messages_by_number_reason_device_topic_and_time(quarantine: Quarantine) -> None:
    quarantine.keep(message("acme/p1", at=NOW), message("acme/p2", "topic", at=NOW + 5), message("", "topic", at=NOW))

    def chosen(choice: Choice) -> list[int]:
        return [kept.id for kept in quarantine.ledger.read_now(lambda found: kept_messages(found, choice))]

    assert chosen(Choice(ids=(1, 3))) == [1, 3]
    assert chosen(Choice(reason="topic")) == [2, 3]
    assert chosen(Choice(device="acme/p1")) == [1]
    assert chosen(Choice(since_ms=NOW + 5)) == [2]
    assert chosen(Choice(until_ms=NOW + 5, reason="topic")) == [3]


def test_a_ledger_from_the_field_migrates_with_its_refused_messages(tmp_path: Path) -> None:
    """From revision 0001, where a refused message named its device by its topic only."""
    path = tmp_path / "old.db"
    engine = create_engine(f"sqlite:///{path}")
    rows = [(1, "signwatch/v1/zz/acme/p1/runs"), (2, "elsewhere")]
    with engine.begin() as connection:
        command.upgrade(configuration(connection), "0001")
        for number, topic in rows:
            connection.execute(
                text("INSERT INTO quarantine VALUES (:id, 5, :topic, 'topic', 'd', x'ff')"),
                {"id": number, "topic": topic},
            )
    engine.dispose()
    ledger = Ledger.open(path)
    kept = ledger.read_now(kept_messages)
    ledger.close()
    assert [(found.device, found.topic, found.body) for found in kept] == [
        ("acme/p1", "signwatch/v1/zz/acme/p1/runs", b"\xff"),
        ("", "elsewhere", b"\xff"),
    ]
