"""The one console script: lazy, clear about wrong usage, quiet when nobody reads on."""

from __future__ import annotations

import importlib
import json
import re
import signal
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import signwatch
from signwatch.cli import COMMANDS, main
from tests.fixtures.processes import ROOT, Processes, run_signwatch

CASE = ROOT / "tests/cases/02-weighted-formula.json"


def test_the_version_is_the_distributions() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert signwatch.__version__ == project["version"]
    told = run_signwatch("--version")
    assert (told.returncode, told.stdout) == (0, f"signwatch {project['version']}\n")


def test_help_lists_every_command_with_its_summary() -> None:
    told = run_signwatch("--help")
    assert told.returncode == 0
    words = " ".join(told.stdout.split())
    for name, command in COMMANDS.items():
        assert f"{name} {command.summary}" in words


def test_no_command_is_wrong_usage_and_shows_the_help_on_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.startswith("usage: signwatch")


def test_an_unknown_command_is_wrong_usage_and_lists_those_that_exist() -> None:
    told = run_signwatch("agnet")
    assert told.returncode == 2
    assert re.search(r"invalid choice: 'agnet' \(choose from .*agent.*collector", told.stderr)
    assert "Traceback" not in told.stderr


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_exists_and_explains_itself(name: str) -> None:
    told = run_signwatch(name, "--help")
    assert told.returncode == 0, told.stderr
    assert told.stdout.startswith(f"usage: signwatch {name}")


def test_only_the_chosen_command_is_imported() -> None:
    script = (
        "import json, sys\nfrom signwatch.cli import main\n"
        "try:\n    main(['simulate', '--help'])\nexcept SystemExit:\n    pass\n"
        "print(json.dumps(sorted(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT)
    loaded = set(json.loads(done.stdout.splitlines()[-1]))
    modules = {command.module for command in COMMANDS.values()}
    assert loaded & modules == {"simulator.cli"}


@pytest.mark.parametrize("name", [name for name, command in COMMANDS.items() if command.extra])
def test_a_missing_package_is_told_with_the_extra_that_brings_it(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def without(module: str) -> None:
        assert module == COMMANDS[name].module
        raise ModuleNotFoundError("No module named 'aiohttp'", name="aiohttp.web")

    monkeypatch.setattr(importlib, "import_module", without)
    assert main([name]) == 1
    assert capsys.readouterr().err == (
        f"signwatch {name}: the package 'aiohttp' is missing; install it with: pip install 'signwatch[collector]'\n"
    )


def test_a_missing_part_of_signwatch_itself_is_not_blamed_on_an_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    def without(_module: str) -> None:
        raise ModuleNotFoundError("No module named 'collector.nowhere'", name="collector.nowhere")

    monkeypatch.setattr(importlib, "import_module", without)
    with pytest.raises(ModuleNotFoundError, match=r"collector\.nowhere"):
        main(["collector"])


def test_a_wrong_configuration_is_told_without_a_traceback(tmp_path: Path) -> None:
    file = tmp_path / "agent.toml"
    file.write_text("tenannt = 'acme'", encoding="utf-8")
    told = run_signwatch("agent", "check", "--config", file)
    assert told.returncode == 1
    assert f"{file}: tenannt: unknown key; did you mean 'tenant'? [config.unknown_key]" in told.stdout + told.stderr
    assert "Traceback" not in told.stderr


@pytest.mark.parametrize("cases", [1, 400], ids=["what fits into a buffer", "what does not"])
def test_a_reader_who_leaves_is_no_reason_to_complain(cases: int) -> None:
    command = [sys.executable, "-m", "signwatch", "sla", "evaluate", *[CASE] * cases]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT) as child:
        assert child.stdout
        assert child.stderr
        child.stdout.close()
        assert child.stderr.read() == b""
    assert child.returncode == 1


def test_an_interrupt_has_the_status_that_shells_expect(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(_module: str) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(importlib, "import_module", interrupted)
    assert main(["agent"]) == 130


def test_an_interrupt_ends_the_agent_without_a_traceback(processes: Processes, tmp_path: Path) -> None:
    file = tmp_path / "agent.toml"
    outputs = '[[outputs]]\nid = "main"\nprobe = "push"\n'
    settings = (
        f'[health]\nlisten = ""\n[push]\nlisten = ""\nsocket = "{tmp_path}/push"\n[spool]\ndir = "{tmp_path}/spool"\n'
    )
    text = f'tenant = "acme"\ndevice = "d"\n[mqtt]\nhost = "127.0.0.1"\nport = 1\n{settings}{outputs}'
    file.write_text(text, encoding="utf-8")
    agent = processes.signwatch("agent", "run", "--config", file, name="agent")
    agent.wait_for_output("{")
    agent.send(signal.SIGINT)
    assert agent.wait() in {0, 130}
    assert "Traceback" not in agent.output()


def test_an_argument_that_is_no_text_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["contract", "explain", "caf\udce9.toml"]) == 1
    assert "b'caf\\xe9.toml' is not UTF-8; write it, or name the file, in UTF-8" in capsys.readouterr().err


def test_a_name_that_no_file_can_have_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["registry", "export", "--ledger", "x" * 5000]) == 1
    assert f"{'x' * 60}…: the name is too long; give a shorter one" in capsys.readouterr().err


def test_output_that_finds_no_room_is_told_without_a_traceback() -> None:
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        command = [sys.executable, "-m", "signwatch", "sla", "evaluate", str(CASE)]
        told = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, cwd=ROOT, check=False)
    assert (told.returncode, told.stderr) == (1, "what was to be printed has no room; make room where it goes\n")
