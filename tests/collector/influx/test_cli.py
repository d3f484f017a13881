from __future__ import annotations

from pathlib import Path

import pytest

from collector.influx.refused import RefusedLines
from common.clock import ManualClock
from signwatch.cli import main


def config(tmp_path: Path, influx: str = '[influx]\nurl = "http://127.0.0.1:1"\nversion = 1\n') -> Path:
    file = tmp_path / "collector.toml"
    file.write_text('[mqtt]\nhost = "127.0.0.1"\n' + influx, encoding="utf-8")
    return file


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    status = main(["influx", *(str(argument) for argument in arguments)])
    out, err = capsys.readouterr()
    return status, out, err


def test_refused_lines_are_shown_with_their_reasons_and_cannot_act_on_the_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "influx-spool"
    folder.mkdir()
    refused = [(b"m value=1", "HTTP 400: conflict"), (b"m value=2", "HTTP 400: conflict"), (b"\x1b[2J", "HTTP 400: no")]
    RefusedLines(folder, ManualClock()).add(refused)
    status, out, _ = run(capsys, "refused", "--config", config(tmp_path), "--limit", 1)
    assert status == 0
    assert out.splitlines() == [
        "2026-03-01T00:00:00.000Z  HTTP 400: no",
        r"    \x1b[2J",
        "",
        f"1 shown of 3 refused, in {folder}:",
        "       2  HTTP 400: conflict",
        "       1  HTTP 400: no",
    ]


def test_where_nothing_was_refused_it_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "refused", "--config", config(tmp_path))[:2] == (0, "nothing was refused\n")


@pytest.mark.parametrize("command", ["refused"])
def test_a_collector_without_influxdb_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str) -> None:
    file = config(tmp_path, influx="")
    status, _, err = run(capsys, command, "--config", file)
    complaint = "influx: is missing: this collector writes to no InfluxDB; add the table (docs/influx.md)"
    assert (status, err) == (1, f"{file}: {complaint} [influx.missing]\n")
