"""The doctor's round, in the order in which one thing rests upon another."""

from __future__ import annotations

from agent.check import check
from agent.config import Settings
from agent.doctor.broker import look_at_broker
from agent.doctor.disk import look_at_disk
from agent.doctor.machine import look_at_clock, look_at_unit, look_at_user, unit_of
from agent.doctor.model import Found, of_finding
from agent.doctor.outputs import look_at_checks, look_at_outputs
from agent.doctor.running import Health, health_of, holder_of, is_held
from agent.timesource import find_offset
from common.clock import Clock


async def visit(settings: Settings, clock: Clock) -> list[Found]:
    """Look at everything. It takes as long as the slowest probe and the broker together, some seconds as a rule."""
    unit = await unit_of()
    directory = settings.path(settings.config.spool.dir)
    held = is_held(directory)
    running = await health_of(settings) if held else None
    found = [of_finding(finding) for finding in check(settings)]
    if not found:
        found.append(Found("ok", "configuration", "configuration", f"{settings.file} is well written"))
    found += look_at_user(settings, unit)
    found.append(look_at_unit(unit))
    if held:
        found.append(_at_work(running, holder_of(directory)))
    found += look_at_clock(clock, await find_offset(clock, settings.config.clock.ntp_server))
    found += look_at_disk(settings, held=held)
    found += await look_at_broker(settings, clock, running)
    found += await look_at_outputs(settings, clock, running)
    return found + await look_at_checks(settings, clock)


def _at_work(running: Health | None, holder: str) -> Found:
    """PURE. Of the process that holds the spool."""
    if running is None:
        message = f"{holder} holds the spool, and does not answer at health.listen"
        remedy = "if that is no agent with this very configuration, stop it: one spool has one agent"
        return Found("wrong", "agent", "agent.stranger", message, remedy)
    if running.spool.error:
        message = f"it runs, and cannot write its spool: {running.spool.error}"
        return Found("wrong", "agent", "agent.spool", message, "mend the disk; it tries again every few seconds")
    return Found("ok", "agent", "agent", f"it runs: {holder}; {running.spool.runs} run(s) wait for the collector's ack")
