"""`agent probe`: ask an output's probes, or a check, once, the way the agent asks them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final, NamedTuple

from agent.checks import Check
from agent.combine import Panel
from agent.config import Settings, Watched
from agent.host import Figures
from agent.listening import open_push
from agent.machine import Machine
from agent.probes import PROBES
from agent.probes.base import Around, Reading, Report
from agent.watch import Watch
from common.clock import Clock, monotonic_s
from common.connectivity import parse_target
from common.tasks import cancel, spawn
from wire.runs import Instant
from wire.votes import is_check, output_of

_MS: Final = 1000


class Answers(NamedTuple):
    """What each probe of an output said, in the order of the configuration, and what the output is by that."""

    output: Reading
    probes: dict[str, Reading]
    took_ms: dict[str, int]  # each probe
    figures: Figures  # what a check has measured


def asked_name(settings: Settings, name: str) -> str | None:
    """PURE. The output or check (`check.ID`) that a person means; None where there is none of that name."""
    checks = {output_of(table.id) for table in settings.config.checks}
    return next((known for known in (name, output_of(name)) if known in settings.watched or known in checks), None)


async def ask_once(settings: Settings, name: str, clock: Clock) -> Answers:
    """One reading of an output or a check, by the name that `asked_name` gives.

    ConfigError where the place for reports is taken (the agent itself is running).
    """
    return await (_ask_check(settings, name, clock) if is_check(name) else _ask_output(settings, name, clock))


async def _ask_check(settings: Settings, name: str, clock: Clock) -> Answers:
    table = next(table for table in settings.config.checks if output_of(table.id) == name)
    targets = [parse_target(text) for text in settings.config.connectivity.targets]
    machine = Machine(settings, clock)

    async def figures() -> Figures:
        reading = spawn(machine.read(), "machine")
        try:
            return await machine.settled(table.timeout_s)
        finally:
            await cancel(reading)

    check = Check(table, settings.path, targets, clock, figures)
    watch = Watch(name, check, table.interval_s, check.patience_s, clock, lambda *_: None, asyncio.Event())
    try:
        reading, took_ms = await _timed(watch)
    finally:
        await watch.close()
    return Answers(reading, {name: reading}, {name: took_ms}, check.figures)


async def _ask_output(settings: Settings, output: str, clock: Clock) -> Answers:
    """One reading of each probe, within its deadline. Whoever is told rather than asks waits for the first report."""
    mailboxes: dict[str, Callable[[Report], None]] = {}
    told = asyncio.Event()
    around = Around(output, clock, told.set, mailboxes)
    all_watched = settings.watched[output]
    watches = {one.probe: _watch(one, around, told) for one in all_watched}
    patience_s = max(one.interval_s + one.timeout_s for one in all_watched)
    try:
        if mailboxes:
            await _wait_for_report(settings, mailboxes, told, patience_s)
        answers = dict(zip(watches, await asyncio.gather(*map(_timed, watches.values())), strict=True))
    finally:
        for watch in watches.values():
            await watch.close()
    readings = {probe: reading for probe, (reading, _) in answers.items()}
    together = _judged(readings, Instant(clock.mono_ms(), clock.wall_ms()))
    return Answers(together, readings, {probe: took_ms for probe, (_, took_ms) in answers.items()}, {})


def _watch(watched: Watched, around: Around, told: asyncio.Event) -> Watch:
    probe = PROBES[watched.probe].build(watched.options, around)
    return Watch(watched.probe, probe, watched.interval_s, watched.timeout_s, around.clock, lambda *_: None, told)


async def _timed(watch: Watch) -> tuple[Reading, int]:
    begun_s = monotonic_s()
    reading = await watch.ask()
    return reading, round((monotonic_s() - begun_s) * _MS)


def _judged(probes: dict[str, Reading], at: Instant) -> Reading:
    panel = Panel(dict.fromkeys(probes, 1))
    return [panel.hear(probe, reading, at) for probe, reading in probes.items()][-1].reading


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
