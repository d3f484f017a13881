"""An erasure takes everything of one tenant and nothing of another; the chain stays whole, the file keeps no trace."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest
from sqlalchemy import Column, Connection, Integer, MetaData, String, Table, select

from collector.erasure.model import Certificate, EraseAnswer, EraseRequest
from collector.erasure.shell import Eraser
from collector.erasure.texts import certificate_text
from collector.ledger import audit, erasure, journal, schema
from collector.ledger.check import check
from collector.ledger.ledger import Ledger
from collector.ledger.registry_store import newcomers
from collector.sla.contract import parse_contract_toml
from common.clock import ManualClock
from common.config import ConfigError
from signwatch.cli import main
from tests.collector.erasure.samples import DAY, NOW, add_evidence, add_rows, fill, fill_both
from tests.fixtures.processes import ROOT

CONTRACTS: Final = {
    "admira": parse_contract_toml((ROOT / "contracts/admira.toml").read_text(encoding="utf-8"), "admira.toml")
}
LATER: Final = NOW + 400 * DAY
ORDER: Final = EraseRequest("acme", "the contract ended", "ana")


@pytest.fixture
def both(ledger: Ledger) -> Iterator[Ledger]:
    fill_both(ledger)
    return ledger


async def erase(ledger: Ledger, order: EraseRequest = ORDER, now_ms: int = LATER) -> EraseAnswer:
    return await Eraser(ledger, ManualClock(now_ms), CONTRACTS)(order)


def rows_of(connection: Connection, tenant: str) -> dict[str, list[Any]]:
    return {table.name: list(connection.execute(select(table).where(mine))) for table, mine in erasure._owned(tenant)}


def remains(ledger: Ledger, word: bytes) -> list[str]:
    """The ledger's files that still hold a word."""
    return [path.name for path in ledger.path.parent.glob("ledger.db*") if path.is_file() and word in path.read_bytes()]


async def test_everything_of_the_tenant_goes_and_nothing_of_another(both: Ledger) -> None:
    for tenant in ("acme", "zeta"):
        both.write_now(lambda found, who=tenant: add_rows(found, who))  # type: ignore[misc]
    other = both.read_now(lambda found: rows_of(found, "zeta"))
    assert all(other.values())  # a table without a row would prove nothing
    answer = await erase(both)
    assert answer.certificate is not None
    assert answer.certificate.erased.rows == {name: len(rows) for name, rows in other.items()}
    assert both.read_now(lambda found: erasure.count(found, "acme")) == {}
    assert both.read_now(lambda found: rows_of(found, "zeta")) == other
    assert both.read_now(check) == []


async def test_the_chain_stays_whole_and_says_by_what_it_was_redacted(both: Ledger) -> None:
    noted = both.read_now(journal.head)
    answer = await erase(both)
    verdict = both.read_now(lambda found: audit.verify(found, noted))
    assert verdict.problems == []
    assert answer.certificate is not None
    assert verdict.erasures == {answer.certificate.entry: 7}
    assert str(verdict.head) == answer.certificate.journal_head
    kept = [entry.key for entry in both.read_now(journal.entries) if entry.key]
    assert {key.partition("/")[0] for key in kept} == {"zeta", "acme"}
    assert [key for key in kept if key.startswith("acme")] == ["acme", "acme"]  # the erasure and its end


async def test_nothing_of_it_is_left_in_the_files(both: Ledger) -> None:
    words = (b"acme film", b"Acme Secret", b"acme refurbishment", b"acme unplugged", b"ana@acme", b"acme-boot")
    assert [word for word in words if not remains(both, word)] == []
    await erase(both)
    assert [word for word in words if remains(both, word)] == []
    assert remains(both, b"zeta film") == ["ledger.db"]


async def test_a_term_that_runs_is_not_cut_short_but_by_force(ledger: Ledger) -> None:
    ledger.write_now(lambda connection: fill(connection, "acme", until=""))
    answer = await erase(ledger)
    assert answer.certificate is None
    assert answer.obstacles[0].startswith("1 of its subjects are active (acme/acme-p1/main)")
    assert ledger.read_now(lambda found: erasure.count(found, "acme"))["runs"] == 300
    forced = await erase(ledger, msgspec.structs.replace(ORDER, force=True))
    assert forced.certificate is not None
    assert forced.certificate.erased.forced == answer.obstacles


