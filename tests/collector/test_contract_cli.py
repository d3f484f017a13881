"""`signwatch contract …` as a person types it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from signwatch.cli import main

ROOT = Path(__file__).parents[2]
ADMIRA = ROOT / "contracts/admira.toml"
CALM = """
name = "Calm"
timezone = "UTC"
availability.weights = { platform = 1 }
"""
REGISTRY = """
[[tenants]]
id = "acme"
[[platforms]]
tenant = "acme"
id = "portal"
contract = "calm"
"""


@pytest.fixture
def calm(tmp_path: Path) -> Path:
    file = tmp_path / "calm.toml"
    file.write_text(CALM, encoding="utf-8")
    return file


@pytest.fixture
def bad(tmp_path: Path) -> Path:
    file = tmp_path / "bad.toml"
    file.write_text(CALM.replace("platform = 1", "platform = 0.9"), encoding="utf-8")
    return file


def test_warnings_are_printed_and_the_exit_status_is_0(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["contract", "check", str(ADMIRA)]) == 0
    *findings, last = capsys.readouterr().out.splitlines()
    assert all(line.startswith(f"warning: {ADMIRA}: ") for line in findings)
    assert any("no band holds 98.25 to 97.26%" in line for line in findings)
    assert last == f"{ADMIRA}: 0 errors, 7 warnings"


def test_an_error_makes_exit_status_1_and_the_other_files_are_checked_all_the_same(
    calm: Path, bad: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    missing = tmp_path / "missing.toml"
    assert main(["contract", "check", str(bad), str(missing), str(calm)]) == 1
    assert capsys.readouterr().out.splitlines() == [
        (
            f"error: {bad}: availability.weights: platform and players sum to 0.9, not to 1; "
            "share out exactly 1 [contract.weights.sum]"
        ),
        f"{bad}: 1 error, 0 warnings",
        f"error: {missing}: no such file; check the path [config.missing]",
        f"{missing}: 1 error, 0 warnings",
        f"{calm}: 0 errors, 0 warnings",
    ]


def test_json_is_one_object_a_file(calm: Path, bad: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["contract", "check", "--json", str(bad), str(calm)]) == 1
    first, second = map(json.loads, capsys.readouterr().out.splitlines())
    assert second == {"file": str(calm), "ok": True, "findings": []}
    assert (first["file"], first["ok"]) == (str(bad), False)
    assert first["findings"] == [
        {
            "id": "contract.weights.sum",
            "level": "error",
            "file": str(bad),
            "key": "availability.weights",
            "message": "platform and players sum to 0.9, not to 1",
            "remedy": "share out exactly 1",
        }
    ]


def test_with_a_registry_a_weight_without_a_subject_is_refused(
    calm: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    registry = tmp_path / "fleet.toml"
    registry.write_text(REGISTRY, encoding="utf-8")
    assert main(["contract", "check", str(calm), "--registry", str(registry)]) == 0
    registry.write_text(REGISTRY.replace('"calm"', '"other"'), encoding="utf-8")
    assert main(["contract", "check", str(calm), "--registry", str(registry)]) == 1
    assert (
        f"error: {calm}: availability.weights.platform: weighs 1, and no platform is judged by this contract; "
        "register a platform, or take its weight away [contract.weights.no_subject]"
    ) in capsys.readouterr().out


def test_explain_speaks_both_languages(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["contract", "explain", str(ADMIRA), "--players", "300"]) == 0
    english = capsys.readouterr().out
    assert english.startswith("ADmira availability guarantee\n=============================\n")
    assert "300 players, summed" in english
    assert main(["contract", "explain", str(ADMIRA), "--lang", "es", "--players", "1"]) == 0
    spanish = capsys.readouterr().out
    assert "Qué se promete" in spanish
    assert "1 player, en total" in spanish


def test_a_terminal_that_lacks_a_sign_shows_a_question_mark() -> None:
    command = [sys.executable, "-m", "signwatch", "contract", "explain", str(ADMIRA), "--lang", "es"]
    environment = os.environ | {"PYTHONIOENCODING": "latin-1"}
    done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    assert "Disponibilidad = 1 ? 0,2 × caída de la plataforma" in done.stdout.decode("latin-1")


def test_explain_refuses_a_bad_file_with_its_findings(bad: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["contract", "explain", str(bad)]) == 1
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.startswith(f"{bad}: availability.weights: platform and players sum to 0.9")


@pytest.mark.parametrize("players", ["0", "-1", "ten", "1000001", "", "²", "1" * 5000])
def test_a_number_of_players_that_is_none_is_refused(players: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as refused:
        main(["contract", "explain", str(ADMIRA), f"--players={players}"])
    assert refused.value.code == 2
    assert "write 1 to 1000000" in capsys.readouterr().err
