"""A bundle proves a month by itself: whoever changes a byte is found, whoever sends a bad file is told why."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from collector.ledger.ledger import Ledger
from collector.revisions.bundle import MEMBERS, SUMS, BundleError, read_members, write_bundle
from collector.revisions.seal import sha256
from collector.revisions.shelf import Wanted, journal_part, take_closed
from collector.revisions.verify import Verdict, verify
from tests.collector.revisions.shop import CONTRACT, MONTH, SETTLED, Shop, all_month, run

HOUR = 3_600_000


def export(shop: Shop, number: int = 0) -> bytes:
    def work(connection: Any) -> bytes:
        taken = take_closed(connection, Wanted(CONTRACT, MONTH, number=number))
        return write_bundle(taken.frozen, journal_part(connection, taken))

    return shop.ledger.read_now(work)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A revision with everything in it: a window, a ruling, a calendar with holidays, a revision before it."""
    from collector.decisions.orders import Announce, Rule
    from tests.collector.report.case_ledger import TENANT, decide_at
    from tests.collector.revisions.shop import at

    ledger = Ledger.open(tmp_path_factory.mktemp("bundle") / "ledger.db")
    shop = Shop(ledger)
    rules = {
        "timezone": "Europe/Madrid",
        "holidays": "ES-Barcelona",
        "rules": [{"days": "all", "hours": ["09:00-21:00"]}],
    }
    shop.register(calendars={"shop": rules}, p1={"emission": "shop"})
    shop.send(*all_month("p1", "p2", "portal"))
    shop.send(run("p2", "03-10T00:00", "03-12T00:00", "black", detail='=1+1, "said" they\n'))
    shop.send(run("p3", "02-28T12:00", "03-20T00:00", "playing"))
    window = Announce(TENANT, "planned", ("p2",), at("03-11T00:00"), at("03-11T06:00"), "new screens")
    decide_at(ledger, window, at("03-01T00:00"))
    shop.close(SETTLED)
    ruling = Rule(TENANT, "p2", at("03-10T00:00"), at("03-10T05:00"), None, "customer", "unplugged")
    decide_at(ledger, ruling, SETTLED + HOUR)
    shop.send(run("p3", "03-20T00:00", "04-02T00:00", "playing"))
    shop.close(SETTLED + 2 * HOUR)
    data = export(shop)
    ledger.close()
    return data


def packed(members: dict[str, bytes], *, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", method) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return written.getvalue()


def summed(members: dict[str, bytes]) -> dict[str, bytes]:
    """The same members with sums that fit again."""
    sums = "".join(f"{sha256(members[name])}  {name}\n" for name in MEMBERS if name != SUMS)
    return {**members, SUMS: sums.encode()}


def test_a_bundle_is_equal_and_always_the_same_bytes(shop: Shop) -> None:
    shop.close()
    data = export(shop)
    verdict = verify(data)
    assert verdict.problems == []
    assert verdict.seal == shop.revision().seal
    shop.send(run("p3", "03-20T00:00", "03-21T06:00", "playing"))
    shop.close(SETTLED + HOUR)
    assert export(shop, 1) == data


def test_a_full_bundle_is_equal(bundle: bytes) -> None:
    verdict = verify(bundle)
    assert verdict.problems == []
    members = read_members(bundle)
    assert b"new screens" in members["windows.json"]
    assert b"unplugged" in members["rulings.json"]
    assert b"'=1+1" in members["evidence.csv"]
    entries = json.loads(members["journal.json"])["entries"]
    assert {entry["kind"] for entry in entries} == {"registry.output", "window.planned", "ruling", "sla.revision"}


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.data())
def test_each_changed_byte_of_any_file_is_found(bundle: bytes, data: st.DataObject) -> None:
    members = read_members(bundle)
    name = data.draw(st.sampled_from(MEMBERS))
    place = data.draw(st.integers(0, len(members[name]) - 1))
    value = data.draw(st.integers(0, 255).filter(lambda byte: byte != members[name][place]))
    changed = bytearray(members[name])
    changed[place] = value
    verdict = verify(packed({**members, name: bytes(changed)}))
    assert any(name in problem for problem in verdict.problems) or (name == SUMS and verdict.problems)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.data())
