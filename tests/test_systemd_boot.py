"""The units under a real systemd: they become ready, see what they must, are watched, and end in good order."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.fixtures.machine import Machine
from tests.fixtures.processes import ROOT
from tests.fixtures.waiting import WaitedTooLongError, until, wait_until

pytestmark = pytest.mark.system

PREFIX = "/opt/signwatch"
AGENT, COLLECTOR = "signwatch-agent", "signwatch-collector"
LEDGER = "/var/lib/signwatch-collector"
AS_COLLECTOR = ("setpriv", "--reuid=signwatch-collector", "--regid=signwatch-collector", "--clear-groups")
COLLECTOR_FILE = f"""
[ledger]
path = "{LEDGER}/ledger.db"
[broker]
listen = "127.0.0.1:1883"
credentials = "{LEDGER}/credentials.toml"
[mqtt]
username = "collector"
password = "%s"
"""
AGENT_FILE = """
tenant = "acme"
device = "player-0001"
[mqtt]
host = "127.0.0.1"
password = "%s"
[[outputs]]
id = "main"
probe = "process"
interval_s = 1
[outputs.process]
cmdline = "the-players-software"
"""
MPV_FILE = """
[[outputs]]
id = "film"
probe = "mpv"
interval_s = 1
[outputs.mpv]
socket = "/run/user/1500/mpv.sock"
"""
AIDED_FILE = """
[[outputs]]
id = "aided"
probe = "process"
interval_s = 1
process.cmdline = "the-aided-software"
process.min_cpu_percent = 0
[outputs.first_aid]
unit = "player.service"
after_s = 1
pause_s = 1
at_most_per_hour = 60
"""
AIDED_UNIT = "[Service]\nExecStart=/bin/sh -c 'while sleep 1; do :; done' the-aided-software\n"
RULES = "/etc/polkit-1/rules.d/50-signwatch-first-aid.rules"
# Run inside the agent's sandbox: what it may and may not do.
SANDBOX = """
import ctypes, json, os, pathlib
from common.clock import SystemClock
libc = ctypes.CDLL(None, use_errno=True)
asked = libc.adjtimex(ctypes.create_string_buffer(208))
set_clock = libc.clock_settime(0, (ctypes.c_int64 * 2)(0, 0))
boot = pathlib.Path("/proc/sys/kernel/random/boot_id").read_text().strip().replace("-", "")
places = ("/etc", "/opt", "/home", "/var/lib", "/sys/kernel", "/var/lib/signwatch", "/run/signwatch")
print("SANDBOX", json.dumps({
    "clock_can_be_asked": asked >= 0,
    "clock_can_be_set": set_clock == 0,
    "boot": SystemClock().boot_id() == boot,
    "sees_process_1": os.path.exists("/proc/1/stat"),
    "sees_memory": os.path.exists("/proc/meminfo"),
    "temperatures": os.path.isdir("/sys/class"),
    "writes": [place for place in places if os.access(place, os.W_OK)],
    "tmp": os.listdir("/tmp"),
    "user": os.getuid() != 0,
}))
"""


@pytest.fixture(scope="module")
def site(machine: Machine, wheel: Path) -> Machine:
    """Agent and collector on one machine, installed as docs/install-collector.md and docs/install-agent.md say."""
    machine.install(wheel, PREFIX)
    share = f"{PREFIX}/share/signwatch/systemd"
    machine.chroot(
        "install", "-m", "644", "-D", f"{share}/signwatch.sysusers.conf", "/usr/lib/sysusers.d/signwatch.conf"
    )
    machine.chroot(
        "install", "-m", "644", "-D", f"{share}/signwatch.tmpfiles.conf", "/usr/lib/tmpfiles.d/signwatch.conf"
    )
    machine.chroot("systemd-sysusers")
    machine.chroot("install", "-d", "-m", "700", "-o", COLLECTOR, "-g", COLLECTOR, LEDGER)
    passwd = ("broker", "passwd", "collector", "acme/player-0001", "--file", f"{LEDGER}/credentials.toml")
    told = machine.chroot(*AS_COLLECTOR, f"{PREFIX}/bin/signwatch", *passwd)
    passwords = dict(line.split("\t") for line in told.splitlines())
    machine.write("/etc/signwatch/collector.toml", COLLECTOR_FILE % passwords["collector"])
    machine.write("/etc/signwatch/agent.toml", AGENT_FILE % passwords["acme/player-0001"])
    for unit in (AGENT, COLLECTOR):
        machine.chroot("install", "-m", "644", f"{share}/{unit}.service", "/etc/systemd/system/")
        machine.write(f"/etc/systemd/system/{unit}.service.d/test.conf", "[Service]\nWatchdogSec=8\n")
        machine.chroot("systemctl", "enable", f"{unit}.service")
    machine.chroot("useradd", "--uid", "1500", "--create-home", "player")
    machine.write(f"{PREFIX}/sandbox.py", SANDBOX)
    machine.write("/etc/systemd/system/sandbox.service", sandbox_unit())
    machine.boot()
    return machine


def sandbox_unit() -> str:
    """The agent's own unit, with another program in it."""
    unit = (ROOT / f"systemd/{AGENT}.service").read_text(encoding="utf-8")
    unit = re.sub(r"(?m)^ExecStart=.*", f"ExecStart={PREFIX}/bin/python {PREFIX}/sandbox.py", unit)
    unit = unit.replace("Type=notify", "Type=oneshot").replace("Restart=always", "Restart=no")
    return re.sub(r"(?m)^(WatchdogSec|RuntimeDirectory)=.*", "", unit)


