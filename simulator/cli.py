"""`signwatch simulate`: virtual players against any MQTT broker."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import re
import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final, TextIO

import aiomqtt
import structlog

from common import logs, systemd, tasks
from common.config import ConfigError, Finding, parse_toml, read_text
from simulator.fleet import DEFAULT_CONNECTS_PER_S, Fleet, player_names
from simulator.health import HealthServer
from simulator.link import Server
from simulator.past import Offline
from simulator.portal import Portal
from simulator.script import Script
from simulator.script_check import read_script
from simulator.truth import Truth
from wire.messages import MAX_INTERVAL_S
from wire.topics import ID_PATTERN, is_id
from wire.votes import LONGEST_PLATFORM

log = structlog.get_logger(__name__)

_PROGRESS_S: Final = 10.0
_SPARE_FILES: Final = 100
_LAST_PORT: Final = 65_535
_MAX_OUTPUTS: Final = 16
_MAX_OFFLINE_DAYS: Final = 366
_ALL_PERCENT: Final = 100
_DELIVERED_LOOK_S: Final = 0.2


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `simulate`."""
    parser = subparsers.add_parser(
        "simulate",
        help="run virtual players that speak the real wire",
        description="Run virtual players that speak the real wire, each on a connection of its own with its own last "
        "will, and let them fail by a script. See docs/simulator.md.",
    )
    broker = parser.add_argument_group("the broker")
    broker.add_argument("--host", default="127.0.0.1")
    broker.add_argument("--port", type=int, default=1883)
    broker.add_argument("--tls-ca", type=Path, metavar="FILE", help="speak TLS and trust this authority (PEM)")
    broker.add_argument("--password", help="of every player; the user is tenant/device")
    broker.add_argument("--password-file", type=Path, metavar="FILE", help='TOML, a line `"tenant/device" = "…"` each')
    fleet = parser.add_argument_group("the fleet")
    fleet.add_argument("--tenant", default="demo")
    fleet.add_argument("--players", type=int, default=10, metavar="N")
    fleet.add_argument("--prefix", default="player-", help="ids are PREFIX0001 and on (default: player-)")
    fleet.add_argument("--outputs", type=int, default=1, metavar="N", help="playback outputs a player (default: 1)")
    fleet.add_argument("--interval-s", type=float, default=10.0, metavar="S", help="between heartbeats (default: 10)")
    fleet.add_argument("--connects-per-s", type=float, default=DEFAULT_CONNECTS_PER_S, metavar="N")
    fleet.add_argument("--seed", type=int, default=0, help="repeats everything that is drawn by chance")
    fleet.add_argument("--script", type=Path, metavar="FILE", help="faults to come (TOML)")
    fleet.add_argument("--truth", type=Path, metavar="FILE", help="write what really was on every screen (JSON lines)")
    fleet.add_argument(
        "--offline-days", type=float, metavar="D", help="they have been offline for D days, and bring their backlog"
    )
    fleet.add_argument(
        "--changes-per-day", type=int, default=48, metavar="N", help="of each screen in that time (default: 48)"
    )
    fleet.add_argument(
        "--trouble-percent",
        type=float,
        metavar="P",
        help="the share of that time in which they did not play (default: any)",
    )
    fleet.add_argument(
        "--calm-days",
        type=float,
        metavar="D",
        help="of that time the last D days, in which they only played (default: 0)",
    )
    fleet.add_argument(
        "--until-delivered", action="store_true", help="end when all of that backlog has been acknowledged"
    )
    fleet.add_argument("--portal", metavar="ID", help="a platform part that players check as vantage points")
    fleet.add_argument("--portal-url", metavar="URL", help="a real one, asked each interval; else it is always up")
    fleet.add_argument("--points", nargs="+", metavar="GLOB", help="the vantage points (default: every player)")
    fleet.add_argument("--duration-s", type=float, metavar="S", help="end after this time")
    parser.add_argument("--health-listen", metavar="HOST:PORT", help="answer GET /healthz there")
    parser.add_argument("--log-format", choices=["auto", "json", "text"], default="auto")
    parser.add_argument("--log-level", choices=["debug", "info", "warning", "error"], default="info")
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    logs.set_up(options.log_level, options.log_format)
    _check(options)
    names = player_names(options.players, options.prefix)
    outputs = _outputs(options.outputs)
    points = _points(options, names)
    script = read_script(options.script, names, outputs, points) if options.script else Script()
    passwords = _passwords(options, names)
    _allow_files(options.players + _SPARE_FILES)
    with _sink(options.truth) as sink:
        return asyncio.run(_simulate(options, names, outputs, points, script, passwords, sink))


