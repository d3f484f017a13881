"""The systemd probe: its table by example, where there is no systemd, and against a real one."""

from __future__ import annotations

import json
import re
from pathlib import Path

import psutil
import pytest

from agent.command import OUTPUT_BYTES, Said, ask_program
from agent.probes.base import Around, Reading
from agent.probes.systemd import Loop, SystemdOptions, SystemdProbe, judge, read_properties, systemd_complaints
from common.clock import ManualClock
from common.tasks import cancel, spawn
from tests.fixtures.machine import Machine
from tests.fixtures.processes import ROOT
from tests.fixtures.waiting import loop_turned, until, until_reaped, wait_until

# --- the table --------------------------------------------------------------------------------------------------------


def judged(active: str, sub: str, restarts: int = 0, **more: str) -> Reading:
    unit = {"LoadState": "loaded", "ActiveState": active, "SubState": sub, "Result": "success", **more}
    return judge(unit, restarts, restarts_max=2, within_s=300)


@pytest.mark.parametrize(
    ("active", "sub", "state"),
    [
        ("active", "running", "playing"),
        ("reloading", "reload", "playing"),
        ("active", "mounted", "playing"),
        ("active", "exited", "stopped"),
        ("activating", "auto-restart", "stopped"),
        ("activating", "start", "stopped"),
        ("deactivating", "stop-sigterm", "stopped"),
        ("inactive", "dead", "stopped"),
        ("failed", "failed", "error"),
        ("dreaming", "deeply", "unknown"),
    ],
)
def test_each_state_of_a_unit_has_its_meaning(active: str, sub: str, state: str) -> None:
    assert judged(active, sub).state == state


def test_a_unit_that_failed_says_how() -> None:
    assert judged("failed", "failed", Result="oom-kill", ExecMainStatus="9").detail == "has failed: oom-kill, status 9"


def test_a_unit_that_is_not_there_says_nothing_about_playback() -> None:
    assert judged("inactive", "dead", LoadState="not-found").state == "unknown"
    assert judge({}, 0, 2, 300).state == "unknown"


def test_more_restarts_than_allowed_are_an_error_although_it_runs_at_this_moment() -> None:
    assert judged("active", "running", restarts=2).state == "playing"
    assert judged("active", "running", restarts=3) == Reading("error", None, "was started again 3 times within 300 s")


def test_restarts_are_counted_within_their_time_and_begin_anew_when_somebody_starts_the_unit() -> None:
    loop = Loop(within_ms=100)
    assert [loop.note(at, count) for at, count in ((0, 7), (50, 8), (99, 9), (120, 9), (160, 9), (300, 9))] == [
        *(0, 1, 2, 2, 1, 0),
    ]
    assert loop.note(310, 0) == 0
    assert loop.note(320, 2) == 2


@pytest.mark.parametrize(
    ("unit", "complaints"),
    [("player.service", []), ("player", ["agent.systemd_unit"]), ("--help.service", ["agent.systemd_unit"])],
)
def test_a_name_that_is_no_unit_is_refused(unit: str, complaints: list[str]) -> None:
    assert [one.id for one in systemd_complaints(SystemdOptions(unit=unit))] == complaints


def test_what_systemctl_prints_is_read_and_the_rest_passed_over() -> None:
    said = Said(0, "ActiveState=active\nExecStart={ path=/bin/x ; argv[]=x }\nnonsense\n", "")
    assert read_properties(said) == {"ActiveState": "active", "ExecStart": "{ path=/bin/x ; argv[]=x }"}


# --- without systemd --------------------------------------------------------------------------------------------------


def probe_of(**options: object) -> SystemdProbe:
    table = {"unit": "player.service", **options}
    return SystemdProbe(SystemdOptions(**table), Around("main", ManualClock()))  # type: ignore[arg-type]


async def test_a_system_without_systemctl_says_nothing_about_playback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    reading = await probe_of().read()
    assert (reading.state, reading.detail) == ("unknown", "systemctl cannot be run: No such file or directory")


@pytest.mark.skipif(Path("/run/systemd/system").exists(), reason="this system runs systemd")
async def test_a_system_that_systemd_did_not_start_says_nothing_about_playback() -> None:
    reading = await probe_of().read()
    assert (reading.state, (reading.detail or "").startswith("systemctl: ")) == ("unknown", True)


async def test_a_program_that_never_stops_talking_is_cut_off() -> None:
    said = await ask_program("sh", "-c", "exec yes >&2")
    assert (said.status, said.out, len(said.err)) == (-9, "", OUTPUT_BYTES)
    await until_reaped()


