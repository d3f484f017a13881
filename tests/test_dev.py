"""`./dev` and its scripts on machines that lack something: each says what, and the command to get it."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fixtures.processes import ROOT
from tests.fixtures.waiting import free_port

NOBODY = 65534
TINY_PROJECT = """
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"
[project]
name = "signwatch"
version = "0"
dependencies = ["msgspec"]
[project.optional-dependencies]
collector = []
dev = []
[tool.hatch.build.targets.wheel]
packages = ["signwatch"]
"""


class Checkout:
    """A copy of the scripts in a folder with a space in its name, and a PATH on which programs can be replaced."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "my signs"
        self.bin = folder / "bin"
        self.bin.mkdir()
        shutil.copytree(ROOT / "scripts", self.root / "scripts")
        shutil.copy(ROOT / "dev", self.root / "dev")
        shutil.copytree(ROOT / ".ci", self.root / ".ci")
        (self.root / "pyproject.toml").write_text(TINY_PROJECT, encoding="utf-8")

    def replace(self, program: str, script: str) -> None:
        """Put another program of that name first on the PATH."""
        file = self.bin / program
        file.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
        file.chmod(0o755)

    def take_ensurepip_away(self) -> None:
        """Be a Debian without python3-venv."""
        self.replace("python3", f'case "$2" in *ensurepip*) exit 1;; esac; exec {shutil.which("python3")} "$@"')

    def run(self, *command: str, user: int | None = None, **env: str) -> subprocess.CompletedProcess[str]:
        """Run one of the scripts from another folder, with nothing on standard input."""
        script = self.root / command[0]
        path = f"{self.bin}:{os.environ['PATH']}"
        keep = {name: value for name, value in os.environ.items() if name not in {"PYTHON", "CI"}}
        return subprocess.run(
            [script, *command[1:]],
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
            cwd="/",
            env={**keep, "PATH": path, **env},
            user=user if os.geteuid() == 0 else None,
        )


@pytest.fixture
def checkout() -> Iterator[Checkout]:
    with tempfile.TemporaryDirectory() as folder:  # not tmp_path, which only its owner may enter
        Path(folder).chmod(0o755)
        yield Checkout(Path(folder))


def test_help_names_the_two_commands(checkout: Checkout) -> None:
    told = checkout.run("dev", "help")
    assert told.returncode == 0
    assert "./dev demo" in told.stdout
    assert "./dev test" in told.stdout
    assert checkout.run("dev").stdout == told.stdout


def test_an_unknown_command_is_wrong_usage(checkout: Checkout) -> None:
    told = checkout.run("dev", "tset")
    assert told.returncode == 2
    assert "unknown command 'tset'" in told.stderr


def test_a_bench_that_is_not_there_lists_those_that_are(checkout: Checkout) -> None:
    (checkout.root / "bench").mkdir()
    (checkout.root / "bench" / "ingest.py").touch()
    told = checkout.run("dev", "bench", "digest")
    assert told.returncode == 2
    assert "There are: ingest" in told.stderr


def test_an_old_python_is_told_with_the_remedy(checkout: Checkout) -> None:
    for name in ("python3", "python3.11", "python3.12", "python3.13"):
        checkout.replace(name, 'test "$1" = --version && echo Python 3.9.2; exit 1')
    told = checkout.run("dev", "demo")
    assert told.returncode == 1
    assert "signwatch needs Python 3.11 or newer, and python3 here is: Python 3.9.2" in told.stderr
    assert "sudo apt-get install python3 python3-venv" in told.stderr


def test_a_python_without_venv_and_without_the_internet_is_told_with_the_package(checkout: Checkout) -> None:
    checkout.take_ensurepip_away()
    told = checkout.run("dev", "demo", https_proxy=f"http://127.0.0.1:{free_port()}")
    assert told.returncode == 1
    assert "files.pythonhosted.org" in told.stderr
    assert "Connection refused" in told.stderr
    assert "Traceback" not in told.stderr
    assert "the Debian package python3-venv is missing" in told.stderr
    assert "sudo apt-get install python3-venv" in told.stderr