def test_a_flipped_bit_of_the_file_is_found_or_changes_no_member(bundle: bytes, data: st.DataObject) -> None:
    changed = bytearray(bundle)
    changed[data.draw(st.integers(0, len(bundle) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    try:
        members = read_members(bytes(changed))
    except BundleError:
        return
    assert members == read_members(bundle)


def forged(bundle: bytes, **texts: tuple[str, str]) -> Verdict:
    """A bundle in which somebody replaced text, and made the sums fit again."""
    members = dict(read_members(bundle))
    for name, (old, new) in texts.items():
        file = name.replace("__", "-").replace("_", ".")
        assert old.encode() in members[file]
        members[file] = members[file].replace(old.encode(), new.encode(), 1)
    return verify(packed(summed(members)))


def test_a_forged_result_is_told_by_key_said_and_computed(bundle: bytes) -> None:
    verdict = forged(bundle, result_json=('"affected_players": null', '"affected_players": 3'))
    assert "result.json.affected_players: said 3, computed None" in verdict.problems


def test_forged_evidence_is_told_by_file_and_by_what_it_would_come_to(bundle: bytes) -> None:
    verdict = forged(bundle, evidence_csv=(",black,", ",playing,"))
    assert any(
        problem.startswith("evidence.csv: is not the file that the manifest names") for problem in verdict.problems
    )
    assert any(problem.startswith("result.json.players_downtime_ms: said") for problem in verdict.problems)


def test_a_manifest_that_fits_forged_evidence_is_not_the_one_that_was_sealed(bundle: bytes) -> None:
    verdict = forged(bundle, manifest_json=('"who": "ana"', '"who": "eve"'))
    assert any("no entry seals this manifest" in problem for problem in verdict.problems)


def test_a_seal_that_was_noted_elsewhere_is_compared(bundle: bytes) -> None:
    assert verify(bundle, verify(bundle).seal).problems == []
    problems = verify(bundle, "0" * 64).problems
    assert problems[0].endswith("this is not the revision that was noted")


def test_a_changed_journal_entry_is_found(bundle: bytes) -> None:
    verdict = forged(bundle, journal_json=('"who": "ana"', '"who": "eve"'))
    assert any("journal.json: entry" in problem and "was changed" in problem for problem in verdict.problems)


def without(name: str) -> Callable[[dict[str, bytes]], bytes]:
    return lambda members: packed({key: data for key, data in members.items() if key != name})


def doubled(members: dict[str, bytes]) -> bytes:
    """Two members of one name: `zzzz…` of the same length, renamed in the written bytes."""
    name = "result.json"
    return packed({**members, "z" * len(name): b"{}"}).replace(b"z" * len(name), name.encode())


def bomb(members: dict[str, bytes]) -> bytes:
    """A member of 2 GiB of zeros, as its header says."""
    data = packed(members)
    name = b"evidence.csv"
    place = data.rindex(name) - 46 + 24  # the central directory's uncompressed size
    return data[:place] + (2 << 30).to_bytes(4, "little") + data[place + 4 :]


def longer(members: dict[str, bytes]) -> bytes:
    """A member that is longer than it says."""
    data = packed(members, method=zipfile.ZIP_STORED)
    place = data.rindex(b"evidence.csv") - 46 + 20
    size = len(members["evidence.csv"]) - 10
    return data[:place] + size.to_bytes(4, "little") * 2 + data[place + 8 :]


HOSTILE = {
    "empty": (lambda _: b"", "is no readable bundle"),
    "no zip": (lambda _: b"PK\x03\x04 nonsense", "is no readable bundle"),
    "truncated": (lambda members: packed(members)[:-100], "is no readable bundle"),
    "missing": (without("rulings.json"), "lacks rulings.json"),
    "extra": (lambda members: packed({**members, "notes.txt": b"hi"}), "holds 'notes.txt', which no bundle has"),
    "slip": (lambda members: packed({**members, "../../etc/cron.d/x": b"hi"}), "holds '../../etc/cron.d/x'"),
    "absolute": (lambda members: packed({**members, "/etc/passwd": b"hi"}), "holds '/etc/passwd'"),
    "twice": (doubled, "holds 'result.json' more than once"),
    "bomb": (bomb, "would unpack to more than 1024 MiB"),
    "lying": (longer, "is no readable bundle"),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_file_is_refused_with_its_reason(bundle: bytes, kind: str) -> None:
    make, message = HOSTILE[kind]
    with pytest.raises(BundleError) as error:
        read_members(make(dict(read_members(bundle))))
    assert message in str(error.value)


WRONG = {
    "manifest.json": ('"number": 2', '"number": "two"', "manifest.json: is not what it should be"),
    "manifest_format": ('"format": 1', '"format": 9', "manifest.json: is of format 9"),
    "registry.json": ('"kind": "player"', '"kind": "toaster"', "registry.json: is not what it should be"),
    "evidence.csv": (",black,", ",blue,", "evidence.csv: line"),
    "evidence_time": ("2026-03-10T00:00:00.000Z", "yesterday", "evidence.csv: line"),
    "evidence_who": ("acme/p2/main", "acme/p9/main", "which the registry does not name"),
    "rulings.json": ('"cause": "customer"', '"cause": 4', "rulings.json: is not what it should be"),
    "windows.json": ('"applies_to"', '"applies_2"', "windows.json: is not what it should be"),
    "months.json": ("[]", "{}", "months.json: is not what it should be"),
    "contract.toml": ("committed = 99.00", "committed = 990", "cannot be computed again"),
    "journal.json": ('"entries"', '"entry"', "journal.json: is not what it should be"),
}


@pytest.mark.parametrize("kind", WRONG)
def test_a_file_of_the_wrong_kind_is_named_with_what_is_wrong(bundle: bytes, kind: str) -> None:
    old, new, message = WRONG[kind]
    members = dict(read_members(bundle))
    name = {"manifest_format": "manifest.json", "evidence_time": "evidence.csv", "evidence_who": "evidence.csv"}.get(
        kind, kind
    )
    assert old.encode() in members[name]
    members[name] = members[name].replace(old.encode(), new.encode())
    problems = verify(packed(summed(members))).problems
    assert any(message in problem for problem in problems), problems
