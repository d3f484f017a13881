"""`signwatch simulate`: virtual players against any MQTT broker."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, TextIO

import aiomqtt
import structlog

from common import logs, systemd, tasks
from common.config import ConfigError
from simulator.fleet import Fleet, player_names
from simulator.health import HealthServer
from simulator.link import Server
from simulator.options import add_options, check, finding, offline_of, outputs_of, passwords_of, points_of
from simulator.portal import Portal
from simulator.script import Script
from simulator.script_check import read_script
from simulator.truth import Truth

log = structlog.get_logger(__name__)

_PROGRESS_S: Final = 10.0
_SPARE_FILES: Final = 100
_LAST_PORT: Final = 65_535
_DELIVERED_LOOK_S: Final = 0.2


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `simulate`."""
    parser = subparsers.add_parser(
        "simulate",
        help="run virtual players that speak the real wire",
        description="Run virtual players that speak the real wire, each on a connection of its own with its own last "
        "will, and let them fail by a script. See docs/simulator.md.",
    )
    add_options(parser)
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    logs.set_up(options.log_level, options.log_format)
    check(options)
    names = player_names(options.players, options.prefix)
    outputs = outputs_of(options.outputs)
    points = points_of(options, names)
    script = read_script(options.script, names, outputs, points) if options.script else Script()
    passwords = passwords_of(options, names)
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
        offline=offline_of(options),
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
        raise ConfigError(finding("--health-listen", f"{listen!r} is not host:port", "write e.g. 127.0.0.1:9101"))
    server = HealthServer(host.strip("[]"), int(port), lambda: {"ok": True, **_figures(fleet)})
    try:
        await server.start()
    except OSError as error:
        message = f"cannot listen on {listen} ({error.strerror or error})"
        raise ConfigError(finding("--health-listen", message, "choose another port")) from None
    log.info("health_listens", host=host, port=server.port)
    return server


def _allow_files(wanted: int) -> None:
    """Raise the limit of open files as far as we may: each player needs a socket."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft >= wanted:
        return
    if hard != resource.RLIM_INFINITY and hard < wanted:
        message = f"needs {wanted} open files, this process may have {hard}"
        raise ConfigError(finding("--players", message, f"simulate fewer, or start it after: ulimit -n {wanted}"))
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


@contextmanager
def _sink(path: Path | None) -> Iterator[TextIO | None]:
    with contextlib.ExitStack() as stack:
        try:
            sink = None if path is None else stack.enter_context(path.open("w", encoding="utf-8"))
        except OSError as error:
            message = f"{path} cannot be written ({error.strerror})"
            raise ConfigError(finding("--truth", message, "check path and permissions")) from None
        yield sink