def health(machine: Machine, port: int) -> dict[str, object]:
    """What `/healthz` on the port says, {} while nobody answers."""
    script = f"import urllib.request as u; print(u.urlopen('http://127.0.0.1:{port}/healthz').read().decode())"
    told = machine.run(f"{PREFIX}/bin/python", "-c", script)
    return json.loads(told) if told.startswith("{") else {}


def wait_until_active(machine: Machine, unit: str) -> None:
    def active() -> bool:
        return machine.show(unit, "ActiveState") == "active"

    try:
        wait_until(active, f"{unit} is active")
    except WaitedTooLongError:
        pytest.fail("\n".join(machine.journal(unit).splitlines()[-40:]), pytrace=False)


@pytest.mark.parametrize("unit", [COLLECTOR, AGENT])
def test_a_unit_becomes_ready_as_an_ordinary_user(site: Machine, unit: str) -> None:
    wait_until_active(site, unit)
    pid = site.show(unit, "MainPID")
    assert site.run("stat", "--format=%U", f"/proc/{pid}").strip() == site.show(unit, "User")
    assert site.show(unit, "User") != "root"


async def test_the_agents_evidence_reaches_the_collector(site: Machine) -> None:
    await until(lambda: health(site, 8080).get("ok"), "the collector is well")
    await until(lambda: "link_up" in site.journal(AGENT), "the agent has its link")


async def test_the_agent_sees_another_users_process(site: Machine) -> None:
    player = ("sh", "-c", "while :; do :; done", "the-players-software")
    site.run("systemd-run", "--unit=player", "--uid=nobody", "--property=CPUQuota=30%", *player)
    await until(lambda: '"state": "playing"' in site.journal(AGENT), "the agent sees the player play")
    site.run("systemctl", "stop", "player")
    await until(lambda: '"state": "stopped"' in site.journal(AGENT), "the agent sees it stopped")


def test_the_sandbox_lets_the_agent_ask_and_nothing_else(site: Machine) -> None:
    site.run("touch", "/tmp/of-the-player")
    site.run("systemctl", "start", "sandbox")
    line = next((line for line in site.journal("sandbox").splitlines() if line.startswith("SANDBOX ")), None)
    assert line, site.journal("sandbox")
    assert json.loads(line.removeprefix("SANDBOX ")) == {
        "clock_can_be_asked": True,
        "clock_can_be_set": False,
        "boot": True,
        "sees_process_1": True,
        "sees_memory": True,
        "temperatures": True,
        "writes": ["/var/lib/signwatch", "/run/signwatch"],
        "tmp": [],
        "user": True,
    }


@pytest.mark.parametrize("unit", [COLLECTOR, AGENT])
@pytest.mark.parametrize("signal", ["STOP", "KILL"], ids=["stands still", "is killed"])
def test_a_unit_that_hangs_or_dies_is_started_again(site: Machine, unit: str, signal: str) -> None:
    wait_until_active(site, unit)
    before = int(site.show(unit, "NRestarts"))
    site.run("kill", f"-{signal}", site.show(unit, "MainPID"))
    wait_until(lambda: int(site.show(unit, "NRestarts")) > before, f"systemd has started {unit} again")
    wait_until_active(site, unit)