async def _simulate(
    options: argparse.Namespace,
    names: list[str],
    outputs: tuple[str, ...],
    points: list[str],
    script: Script,
    passwords: dict[str, str] | str | None,
    sink: TextIO | None,
) -> int:
    tls = aiomqtt.TLSParameters(ca_certs=str(options.tls_ca)) if options.tls_ca else None
    fleet = Fleet(
        names,
        Server(options.host, options.port, tls=tls),
        tenant=options.tenant,
        interval_s=options.interval_s,
        passwords=passwords,
        seed=options.seed,
        script=script,
        truth=Truth(sink),
        connects_per_s=options.connects_per_s,
        outputs=outputs,
        offline=_offline(options),
        portal=Portal(options.portal, options.portal_url, options.interval_s) if options.portal else None,
        points=points,
    )
    health = await _health_server(options.health_listen, fleet)
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    log.info("simulation_begins", players=len(names), broker=f"{options.host}:{options.port}", seed=options.seed)
    living = tasks.spawn(fleet.run(), "fleet")
    watching = tasks.spawn(_progress(fleet), "progress")
    stopping = tasks.spawn(stop.wait(), "signals")
    systemd.notify("READY=1")
    ends = {living, stopping}
    if options.until_delivered:
        ends.add(tasks.spawn(_delivered(fleet), "delivered"))
    await asyncio.wait(ends, timeout=options.duration_s, return_when=asyncio.FIRST_COMPLETED)
    failed = living.done()
    systemd.notify("STOPPING=1")
    await tasks.cancel(watching, *ends)
    if health is not None:
        await health.stop()
    log.info("simulation_ends", **_figures(fleet))
    return 1 if failed else 0


async def _delivered(fleet: Fleet) -> None:
    """Wait until everybody is connected and nobody's closed run waits for an `ack`."""
    while True:
        stats = fleet.stats()
        if stats.connected == stats.players and not stats.backlog:
            return
        await asyncio.sleep(_DELIVERED_LOOK_S)


async def _progress(fleet: Fleet) -> None:
    while True:
        await asyncio.sleep(_PROGRESS_S)
        log.info("progress", **_figures(fleet))


def _figures(fleet: Fleet) -> dict[str, int]:
    stats = fleet.stats()
    return {"players": stats.players, "connected": stats.connected, "backlog": stats.backlog, **stats.counts}


async def _health_server(listen: str | None, fleet: Fleet) -> HealthServer | None:
    if listen is None:
        return None
    host, _, port = listen.rpartition(":")
    if not host or not port.isdecimal() or int(port) > _LAST_PORT:
        raise ConfigError(_finding("--health-listen", f"{listen!r} is not host:port", "write e.g. 127.0.0.1:9101"))
    server = HealthServer(host.strip("[]"), int(port), lambda: {"ok": True, **_figures(fleet)})
    try:
        await server.start()
    except OSError as error:
        message = f"cannot listen on {listen} ({error.strerror or error})"
        raise ConfigError(_finding("--health-listen", message, "choose another port")) from None
    log.info("health_listens", host=host, port=server.port)
    return server


def _offline(options: argparse.Namespace) -> Offline | None:
    if not options.offline_days:
        return None
    share = None if options.trouble_percent is None else options.trouble_percent / 100
    return Offline(options.offline_days, options.changes_per_day, share, options.calm_days or 0)


def _check(options: argparse.Namespace) -> None:
    findings = [
        *_positive(options, "players", "connects_per_s", "changes_per_day"),
        *([] if is_id(options.tenant) else [_finding("--tenant", f"{options.tenant!r} is no id", _ID_REMEDY)]),
    ]
    if not is_id(f"{options.prefix}{max(options.players, 1):04d}"):
        findings.append(_finding("--prefix", f"{options.prefix!r} makes no ids", _ID_REMEDY))
    if not 0 < options.interval_s <= MAX_INTERVAL_S:
        findings.append(_finding("--interval-s", "is out of range", f"write seconds up to {MAX_INTERVAL_S}"))
    if not 0 < options.port <= _LAST_PORT:
        findings.append(_finding("--port", f"{options.port} is no port", f"write 1 to {_LAST_PORT}"))
    if not 1 <= options.outputs <= _MAX_OUTPUTS:
        findings.append(_finding("--outputs", "is out of range", f"write 1 to {_MAX_OUTPUTS}"))
    findings += _check_portal(options)
    if options.tls_ca and not options.tls_ca.is_file():
        findings.append(_finding("--tls-ca", f"{options.tls_ca} is no file", "check the path"))
    if options.password is not None and options.password_file:
        findings.append(_finding("--password", "is given besides --password-file", "give one of the two"))
    findings += _about_the_past(options)
    if findings:
        raise ConfigError(*findings)


