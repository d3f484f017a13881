"""`signwatch device`: what a person reads of a device's clocks."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from collector.ledger.evidence_store import EvidenceStore
from collector.ledger.intake import Received
from collector.ledger.ledger import Ledger
from signwatch.cli import main
from wire.messages import Hello, Run, Runs
from wire.topics import Address

NOW = 1_772_323_200_000
MINUTE_MS = 60_000
HOUR_MS = 3_600_000
Say = Callable[[list[str]], str]


def ran(boot: str, seq: int, booted_ms: int, *, synced: bool = True, error_ms: int = 0, sent: str = "") -> Runs:
    """A run of an hour in a boot, told at its end (or in the boot `sent`, five hours later)."""
    wall = booted_ms + error_ms
    run = Run(
        seq=seq,
        output="main",
        state="playing",
        start_ms=wall + MINUTE_MS,
        start_mono_ms=MINUTE_MS,
        end_ms=wall + HOUR_MS,
        end_mono_ms=HOUR_MS,
        boot=boot,
    )
    later_ms = 5 * HOUR_MS if sent else 0
    return Runs(
        spool="5" * 16,
        boot=sent or boot,
        sent_ms=wall + HOUR_MS + later_ms,
        mono_ms=HOUR_MS if not sent else MINUTE_MS,
        synced=synced,
        runs=[run],
    )


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A device with four boots: good, set by an hour, offline in 1970, known by receipt; and one of another tenant."""
    player, other = Address("acme", "p1"), Address("globex", "p1")
    good, stepped = ran("good", 1, NOW), ran("stepped", 2, NOW + 2 * HOUR_MS)
    lie = ran("stepped", 2, NOW + 2 * HOUR_MS, error_ms=-HOUR_MS)
    lie.mono_ms, lie.sent_ms = HOUR_MS // 2, lie.sent_ms - HOUR_MS // 2
    offline = ran("offline", 3, NOW + 4 * HOUR_MS, synced=False, error_ms=-NOW, sent="received")
    received = ran("received", 4, NOW + 9 * HOUR_MS, synced=False, error_ms=-NOW)
    told = [
        Received(player, good, NOW + HOUR_MS + 40),
        Received(player, lie, NOW + 5 * HOUR_MS // 2 + 40),
        Received(player, stepped, NOW + 3 * HOUR_MS + 40),
        Received(player, offline, NOW + 9 * HOUR_MS + MINUTE_MS + 40),
        Received(player, received, NOW + 10 * HOUR_MS + 40),
        Received(other, good, NOW + HOUR_MS + 40),
    ]
    ledger = Ledger.open(tmp_path / "ledger.db")
    ledger.write_now(lambda connection: EvidenceStore().apply(connection, told, []))
    ledger.close()
    return tmp_path / "ledger.db"


@pytest.fixture
def say(path: Path, capsys: pytest.CaptureFixture[str]) -> Say:
    def run(arguments: list[str]) -> str:
        assert main(["device", *arguments, "--ledger", str(path)]) == 0
        return capsys.readouterr().out

    return run


def test_what_the_machine_says_of_its_own_clock_stands_beside_what_the_collector_found_out(
    say: Say, path: Path
) -> None:
    assert "in its last hello it said: nothing of how far" in say(["clock", "acme/p1"])
    host = {"clock_offset_ms": -3.25, "clock_error_ms": 9.5, "clock_source": "chrony"}
    stamped = {"boot": "received", "sent_ms": NOW, "mono_ms": HOUR_MS, "synced": False}
    hello = Hello(**stamped, spool="5" * 16, agent="1", interval_s=15, outputs=[], host=host)  # type: ignore[arg-type]
    ledger = Ledger.open(path)
    store, received_ms = EvidenceStore(), NOW + 10 * HOUR_MS + 50
    ledger.write_now(
        lambda c: (store.load(c), store.apply(c, [Received(Address("acme", "p1"), hello, received_ms)], []))
    )
    ledger.close()
    said = "in its last hello it said: its clock is 3.25 ms behind true time, give or take 9.5 ms (by chrony)"
    assert said in say(["clock", "acme/p1"])
    told = json.loads(say(["clock", "acme/p1", "--format", "json"]))
    assert told["own_word"] == {"ahead_ms": -3.25, "error_ms": 9.5, "source": "chrony"}


def test_who_reported_without_being_registered_and_who_is_registered_and_silent_is_told(
    say: Say, path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fleet = tmp_path / "fleet.csv"
    fleet.write_text("tenant,device,output\nacme,p1,main\nacme,p2,main\nacme,p3,main\n", encoding="ascii")
    tenant = tmp_path / "tenant.toml"
    tenant.write_text('[[tenants]]\nid = "acme"\n', encoding="ascii")
    assert main(["registry", "apply", str(tenant), str(fleet), "--ledger", str(path), "--yes"]) == 0
    capsys.readouterr()
    heard, silent = say(["list"]), say(["list", "--missing"])
    assert [line.split()[0] for line in heard.splitlines() if line.endswith("  not registered")] == ["globex/p1"]
    assert heard.endswith("2 devices ever reported\n")
    assert silent == "acme/p2\nacme/p3\n2 registered devices never reported\n"
    assert json.loads(say(["list", "--missing", "--tenant", "globex", "--format", "json"])) == []
    told = json.loads(say(["list", "--format", "json"]))
    assert [(one["tenant"], one["registered"]) for one in told] == [("acme", True), ("globex", False)]


def test_each_boot_tells_its_source_its_bounds_and_its_steps(say: Say) -> None:
    told = json.loads(say(["clock", "p1", "--tenant", "acme", "--format", "json"]))
    boots = {boot["boot"]: boot for boot in told["boots"]}
    assert [boot["boot"] for boot in told["boots"]] == ["good", "stepped", "offline", "received"]
    assert {name: boot["source"] for name, boot in boots.items()} == {
        "good": "synced",
        "stepped": "synced",
        "offline": "estimated",
        "received": "received",
    }
    assert boots["good"]["offset_ms"] == NOW
    assert boots["good"]["last_synced_ms"] == NOW + HOUR_MS
    assert boots["received"]["last_synced_ms"] is None
    assert boots["stepped"]["since_ms"] == NOW + 2 * HOUR_MS + MINUTE_MS
    assert [step["by_ms"] for step in boots["stepped"]["steps"]] == [HOUR_MS]
    # the offline boot ran for an hour, somewhere between the end of the boot before and the next one
    assert boots["offline"]["since_ms"] == boots["stepped"]["until_ms"] + MINUTE_MS
    assert boots["offline"]["early_ms"] == 0
    assert boots["offline"]["late_ms"] == pytest.approx(5 * HOUR_MS, abs=MINUTE_MS)
    assert boots["received"]["early_ms"] >= HOUR_MS


def test_the_table_says_it_in_words(say: Say) -> None:
    told = say(["clock", "acme/p1"])
    assert "acme/p1: 4 boots with evidence" in told
    assert "clock     synced, offset 1772323200000 ms, drift +0.0 ppm" in told
    assert "bounds    at most 3.0 s earlier, at most 3.0 s later" in told
    assert "by +1 h 0.0 s" in told
    assert "synced    last said so 2026-03-01T01:00:00.000Z, or within the hour after" in told
    assert "synced    never said so" in told


def test_one_boot_can_be_asked_for_by_the_beginning_of_its_id(say: Say) -> None:
    assert say(["clock", "acme/p1", "--boot", "goo"]).count("\nboot ") == 1


def test_the_devices_that_ever_reported_are_listed(say: Say) -> None:
    told = say(["list"])
    assert [line.split()[0] for line in told.splitlines()] == ["acme/p1", "globex/p1", "2"]
    assert [one["tenant"] for one in json.loads(say(["list", "--tenant", "acme", "--format", "json"]))] == ["acme"]


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["clock", "p1"], "several tenants have a device 'p1': acme, globex; add --tenant with one of them"),
        (["clock", "p9"], "no device 'p9' ever reported; signwatch device list shows which did"),
        (["clock", "acme/p1", "--boot", "zz"], "no evidence of a boot of acme/p1 that begins with 'zz'"),
    ],
)
def test_what_cannot_be_found_is_said_with_the_remedy(
    arguments: list[str], complaint: str, path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["device", *arguments, "--ledger", str(path)]) == 1
    assert complaint in capsys.readouterr().err