def polkit_rule() -> str:
    """The rule that docs/first-aid.md tells people to write."""
    page = (ROOT / "docs/first-aid.md").read_text(encoding="utf-8")
    (rule,) = re.findall(r"(?ms)^```js\n(.*?)^```$", page)
    return str(rule)


def details_in_the_ledger(machine: Machine) -> str:
    """What the collector has been told of runs, one detail a line."""
    script = f"import sqlite3; ledger = sqlite3.connect('file:{LEDGER}/ledger.db?mode=ro', uri=True)\n"
    script += "for row in ledger.execute('select detail from runs'): print(row[0])"
    return machine.run(f"{PREFIX}/bin/python", "-c", script)


async def test_first_aid_restarts_the_unit_that_polkit_allows_and_the_ledger_has_it(site: Machine) -> None:
    for unit in ("player.service", "other.service"):
        site.run("bash", "-c", f'printf %s "$1" >/etc/systemd/system/{unit}', "bash", AIDED_UNIT)
    site.run("systemctl", "daemon-reload")
    site.run("bash", "-c", 'printf %s "$1" >>/etc/signwatch/agent.toml', "bash", AIDED_FILE)
    site.run("systemctl", "restart", AGENT)
    refused = "failed: systemctl gave exit status 1]"
    await until(lambda: refused in details_in_the_ledger(site), "first aid is tried, in vain, and the ledger has it")
    why = "Failed to restart player.service: Interactive authentication required"
    await until(lambda: why in site.journal(AGENT), "the journal has what systemctl said")
    assert site.show("player", "ActiveState") == "inactive"

    site.run("bash", "-c", f'printf %s "$1" >{RULES}', "bash", polkit_rule())
    healed = '"output": "aided", "state": "playing"'
    await until(lambda: healed in site.journal(AGENT), "first aid has started the player", timeout_s=90)
    await until(lambda: "exit status 0]" in details_in_the_ledger(site), "the attempt that helped is in the ledger")


@pytest.mark.parametrize(
    ("user", "command"),
    [("signwatch", "restart other"), ("signwatch", "stop player"), ("nobody", "restart player")],
)
def test_polkit_lets_nobody_else_do_it_and_the_agent_nothing_else(site: Machine, user: str, command: str) -> None:
    before = site.show("player", "MainPID"), site.show("other", "MainPID")
    told = site.run("runuser", "-u", user, "--", "systemctl", "--no-ask-password", *command.split())
    assert "authentication required" in told or "denied" in told, told
    assert (site.show("player", "MainPID"), site.show("other", "MainPID")) == before


async def test_with_the_example_the_agent_asks_the_players_mpv(site: Machine) -> None:
    site.run("install", "-d", "-m", "700", "-o", "player", "-g", "player", "/run/user/1500")
    options = ("--no-config", "--vo=null", "--ao=null", "--input-ipc-server=/run/user/1500/mpv.sock")
    site.run("systemd-run", "--unit=mpv", "--uid=player", "mpv", *options, "av://lavfi:testsrc=size=64x64:rate=10")
    example = f"{PREFIX}/share/signwatch/systemd/examples/mpv.conf"
    site.run("install", "-m", "644", example, f"/etc/systemd/system/{AGENT}.service.d/mpv.conf")
    site.run("chgrp", "player", "/etc/signwatch/agent.toml")
    site.run("sh", "-c", f"echo '{MPV_FILE}' >> /etc/signwatch/agent.toml")
    site.run("systemctl", "daemon-reload")
    site.run("systemctl", "restart", AGENT)
    await until(lambda: '"output": "film", "state": "playing"' in site.journal(AGENT), "the agent sees mpv play")
    assert site.run("stat", "--format=%U", "/var/lib/signwatch/spool").strip() == "player"


@pytest.mark.parametrize("unit", [AGENT, COLLECTOR])
def test_a_unit_ends_in_good_order(site: Machine, unit: str) -> None:
    wait_until_active(site, unit)
    site.run("systemctl", "stop", unit)
    assert site.show(unit, "ActiveState") == "inactive"
    assert site.show(unit, "Result") == "success"
    assert site.show(unit, "ExecMainStatus") == "0"