def _about_the_past(options: argparse.Namespace) -> list[Finding]:
    findings = []
    if not 0 <= (options.offline_days or 0) <= _MAX_OFFLINE_DAYS:
        findings.append(_finding("--offline-days", "is out of range", f"write days up to {_MAX_OFFLINE_DAYS}"))
    if not 0 <= (options.trouble_percent or 0) <= _ALL_PERCENT:
        findings.append(_finding("--trouble-percent", "is out of range", "write 0 to 100"))
    if not 0 <= (options.calm_days or 0) <= _MAX_OFFLINE_DAYS:
        findings.append(_finding("--calm-days", "is out of range", f"write days up to {_MAX_OFFLINE_DAYS}"))
    if not options.offline_days:
        given = {
            "--trouble-percent": options.trouble_percent is not None,
            "--calm-days": options.calm_days is not None,
            "--until-delivered": options.until_delivered,
        }
        findings += [
            _finding(key, "means nothing without --offline-days", "give both, or leave it out")
            for key, is_given in given.items()
            if is_given
        ]
    return findings


def _check_portal(options: argparse.Namespace) -> list[Finding]:
    findings = []
    if options.portal is not None and not (is_id(options.portal) and len(options.portal) <= LONGEST_PLATFORM):
        remedy = f"{_ID_REMEDY}, of at most {LONGEST_PLATFORM} characters"
        findings.append(_finding("--portal", f"{options.portal!r} is no id", remedy))
    if options.portal_url is not None and not re.fullmatch(r"https?://[^/\s]+(/\S*)?", options.portal_url):
        message = f"{options.portal_url!r} is no address"
        findings.append(_finding("--portal-url", message, "write http://host/path or https://host/path"))
    for key, given in (("--portal-url", options.portal_url), ("--points", options.points)):
        if given and options.portal is None:
            findings.append(_finding(key, "means nothing without --portal", "add --portal with the platform's id"))
    return findings


def _points(options: argparse.Namespace, names: list[str]) -> list[str]:
    """The vantage points, in the players' order; ConfigError where a glob fits none."""
    if options.portal is None:
        return []
    globs = options.points or ["*"]
    for glob in globs:
        if not any(fnmatchcase(name, glob) for name in names):
            raise ConfigError(_finding("--points", f"{glob!r} fits no player", f"they are {names[0]} to {names[-1]}"))
    return [name for name in names if any(fnmatchcase(name, glob) for glob in globs)]


def _positive(options: argparse.Namespace, *names: str) -> list[Finding]:
    wrong = [name for name in names if getattr(options, name) <= 0]
    return [_finding(f"--{name.replace('_', '-')}", "must be over 0", "correct the value") for name in wrong]


_ID_REMEDY: Final = f"ids have the form {ID_PATTERN}"


def _finding(key: str, message: str, remedy: str) -> Finding:
    return Finding("simulate.usage", "signwatch simulate", key, message, remedy)


def _outputs(count: int) -> tuple[str, ...]:
    return ("main",) if count == 1 else tuple(f"screen-{number}" for number in range(1, count + 1))


def _passwords(options: argparse.Namespace, names: list[str]) -> dict[str, str] | str | None:
    if options.password_file is None:
        password: str | None = options.password
        return password
    file = str(options.password_file)
    given = parse_toml(read_text(options.password_file), file)
    passwords = {user: password for user, password in given.items() if isinstance(password, str)}
    missing = [f"{options.tenant}/{name}" for name in names if f"{options.tenant}/{name}" not in passwords]
    if missing:
        remedy = f'add "{missing[0]}" = "…" (and {len(missing) - 1} more)' if len(missing) > 1 else "add it"
        raise ConfigError(Finding("simulate.password", file, missing[0], "has no password here", remedy))
    return passwords


def _allow_files(wanted: int) -> None:
    """Raise the limit of open files as far as we may: each player needs a socket."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft >= wanted:
        return
    if hard != resource.RLIM_INFINITY and hard < wanted:
        message = f"needs {wanted} open files, this process may have {hard}"
        raise ConfigError(_finding("--players", message, f"simulate fewer, or start it after: ulimit -n {wanted}"))
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


@contextmanager
def _sink(path: Path | None) -> Iterator[TextIO | None]:
    with contextlib.ExitStack() as stack:
        try:
            sink = None if path is None else stack.enter_context(path.open("w", encoding="utf-8"))
        except OSError as error:
            message = f"{path} cannot be written ({error.strerror})"
            raise ConfigError(_finding("--truth", message, "check path and permissions")) from None
        yield sink