def test_missing_packages_are_told_to_a_user_who_is_not_root(checkout: Checkout) -> None:
    checkout.replace("dpkg-query", "exit 1")
    checkout.replace("sudo", "exit 1")
    told = checkout.run("dev", "test", user=NOBODY)
    assert told.returncode == 1
    listed = [line.split("#")[0].strip() for line in (ROOT / "scripts/apt-packages").read_text().splitlines()]
    command = f"sudo apt-get update && sudo apt-get install --no-install-recommends {' '.join(filter(None, listed))}"
    assert command in told.stderr
    assert "[1/8] Debian packages" in told.stdout
    assert told.stdout.rstrip().endswith("s: Debian packages")


def test_packages_are_installed_without_questions_services_or_recommendations(checkout: Checkout) -> None:
    log = checkout.root / "apt.log"
    checkout.replace("dpkg-query", 'for last; do :; done; test "$last" != mpv && echo installed')
    checkout.replace("apt-get", f'echo "$DEBIAN_FRONTEND $*" >> "{log}"')
    checkout.replace("sudo", 'test "$1" = -n && shift; exec "$@"')
    checkout.replace("tee", "cat >/dev/null")  # leaves this machine's policy-rc.d alone
    checkout.replace("chmod", "exit 0")
    checkout.replace("rm", "exit 0")
    log.touch()
    log.chmod(0o666)
    told = checkout.run("scripts/install-packages", user=NOBODY)
    assert told.returncode == 0, told.stderr
    update, install = log.read_text().splitlines()
    assert update.startswith("noninteractive --yes")
    assert update.endswith(" update")
    assert install.endswith(" install --no-install-recommends mpv")


def test_apt_is_tried_again_before_it_is_given_up(checkout: Checkout) -> None:
    checkout.replace("dpkg-query", "exit 1")
    checkout.replace("apt-get", "exit 100")
    checkout.replace("sleep", "exit 0")
    checkout.replace("sudo", 'test "$1" = -n && shift; exec "$@"')
    for harmless in ("tee", "chmod", "rm"):
        checkout.replace(harmless, "cat >/dev/null")
    told = checkout.run("scripts/install-packages", "mpv", user=NOBODY)
    assert told.returncode == 1
    assert told.stderr.count("trying again") == 2
    assert "apt-get failed 3 times (above)" in told.stderr
    assert "sudo apt-get install --no-install-recommends mpv" in told.stderr


@pytest.mark.system
def test_a_python_without_venv_gets_pip_from_where_pip_itself_downloads(checkout: Checkout) -> None:
    checkout.take_ensurepip_away()
    (checkout.root / "signwatch").mkdir()
    (checkout.root / "signwatch" / "__init__.py").touch()
    made = checkout.run("scripts/python-environment", "collector")
    assert made.returncode == 0, made.stderr
    assert "python3-venv is missing; fetching pip" in made.stdout
    assert checkout.run("scripts/python-environment", "collector").stdout == f"{checkout.root}/.venv is up to date\n"


@pytest.mark.system
def test_a_broken_or_moved_environment_is_mended_and_a_good_one_left_alone(checkout: Checkout) -> None:
    package = checkout.root / "signwatch"
    package.mkdir()
    (package / "__init__.py").touch()
    half_made = checkout.root / ".venv" / "bin"
    half_made.mkdir(parents=True)
    (half_made / "python").write_text("not a program")
    script = "scripts/python-environment"

    made = checkout.run(script, "collector")
    assert made.returncode == 0, made.stderr
    assert "making " in made.stdout
    assert checkout.run(script, "collector").stdout == f"{checkout.root}/.venv is up to date\n"

    pyproject = checkout.root / "pyproject.toml"
    pyproject.write_text(pyproject.read_text() + "# changed\n")
    changed = checkout.run(script, "dev")
    assert changed.returncode == 0, changed.stderr
    assert "making " not in changed.stdout
    assert "installing signwatch[collector,dev]" in changed.stdout
    assert "is up to date" in checkout.run(script, "collector").stdout

    checkout.root = checkout.root.rename(checkout.root.parent / "moved")
    moved = checkout.run(script, "collector")
    assert moved.returncode == 0, moved.stderr
    assert "making " in moved.stdout
    where = [checkout.root / ".venv/bin/python", "-c", "import signwatch; print(signwatch.__file__)"]
    assert subprocess.run(where, capture_output=True, text=True, check=True, cwd="/").stdout.startswith(
        str(checkout.root)
    )
