"""`signwatch sla report` as an operator meets it."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest
import tomli_w

from collector.ledger.ledger import Ledger
from collector.registry.backend import read_ledger
from collector.report.gather import Question, gather
from collector.report.judge import make_report
from collector.sla.contract import parse_contract
from collector.sla.instants import parse_instant
from signwatch.cli import main
from tests.collector.report.case_ledger import CONTRACT, fill, read_case, register, send

CASE = "04-over-20-percent-affected"


@pytest.fixture
def case() -> dict[str, Any]:
    return read_case(CASE)


@pytest.fixture
def folder(tmp_path: Path, case: dict[str, Any]) -> Path:
    """A ledger with the case, its contract file, and a collector's configuration."""
    ledger = Ledger.open(tmp_path / "ledger.db")
    fill(ledger, case)
    ledger.close()
    (tmp_path / f"{CONTRACT}.toml").write_text(tomli_w.dumps(_numbers(case["contract"])), encoding="utf-8")
    (tmp_path / "collector.toml").write_text(
        f'[mqtt]\nhost = "127.0.0.1"\n[ledger]\npath = "ledger.db"\n[contracts]\nfiles = ["{CONTRACT}.toml"]\n',
        encoding="utf-8",
    )
    return tmp_path


def _numbers(value: Any) -> Any:
    """A case writes decimals as text, which a contract file may do too; only absent values cannot be written."""
    return {key: _numbers(each) for key, each in value.items()} if isinstance(value, dict) else value


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    status = main(["sla", "report", *(str(argument) for argument in arguments)])
    out, err = capsys.readouterr()
    return status, out, err


def by_config(folder: Path, *more: object) -> list[object]:
    return ["--contract", CONTRACT, "--month", "2026-03", "--config", folder / "collector.toml", *more]


def test_the_figures_of_a_month_come_as_json(
    folder: Path, capsys: pytest.CaptureFixture[str], case: dict[str, Any]
) -> None:
    status, out, err = run(capsys, *by_config(folder, "--format", "json"))
    assert status == 0
    found, expected = json.loads(out), case["expect"]["months"][0]
    assert {key: found[key] for key in expected} == expected
    assert (found["tenant"], found["status"]) == ("acme", "complete")
    assert err.startswith("note: nothing is known of the months before 2026-02")
    assert '[life] from = "2026-02"' in err


