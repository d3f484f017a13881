"""`signwatch agent doctor` as a person at a terminal, and a script, meet it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from agent.config import load
from agent.doctor.model import as_text
from agent.doctor.visit import visit
from common.clock import ManualClock
from tests.agent.conftest import Mpv, WriteConfig
from tests.agent.listener import Listener
from tests.fixtures.mosquitto import Mosquitto
from tests.fixtures.processes import Processes, run_signwatch
from tests.fixtures.site import Site
from tests.fixtures.waiting import free_port, wait_until


def config(port: int, outputs: str, more: str = "") -> str:
    return (
        f'tenant = "acme"\ndevice = "p1"\n[mqtt]\nhost = "127.0.0.1"\nport = {port}\n{more}\n[spool]\ndir = "spool"\n'
        f'[health]\nlisten = "127.0.0.1:{free_port()}"\n{outputs}\n'
    )


def mpv_output(socket: Path) -> str:
    return f'[[outputs]]\nid = "main"\nprobe = "mpv"\nmpv.socket = "{socket}"\n'


async def test_a_player_in_order_has_nothing_to_mend(
    write_config: WriteConfig, mosquitto: Mosquitto, mpv: Mpv, clips: Path, clock: ManualClock
) -> None:
    mpv.play("--loop", clips / "clip.mp4")
    settings = load(write_config(config(mosquitto.port, mpv_output(mpv.socket))))
    once = ("agent", "probe", "main", "--config", settings.file)
    wait_until(lambda: run_signwatch(*once).stdout.startswith("main is playing, "), "mpv plays")
    async with Listener(mosquitto) as collector:
        collector.acknowledging = True
        found = await visit(settings, clock)
    assert [one.message for one in found if one.level == "wrong"] == []
    assert {one.about for one in found} == {
        *("configuration", "user", "unit", "clock", "disk", "broker", "collector", "output"),
    }
    assert "main is playing" in [one.message for one in found]
    assert as_text(found).endswith("Nothing to mend.")
    assert not settings.path("spool").exists()


def test_what_is_wrong_is_told_with_its_remedy_and_by_the_exit_status(
    write_config: WriteConfig, short_folder: Path
) -> None:
    file = write_config(config(free_port(), mpv_output(short_folder / "mpv.sock")))
    done = run_signwatch("agent", "doctor", "--config", file)
    assert done.returncode == 1
    assert "WRONG  broker: 127.0.0.1, port" in done.stdout
    assert "WRONG  output: main is stopped: the player is not running" in done.stdout
    assert "→ start mpv with --input-ipc-server" in done.stdout
    assert "to mend." in done.stdout
    assert "Traceback" not in done.stderr


def test_a_script_reads_json(write_config: WriteConfig, short_folder: Path) -> None:
    file = write_config(config(free_port(), mpv_output(short_folder / "mpv.sock")))
    done = run_signwatch("agent", "doctor", "--format", "json", "--config", file)
    told = json.loads(done.stdout)
    assert (done.returncode, told["ok"], told["device"]) == (1, False, "acme/p1")
    checks = {check["id"]: check for check in told["checks"]}
    assert checks["broker.tcp"]["level"] == "wrong"
    assert checks["output.stopped"]["remedy"]
    assert checks["disk.writes"] == {**checks["disk.writes"], "level": "ok", "about": "disk", "remedy": ""}


def test_a_file_that_is_refused_is_told_the_same_way(tmp_path: Path) -> None:
    done = run_signwatch("agent", "doctor", "--format", "json", "--config", tmp_path / "nowhere.toml")
    told = json.loads(done.stdout)
    assert (done.returncode, told["ok"]) == (1, False)
    assert [check["id"] for check in told["checks"]] == ["config.missing"]


def test_wrong_usage_has_a_status_of_its_own() -> None:
    assert run_signwatch("agent", "doctor", "--format", "xml").returncode == 2


async def test_a_running_agent_is_asked_and_not_disturbed(
    write_config: WriteConfig, mosquitto: Mosquitto, processes: Processes, clock: ManualClock
) -> None:
    more = '[[outputs]]\nid = "main"\nprobe = "push"\n'
    file = write_config(config(mosquitto.port, more + f'[push]\nlisten = "127.0.0.1:{free_port()}"\n'))
    agent = processes.signwatch("agent", "run", "--config", file, name="agent")
    agent.wait_for_output("link_up")
    found = {one.id: one for one in await visit(load(file), clock)}
    assert found["agent"].level == "ok"
    assert f"process {agent.pid} (" in found["agent"].message
    assert "left alone" in found["broker.login"].message
    assert found["output.unknown"].level == "wrong"  # nobody has reported yet
    assert "link_lost" not in agent.output()


async def test_a_stranger_that_holds_the_spool_is_told(
    write_config: WriteConfig, mosquitto: Mosquitto, processes: Processes, clock: ManualClock
) -> None:
    push = '[[outputs]]\nid = "main"\nprobe = "process"\nprocess.pidfile = "/nowhere"\n'
    file = write_config(config(mosquitto.port, push))
    agent = processes.signwatch("agent", "run", "--config", file, name="agent")
    agent.wait_for_output("started")
    other = file.with_name("other.toml")
    other.write_text(config(free_port(), push), encoding="utf-8")  # the same spool, another door
    found = {one.id: one for one in await visit(load(other), clock)}
    assert found["agent.stranger"].level == "wrong"
    assert str(agent.pid) in found["agent.stranger"].message


@pytest.mark.system
async def test_a_real_collector_answers_and_no_figure_changes(
    site: Site, write_config: WriteConfig, clock: ManualClock
) -> None:
    site.register("p1")
    site.start_collector()
    file = write_config(
        config(site.broker.port, '[[outputs]]\nid = "main"\nprobe = "push"\ntimeout_s = 1\ninterval_s = 1\n')
    )
    done = run_signwatch("agent", "doctor", "--format", "json", "--config", file)
    checks = {check["id"]: check for check in json.loads(done.stdout)["checks"]}
    assert checks["collector"]["level"] == "ok"
    assert "it answered after" in checks["collector"]["message"]
