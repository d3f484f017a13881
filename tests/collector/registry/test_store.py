"""The registry in the ledger: each change journaled in the same transaction, thousands of rows at once."""

import pytest
from sqlalchemy import Connection, insert

from collector.ledger import journal, schema
from collector.ledger.ledger import Ledger
from collector.ledger.registry_store import Applied, apply_request, newcomers, read_registry, reporting
from collector.registry.files import SourceFile, read_files
from collector.registry.model import OWN_DEVICE, Registry
from collector.registry.plan import ApplyRequest, MovedError
from common.config import ConfigError

NOW = 1_773_000_000_000
SMALL = """
[[tenants]]
id = "acme"
name = "Acme"
[[devices]]
tenant = "acme"
id = "p1"
[[devices.outputs]]
id = "main"
contract = "admira"
active_from = 2026-03-01T00:00:00Z
"""
PORTAL = '[[platforms]]\ntenant = "acme"\nid = "portal"\ncheck = {url = "http://127.0.0.1/", timeout_s = 2.5}\n'


def request(
    text: str, *, dry_run: bool = False, prune_until_ms: int | None = None, expect: str | None = None
) -> ApplyRequest:
    return ApplyRequest([SourceFile("f.toml", text)], "ana", dry_run, prune_until_ms, expect)


def apply(ledger: Ledger, wanted: ApplyRequest, contracts: set[str] | None = None) -> Applied:
    return ledger.write_now(lambda connection: apply_request(connection, wanted, NOW, contracts=contracts))


def report(connection: Connection, tenant: str, device: str, outputs: list[str], runs: list[str]) -> None:
    hello = {"outputs": [{"id": output} for output in outputs]}
    row = {"tenant": tenant, "device": device, "first_seen_ms": NOW + 123, "last_received_ms": NOW + 9000}
    number = connection.execute(
        insert(schema.devices).values(**row, interval_ms=15_000, gone=False, hello=hello)
    ).inserted_primary_key[0]
    for seq, output in enumerate(runs):
        connection.execute(insert(schema.runs).values(**run(number, seq, output)))


def run(device_id: int, seq: int, output: str) -> dict[str, object]:
    times = dict.fromkeys(("start_mono_ms", "end_mono_ms", "said_start_ms", "said_end_ms", "start_ms", "end_ms"), NOW)
    names = {"device_id": device_id, "spool": "s", "seq": seq, "output": output, "boot": "b", "end_boot": "b"}
    return {**times, **names, "state": "playing", "closed": True, "clock": "synced"}


def test_what_was_applied_is_read_back(ledger: Ledger) -> None:
    applied = apply(ledger, request(SMALL + PORTAL))
    assert applied.answer.applied
    registry = ledger.read_now(read_registry)
    assert registry == applied.registry
    assert registry.subjects["acme/p1/main"].active_from_ms == 1_772_323_200_000
    check = registry.subjects["acme/portal"].check
    assert check is not None
    assert check.timeout_s == 2.5


def test_each_change_is_in_the_journal_with_who_when_before_and_after(ledger: Ledger) -> None:
    apply(ledger, request(SMALL))
    answer = apply(ledger, request('[[tenants]]\nid = "acme"\nname = "Acme Retail"')).answer
    entries = ledger.read_now(journal.entries)
    assert [(entry.kind, entry.key) for entry in entries] == [
        ("registry.tenant", "acme"),
        ("registry.device", "acme/p1"),
        ("registry.output", "acme/p1/main"),
        ("registry.tenant", "acme"),
    ]
    last = entries[-1]
    assert (last.who, last.at_ms) == ("ana", NOW)
    assert (last.before, last.after) == ({"id": "acme", "name": "Acme"}, {"id": "acme", "name": "Acme Retail"})
    assert answer.journal_head == f"4:{last.hash}"
    assert ledger.read_now(journal.verify) == []


def test_applying_again_changes_nothing_and_journals_nothing(ledger: Ledger) -> None:
    apply(ledger, request(SMALL))
    head = ledger.read_now(journal.head)
    assert apply(ledger, request(SMALL)).answer.changes == []
    assert ledger.read_now(journal.head) == head


def test_a_dry_run_writes_nothing(ledger: Ledger) -> None:
    answer = apply(ledger, request(SMALL, dry_run=True)).answer
    assert len(answer.changes) == 3
    assert not answer.applied
    assert ledger.read_now(read_registry) == Registry()
    assert ledger.read_now(journal.entries) == []


def test_a_refused_file_leaves_everything_as_it_was(ledger: Ledger) -> None:
    apply(ledger, request(SMALL))
    before = ledger.read_now(read_registry)
    with pytest.raises(ConfigError):
        apply(ledger, request('[[tenants]]\nid = "new"\n[[sites]]\ntenant = "gone"\nid = "s"'))
    assert ledger.read_now(read_registry) == before


def test_only_the_difference_that_was_seen_is_applied(ledger: Ledger) -> None:
    seen = apply(ledger, request(SMALL, dry_run=True)).answer
    apply(ledger, request('[[tenants]]\nid = "acme"'))
    with pytest.raises(MovedError):
        apply(ledger, request(SMALL, expect=seen.fingerprint))
    assert set(ledger.read_now(read_registry).devices) == set()
    again = apply(ledger, request(SMALL, dry_run=True)).answer
    assert apply(ledger, request(SMALL, expect=again.fingerprint)).answer.applied


