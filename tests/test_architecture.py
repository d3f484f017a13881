"""The arrows of docs/ARCHITECTURE.md, held over the real files and over what a real process imports."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Final

import pytest

from tests.fixtures.processes import ROOT

# Who may import whom, besides itself. Everything about a folder that is not said here is refused.
ARROWS: Final = {
    "wire": set[str](),
    "common": set[str](),
    "agent": {"wire", "common", "signwatch"},  # signwatch: its version, and nothing else of it
    "collector": {"wire", "common", "signwatch"},
    "simulator": {"wire", "common", "signwatch"},
    "demo": {"wire", "common", "signwatch", "agent", "collector", "simulator"},
    "signwatch": {"common"},  # its table of commands names modules as text
}
# Foreign libraries, where only some may be used.
LIBRARIES: Final = {
    "wire": {"msgspec"},
    "common": {"msgspec", "structlog"},
    "signwatch": set[str](),
}
# A foreign library that only one corner may know, so that it can be replaced there. (Errors and types may travel.)
CORNERS: Final = {
    "sqlalchemy": ("collector/ledger/", "collector/registry/"),
    "alembic": ("collector/ledger/",),
    "amqtt": ("collector/broker/",),
    "influxdb_client": ("collector/influx/",),
    "jinja2": ("collector/web/", "collector/report/", "collector/claims/as_html.py"),
    "icalendar": ("collector/decisions/ical.py",),
    "recurring_ical_events": ("collector/decisions/ical.py",),
    "apscheduler": ("collector/",),
    "holidays": ("collector/sla/",),
    "numpy": ("collector/sla/",),
    "aiomqtt": ("agent/publisher.py", "agent/doctor/broker.py", "collector/mqtt.py", "simulator/"),
}
# What a module that calls itself PURE may not touch, nor anything of ours that it imports: waiting, the outside world,
# clocks. (`random` and `secrets` are only ever handed in, with a default; influxdb_client's Point is a value.)
IMPURE: Final = {
    *("asyncio", "concurrent", "threading", "multiprocessing", "subprocess", "signal", "socket", "ssl", "http"),
    *("urllib.request", "os", "shutil", "tempfile", "sqlite3", "time", "logging", "structlog"),
    *("aiohttp", "aiomqtt", "amqtt", "alembic", "apscheduler", "jinja2", "psutil", "sqlalchemy"),
}
# Of ours, the two that pure modules may use although parts of them touch the world: exact conversions of instants, and
# the shape of a complaint about a file.
LENT_TO_PURE: Final = {"common.clock", "common.config"}
MUST_BE_PURE: Final = (
    "wire/runs.py",
    "collector/views.py",
    "collector/registry/model.py",
    "collector/alerts/rules.py",
    "collector/sla/__init__.py",
)
NOT_PURE_IN_SLA: Final = {"collector/sla/cli.py", "collector/sla/evaluate.py"}
COLLECTOR_LIBRARIES: Final = {
    *("aiohttp", "alembic", "amqtt", "apscheduler", "holidays", "influxdb_client", "jinja2", "sqlalchemy"),
}


@dataclass(frozen=True)
class Import:
    """One imported module; `lazy`: inside a function, `typing`: only for the type checker."""

    module: str
    line: int
    lazy: bool
    typing: bool

    @property
    def top(self) -> str:
        return self.module.partition(".")[0]


@dataclass(frozen=True)
class Module:
    """One file of ours."""

    path: str  # from the root
    docstring: str
    imports: tuple[Import, ...]

    @property
    def name(self) -> str:
        return self.path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")

    @property
    def top(self) -> str:
        return self.path.partition("/")[0]

    @property
    def pure(self) -> bool:
        return self.docstring.startswith("PURE")


def imports_of(node: ast.AST, package: str, *, lazy: bool = False, typing: bool = False) -> Iterator[Import]:
    """Every import below `node`; a `from x import y` names both, since y may be a module."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import):
            for alias in child.names:
                yield Import(alias.name, child.lineno, lazy, typing)
        elif isinstance(child, ast.ImportFrom):
            assert child.level == 0, f"{package}: relative import in line {child.lineno}"
            assert child.module
            yield Import(child.module, child.lineno, lazy, typing)
            for alias in child.names:
                yield Import(f"{child.module}.{alias.name}", child.lineno, lazy, typing)
        elif isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            yield from imports_of(ast.Module(child.body, []), package, lazy=lazy, typing=True)
        else:
            inside = isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
            yield from imports_of(child, package, lazy=lazy or inside, typing=typing)


def read(path: Path) -> Module:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    relative = path.relative_to(ROOT).as_posix()
    return Module(relative, ast.get_docstring(tree) or "", tuple(imports_of(tree, relative)))


MODULES: Final = [read(path) for package in ARROWS for path in sorted((ROOT / package).rglob("*.py"))]
BY_NAME: Final = {module.name: module for module in MODULES}
PROJECT: Final = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def required(requirements: list[str]) -> set[str]:
    """Names of distributions → names of their modules (ours are all spelt alike)."""
    names = {re.split(r"[\[<>=!~; ]", requirement)[0].lower() for requirement in requirements}
    return {name.replace("-", "_") for name in names}


BASE: Final = required(PROJECT["dependencies"])
EXTRA: Final = required(PROJECT["optional-dependencies"]["collector"]) | {"yaml"}


def own_imports(module: Module) -> Iterator[Import]:
    return (found for found in module.imports if found.top in ARROWS)


