"""`agent probe`: ask one output's probe once, the way the agent asks it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from agent.config import Settings
from agent.listening import open_push
from agent.probes import PROBES
from agent.probes.base import Around, Reading, Report
from agent.watch import Watch
from common.clock import Clock


async def ask_once(settings: Settings, output: str, clock: Clock) -> Reading:
    """One reading, within the output's deadline. Whoever is told rather than asks waits for the first report.

    ConfigError where the place for reports is taken (the agent itself is running).
    """
    table = next(one for one in settings.config.outputs if one.id == output)
    mailboxes: dict[str, Callable[[Report], None]] = {}
    told = asyncio.Event()
    probe = PROBES[table.probe].build(settings.options[output], Around(output, clock, told.set, mailboxes))
    watch = Watch(output, probe, table.interval_s, table.timeout_s, clock, lambda *_: None, told)
    try:
        if mailboxes:
            await _wait_for_report(settings, mailboxes, told, table.interval_s + table.timeout_s)
        return await watch.ask()
    finally:
        await watch.close()


async def _wait_for_report(
    settings: Settings, mailboxes: dict[str, Callable[[Report], None]], told: asyncio.Event, patience_s: float
) -> None:
    server = await open_push(settings, mailboxes)
    try:
        async with asyncio.timeout(patience_s):
            await told.wait()
    except TimeoutError:
        return  # the probe says so itself
    finally:
        await server.close()
