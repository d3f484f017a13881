"""What is built is complete, and what a player installs works without the collector's libraries."""

from __future__ import annotations

import os
import subprocess
import tarfile
import venv
import zipfile
from pathlib import Path
from typing import Final

import pytest

from tests.fixtures.mosquitto import Mosquitto
from tests.fixtures.processes import ROOT, Processes
from tests.fixtures.waiting import free_port, wait_until
from tests.fixtures.wheels import Built

pytestmark = pytest.mark.system

AGENT_FILE: Final = """
tenant = "acme"
device = "player-0001"
[mqtt]
host = "localhost"
[spool]
dir = "spool"
[[outputs]]
id = "main"
probe = "push"
"""
SMALL_KIB: Final = 26_000  # 23,100 on this project's machine (docs/performance.md); builds of Python differ
PACKAGES: Final = ("agent", "collector", "common", "contracts", "demo", "signwatch", "simulator", "wire")
SHARED: Final = ("dashboards", "systemd")


def run(*command: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return subprocess.run(
        command, capture_output=True, text=True, check=False, cwd=cwd, env=environment, stdin=subprocess.DEVNULL
    )


@pytest.fixture(scope="module")
def player(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh environment with the wheel and its base dependencies: its bin folder."""
    folder = tmp_path_factory.mktemp("player") / "venv"
    venv.create(folder, with_pip=True, symlinks=True)
    done = run(folder / "bin/python", "-m", "pip", "install", "--quiet", "--no-input", wheel, cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder / "bin"


def tracked(*folders: str) -> set[str]:
    """The files of these folders that belong to the project: what git knows, or would take in."""
    listed = run(
        "git",
        "-c",
        "safe.directory=*",
        "ls-files",
        "--cached",
        "--others",
        "--exclude-standard",
        "--",
        *folders,
        cwd=ROOT,
    )
    assert listed.returncode == 0, listed.stderr
    return {name for name in listed.stdout.splitlines() if (ROOT / name).exists()}


def test_the_wheel_holds_every_file_of_its_packages(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    wanted = tracked(*PACKAGES)
    kinds = {Path(name).suffix for name in wanted}
    assert kinds >= {".py", ".html", ".css", ".js", ".toml"}
    assert any(name.startswith("collector/ledger/migrations/") for name in wanted)
    assert sorted(wanted - names) == []


def test_the_wheel_brings_units_and_dashboards_as_shared_data(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    prefix = f"{wheel.name.removesuffix('-py3-none-any.whl')}.data/data/share/signwatch/"
    shared = {name.removeprefix(prefix) for name in names if name.startswith(prefix)}
    assert sorted(tracked(*SHARED) - shared) == []
    assert "systemd/signwatch-agent.service" in shared


def test_the_wheel_holds_nothing_that_is_no_business_of_a_user(wheel: Path) -> None:
    tops = {name.partition("/")[0] for name in zipfile.ZipFile(wheel).namelist()}
    ours = {top for top in tops if not top.startswith("signwatch-")}
    assert ours == set(PACKAGES)


def test_the_source_distribution_can_be_tested(tmp_path: Path, built: Built) -> None:
    archive = built(tmp_path, "build_sdist")
    with tarfile.open(archive) as opened:
        names = {name.partition("/")[2] for name in opened.getnames()}
    assert sorted(tracked(*PACKAGES, *SHARED, "tests", "docs", "scripts", "dev", ".ci", "README.md") - names) == []


def test_a_player_installs_four_small_libraries_and_none_of_the_collectors(player: Path) -> None:
    listed = run(player / "python", "-m", "pip", "list", "--format", "freeze", cwd=player)
    names = {line.partition("==")[0].lower() for line in listed.stdout.splitlines()}
    assert {"aiomqtt", "msgspec", "psutil", "structlog", "signwatch"} <= names
    assert names & {"aiohttp", "sqlalchemy", "jinja2", "amqtt", "influxdb-client", "rich", "alembic"} == set()


def test_the_agent_works_where_only_the_base_is_installed(player: Path, tmp_path: Path) -> None:
    file = tmp_path / "agent.toml"
    file.write_text(AGENT_FILE, encoding="utf-8")
    checked = run(player / "signwatch", "agent", "check", "--config", file, cwd=tmp_path)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    helped = run(player / "signwatch", "simulate", "--help", cwd=tmp_path)
    assert helped.returncode == 0, helped.stderr


def test_an_agent_stays_small(player: Path, tmp_path: Path, processes: Processes, mosquitto: Mosquitto) -> None:
    file = tmp_path / "agent.toml"
    file.write_text(AGENT_FILE.replace('host = "localhost"', f'host = "127.0.0.1"\nport = {mosquitto.port}'))
    door = f'[health]\nlisten = "127.0.0.1:{free_port()}"\n[push]\nlisten = "127.0.0.1:{free_port()}"\n'
    file.write_text(f"{file.read_text()}{door}")
    agent = processes.start([str(player / "signwatch"), "agent", "run", "--config", str(file)], "agent")
    wait_until(lambda: '"state": "unknown"' in agent.log.read_text(encoding="utf-8"), "the output is judged")
    wait_until(lambda: "link_up" in agent.log.read_text(encoding="utf-8"), "the link is up")
    status = dict(line.split(":", 1) for line in Path(f"/proc/{agent.pid}/status").read_text().splitlines())
    assert int(status["VmRSS"].split()[0]) < SMALL_KIB
    held = Path(f"/proc/{agent.pid}/maps").read_text(encoding="utf-8")
    assert [
        name
        for name in ("libcrypto", "liblzma", "libbz2", "_pickle", "_hashlib", "_random", "unicodedata", "_psutil")
        if name in held
    ] == []


@pytest.mark.parametrize("command", [("collector", "run"), ("registry", "export"), ("demo",)], ids=" ".join)
def test_what_needs_the_collectors_libraries_says_how_to_get_them(
    player: Path, tmp_path: Path, command: tuple[str, ...]
) -> None:
    told = run(player / "signwatch", *command, cwd=tmp_path)
    assert told.returncode == 1
    assert "Traceback" not in told.stderr
    assert "install it with: pip install 'signwatch[collector]'" in told.stderr


def test_the_units_name_a_program_that_the_wheel_installs(player: Path) -> None:
    prefix = player.parent
    unit = (prefix / "share/signwatch/systemd/signwatch-agent.service").read_text(encoding="utf-8")
    start = next(line for line in unit.splitlines() if line.startswith("ExecStart="))
    program, *arguments = start.removeprefix("ExecStart=").split()
    assert program.startswith("/opt/signwatch/")
    here = prefix / Path(program).relative_to("/opt/signwatch")
    assert run(here, *arguments[:2], "--help", cwd=prefix).returncode == 0
