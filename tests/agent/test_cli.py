"""`signwatch agent` as a person at a terminal meets it."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import pytest

from tests.agent.conftest import Mpv, WriteConfig
from tests.fixtures.processes import Processes, run_signwatch
from tests.fixtures.waiting import accepts, free_port, wait_until


def config(outputs: str, more: str = "") -> str:
    return f'tenant = "acme"\ndevice = "p1"\n[mqtt]\nhost = "127.0.0.1"\n{more}\n[spool]\ndir = "spool"\n{outputs}\n'


PUSH = '[[outputs]]\nid = "web"\nprobe = "push"\ninterval_s = 10\n'


def test_check_says_ok_and_who_watches_what(write_config: WriteConfig) -> None:
    done = run_signwatch("agent", "check", "--config", write_config(config(PUSH)))
    assert (done.returncode, done.stdout) == (0, "OK: acme/p1 watches web (push) and reports to 127.0.0.1:1883\n")
    assert "warning: " in done.stderr
    assert "no password is set" in done.stderr


def test_check_tells_everything_that_stands_in_the_way_and_fails(write_config: WriteConfig, tmp_path: Path) -> None:
    (tmp_path / "spool").write_text("no directory", encoding="ascii")
    done = run_signwatch("agent", "check", "--config", write_config(config(PUSH, 'password_file = "nowhere"')))
    assert (done.returncode, done.stdout) == (1, "")
    assert f"error: {tmp_path / 'nowhere'}: no such file; check the path [config.missing]" in done.stderr
    assert f"spool.dir: {tmp_path / 'spool'} is no directory; choose another [agent.spool]" in done.stderr


def test_check_tells_of_tls_files_that_cannot_be_used(write_config: WriteConfig, tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("no certificate", encoding="ascii")
    done = run_signwatch("agent", "check", "--config", write_config(config(PUSH, '[mqtt.tls]\nca_file = "ca.pem"')))
    assert done.returncode == 1
    assert "mqtt.tls: cannot be used:" in done.stderr


@pytest.mark.parametrize("action", ["run", "check", "probe"])
def test_a_missing_file_is_told_without_a_traceback(action: str, tmp_path: Path) -> None:
    more = ["main"] if action == "probe" else []
    done = run_signwatch("agent", action, *more, "--config", tmp_path / "nowhere.toml")
    assert (done.returncode, done.stderr) == (
        1,
        f"{tmp_path}/nowhere.toml: no such file; check the path [config.missing]\n",
    )


def test_probe_prints_what_it_saw_for_people_and_for_programs(write_config: WriteConfig, mpv: Mpv, clips: Path) -> None:
    file = write_config(config(f'[[outputs]]\nid = "main"\nprobe = "mpv"\nmpv.socket = "{mpv.socket}"\n'))
    done = run_signwatch("agent", "probe", "main", "--config", file)
    assert done.returncode == 3
    assert re.fullmatch(
        rf"main is stopped, asked for \d+ ms: the player is not running: nobody listens on {mpv.socket}\n", done.stdout
    )
    mpv.play("--loop", clips / "clip.mp4")

    def seen() -> dict[str, object]:
        done = run_signwatch("agent", "probe", "main", "--json", "--config", file)
        told: dict[str, object] = json.loads(done.stdout)
        return {**told, "status": done.returncode} if told["state"] == "playing" else {}

    told = wait_until(seen, "the probe sees it play")
    assert told["status"] == 0
    assert isinstance(told["took_ms"], int)
    assert (told["output"], told["cause"], told["detail"]) == ("main", None, None)


CHECKS = """
[[checks]]
id = "portal"
url = "{url}"

[[checks]]
id = "disk"
limits."fs.*.used_percent" = {{ at_most = 0 }}
limits.disk_free_bytes = {{ at_least = 1 }}

[[checks]]
id = "orbit"
limits.altitude_km = {{ at_least = 400 }}
"""


@pytest.mark.parametrize(
    ("name", "status", "words"),
    [
        ("portal", 3, r"check\.portal is down, asked for \d+ ms: .*Connect call failed"),
        ("check.disk", 3, r"check\.disk is down, asked for \d+ ms: fs\..*used_percent is [\d.]+, over 0"),
        ("orbit", 4, r"check\.orbit is unknown, asked for \d+ ms: not readable: altitude_km"),
    ],
)
def test_probe_runs_a_check_once_and_its_exit_status_tells_what_it_saw(
    name: str, status: int, words: str, write_config: WriteConfig
) -> None:
    checks = CHECKS.format(url=f"http://127.0.0.1:{free_port()}/")
    done = run_signwatch("agent", "probe", name, "--config", write_config(f'role = "server"\n{config(checks)}'))
    assert (done.returncode, done.stderr) == (status, "")
    assert re.match(words, done.stdout), done.stdout


def test_probe_of_a_check_that_is_up_prints_what_it_measured(write_config: WriteConfig) -> None:
    limits = '[[checks]]\nid = "room"\nlimits.disk_free_bytes = { at_least = 1 }\n'
    file = write_config(config(limits))
    done = run_signwatch("agent", "probe", "room", "--json", "--config", file)
    told = json.loads(done.stdout)
    assert (done.returncode, told["output"], told["state"]) == (0, "check.room", "up")
    assert told["detail"] == "1 figure within limits"
    checked = run_signwatch("agent", "check", "--config", file)
    assert checked.stdout == "OK: acme/p1 checks room (limits) and reports to 127.0.0.1:1883\n"


def test_probe_of_an_output_that_is_not_there_names_those_that_are(write_config: WriteConfig) -> None:
    file = write_config(config(PUSH))
    done = run_signwatch("agent", "probe", "main", "--config", file)
    assert (done.returncode, done.stderr) == (
        1,
        f"{file}: outputs: no output and no check 'main'; use one of: web [agent.no_output]\n",
    )


def test_probe_of_an_output_that_is_told_waits_for_a_report(write_config: WriteConfig, processes: Processes) -> None:
    port = free_port()
    file = write_config(config(f'[push]\nlisten = "127.0.0.1:{port}"\n{PUSH}'))
    probe = processes.signwatch("agent", "probe", "web", "--config", file, name="probe")
    wait_until(lambda: accepts(port), "the probe listens")
    report = (
        "import urllib.request as u;"
        f'u.urlopen(u.Request(\'http://127.0.0.1:{port}/v1/state\', b\'{{"output":"web","state":"black"}}\','
        "{'Content-Type': 'application/json'}))"
    )
    processes.start([sys.executable, "-c", report], "player").wait()
    assert probe.wait() == 3
    assert re.fullmatch(r"web is black, asked for \d+ ms\n", probe.output())


def test_a_door_that_is_taken_is_told(write_config: WriteConfig, processes: Processes) -> None:
    port = free_port()
    file = write_config(config(f'[health]\nlisten = ""\n[push]\nlisten = "127.0.0.1:{port}"\n{PUSH}'))
    agent = processes.signwatch("agent", "run", "--config", file, name="agent")
    wait_until(lambda: accepts(port), "the agent listens")
    done = run_signwatch("agent", "probe", "web", "--config", file)
    assert done.returncode == 1
    assert f"push.listen: cannot listen on 127.0.0.1:{port}" in done.stderr
    second = run_signwatch("agent", "run", "--config", file)
    assert second.returncode == 1
    assert "spool.dir: another process holds" in second.stderr
    assert "Traceback" not in second.stderr + done.stderr
    assert agent.stop() == 0