def test_a_contract_that_the_collector_does_not_have_is_a_warning(ledger: Ledger) -> None:
    answer = apply(ledger, request(SMALL), contracts={"admirb", "other"}).answer
    assert answer.applied
    (warning,) = answer.warnings
    assert str(warning) == (
        "f.toml: devices[0].outputs[0].contract: the collector has no contract 'admira': nothing judges what names it; "
        "did you mean 'admirb'? (a new one needs its file in [contracts] files) [registry.contract.unknown]"
    )
    assert apply(ledger, request(SMALL), contracts={"admira"}).answer.warnings == []


def test_pruning_ends_what_reported_and_deletes_what_never_was(ledger: Ledger) -> None:
    later = SMALL.replace("2026-03-01", "2027-01-01") + PORTAL.replace(
        "id", "active_from = 2027-01-01T00:00:00Z\nid", 1
    )
    apply(ledger, request(later))
    ledger.write_now(lambda connection: report(connection, "acme", OWN_DEVICE, [], ["portal"]))
    assert ledger.read_now(reporting) == {"acme/_collector", "acme/portal"}
    apply(ledger, request('[[tenants]]\nid = "acme"', prune_until_ms=NOW))
    registry = ledger.read_now(read_registry)
    assert set(registry.devices) == set()
    assert set(registry.subjects) == {"acme/portal"}
    portal = registry.subjects["acme/portal"]
    assert portal.active_from_ms == portal.active_until_ms
    assert ledger.read_now(journal.verify) == []


def test_a_fleet_of_five_thousand_is_applied_at_once_and_found_unchanged(ledger: Ledger) -> None:
    rows = "".join(f"acme,s{number // 5},Site {number // 5},p{number},main,admira\n" for number in range(5000))
    fleet = SourceFile("fleet.csv", "tenant,site,site_name,device,output,contract\n" + rows)
    tenant = SourceFile("tenant.toml", '[[tenants]]\nid = "acme"')
    assert len(apply(ledger, ApplyRequest([tenant, fleet], "ana")).answer.changes) == 11_001
    assert apply(ledger, ApplyRequest([tenant, fleet], "ana")).answer.changes == []


def test_a_device_that_reports_unregistered_comes_with_the_text_that_registers_it(ledger: Ledger) -> None:
    apply(ledger, request(SMALL))
    ledger.write_now(lambda connection: report(connection, "acme", "p2", ["main"], ["main", "side"]))
    (newcomer,) = ledger.read_now(newcomers)
    assert (newcomer.tenant, newcomer.device, newcomer.outputs) == ("acme", "p2", ("main", "side"))
    assert (newcomer.first_seen_ms, newcomer.last_seen_ms) == (NOW + 123, NOW + 9000)
    assert 'contract = "admira"' in newcomer.registry_toml  # the one that judges all others
    apply(ledger, request(newcomer.registry_toml))
    assert ledger.read_now(newcomers) == []
    assert ledger.read_now(read_registry).subjects["acme/p2/side"].active_from_ms == NOW


def test_the_text_for_a_device_of_an_unknown_tenant_registers_the_tenant_too(ledger: Ledger) -> None:
    ledger.write_now(lambda connection: report(connection, "new", "p1", ["main"], []))
    (newcomer,) = ledger.read_now(newcomers)
    applied = apply(ledger, request(newcomer.registry_toml))
    assert set(applied.registry.tenants) == {"new"}
    assert applied.registry.subjects["new/p1/main"].contract is None
    assert ledger.read_now(newcomers) == []


def test_an_output_that_a_registered_device_does_not_have_is_a_newcomer_too(ledger: Ledger) -> None:
    apply(ledger, request(SMALL))
    ledger.write_now(lambda connection: report(connection, "acme", "p1", ["main", "side"], ["main"]))
    (newcomer,) = ledger.read_now(newcomers)
    assert newcomer.outputs == ("side",)
    changes = apply(ledger, request(newcomer.registry_toml)).answer.changes
    assert [(change.action, change.key) for change in changes] == [("added", "acme/p1/side")]


def test_the_collector_s_own_checks_and_registered_servers_are_no_newcomers(ledger: Ledger) -> None:
    apply(ledger, request(SMALL + '[[devices]]\ntenant = "acme"\nid = "cache"\nrole = "server"\n'))
    ledger.write_now(lambda connection: report(connection, "acme", OWN_DEVICE, [], ["portal"]))
    ledger.write_now(lambda connection: report(connection, "acme", "cache", [], []))
    assert ledger.read_now(newcomers) == []


def test_entries_that_were_read_before_are_used(ledger: Ledger) -> None:
    entries = read_files([SourceFile("f.toml", SMALL)])
    empty = ApplyRequest([], "ana")
    applied = ledger.write_now(lambda connection: apply_request(connection, empty, NOW, entries=entries))
    assert len(applied.answer.changes) == 3
