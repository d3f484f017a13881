"""This machine's figures, each read as often as it is worth."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from agent import machine
from agent.config import Settings, parse
from agent.host import Figures
from agent.machine import Gauge, Machine
from common.clock import SystemClock
from common.tasks import cancel, spawn
from tests.fixtures.waiting import until


def settings_in(folder: Path, role: str) -> Settings:
    text = f'tenant = "acme"\ndevice = "web-1"\nrole = "{role}"\n[mqtt]\nhost = "h"\n[spool]\ndir = "spool"\n'
    return parse(text + '[[checks]]\nid = "web"\ntcp = "h:1"\n', folder / "agent.toml")


@pytest.mark.parametrize(("role", "told"), [("server", True), ("player", False)])
async def test_a_server_tells_of_its_file_systems_and_a_player_of_its_spools(
    role: str, told: bool, tmp_path: Path
) -> None:
    one = Machine(settings_in(tmp_path, role), SystemClock())
    await one.read()
    assert "disk_free_bytes" in one.figures
    assert ("fs_turned_read_only" in one.figures) is told


async def test_limits_wait_for_the_first_figures_and_not_for_what_hangs(tmp_path: Path) -> None:
    one = Machine(settings_in(tmp_path, "server"), SystemClock())
    assert await one.settled(0.01) == {}
    running = spawn(one.run(), "machine")
    figures = await one.settled(600)
    assert {"load_1m", "fs_turned_read_only"} <= figures.keys()
    await cancel(running)


async def test_the_first_word_on_the_clock_is_waited_for_but_not_for_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = Machine(settings_in(tmp_path, "player"), SystemClock())
    monkeypatch.setattr(machine, "HELLO_S", 0.01)
    await one.clock_asked()  # nobody asks: it ends all the same
    monkeypatch.setattr(machine, "HELLO_S", 600.0)
    running = spawn(one.run(), "machine")
    await one.clock_asked()
    await cancel(running)


@pytest.mark.parametrize("error", [OSError(5, "Input/output error"), TimeoutError(), KeyError("nonsense")])
async def test_what_fails_costs_its_own_figures_is_told_once_and_is_asked_again(
    error: Exception, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    answers: list[Figures | Exception] = [{"a": 1}, error, error, {"a": 2}]

    async def read() -> Figures:
        await asyncio.sleep(0)
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(machine, "_RETRY_S", 0.01)
    gauge = Gauge("drives", read, 0.01)
    await gauge.read()
    assert gauge.figures == {"a": 1}
    await gauge.read()
    assert gauge.figures == {}
    running = spawn(gauge.run(), "gauge")
    await until(lambda: gauge.figures == {"a": 2}, "it is asked again")
    await cancel(running)
    assert capsys.readouterr().out.count("machine_figures_unreadable") == 1
