"""Mutation testing of the contract core: change the code in every small way, and see whether a test notices.

    ./dev mutate                          every module of collector/sla that judges
    ./dev mutate tally windows            these only
    ./dev mutate --list                   what survived the last time, as differences

The work is done on copies in build/mutation, so the checkout stays as it is; a second run goes on where the first one
ended, and judges anew only what changed: remove build/mutation after a change of the tests. docs/mutation.md has the
results and the reasons of the survivors.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[1]
COPY = ROOT / "build/mutation"
CORE = "collector/sla"
TESTS = "tests/collector/sla"
COPIED = ("agent", "collector", "common", "contracts", "demo", "docs", "signwatch", "simulator", "tests", "wire")

# What judges, and the tests that decide: the fast ones that say what they mean. (Random fleets against the naive
# reading kill more, and take a second each.) What reads files comes last: its tests are tables of exact messages.
JUDGES = {
    "intervals": ("intervals",),
    "instants": ("instants", "calendar", "tally"),
    "timeline": ("timeline", "availability", "public_cases"),
    "tally": ("tally", "availability", "public_cases"),
    "eligibility": ("eligibility",),
    "availability": ("tally", "availability", "public_cases"),
    "bands": ("bands", "public_cases"),
    "windows": ("windows", "public_cases"),
    "discounts": ("discounts",),
    "verdict": ("bands", "public_cases"),
    "calendar": ("calendar", "case"),
    "clock": ("clock", "public_cases"),
    "columns": ("columns",),
    "measure": ("measure", "sweep"),
    "roster": ("sweep",),
    "sweep": ("sweep",),
    "budget": ("budget", "forecast"),
    "curve": ("curve", "forecast"),
    "burn": ("burn",),
    "survey": ("forecast", "history"),
    "history": ("history", "forecast"),
    "outlook": ("forecast",),
    "forecast": ("forecast",),
    "claims": ("contract_service",),
    "service": ("contract_service",),
    "service_reading": ("contract_service", "contract_files"),
    "reading": ("contract", "case"),
    "contract": ("contract", "contract_files"),
    "case": ("case", "public_cases"),
}
SETTINGS = """
[tool.mutmut]
source_paths = ["{core}"]
only_mutate = ["{core}/{module}.py"]
also_copy = {copied}
pytest_add_cli_args_test_selection = {tests}
pytest_add_cli_args = [
    "-p", "no:cacheprovider", "--hypothesis-profile=mutation", "-m", "not slow and not system",
]
timeout_multiplier = 4.0
timeout_constant = 2.0
"""
KILLED, SURVIVED, UNTESTED = 1, 0, 33  # exit codes, as mutmut keeps them


def judge(module: str, jobs: int) -> int:
    """Bring the module's copy up to date and run mutmut on it, which goes on where it ended; its exit status."""
    copy = COPY / module
    copy.mkdir(parents=True, exist_ok=True)
    for folder in COPIED:
        shutil.rmtree(copy / folder, ignore_errors=True)
        shutil.copytree(ROOT / folder, copy / folder, ignore=shutil.ignore_patterns("__pycache__", "artefacts"))
    settings = SETTINGS.format(
        core=CORE,
        module=module,
        copied=json.dumps([folder for folder in COPIED if folder != "tests"]),
        tests=json.dumps([f"{TESTS}/test_{name}.py" for name in JUDGES[module]]),
    )
    (copy / "pyproject.toml").write_text((ROOT / "pyproject.toml").read_text(encoding="utf-8") + settings)
    shutil.copy(ROOT / "README.md", copy)
    return finish(module, [mutmut(), "run", "--max-children", str(jobs)])


def finish(module: str, command: list[str]) -> int:
    """Run mutmut until nothing is left to judge: a mutant now and then takes mutmut itself along."""
    left = None
    while True:
        status = subprocess.run(command, cwd=COPY / module, check=False).returncode
        before, left = left, sum(code is None for code in results().get(module, {"": None}).values())
        if not left or left == before:
            return status
        print(f"\n{module}: mutmut ended with status {status} and {left} mutants left; going on", flush=True)


def results() -> dict[str, dict[str, int | None]]:
    """Module → mutant → the exit code of its tests (None: not judged yet)."""
    found = {}
    for module in JUDGES:
        meta = COPY / module / "mutants" / CORE / f"{module}.py.meta"
        if meta.exists():
            found[module] = json.loads(meta.read_text(encoding="utf-8"))["exit_code_by_key"]
    return found


def tell() -> None:
    """Print a line for each module, and one for all."""
    everything: Counter[str] = Counter()
    for module, mutants in results().items():
        counts = Counter(map(verdict, mutants.values()))
        everything += counts
        print(line(module, counts))
    print(line("all", everything))


def verdict(code: int | None) -> str:
    """What an exit code means. Whatever is no plain pass is noticed: a failure, an error, an endless loop."""
    if code is None:
        return "open"
    return {SURVIVED: "survived", UNTESTED: "survived"}.get(code, "killed")


def line(name: str, counts: Counter[str]) -> str:
    """One module's counts."""
    judged = counts["killed"] + counts["survived"]
    share = f"{100 * counts['killed'] / judged:.1f} %" if judged else "–"
    waiting = f", {counts['open']} not judged" if counts["open"] else ""
    return (
        f"{name:14} {judged:5} mutants, {counts['killed']:5} killed, {counts['survived']:4} survived: {share}{waiting}"
    )


def survivors() -> None:
    """Print each survivor as a difference."""
    for module, mutants in results().items():
        for name, code in mutants.items():
            if verdict(code) == "survived":
                subprocess.run([mutmut(), "show", name], cwd=COPY / module, check=True)


def mutmut() -> str:
    """Find the program, beside this Python."""
    program = Path(sys.executable).with_name("mutmut")
    if not program.exists():
        raise SystemExit(f"{program} is missing; install it with: {sys.executable} -m pip install -e '{ROOT}[mutate]'")
    return str(program)


def main() -> int:
    """Run mutmut on copies; the exit status is its own."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("modules", nargs="*", metavar="MODULE", help=f"{', '.join(JUDGES)} (default: all)")
    parser.add_argument("--list", action="store_true", help="show the survivors of the last run")
    parser.add_argument("--jobs", type=int, default=1, help="mutants at once (default: %(default)s)")
    options = parser.parse_args()
    unknown = [name for name in options.modules if name not in JUDGES]
    if unknown:
        parser.error(f"no module to mutate: {unknown[0]!r}; there are {', '.join(JUDGES)}")
    if options.list:
        survivors()
        return 0
    statuses = [judge(module, options.jobs) for module in options.modules or JUDGES]
    tell()
    return max(statuses)


if __name__ == "__main__":
    sys.exit(main())
