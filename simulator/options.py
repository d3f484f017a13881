"""The options of `signwatch simulate`: what there is, what is wrong with them, and what they mean."""

from __future__ import annotations

import argparse
import re
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final

from common.config import ConfigError, Finding, parse_toml, read_text
from simulator.fleet import DEFAULT_CONNECTS_PER_S
from simulator.past import Offline
from wire.messages import MAX_INTERVAL_S
from wire.topics import ID_PATTERN, is_id
from wire.votes import LONGEST_PLATFORM

_LAST_PORT: Final = 65_535
_MAX_OUTPUTS: Final = 16
_MAX_OFFLINE_DAYS: Final = 366
_ALL_PERCENT: Final = 100


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add all of them."""
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


def offline_of(options: argparse.Namespace) -> Offline | None:
    """What the players have been through already; None: nothing."""
    if not options.offline_days:
        return None
    share = None if options.trouble_percent is None else options.trouble_percent / 100
    return Offline(options.offline_days, options.changes_per_day, share, options.calm_days or 0)


def check(options: argparse.Namespace) -> None:
    """Look for values that cannot be; ConfigError naming each option and its remedy."""
    findings = [
        *_positive(options, "players", "connects_per_s", "changes_per_day"),
        *([] if is_id(options.tenant) else [finding("--tenant", f"{options.tenant!r} is no id", _ID_REMEDY)]),
    ]
    if not is_id(f"{options.prefix}{max(options.players, 1):04d}"):
        findings.append(finding("--prefix", f"{options.prefix!r} makes no ids", _ID_REMEDY))
    if not 0 < options.interval_s <= MAX_INTERVAL_S:
        findings.append(finding("--interval-s", "is out of range", f"write seconds up to {MAX_INTERVAL_S}"))
    if not 0 < options.port <= _LAST_PORT:
        findings.append(finding("--port", f"{options.port} is no port", f"write 1 to {_LAST_PORT}"))
    if not 1 <= options.outputs <= _MAX_OUTPUTS:
        findings.append(finding("--outputs", "is out of range", f"write 1 to {_MAX_OUTPUTS}"))
    findings += _check_portal(options)
    if options.tls_ca and not options.tls_ca.is_file():
        findings.append(finding("--tls-ca", f"{options.tls_ca} is no file", "check the path"))
    if options.password is not None and options.password_file:
        findings.append(finding("--password", "is given besides --password-file", "give one of the two"))
    findings += _about_the_past(options)
    if findings:
        raise ConfigError(*findings)


def _about_the_past(options: argparse.Namespace) -> list[Finding]:
    findings = []
    if not 0 <= (options.offline_days or 0) <= _MAX_OFFLINE_DAYS:
        findings.append(finding("--offline-days", "is out of range", f"write days up to {_MAX_OFFLINE_DAYS}"))
    if not 0 <= (options.trouble_percent or 0) <= _ALL_PERCENT:
        findings.append(finding("--trouble-percent", "is out of range", "write 0 to 100"))
    if not 0 <= (options.calm_days or 0) <= _MAX_OFFLINE_DAYS:
        findings.append(finding("--calm-days", "is out of range", f"write days up to {_MAX_OFFLINE_DAYS}"))
    if not options.offline_days:
        given = {
            "--trouble-percent": options.trouble_percent is not None,
            "--calm-days": options.calm_days is not None,
            "--until-delivered": options.until_delivered,
        }
        findings += [
            finding(key, "means nothing without --offline-days", "give both, or leave it out")
            for key, is_given in given.items()
            if is_given
        ]
    return findings


def _check_portal(options: argparse.Namespace) -> list[Finding]:
    findings = []
    if options.portal is not None and not (is_id(options.portal) and len(options.portal) <= LONGEST_PLATFORM):
        remedy = f"{_ID_REMEDY}, of at most {LONGEST_PLATFORM} characters"
        findings.append(finding("--portal", f"{options.portal!r} is no id", remedy))
    if options.portal_url is not None and not re.fullmatch(r"https?://[^/\s]+(/\S*)?", options.portal_url):
        message = f"{options.portal_url!r} is no address"
        findings.append(finding("--portal-url", message, "write http://host/path or https://host/path"))
    for key, given in (("--portal-url", options.portal_url), ("--points", options.points)):
        if given and options.portal is None:
            findings.append(finding(key, "means nothing without --portal", "add --portal with the platform's id"))
    return findings


def points_of(options: argparse.Namespace, names: list[str]) -> list[str]:
    """The vantage points, in the players' order; ConfigError where a glob fits none."""
    if options.portal is None:
        return []
    globs = options.points or ["*"]
    for glob in globs:
        if not any(fnmatchcase(name, glob) for name in names):
            raise ConfigError(finding("--points", f"{glob!r} fits no player", f"they are {names[0]} to {names[-1]}"))
    return [name for name in names if any(fnmatchcase(name, glob) for glob in globs)]


def _positive(options: argparse.Namespace, *names: str) -> list[Finding]:
    wrong = [name for name in names if getattr(options, name) <= 0]
    return [finding(f"--{name.replace('_', '-')}", "must be over 0", "correct the value") for name in wrong]


_ID_REMEDY: Final = f"ids have the form {ID_PATTERN}"


def finding(key: str, message: str, remedy: str) -> Finding:
    """What is wrong with an option."""
    return Finding("simulate.usage", "signwatch simulate", key, message, remedy)


def outputs_of(count: int) -> tuple[str, ...]:
    """The ids of so many playback outputs."""
    return ("main",) if count == 1 else tuple(f"screen-{number}" for number in range(1, count + 1))


def passwords_of(options: argparse.Namespace, names: list[str]) -> dict[str, str] | str | None:
    """One for all, or one for each `tenant/device`; ConfigError where a player has none in the file."""
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