def foreign_imports(module: Module) -> Iterator[Import]:
    """What is neither ours nor of the standard library."""
    return (found for found in module.imports if found.top not in ARROWS and found.top not in sys.stdlib_module_names)


def test_there_is_something_to_hold() -> None:
    assert {module.top for module in MODULES} == set(ARROWS)
    assert {"aiomqtt", "msgspec", "psutil", "structlog"} <= BASE


@pytest.mark.parametrize("package", ARROWS)
def test_arrows_between_folders_run_one_way(package: str) -> None:
    allowed = ARROWS[package] | {package}
    wrong = [
        f"{module.path}:{found.line} imports {found.module}"
        for module in MODULES
        if module.top == package
        for found in own_imports(module)
        if found.top not in allowed
    ]
    assert wrong == []


def test_only_the_version_is_taken_from_the_console_script() -> None:
    wrong = [
        f"{module.path}:{found.line} imports {found.module}"
        for module in MODULES
        if module.top != "signwatch"
        for found in own_imports(module)
        if found.top == "signwatch" and found.module not in {"signwatch", "signwatch.__version__"}
    ]
    assert wrong == []


@pytest.mark.parametrize("package", ARROWS)
def test_each_folder_uses_only_the_libraries_that_are_installed_with_it(package: str) -> None:
    everywhere = BASE if package in {"agent", "simulator"} else BASE | EXTRA
    allowed = LIBRARIES.get(package, everywhere)
    wrong = [
        f"{module.path}:{found.line} imports {found.module}"
        for module in MODULES
        if module.top == package
        for found in foreign_imports(module)
        if found.top not in allowed
    ]
    assert wrong == []


@pytest.mark.parametrize("library", CORNERS)
def test_a_library_stays_in_its_corner(library: str) -> None:
    wrong = [
        f"{module.path}:{found.line} imports {found.module}"
        for module in MODULES
        for found in module.imports
        if found.top == library and not found.typing and not found.module.startswith("sqlalchemy.exc")
        if not module.path.startswith(CORNERS[library])
    ]
    assert wrong == []


def test_what_must_be_pure_says_so() -> None:
    silent = [path for path in MUST_BE_PURE if not BY_NAME[name_of(path)].pure]
    assert silent == []


def name_of(path: str) -> str:
    return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def pure_modules() -> list[Module]:
    """Those that say so, and everything in the contract core."""
    core = [module for module in MODULES if module.path.startswith("collector/sla/")]
    return [module for module in MODULES if module.pure or (module in core and module.path not in NOT_PURE_IN_SLA)]


def impure_imports(module: Module) -> list[str]:
    names = ((found, {found.module, found.top}) for found in module.imports if not found.typing)
    return [f"{module.path}:{found.line} imports {found.module}" for found, called in names if called & IMPURE]


def reached_from(module: Module, seen: set[str]) -> Iterator[Module]:
    """The module, and every one of ours that is loaded with it."""
    seen.add(module.name)
    yield module
    for found in own_imports(module):
        if found.module in BY_NAME and not found.typing and found.module not in seen | LENT_TO_PURE:
            yield from reached_from(BY_NAME[found.module], seen)


@pytest.mark.parametrize("module", pure_modules(), ids=lambda module: module.path)
def test_pure_modules_reach_neither_waiting_nor_the_world_nor_clocks(module: Module) -> None:
    wrong = [complaint for reached in reached_from(module, set()) for complaint in impure_imports(reached)]
    assert wrong == []


def test_no_two_modules_wait_for_each_other_at_import() -> None:
    graph = {
        module.name: {
            found.module
            for found in own_imports(module)
            if found.module in BY_NAME and not found.lazy and not found.typing
            if not f"{module.name}.".startswith(f"{found.module}.")  # a package is always begun before its modules
        }
        for module in MODULES
    }
    try:
        order = list(TopologicalSorter(graph).static_order())
    except CycleError as error:
        pytest.fail(f"import cycle: {' → '.join(error.args[1])}")
    assert set(order) == set(BY_NAME)


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
MEASURE: Final = """
import contextlib, io, json, sys
from signwatch.cli import main
with contextlib.redirect_stdout(io.StringIO()) as said:
    status = main(sys.argv[1:])
print(json.dumps({"status": status, "said": said.getvalue(), "modules": sorted(sys.modules)}))
"""


def modules_after(*arguments: str | Path) -> tuple[int, set[str]]:
    """Run a command in a process of its own: its status, and every module that it loaded."""
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, *arguments], capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert done.stdout, done.stderr
    told = json.loads(done.stdout)
    return told["status"], set(told["modules"])


def test_the_agent_loads_nothing_of_the_collector(tmp_path: Path) -> None:
    file = tmp_path / "agent.toml"
    file.write_text(AGENT_FILE, encoding="utf-8")
    status, loaded = modules_after("agent", "check", "--config", file)
    assert status == 0
    assert "agent.cli" in loaded
    assert loaded & COLLECTOR_LIBRARIES == set()
    assert {name for name in loaded if name.partition(".")[0] in {"collector", "simulator", "demo"}} == set()


def test_the_contract_core_judges_without_loops_sockets_or_databases() -> None:
    case = ROOT / "tests/cases/02-weighted-formula.json"
    status, loaded = modules_after("sla", "evaluate", case)
    assert status == 0
    assert loaded & {"aiohttp", "sqlalchemy", "aiomqtt", "amqtt", "jinja2", "influxdb_client", "numpy"} == set()
