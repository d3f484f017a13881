"""`signwatch agent run|check|probe|doctor|spool`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec

from common.clock import SystemClock, iso
from common.config import ConfigError, Finding
from wire.states import UP_STATES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from agent.config import Settings
    from agent.once import Answers
    from agent.probes.base import Reading

DEFAULT_FILE = "/etc/signwatch/agent.toml"
_DRIVES: Final = "Ask smartctl for the health of every drive of this machine. Needs root; see docs/servers.md."
NOT_UP: Final = 3  # exit status of `probe`: what was asked neither plays nor is up
COULD_NOT_ASK: Final = 4  # … nobody can tell


def add_parser(subparsers: Any) -> None:  # noqa: ANN401 - argparse's own type is private
    """Add `agent` to the commands."""
    parser = subparsers.add_parser("agent", help="watch this machine's playback and report it")
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    _add(actions, "run", "watch and report, until stopped", _run)
    _add(actions, "check", "say what is wrong with a configuration, and how to mend it", _check)
    doctor = _add(actions, "doctor", "go round everything it needs; say what is wrong, and how to mend it", _doctor)
    doctor.add_argument("--format", choices=["text", "json"], default="text", help="%(default)s")
    _add(actions, "spool", "say what waits on disk for the collector; status 1 if not all can be read", _spool)
    probe = _add(actions, "probe", "run an output's probes, or a check, once and print what was seen", _probe)
    probe.add_argument("output", metavar="NAME", help="the id of the output or of the check")
    probe.add_argument("--json", action="store_true", help="print one JSON object")
    drives = actions.add_parser("drives", help="ask this machine's drives for their health (root)", description=_DRIVES)
    drives.add_argument(
        "--write", metavar="DIR", type=Path, help="leave the answers there, for an agent that may not ask"
    )
    drives.add_argument("--json", action="store_true", help="print the figures as one JSON object")
    drives.set_defaults(run=_drives)


def _add(actions: Any, name: str, summary: str, run: Any) -> argparse.ArgumentParser:  # noqa: ANN401
    parser: argparse.ArgumentParser = actions.add_parser(name, help=summary, description=summary)
    parser.add_argument("--config", metavar="FILE", type=Path, default=Path(DEFAULT_FILE), help="%(default)s")
    parser.set_defaults(run=run)
    return parser


def _run(arguments: argparse.Namespace) -> int:
    import asyncio

    from agent.app import Agent
    from agent.config import load
    from common import logs, systemd

    settings = load(arguments.config)
    logs.set_up(settings.config.log.level, settings.config.log.format)
    systemd.keep_to_ourselves()

    async def run() -> None:
        await Agent(settings, SystemClock()).run()

    asyncio.run(run())
    return 0


def _check(arguments: argparse.Namespace) -> int:
    from agent.check import check
    from agent.config import load

    settings = load(arguments.config)
    findings = check(settings)
    for finding in findings:
        print(f"{finding.level}: {finding}", file=sys.stderr)
    if any(finding.level == "error" for finding in findings):
        return 1
    outputs = [f"{output.id} ({', '.join(output.probes)})" for output in settings.config.outputs]
    checks = [f"{check.id} ({check.kind})" for check in settings.config.checks]
    what = " and checks ".join(", ".join(each) for each in (outputs, checks) if each)
    verb = "watches" if outputs else "checks"
    print(f"OK: {settings.address} {verb} {what} and reports to {settings.config.mqtt.host}:{settings.port}")
    return 0


def _probe(arguments: argparse.Namespace) -> int:
    import asyncio

    from agent.config import load
    from agent.once import ask_once, asked_name
    from common import logs

    logs.set_up("warning")
    settings = load(arguments.config)
    name = asked_name(settings, arguments.output)
    if name is None:
        raise ConfigError(_no_output(settings, arguments.output))
    clock = SystemClock()
    at_ms = clock.wall_ms()
    answers = asyncio.run(ask_once(settings, name, clock))
    print(_as_json(name, at_ms, answers) if arguments.json else "\n".join(_as_text(name, answers)))
    return _status(answers.output)


def _status(seen: Reading) -> int:
    """PURE. The exit status for scripts; 1 and 2 are a file that is refused and wrong usage, as everywhere."""
    if seen.state in UP_STATES:
        return 0
    return COULD_NOT_ASK if seen.state == "unknown" else NOT_UP


def _as_json(name: str, at_ms: int, answers: Answers) -> str:
    probes = {
        probe: reading._asdict() | {"took_ms": answers.took_ms[probe]} for probe, reading in answers.probes.items()
    }
    seen = {"output": name, "at": iso(at_ms), **answers.output._asdict(), "took_ms": max(answers.took_ms.values())}
    return msgspec.json.encode({**seen, "figures": answers.figures, "probes": probes}).decode()


def _as_text(name: str, answers: Answers) -> Iterator[str]:
    yield _told(name, answers.output, max(answers.took_ms.values()))
    if len(answers.probes) > 1:
        for probe, reading in answers.probes.items():
            yield "  " + _told(probe, reading, answers.took_ms[probe])
    for figure, value in sorted(answers.figures.items()):
        yield f"  {figure} = {value}"


def _drives(arguments: argparse.Namespace) -> int:
    import asyncio

    from agent import drives
    from agent.hardware import wear

    names = drives.drive_names()
    answers = asyncio.run(drives.ask_drives(names))
    if arguments.write is not None:
        drives.write_reports(arguments.write, {name: answer.text for name, answer in answers.items()})
        return 0
    figures = drives.drive_figures({name: answer.drive for name, answer in answers.items()}, wear() or ())
    if arguments.json:
        print(msgspec.json.encode(figures).decode())
    elif not figures:
        print("this machine has no drive of its own")
    else:
        print("\n".join(f"{name} = {value}" for name, value in figures.items()))
    return 0 if all(answer.drive.failing is False for answer in answers.values()) else NOT_UP


def _doctor(arguments: argparse.Namespace) -> int:
    import asyncio

    from agent.config import load
    from agent.doctor.machine import become_the_units_user
    from agent.doctor.model import Found, as_json, as_text, is_fine, of_finding
    from agent.doctor.visit import visit
    from common import logs

    logs.set_up("error")
    become_the_units_user()
    device, found = "", list[Found]()
    try:
        settings = load(arguments.config)
        device, found = str(settings.address), asyncio.run(visit(settings, SystemClock()))
    except ConfigError as error:  # a file that is refused is the first thing to mend, and the only one to be told
        found = [of_finding(finding) for finding in error.findings]
    print(as_json(device, found) if arguments.format == "json" else as_text(found))
    return 0 if is_fine(found) else 1


def _spool(arguments: argparse.Namespace) -> int:
    from agent.config import load
    from agent.waiting import look

    waiting = look(load(arguments.config))
    print(*waiting.lines, sep="\n")
    return 0 if waiting.whole else 1


def _told(who: str, reading: Reading, took_ms: int) -> str:
    cause = f", cause {reading.cause}" if reading.cause else ""
    detail = f": {reading.detail}" if reading.detail else ""
    return f"{who} is {reading.state}{cause}, asked for {took_ms} ms{detail}"


def _no_output(settings: Settings, name: str) -> Finding:
    known = ", ".join(sorted([*settings.watched, *(check.id for check in settings.config.checks)]))
    message = f"no output and no check {name!r}"
    return Finding("agent.no_output", str(settings.file), "outputs", message, f"use one of: {known}")
