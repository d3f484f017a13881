from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from agent import host
from agent.host import Sampler, facts, figures, shutting_down
from common.clock import ManualClock
from common.tasks import cancel, spawn
from tests.agent.trees import Plant, plant_in
from tests.fixtures.waiting import until
from wire.messages import Hello, decode, encode


def test_figures_have_their_unit_in_the_name_and_sensible_values(tmp_path: Path) -> None:
    told = figures(tmp_path, ManualClock(mono=90_500))
    assert told["uptime_s"] == 90
    for name in ("memory_used_percent", "disk_used_percent"):
        assert 0 <= float(str(told[name])) <= 100
    assert int(str(told["disk_free_bytes"])) > 0
    assert int(str(told["agent_rss_bytes"])) > 1_000_000
    assert all(name.rsplit("_", 1)[1] in {"percent", "bytes", "s", "c", "1m"} for name in told)


def test_the_disk_is_judged_before_the_spool_exists(tmp_path: Path) -> None:
    assert "disk_free_bytes" in figures(tmp_path / "not" / "yet", ManualClock())


def test_the_hottest_of_the_cpus_sensors_is_told(plant: Plant) -> None:
    files = {
        "sys/class/hwmon/hwmon0/name": "nvme",
        "sys/class/hwmon/hwmon0/temp1_input": "70000",
        "sys/class/hwmon/hwmon1/name": "cpu_thermal",
        "sys/class/hwmon/hwmon1/temp1_input": "51260",
        "sys/class/hwmon/hwmon1/temp2_input": "49000",
    }
    assert figures(Path("/"), ManualClock(), plant(files))["temperature_c"] == 51.3
    del files["sys/class/hwmon/hwmon1/temp1_input"], files["sys/class/hwmon/hwmon1/temp2_input"]
    assert figures(Path("/"), ManualClock(), plant(files))["temperature_c"] == 70.0


def test_a_board_without_sensors_of_its_own_tells_its_thermal_zone(plant: Plant) -> None:
    files = {"sys/class/thermal/thermal_zone0/type": "soc", "sys/class/thermal/thermal_zone0/temp": "48500"}
    assert figures(Path("/"), ManualClock(), plant(files))["temperature_c"] == 48.5
    assert "temperature_c" not in figures(Path("/"), ManualClock(), plant({}))


async def test_cpu_use_is_counted_from_when_it_was_told_last(plant: Plant) -> None:
    root = plant({"proc/stat": "cpu  0 0 0 0 0 0 0 0"})
    sampler = Sampler(root, ManualClock(), root)

    async def now(busy: int, idle: int) -> float:
        plant_in(root, {"proc/stat": f"cpu  {busy} 0 0 {idle} 0 0 0 0"})
        await sampler.read()
        return float(str(sampler.figures["cpu_percent"]))

    assert await now(10, 90) == 10.0
    assert await now(10, 190) == 5.0  # of all the time, for nobody has been told yet
    sampler.told()
    assert await now(60, 240) == 50.0


def test_facts_are_fit_for_hello() -> None:
    hello = Hello(
        boot="b", sent_ms=1, mono_ms=1, synced=True, spool="a", agent="x", interval_s=1, outputs=[], host=facts()
    )
    assert decode("hello", encode(hello)) == hello
    assert {"hostname", "kernel", "machine", "cpu_count", "memory_total_bytes"} <= set(hello.host)


async def test_figures_that_cannot_be_read_are_absent_rather_than_old(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    sampler = Sampler(tmp_path, ManualClock())
    task = spawn(sampler.run(0.01), "sampler")
    await until(lambda: sampler.figures, "figures come")

    def broken(*_: object) -> host.Figures:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(host, "figures", broken)
    await until(lambda: not sampler.figures, "figures go")
    monkeypatch.undo()
    await until(lambda: sampler.figures, "figures come again")
    await cancel(task)


async def test_a_sensor_that_hangs_costs_the_figures_and_nothing_else(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    go_on = asyncio.Event()
    loop = asyncio.get_running_loop()

    def hang(*_: object) -> host.Figures:
        asyncio.run_coroutine_threadsafe(go_on.wait(), loop).result()
        return {"cpu_percent": 1.0}

    monkeypatch.setattr(host, "figures", hang)
    monkeypatch.setattr(host, "PATIENCE_S", 0.05)
    sampler = Sampler(tmp_path, ManualClock())
    await sampler.read()
    await sampler.read()
    assert sampler.figures == {}
    go_on.set()

    async def again() -> bool:
        await sampler.read()
        return bool(sampler.figures)

    await until(again, "figures come again")


@pytest.mark.parametrize(("says", "goes_down"), [("stopping", True), ("running", False), ("degraded", False)])
def test_systemd_tells_whether_the_machine_goes_down(
    says: str, goes_down: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    systemctl = tmp_path / "systemctl"
    systemctl.write_text(f"#!/bin/sh\necho {says}\nexit 1\n", encoding="ascii")
    systemctl.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    assert shutting_down() is goes_down


def test_a_machine_without_systemd_is_not_going_down(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert shutting_down() is False
