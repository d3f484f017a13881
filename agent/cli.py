"""`signwatch agent run|check|probe|doctor`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec

from common import deferred
from common.clock import SystemClock, iso
from common.config import ConfigError, Finding

if TYPE_CHECKING:
    from agent.config import Settings
    from agent.probes.base import Reading

DEFAULT_FILE = "/etc/signwatch/agent.toml"
# What libraries import for those who speak TLS or HTTP: see `common.deferred`.
RARELY_NEEDED: Final[dict[str, tuple[str, ...]]] = {
    # paho asks after the first two whenever a socket has nothing to read, asyncio after the last when it connects one.
    "ssl": ("SSLWantReadError", "SSLWantWriteError", "SSLSocket"),
    "asyncio.sslproto": (),
    "urllib.request": (),
    "hmac": (),
    "hashlib": (),
}


def add_parser(subparsers: Any) -> None:  # noqa: ANN401 - argparse's own type is private
    """Add `agent` to the commands."""
    parser = subparsers.add_parser("agent", help="watch this machine's playback and report it")
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    _add(actions, "run", "watch and report, until stopped", _run)
    _add(actions, "check", "say what is wrong with a configuration, and how to mend it", _check)
    doctor = _add(actions, "doctor", "go round everything it needs; say what is wrong, and how to mend it", _doctor)
    doctor.add_argument("--format", choices=["text", "json"], default="text", help="%(default)s")
    probe = _add(actions, "probe", "run an output's probes once and print what they saw", _probe)
    probe.add_argument("output", metavar="NAME", help="the id of the output")
    probe.add_argument("--json", action="store_true", help="print one JSON object")


def _add(actions: Any, name: str, summary: str, run: Any) -> argparse.ArgumentParser:  # noqa: ANN401
    parser: argparse.ArgumentParser = actions.add_parser(name, help=summary, description=summary)
    parser.add_argument("--config", metavar="FILE", type=Path, default=Path(DEFAULT_FILE), help="%(default)s")
    parser.set_defaults(run=run)
    return parser


def _run(arguments: argparse.Namespace) -> int:
    deferred.defer(RARELY_NEEDED)
    import asyncio

    from agent.app import Agent
    from agent.config import load
    from common import logs

    settings = load(arguments.config)
    logs.set_up(settings.config.log.level, settings.config.log.format)

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
    outputs = ", ".join(f"{output.id} ({', '.join(output.probes)})" for output in settings.config.outputs)
    print(f"OK: {settings.address} watches {outputs} and reports to {settings.config.mqtt.host}:{settings.port}")
    return 0


def _probe(arguments: argparse.Namespace) -> int:
    import asyncio

    from agent.config import load
    from agent.once import ask_once
    from common import logs

    logs.set_up("warning")
    settings = load(arguments.config)
    if arguments.output not in settings.watched:
        raise ConfigError(_no_output(settings, arguments.output))
    clock = SystemClock()
    at_ms = clock.wall_ms()
    answers = asyncio.run(ask_once(settings, arguments.output, clock))
    if arguments.json:
        probes = {name: reading._asdict() for name, reading in answers.probes.items()}
        seen = {"output": arguments.output, "at": iso(at_ms), **answers.output._asdict(), "probes": probes}
        print(msgspec.json.encode(seen).decode())
        return 0
    print(_told(arguments.output, answers.output))
    if len(answers.probes) > 1:
        for name, reading in answers.probes.items():
            print("  " + _told(name, reading))
    return 0


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


def _told(who: str, reading: Reading) -> str:
    cause = f", cause {reading.cause}" if reading.cause else ""
    detail = f": {reading.detail}" if reading.detail else ""
    return f"{who} is {reading.state}{cause}{detail}"


def _no_output(settings: Settings, name: str) -> Finding:
    known = ", ".join(sorted(settings.watched))
    return Finding("agent.no_output", str(settings.file), "outputs", f"no output {name!r}", f"use one of: {known}")
