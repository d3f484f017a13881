"""`signwatch simulate` as it is started: against a real mosquitto, and with wrong input."""

from __future__ import annotations

import json
import urllib.request
from pathlib import Path

import pytest

from tests.fixtures.mosquitto import Mosquitto, StartMosquitto
from tests.fixtures.processes import Processes, run_signwatch
from tests.fixtures.waiting import free_port, wait_until
from wire.topics import Address, topic


def test_a_fleet_reports_to_mosquitto_answers_healthz_and_stops_cleanly(
    processes: Processes, mosquitto: Mosquitto, tmp_path: Path
) -> None:
    port = free_port()
    truth = tmp_path / "truth.jsonl"
    script = tmp_path / "script.toml"
    script.write_text(
        '[[faults]]\nat_s = 0.3\nplayers = "50%"\naction = "freeze"\nfor_s = 0.3\nnote = "half of them freeze"',
        encoding="utf-8",
    )
    fleet = processes.signwatch(
        *("simulate", "--port", str(mosquitto.port), "--tenant", "acme", "--players", "4", "--prefix", "bar-"),
        *("--interval-s", "0.5", "--script", script, "--truth", truth, "--health-listen", f"127.0.0.1:{port}"),
        *("--log-format", "json", "--outputs", "2"),
        name="simulate",
    )

    def healthz() -> dict[str, object]:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=60) as answer:
                figures: dict[str, object] = json.load(answer)
        except OSError:
            return {}
        return figures

    wait_until(lambda: healthz().get("connected") == 4, "all four are connected")
    fleet.wait_for_output("half of them freeze")
    wait_until(lambda: truth.read_text(encoding="utf-8").count('"frozen"') == 4, "two players have been frozen")
    heartbeats = topic(Address("acme", "bar-0003"), "heartbeat")
    wait_until(lambda: heartbeats in mosquitto.log(), "the third has sent a heartbeat")
    assert fleet.stop() == 0
    assert "Traceback" not in fleet.output()
    assert mosquitto.log().count("Received DISCONNECT from signwatch-acme-bar-") == 4  # so no last will goes out
    runs = [json.loads(line) for line in truth.read_text(encoding="utf-8").splitlines()]
    assert {run["subject"] for run in runs if run["state"] == "playing"} == {
        f"acme/bar-000{number}/screen-{output}" for number in range(1, 5) for output in (1, 2)
    }


def test_players_log_in_each_with_its_own_password_and_a_wrong_one_stays_out(
    processes: Processes, start_mosquitto: StartMosquitto, tmp_path: Path
) -> None:
    broker = start_mosquitto(users={"demo/player-0001": "one", "demo/player-0002": "two"})
    passwords = tmp_path / "passwords.toml"
    passwords.write_text('"demo/player-0001" = "one"\n"demo/player-0002" = "wrong"\n', encoding="utf-8")
    fleet = processes.signwatch(
        *("simulate", "--port", str(broker.port), "--players", "2", "--interval-s", "0.5"),
        *("--password-file", passwords, "--log-level", "debug"),
        name="simulate",
    )
    wait_until(lambda: topic(Address("demo", "player-0001"), "heartbeat") in broker.log(), "the first reports")
    fleet.wait_for_output("uthorized")
    assert fleet.stop() == 0
    assert topic(Address("demo", "player-0002"), "heartbeat") not in broker.log()


def test_it_ends_by_itself_after_the_duration_even_without_a_broker(tmp_path: Path) -> None:
    arguments = ("--port", str(free_port()), "--players", "2", "--duration-s", "0.5", "--log-format", "json")
    done = run_signwatch("simulate", *arguments, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert '"connected": 0' in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr


WRONG = [
    (["--players", "0"], "--players: must be over 0"),
    (["--tenant", "Not An Id"], "--tenant: 'Not An Id' is no id; ids have the form"),
    (["--prefix", "Bar "], "--prefix: 'Bar ' makes no ids"),
    (["--interval-s", "0"], "--interval-s: is out of range; write seconds up to 86400"),
    (["--port", "70000"], "--port: 70000 is no port; write 1 to 65535"),
    (["--outputs", "99"], "--outputs: is out of range; write 1 to 16"),
    (["--tls-ca", "none.pem"], "--tls-ca: none.pem is no file; check the path"),
    (["--password", "x", "--password-file", "y"], "--password: is given besides --password-file; give one of the two"),
    (["--password-file", "none.toml"], "none.toml: no such file; check the path"),
    (["--script", "none.toml"], "none.toml: no such file; check the path"),
    (
        ["--truth", "no/such/folder/truth"],
        "--truth: no/such/folder/truth cannot be written (No such file or directory)",
    ),
    (["--portal", "Our Portal"], "--portal: 'Our Portal' is no id; ids have the form"),
    (["--portal", "x" * 60], "of at most 57 characters"),
    (
        ["--portal", "p", "--portal-url", "ftp://x/"],
        "--portal-url: 'ftp://x/' is no address; write http://host/path or",
    ),
    (
        ["--portal-url", "http://x/"],
        "--portal-url: means nothing without --portal; add --portal with the platform's id",
    ),
    (["--points", "*"], "--points: means nothing without --portal"),
    (["--portal", "p", "--points", "bar-*"], "--points: 'bar-*' fits no player; they are player-0001 to player-0010"),
    (["--health-listen", "9101"], "--health-listen: '9101' is not host:port; write e.g. 127.0.0.1:9101"),
]


@pytest.mark.parametrize(("arguments", "complaint"), WRONG)
def test_a_wrong_argument_is_named_with_its_remedy(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    complaint: str,
) -> None:
    from signwatch.cli import main

    monkeypatch.chdir(tmp_path)
    assert main(["simulate", *arguments]) == 1
    said = capsys.readouterr().err
    assert complaint in said
    assert "Traceback" not in said


def test_a_player_without_a_password_in_the_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "passwords.toml").write_text('"demo/player-0001" = "one"\n', encoding="utf-8")
    done = run_signwatch("simulate", "--players", "3", "--password-file", "passwords.toml", cwd=tmp_path)
    assert done.returncode == 1
    assert (
        'passwords.toml: demo/player-0002: has no password here; add "demo/player-0002" = "…" (and 1 more)'
        in done.stderr
    )


def test_what_says_more_of_a_backlog_needs_one_and_sensible_numbers() -> None:
    usage = ("simulate", "--trouble-percent", "101", "--calm-days", "-1", "--until-delivered")
    done = run_signwatch(*usage)
    assert done.returncode != 0
    for key, remedy in {
        "--trouble-percent": "write 0 to 100",
        "--calm-days": "write days up to 366",
        "--until-delivered": "give both, or leave it out",
    }.items():
        assert any(key in line and remedy in line for line in done.stderr.splitlines()), (key, done.stderr)