async def test_a_look_erases_nothing(both: Ledger) -> None:
    head = both.read_now(journal.head)
    look = await erase(both, msgspec.structs.replace(ORDER, dry_run=True))
    assert (look.rows["runs"], look.obstacles, look.certificate) == (300, [], None)
    assert both.read_now(journal.head) == head


async def test_a_second_order_gives_the_certificate_once_more(both: Ledger) -> None:
    first, second = await erase(both), await erase(both, now_ms=LATER + DAY)
    assert not first.again
    assert second.again
    assert second.certificate == first.certificate


async def test_what_comes_again_from_the_players_is_erased_by_another_entry(both: Ledger) -> None:
    first = await erase(both)
    both.write_now(lambda connection: add_evidence(connection, "acme", 5))
    assert [each.device for each in both.read_now(newcomers) if each.tenant == "acme"] == ["acme-p1"]
    second = await erase(both)
    assert first.certificate is not None
    assert second.certificate is not None
    assert second.certificate.entry > first.certificate.entry
    assert second.certificate.erased.rows["runs"] == 5
    assert both.read_now(audit.verify).problems == []


async def test_a_tenant_that_never_was_is_refused(both: Ledger) -> None:
    with pytest.raises(ConfigError, match="acme2: nothing in this ledger is of this tenant"):
        await erase(both, EraseRequest("acme2", "x", "ana"))


async def test_a_tenant_whose_name_begins_like_another_s_is_left_alone(both: Ledger) -> None:
    both.write_now(lambda connection: fill(connection, "acme.es"))
    both.write_now(lambda connection: fill(connection, "ac-me"))
    others = [both.read_now(lambda found, who=who: rows_of(found, who)) for who in ("acme.es", "ac-me")]  # type: ignore[misc]
    await erase(both)
    assert [both.read_now(lambda found, who=who: rows_of(found, who)) for who in ("acme.es", "ac-me")] == others  # type: ignore[misc]
    assert both.read_now(audit.verify).problems == []


async def test_a_copy_that_was_kept_has_the_hash_of_the_certificate(both: Ledger, tmp_path: Path) -> None:
    twin = Ledger.open(tmp_path / "twin.db")
    fill_both(twin)
    answer, same = await erase(both), await erase(twin)
    assert answer.certificate is not None
    assert same.certificate is not None
    assert answer.certificate.erased.content_sha256 == same.certificate.erased.content_sha256
    twin.close()


async def test_the_journal_of_revision_0001_forgets_too(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "old.db") as raw:
        raw.executescript((ROOT / "tests/collector/ledger/ledger-0001.sql").read_text(encoding="utf-8"))
    raw.close()
    ledger = Ledger.open(tmp_path / "old.db")
    noted = ledger.read_now(journal.head)
    answer = await erase(ledger, msgspec.structs.replace(ORDER, force=True))
    assert answer.certificate is not None
    assert ledger.read_now(lambda found: audit.verify(found, noted)).problems == []
    assert [entry.redacted_by for entry in ledger.read_now(journal.entries)] == [7] * 6 + [None, None]
    ledger.close()


async def test_a_failure_before_the_commit_leaves_everything_as_it_was(both: Ledger) -> None:
    reloads: list[int] = []

    def reload(connection: Connection) -> None:
        reloads.append(erasure.count(connection, "acme").get("runs", 0))
        if len(reloads) == 1:
            raise RuntimeError("in the middle")

    head = both.read_now(journal.head)
    with pytest.raises(RuntimeError, match="in the middle"):
        await Eraser(both, ManualClock(LATER), CONTRACTS, reload=reload)(ORDER)
    assert reloads == [0, 300]  # what was read anew inside was taken back
    assert both.read_now(journal.head) == head


def test_of_every_table_it_is_known_whose_its_rows_are() -> None:
    owned = {table.name for table, _ in erasure._owned("acme")}
    assert owned | erasure.KEPT == set(schema.metadata.tables)


def test_a_table_of_which_nobody_can_tell_is_refused() -> None:
    table = Table("notes", MetaData(), Column("id", Integer, primary_key=True), Column("text", String))
    with pytest.raises(erasure.UnclassifiedTableError, match="whose the rows of table notes are cannot be told"):
        erasure._mine(table, "acme")


