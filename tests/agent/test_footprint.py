"""A player installs the base dependencies only, and the agent stays small."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BASE = {"aiomqtt", "msgspec", "psutil", "structlog"}
OF_THOSE = {"paho"}  # what the base needs itself
ON_A_PLAYER = f"""
import importlib.machinery, json, sys
ALLOWED = {BASE | OF_THOSE!r}

class OnAPlayer(importlib.machinery.PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        spec = super().find_spec(name, path, target)
        where = (spec.origin or "") if spec else ""
        return None if "site-packages" in where and name.partition(".")[0] not in ALLOWED else spec

sys.meta_path = [finder for finder in sys.meta_path if finder is not importlib.machinery.PathFinder] + [OnAPlayer]
"""
IMPORT_ALL = f"""{ON_A_PLAYER}
import importlib, pkgutil
import agent, common, wire
names = [module.name for package in (agent, common, wire)
         for module in pkgutil.walk_packages(package.__path__, package.__name__ + ".")]
for name in names:
    importlib.import_module(name)
print(json.dumps(names))
"""
CLI_ONLY = """
import json, sys
import agent.cli
print(json.dumps(sorted(name for name in sys.modules if name in {"aiomqtt", "psutil", "structlog", "agent.config"})))
"""

RUNNING = f"""{ON_A_PLAYER}
from agent.rare import defer_all
defer_all()
import agent.app, agent.cli, common.logs
from agent.config import parse
from common.deferred import is_deferred
from pathlib import Path
text = '''
tenant = "acme"
device = "p1"
mqtt.host = "broker"
[[outputs]]
id = "main"
probe = ["mpv", "display"]
mpv.socket = "/run/mpv"
'''
parse(text, Path("agent.toml"))
print(json.dumps(sorted(name for name in sys.modules if not is_deferred(name))))
"""
# What of the standard library an agent holds that watches an mpv. Each of them is memory on every player: before one is
# added, see whether it can be had later or not at all (docs/performance.md, agent/rare.py).
STANDARD = """
    abc argparse array ast asyncio atexit base64 binascii bisect builtins codecs collections concurrent contextlib
    contextvars copy copyreg ctypes dataclasses datetime decimal dis encodings enum errno fcntl fnmatch functools
    genericpath gettext heapq http importlib inspect io itertools json keyword linecache locale logging marshal math
    numbers opcode operator os pathlib platform posix posixpath queue re reprlib select selectors signal site
    socket stat string struct subprocess sys threading time token tomllib traceback types typing urllib uuid warnings
    weakref zipimport
"""

ONE_PROBE = """
import json, sys
from pathlib import Path
from agent.config import parse
text = '''
tenant = "acme"
device = "p1"
mqtt.host = "broker"
[[outputs]]
id = "main"
probe = "push"
'''
assert parse(text, Path("agent.toml")).watched["main"][0].probe == "push"
print(json.dumps(sorted(name for name in sys.modules if name.startswith("agent.probes."))))
"""


def python(program: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", program],
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    names: list[str] = json.loads(done.stdout)
    return names


def test_the_base_dependencies_are_those_of_the_agent() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert {requirement.partition(">")[0] for requirement in project["dependencies"]} == BASE


def test_all_of_the_agent_works_where_nothing_else_is_installed() -> None:
    names = python(IMPORT_ALL)
    assert {"agent.app", "agent.probes.mpv", "common.logs", "wire.messages"} <= set(names)


def test_the_command_line_is_read_before_anything_heavy_is_imported() -> None:
    assert python(CLI_ONLY) == []


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="the list is that of Python 3.11")
def test_a_running_agent_holds_nothing_but_what_it_needs() -> None:
    names = python(RUNNING)
    tops = {name.partition(".")[0] for name in names if not name.startswith("_")}
    assert tops & sys.stdlib_module_names - set(STANDARD.split()) == set()
    assert tops - sys.stdlib_module_names == BASE - {"psutil"} | OF_THOSE | {"agent", "common", "wire", "signwatch"}
    assert {name for name in names if name.startswith("agent.probes.")} == {
        *("agent.probes.base", "agent.probes.mpv", "agent.probes.mpv_ipc", "agent.probes.display")
    }
    assert {"agent.checks", "agent.httpclient", "agent.doctor", "urllib.request", "http.client"} & set(names) == set()


def test_a_player_holds_only_the_probes_that_watch_it() -> None:
    assert python(ONE_PROBE) == ["agent.probes.base", "agent.probes.push"]
