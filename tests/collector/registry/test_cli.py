"""`signwatch registry …` as an operator meets it."""

import io
import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from collector.ledger import journal
from collector.ledger.ledger import Ledger
from collector.ledger.registry_store import read_registry
from collector.registry.backend import read_ledger
from signwatch.cli import main

EXAMPLES = Path(__file__).parents[3] / "docs" / "examples"
REGISTRY = str(EXAMPLES / "registry.toml")
FLEET = str(EXAMPLES / "fleet.csv")


@pytest.fixture(autouse=True)
def _no_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO())


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.db"


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    status = main(["registry", *(str(argument) for argument in arguments)])
    out, err = capsys.readouterr()
    return status, out, err


def test_apply_shows_the_difference_and_applies_it(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, err = run(capsys, "apply", REGISTRY, FLEET, "--ledger", path, "--who", "ana")
    assert (status, err) == (0, "")
    assert '+ tenant   acme  name "Acme Retail"' in out
    assert "19 added, 0 changed, 0 removed" in out
    assert f"applied; the journal ends at {read_ledger(path, journal.head)}" in out
    assert {entry.who for entry in read_ledger(path, journal.entries)} == {"ana"}
    assert run(capsys, "apply", REGISTRY, FLEET, "--ledger", path) == (0, "no difference\n", "")


def test_a_dry_run_on_no_ledger_makes_none(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = run(capsys, "apply", REGISTRY, "--ledger", path, "--dry-run")
    assert status == 0
    assert "11 added" in out
    assert list(path.parent.iterdir()) == []


@pytest.mark.parametrize("form", ["toml", "csv"])
def test_what_is_exported_and_applied_again_makes_no_difference(
    path: Path, capsys: pytest.CaptureFixture[str], form: str
) -> None:
    run(capsys, "apply", REGISTRY, FLEET, "--ledger", path)
    _, out, _ = run(capsys, "export", "--format", form, "--ledger", path)
    again = path.parent / f"again.{form}"
    again.write_text(out, encoding="utf-8")
    assert run(capsys, "apply", again, "--ledger", path)[:2] == (0, "no difference\n")


def test_the_collector_s_configuration_names_the_ledger_too(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = path.parent / "collector.toml"
    config.write_text('[mqtt]\nhost = "127.0.0.1"\n[ledger]\npath = "ledger.db"\n', encoding="utf-8")
    assert run(capsys, "apply", REGISTRY, "--config", config)[0] == 0
    assert "acme/portal" in read_ledger(path, read_registry).subjects


def test_a_bad_file_is_refused_with_its_findings_and_nothing_is_applied(
    path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = path.parent / "bad.csv"
    bad.write_text("tenant,device,site\nacme,p1,nowhere\n", encoding="utf-8")
    status, out, err = run(capsys, "apply", REGISTRY, bad, "--ledger", path)
    assert (status, out) == (1, "")
    assert err == (
        f"{bad}:2: site: there is no site acme/nowhere; use one of: bcn-01, bcn-02 [registry.site.unknown]\n"
    )
    assert read_ledger(path, read_registry).tenants == {}


def test_pruning_needs_an_instant_and_says_what_it_ends(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(capsys, "apply", REGISTRY, "--ledger", path)
    status, _, err = run(capsys, "apply", FLEET, "--ledger", path, "--prune")
    assert status == 1
    assert "give both [registry.prune]" in err
    assert run(capsys, "apply", FLEET, "--ledger", path, "--prune", "--until", "2026-09-01")[0] == 1
    until = "2026-09-01T00:00:00+02:00"
    status, out, _ = run(capsys, "apply", FLEET, "--ledger", path, "--prune", "--until", until)
    assert status == 0
    assert "~ output   acme/player-0001/main  active_until none → 2026-08-31T22:00:00.000Z" in out
    assert "- device   acme/store-server" in out


def test_the_answer_comes_as_json_too(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    answer = json.loads(run(capsys, "apply", REGISTRY, "--ledger", path, "--json")[1])
    assert answer["applied"] is True
    assert answer["changes"][0] == {
        "kind": "tenant",
        "key": "acme",
        "before": None,
        "after": {"id": "acme", "name": "Acme Retail"},
        "counts_from_ms": None,
    }


def test_the_journal_is_listed_by_key_and_as_json(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(capsys, "apply", REGISTRY, "--ledger", path, "--who", "ana")
    _, out, _ = run(capsys, "log", "--ledger", path, "--key", "acme/player-0002")
    assert [line.split()[2:6] for line in out.splitlines()] == [
        ["ana", "+", "device", "acme/player-0002"],
        ["ana", "+", "output", "acme/player-0002/main"],
    ]
    _, out, _ = run(capsys, "log", "--ledger", path, "--json", "--limit", 1)
    entry = json.loads(out)
    assert (entry["kind"], entry["key"], entry["before"]) == ("registry.platform", "acme/portal", None)


def test_a_journal_is_verified_against_a_noted_head(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(capsys, "apply", REGISTRY, "--ledger", path)
    head = str(read_ledger(path, journal.head))
    status, out, _ = run(capsys, "log", "--ledger", path, "--verify", "--head", head)
    assert (status, out) == (0, f"the journal is whole: 11 entries, head {head}\n")
    status, _, err = run(capsys, "log", "--ledger", path, "--verify", "--head", f"11:{'0' * 64}")
    assert status == 1
    assert "entry 11 is not the one whose hash was noted" in err
    assert run(capsys, "log", "--ledger", path, "--verify", "--head", "eleven")[0] == 1


def test_no_newcomers_are_said_to_be_none(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(capsys, "apply", REGISTRY, "--ledger", path)
    assert run(capsys, "newcomers", "--ledger", path) == (0, "# everything that reports is registered\n", "")
    assert run(capsys, "newcomers", "--ledger", path, "--json") == (0, "[]\n", "")


@pytest.mark.parametrize("command", ["export", "newcomers", "log"])
def test_a_ledger_that_is_none_is_refused_in_one_line(
    path: Path, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    assert run(capsys, command, "--ledger", path) == (
        1,
        "",
        f"{path}: no such ledger; check the path, or start the collector once [ledger.unusable]\n",
    )
    path.write_text("no ledger at all " * 100, encoding="utf-8")
    status, _, err = run(capsys, command, "--ledger", path)
    assert status == 1
    assert err.startswith(f"{path}: is not a readable ledger (file is not a database)")


def test_apply_to_a_file_that_is_no_ledger_is_refused_in_one_line(
    path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path.write_text("no ledger at all " * 100, encoding="utf-8")
    status, _, err = run(capsys, "apply", REGISTRY, "--ledger", path)
    assert status == 1
    assert "is not a usable ledger (file is not a database); restore it from a backup [ledger.unusable]" in err


def test_reading_goes_on_while_a_collector_writes(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(capsys, "apply", REGISTRY, "--ledger", path)
    writing = Ledger.open(path)
    assert run(capsys, "log", "--ledger", path, "--verify")[0] == 0
    assert "[[platforms]]" in run(capsys, "export", "--ledger", path)[1]
    writing.close()


def test_a_name_that_would_write_over_the_terminal_is_no_name(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, _, err = run(capsys, "apply", REGISTRY, "--ledger", path, "--who", "\x1b[2J")
    assert status == 1
    assert "registry.who" in err


@pytest.mark.parametrize(("word", "status", "applied"), [("y", 0, True), ("n", 1, False), ("", 1, False)])
def test_on_a_terminal_apply_asks_before_it_applies(path: Path, word: str, status: int, applied: bool) -> None:
    ours, theirs = pty.openpty()
    os.write(ours, f"{word}\n".encode())
    command = [sys.executable, "-m", "signwatch", "registry", "apply", REGISTRY, "--ledger", str(path)]
    ended = subprocess.run(command, stdin=theirs, capture_output=True, text=True, check=False, timeout=60)
    os.close(ours)
    os.close(theirs)
    assert ended.returncode == status, ended.stderr
    assert "Apply? [y/N]" in ended.stdout
    assert bool(read_ledger(path, read_registry).tenants if path.exists() else False) is applied
