"""`signwatch influx …`: what an operator does about the points in InfluxDB."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Final

from collector.quarantine.texts import escaped
from collector.registry.options import whole
from collector.sla.instants import format_instant
from common.config import ConfigError, Finding

if TYPE_CHECKING:
    from collections.abc import Callable

    from collector.config import CollectorConfig
    from collector.influx.config import InfluxConfig
    from collector.influx.rebuild import Rebuilt, Source, Wish
    from collector.registry.options import Subparsers

_SHOWN: Final = 20
_LINE_WIDTH: Final = 160
_STEP_S: Final = 60
_STEPS_S: Final = range(1, 86_401)
_EXAMPLE: Final = "such as 2026-03-14T02:00:00+01:00"


def add_parser(subparsers: Subparsers[argparse.ArgumentParser]) -> None:
    """Add `influx` and its subcommands."""
    parser = subparsers.add_parser("influx", help="look at refused points, write points anew")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    refused = commands.add_parser("refused", help="the lines that InfluxDB refused, and why")
    _add_config(refused)
    refused.add_argument("--limit", type=whole, default=_SHOWN, help="the latest so many; 0: all")
    refused.set_defaults(run=_refused)
    _add_rebuild(commands)


def _add_rebuild(commands: Subparsers[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser("rebuild", help="write the points of a past interval anew, from the ledger")
    _add_config(parser)
    parser.add_argument("--from", dest="start", required=True, metavar="INSTANT", help=f"from when on, {_EXAMPLE}")
    parser.add_argument("--to", dest="end", metavar="INSTANT", help="until when (default: now)")
    parser.add_argument("--tenant", default="", metavar="ID", help="only this customer's points (default: everybody's)")
    parser.add_argument(
        "--step", type=int, default=_STEP_S, metavar="SECONDS", help=f"between two snapshots (default: {_STEP_S})"
    )
    parser.set_defaults(run=_rebuild)


def _add_config(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--config", type=Path, required=True, metavar="FILE", help="the collector's configuration")


def read_config(path: Path) -> tuple[CollectorConfig, InfluxConfig]:
    """The collector's configuration and its `[influx]` table; ConfigError where there is none."""
    from collector.config import load_config

    config = load_config(path)
    if config.influx is None:
        message = "is missing: this collector writes to no InfluxDB"
        raise ConfigError(Finding("influx.missing", str(path), "influx", message, "add the table (docs/influx.md)"))
    return config, config.influx


def _refused(options: argparse.Namespace) -> int:
    from collector.influx.refused import read_refused

    _, influx = read_config(options.config)
    folder = Path(influx.spool_dir)
    try:
        found = list(read_refused(folder))
    except OSError as error:
        remedy = "run the command as the collector's user, or as root"
        raise ConfigError(
            Finding("influx.refused", str(folder), "", f"cannot be read ({error.strerror})", remedy)
        ) from None
    if not found:
        print("nothing was refused")
        return 0
    latest = found[-options.limit :] if options.limit > 0 else found
    for one in latest:
        print(f"{one.at}  {escaped(one.reason)[:_LINE_WIDTH]}\n    {escaped(one.line)[:_LINE_WIDTH]}")
    print(f"\n{len(latest)} shown of {len(found)} refused, in {folder}:")
    for reason, count in Counter(one.reason for one in found).most_common(_SHOWN):
        print(f"{count:>8}  {escaped(reason)[:_LINE_WIDTH]}")
    return 0


def _rebuild(options: argparse.Namespace) -> int:
    from collector.config import load_contracts
    from collector.influx.rebuild import GaveUpError, Rebuilt, Source
    from collector.ledger.ledger import Ledger
    from collector.progress import Progress
    from collector.registry.backend import readable

    config, influx = read_config(options.config)
    wish = _wish(options)
    path, contracts = Path(config.ledger.path), load_contracts(config.contracts.files)
    progress, done = Progress(), Rebuilt(up_to_ms=wish.start_ms)
    with readable(path):
        ledger = Ledger.open_read_only(path)
        try:
            source = Source(ledger, contracts, wish)
            _check_tenant(wish.tenant, source)
            for name in sorted(source.world.agreements.missing):
                print(f"warning: no figures under {name!r}: it is not in [contracts] files", file=sys.stderr)
            _write(source, config, influx, done, progress)
        except GaveUpError as error:
            remedy = f"mend that, and go on from there: --from {format_instant(done.up_to_ms)}"
            message = f"took the points up to {format_instant(done.up_to_ms)}, then no more ({escaped(str(error))})"
            raise ConfigError(Finding("influx.rebuild", influx.url, "", message, remedy)) from None
        except KeyboardInterrupt:
            progress.close()
            print(f"stopped; go on with: --from {format_instant(done.up_to_ms)}", file=sys.stderr)
            raise
        finally:
            progress.close()
            ledger.close()
    return _sum_up(done, wish)


def _write(
    source: Source, config: CollectorConfig, influx: InfluxConfig, done: Rebuilt, progress: Callable[..., None]
) -> None:
    from collector.influx.rebuild import rebuild
    from collector.influx.transport import check, connect
    from common.clock import SystemClock

    def tell(at_ms: int, snapshots: int, of: int) -> None:
        progress(f"points of {format_instant(at_ms)[:10]}", snapshots, of)

    async def work() -> None:
        transport = connect(influx, SystemClock())
        try:
            await rebuild(source, config.alerts.down_over_for, transport, influx, done, tell)
        finally:
            await transport.close()

    check(influx)
    asyncio.run(work())


def _wish(options: argparse.Namespace) -> Wish:
    from collector.decisions.shell import instant
    from collector.influx.rebuild import Wish
    from common.clock import SystemClock

    now_ms = SystemClock().wall_ms()
    start_ms = instant("--from", options.start)
    end_ms = instant("--to", options.end) if options.end else now_ms
    if end_ms > now_ms:
        raise ConfigError(Finding("influx.rebuild", "--to", "", "lies in the future", "leave it out: until now"))
    if start_ms >= end_ms:
        raise ConfigError(Finding("influx.rebuild", "--from", "", "is not before --to", "give an earlier instant"))
    if options.step not in _STEPS_S:
        message = f"{options.step} is not between {_STEPS_S[0]} and {_STEPS_S[-1]} seconds"
        raise ConfigError(Finding("influx.rebuild", "--step", "", message, f"use {_STEP_S}, or leave it out"))
    return Wish(start_ms, end_ms, options.step * 1000, options.tenant)


def _check_tenant(tenant: str, source: Source) -> None:
    from collector.sla.reading import nearest

    known = source.world.registry.tenants
    if tenant and tenant not in known:
        message = f"the registry has no tenant {tenant!r}"
        raise ConfigError(Finding("influx.rebuild", "--tenant", "", message, nearest(tenant, known)))


def _sum_up(done: Rebuilt, wish: Wish) -> int:
    span = f"{format_instant(wish.start_ms)} to {format_instant(wish.end_ms)}"
    print(f"{done.written} points written, {span}")
    if done.expired:
        print(f"{done.expired} points are older than InfluxDB's retention policy keeps", file=sys.stderr)
    if not done.refused:
        return 0
    print(f"{done.refused} points were refused, such as:", file=sys.stderr)
    for line, reason in done.examples:
        text = escaped(line.decode(errors="replace"))
        print(f"  {escaped(reason)[:_LINE_WIDTH]}\n    {text[:_LINE_WIDTH]}", file=sys.stderr)
    return 1