def test_a_life_that_begins_before_the_first_evidence_is_told_with_the_remedy(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = folder / f"{CONTRACT}.toml"
    text = file.read_text(encoding="utf-8")
    file.write_text(text + '\n[life]\nfrom = "2025-12"\n', encoding="utf-8")
    status, out, err = run(capsys, *by_config(folder))
    assert status == 0
    assert "nothing is known of the months before 2026-02, although its [life] begins with 2025-12;" in err
    assert 'say so in case.toml: [life] from = "2026-02"' in err
    told = " ".join(out.split())
    assert (
        "Nothing is known of January 2026 and May 2026: periods that hold such a month are left open. Watching" in told
    )
    assert (
        "Watching began in February 2026: until earlier evidence arrives, or the contract is set to begin then" in told
    )
    spanish = " ".join(run(capsys, *by_config(folder, "--lang", "es"))[1].split())
    assert "Se observa desde febrero de 2026: mientras no lleguen pruebas anteriores" in spanish
    file.write_text(text + '\n[life]\nfrom = "2026-02"\n', encoding="utf-8")
    status, out, err = run(capsys, *by_config(folder))
    assert (status, err) == (0, "")
    assert "Watching began" not in out


def test_a_ledger_and_a_contract_s_file_are_enough(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--contract", folder / f"{CONTRACT}.toml", "--month", "2026-03", "--ledger", folder / "ledger.db"]
    status, out, _ = run(capsys, *options)
    assert status == 0
    assert out == run(capsys, *by_config(folder))[1]
    assert out.startswith("Availability report: Acme Retail, March 2026\n")


def test_it_reads_beside_a_collector_that_writes(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    writing = Ledger.open(folder / "ledger.db")
    assert run(capsys, *by_config(folder, "--tenant", "acme"))[0] == 0
    writing.close()


@pytest.mark.parametrize(("form", "begins"), [("html", "<!doctype html>"), ("csv", "key,value"), ("json", "{")])
def test_a_report_is_written_to_a_file_in_one_step(
    folder: Path, capsys: pytest.CaptureFixture[str], form: str, begins: str
) -> None:
    target = folder / f"march.{form}"
    status, out, _ = run(capsys, *by_config(folder, "--format", form, "--lang", "es", "--output", target))
    assert (status, out) == (0, "")
    assert target.read_text(encoding="utf-8").lstrip().startswith(begins)
    assert [path.name for path in folder.iterdir() if path.name.startswith(".")] == []


def test_a_csv_file_is_read_back_as_it_was_meant(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = folder / "march.csv"
    run(capsys, *by_config(folder, "--format", "csv", "--output", target))
    with target.open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    assert [len(row) for row in rows[-10:]] == [len(rows[-1])] * 10


@pytest.mark.parametrize(
    ("changes", "finding"),
    [
        ({"--contract": "admria"}, "--contract: the collector has no contract 'admria'; use one of: case"),
        ({"--tenant": "acne"}, "--tenant: 'acne' has no subject under 'case'; use one of: acme"),
        ({"--month": "March"}, "--month: 'March' is no month; write it as YYYY-MM, such as 2026-03"),
        ({"--month": "2026-13"}, "--month: '2026-13' is no month"),
        ({"--month": "2999-12"}, "--month: 2999-12 has not begun in Europe/Madrid; choose one that has"),
        ({"--month": "1999-01"}, "--month: the ledger holds no evidence of acme in 1999-01, nor in the months around"),
        ({"--output": "."}, "is a folder; name a file in a folder that you may write to [report.output]"),
        ({"--output": "/dev/null"}, "/dev/null: is no ordinary file, and would be replaced by one"),
        ({"--output": "/nowhere/at/all.html"}, "/nowhere/at/all.html: cannot be written (No such file or directory)"),
    ],
)
def test_a_mistake_is_told_in_one_line(
    folder: Path, capsys: pytest.CaptureFixture[str], changes: dict[str, str], finding: str
) -> None:
    options = {"--contract": CONTRACT, "--month": "2026-03", "--config": str(folder / "collector.toml"), **changes}
    status, out, err = run(capsys, *(word for pair in options.items() for word in pair))
    assert (status, out, err.count("\n")) == (1, "", 1)
    assert finding in err


def test_a_month_outside_the_contract_s_life_is_refused(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = folder / f"{CONTRACT}.toml"
    file.write_text(file.read_text(encoding="utf-8") + '\n[life]\nfrom = "2026-04"\n', encoding="utf-8")
    status, _, err = run(capsys, *by_config(folder))
    assert status == 1
    assert "--month: 2026-03 lies outside the contract's life, 2026-04 to …; choose a month within it" in err


def test_a_name_does_not_do_where_only_the_ledger_is_named(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, _, err = run(capsys, "--contract", "case", "--month", "2026-03", "--ledger", folder / "ledger.db")
    assert status == 1
    assert "--contract: 'case' is no contract file, and a ledger alone does not say where contracts are" in err
    assert "name the file (--contract case.toml), or give --config" in err


def test_ledgers_without_subjects_registry_or_file_are_told_apart(
    folder: Path, capsys: pytest.CaptureFixture[str], case: dict[str, Any]
) -> None:
    contract = folder / f"{CONTRACT}.toml"
    options = ["--contract", contract, "--month", "2026-03", "--ledger"]
    missing = folder / "missing.db"
    assert run(capsys, *options, missing)[2].startswith(f"{missing}: no such ledger; check the path")
    empty = Ledger.open(folder / "empty.db")
    assert "the registry of this ledger is empty; register players with" in run(capsys, *options, empty.path)[2]
    register(empty, case)
    assert "the ledger holds no evidence of acme in 2026-03" in run(capsys, *options, empty.path)[2]
    other = folder / "other.toml"
    other.write_bytes(contract.read_bytes())
    err = run(capsys, "--contract", other, "--month", "2026-03", "--ledger", empty.path)[2]
    assert "no subject of the registry is judged by 'other'; use one of: case [report.contract_unused]" in err
    empty.close()


def test_evidence_of_a_boot_without_any_true_time_is_told_as_such(tmp_path: Path, case: dict[str, Any]) -> None:
    ledger = Ledger.open(tmp_path / "ledger.db")
    register(ledger, case)
    kinds = {subject["id"]: subject["kind"] for subject in case["subjects"]}
    send(ledger, kinds, case["runs"], boot="a" * 32)
    ledger.close()
    contract, computed_at_ms = parse_contract(case["contract"], "case"), parse_instant(case["computed_at"])
    question = Question(CONTRACT, contract, "", "2026-03", computed_at_ms)
    report = make_report(read_ledger(tmp_path / "ledger.db", lambda connection: gather(connection, question)))
    assert report.estimated_ms == sum(each.tally.known_ms for each in (*report.platforms, *report.players)) > 0
    assert all(incident.estimated for incident in report.incidents)
