"""`agent probe`: ask an output's probes once, the way the agent asks them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import NamedTuple

from agent.combine import Panel
from agent.config import Settings, Watched
from agent.listening import open_push
from agent.probes import PROBES
from agent.probes.base import Around, Reading, Report
from agent.watch import Watch
from common.clock import Clock
from wire.runs import Instant


class Answers(NamedTuple):
    """What each probe of an output said, in the order of the configuration, and what the output is by that."""

    output: Reading
    probes: dict[str, Reading]


async def ask_once(settings: Settings, output: str, clock: Clock) -> Answers:
    """One reading of each probe, within its deadline. Whoever is told rather than asks waits for the first report.

    ConfigError where the place for reports is taken (the agent itself is running).
    """
    mailboxes: dict[str, Callable[[Report], None]] = {}
    told = asyncio.Event()
    around = Around(output, clock, told.set, mailboxes)
    all_watched = settings.watched[output]
    watches = {one.probe: _watch(one, around, told) for one in all_watched}
    patience_s = max(one.interval_s + one.timeout_s for one in all_watched)
    try:
        if mailboxes:
            await _wait_for_report(settings, mailboxes, told, patience_s)
        readings = await asyncio.gather(*(watch.ask() for watch in watches.values()))
    finally:
        for watch in watches.values():
            await watch.close()
    return _judged(dict(zip(watches, readings, strict=True)), Instant(clock.mono_ms(), clock.wall_ms()))


def _watch(watched: Watched, around: Around, told: asyncio.Event) -> Watch:
    probe = PROBES[watched.probe].build(watched.options, around)
    return Watch(watched.probe, probe, watched.interval_s, watched.timeout_s, around.clock, lambda *_: None, told)


def _judged(probes: dict[str, Reading], at: Instant) -> Answers:
    panel = Panel(dict.fromkeys(probes, 1))
    heard = [panel.hear(probe, reading, at) for probe, reading in probes.items()][-1]
    return Answers(heard.reading, probes)


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