async def test_a_program_that_hangs_is_killed_with_the_question(tmp_path: Path) -> None:
    told = tmp_path / "pid"
    asking = spawn(ask_program("sh", "-c", f"echo $$ > {told}; exec sleep 600"), "asking")
    pid = int(await until(lambda: told.exists() and told.read_text(encoding="ascii"), "it runs"))
    await loop_turned()
    await cancel(asking)
    await until(lambda: not psutil.pid_exists(pid), "it is gone")
    await until_reaped()


# --- a real systemd ---------------------------------------------------------------------------------------------------

PREFIX = "/opt/signwatch"
PLAYER = """
[Unit]
StartLimitIntervalSec=0
[Service]
ExecStart=/bin/sh -c 'test -e /run/broken && exit 3; exec sleep infinity'
Restart=always
RestartSec=100ms
"""
ONCE = "[Service]\nType=oneshot\nExecStart=/bin/false\n"
AGENT_FILE = """
tenant = "acme"
device = "player"
mqtt.host = "127.0.0.1"
[[outputs]]
id = "{name}"
probe = "systemd"
systemd.unit = "{name}.service"
"""


CHECK_FILE = """
tenant = "acme"
device = "server"
role = "server"
mqtt.host = "127.0.0.1"
[[checks]]
id = "player"
unit = "player.service"
"""
DRIVES = "signwatch-drives.service"

LOOKS = """
import asyncio
from agent.probes.base import Around
from agent.probes.systemd import SystemdOptions, SystemdProbe
from common.clock import SystemClock

async def look():
    probe = SystemdProbe(SystemdOptions(unit="player.service"), Around("main", SystemClock()))
    for _ in range(100):
        reading = await probe.read()
        if reading.state == "error":
            break
        await asyncio.sleep(0.3)
    print(reading.state, reading.detail)

asyncio.run(look())
"""


def python(machine: Machine, *arguments: str) -> str:
    """Run the Python of the agent that is installed in the machine."""
    return machine.run(f"{PREFIX}/bin/python", *arguments)


def ask(machine: Machine, name: str, file: str = "") -> tuple[str, str]:
    """Let `signwatch agent probe` look at the unit from within the machine."""
    file = file or name
    said = python(machine, "-m", "signwatch", "agent", "probe", name, "--config", f"/etc/{file}.toml", "--json")
    reading = json.loads(said)
    return reading["state"], reading.get("detail") or ""


@pytest.mark.system
def test_a_real_unit_is_seen_running_stopped_failed_and_in_a_loop_of_restarts(machine: Machine, wheel: Path) -> None:
    machine.install(wheel, PREFIX, extra="")
    for name, unit in (("player", PLAYER), ("once", ONCE)):
        machine.write(f"/etc/systemd/system/{name}.service", unit)
        machine.write(f"/etc/{name}.toml", AGENT_FILE.format(name=name))
    machine.write("/etc/ghost.toml", AGENT_FILE.format(name="ghost"))
    machine.write("/etc/server.toml", CHECK_FILE)
    machine.write(f"/etc/systemd/system/{DRIVES}", (ROOT / "systemd" / DRIVES).read_text(encoding="utf-8"))
    machine.boot()
    assert ask(machine, "ghost")[0] == "unknown"
    assert ask(machine, "player")[0] == "stopped"
    assert ask(machine, "check.player", "server")[0] == "down"
    machine.run("systemctl", "start", "player")
    assert ask(machine, "player") == ("playing", "")
    assert ask(machine, "check.player", "server")[0] == "up"
    machine.run("systemctl", "start", DRIVES)
    assert machine.show(DRIVES, "Result") == "success", machine.journal(DRIVES)
    assert machine.run("stat", "--format=%U %a", "/run/signwatch-drives") == "root 755\n"
    names = json.loads(
        python(machine, "-c", "import json; from agent.drives import drive_names as n; print(json.dumps(n()))")
    )
    assert machine.run("ls", "/run/signwatch-drives").split() == [f"{name}.json" for name in names]
    machine.run("systemctl", "start", "once")
    assert ask(machine, "once") == ("error", "has failed: exit-code, status 1")
    machine.run("touch", "/run/broken")
    machine.run("systemctl", "kill", "player")
    wait_until(lambda: int(machine.show("player", "NRestarts")) > 5, "systemd starts it again and again")
    assert ask(machine, "player")[0] in {"stopped", "playing"}  # one look alone cannot tell a loop
    assert re.fullmatch("error was started again [0-9]+ times within 300 s\n", python(machine, "-c", LOOKS))