def write_config(folder: Path) -> Path:
    config = folder / "collector.toml"
    config.write_text(
        f'[mqtt]\nhost = "localhost"\n[contracts]\nfiles = ["{ROOT}/contracts/admira.toml"]\n', encoding="utf-8"
    )
    return config


def test_the_command_shows_erases_and_certifies(
    both: Ledger, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    both.close()
    command = ["tenant", "erase", "acme", "--config", str(write_config(tmp_path)), "--why", "the contract ended"]
    assert main([*command, "--dry-run"]) == 0
    assert "acme: 300 runs\n" in capsys.readouterr().out
    assert main(command) == 1
    assert "give --yes" in capsys.readouterr().err
    certificate = tmp_path / "acme.json"
    assert main([*command, "--yes", "--force", "--who", "ana", "--certificate", str(certificate), "--lang", "es"]) == 0
    assert "Certificado de borrado\n" in capsys.readouterr().out
    told = msgspec.json.decode(certificate.read_bytes(), type=Certificate)
    assert (told.who, told.tenant, told.erased.rows["runs"]) == ("ana", "acme", 300)
    assert (tmp_path / "acme.json.txt").read_text(encoding="utf-8") == certificate_text(told, "es")
    assert main([*command, "--yes"]) == 0
    assert "acme was erased before; its certificate once more" in capsys.readouterr().err
    assert main(["ledger", "verify", "--config", str(tmp_path / "collector.toml")]) == 0
    assert f"entry {told.entry} erased a tenant by decision; 7 entries lost their content" in capsys.readouterr().out


def test_a_term_that_runs_is_told_on_the_command_line(
    ledger: Ledger, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ledger.write_now(lambda connection: fill(connection, "acme", until=""))
    ledger.close()
    command = ["tenant", "erase", "acme", "--ledger", str(ledger.path), "--why", "x", "--yes"]
    assert main(command) == 1
    said = capsys.readouterr().err
    assert "warning: 1 of its subjects are active" in said
    assert "warning: the terms of contract admira are not known here" in said
    assert "nothing was erased: wait for that, or override it with --force" in said


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["Acme!", "--why", "x"], "TENANT: is not what it must be; give the tenant's id [tenant.invalid]"),
        (["acme", "--why", "   "], "--why: is not what it must be; give a reason on one line"),
        (["acme", "--why", "a\nb"], "--why: is not what it must be"),
        (["acme", "--why", "x", "--certificate", "/nowhere/c.json"], "cannot be written (No such file or directory)"),
    ],
)
def test_bad_orders_are_refused_before_anything_is_erased(
    both: Ledger, capsys: pytest.CaptureFixture[str], arguments: list[str], told: str
) -> None:
    both.close()
    assert main(["tenant", "erase", *arguments, "--ledger", str(both.path), "--yes", "--force"]) == 1
    assert told in capsys.readouterr().err
    again = Ledger.open_read_only(both.path)
    assert again.read_now(lambda found: erasure.count(found, "acme"))["runs"] == 300
    again.close()


async def test_the_certificate_reads_in_both_languages(both: Ledger) -> None:
    answer = await erase(both)
    assert answer.certificate is not None
    english, spanish = (certificate_text(answer.certificate, language) for language in ("en", "es"))  # type: ignore[arg-type]
    assert len(english.splitlines()) == len(spanish.splitlines())
    assert "Tenant" in english
    assert "300 runs" in english
    assert "written anew" in english
    assert "InfluxDB is not configured here" in english
    assert "Cliente" in spanish
    assert json.loads(msgspec.json.encode(answer.certificate))["tenant"] == "acme"


def test_the_certificate_overwrites_no_ledger(both: Ledger, capsys: pytest.CaptureFixture[str]) -> None:
    both.close()
    command = ["tenant", "erase", "acme", "--why", "x", "--ledger", str(both.path), "--yes", "--force"]
    assert main([*command, "--certificate", str(both.path)]) == 1
    assert f"{both.path}: is a ledger, or belongs to one; name another file" in capsys.readouterr().err
    again = Ledger.open_read_only(both.path)
    assert again.read_now(lambda found: erasure.count(found, "acme"))["runs"] == 300
    again.close()
