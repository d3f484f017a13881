"""Each output's probes and each check asked once, and what the answers mean for whoever installs the machine."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from agent.config import Settings
from agent.doctor.model import Found, Level, of_finding
from agent.doctor.running import Health
from agent.once import ask_once
from agent.probes.base import Reading
from agent.schedule import schedule_of
from common.clock import Clock
from common.config import ConfigError
from wire.votes import output_of

_LEVELS: Final[dict[str, Level]] = {"playing": "ok", "idle": "note", "off": "note"}  # anything else is to be mended
# Where a probe cannot ask, what is it that most often stands in the way?
_REMEDIES: Final = {
    "mpv": "start mpv with --input-ipc-server=PATH, and run the agent as mpv's user (systemd/examples/mpv.conf)",
    "vlc": "start VLC with --extraintf http --http-password …, and write the same password here",
    "process": "compare name and cmdline with: ps -eo pid,comm,args",
    "push": "the player's software must POST to /v1/state in time (docs/probes/push.md)",
    "systemd": "compare with: systemctl list-units --type=service",
    "logfile": "see that the agent's user may read the file: namei -l PATH",
}

_CHECK_REMEDIES: Final = {
    "http": "open the address with a browser from here; docs/vantage-points.md says what is expected of it",
    "tcp": "see that the service listens there, and that no firewall is between",
    "systemd": "systemctl status UNIT says why; compare the name with: systemctl list-units --type=service",
    "process": "compare the name with: ps -eo pid,comm",
    "limits": "mend what is over its limit, or the limit; docs/servers.md says what makes a figure readable",
}


async def look_at_checks(settings: Settings, clock: Clock) -> list[Found]:
    """Ask each once. A service that is down is to be mended, and one that cannot be judged, too."""
    found: list[Found] = []
    for check in settings.config.checks:
        seen = (await ask_once(settings, output_of(check.id), clock)).output
        told = "cannot be judged" if seen.state == "unknown" else f"is {seen.state}"
        message = f"{check.id} ({check.kind}) {told}" + (f": {seen.detail}" if seen.detail else "")
        remedy = "" if seen.state == "up" else _CHECK_REMEDIES[check.kind]
        found.append(Found("ok" if seen.state == "up" else "wrong", "check", f"check.{seen.state}", message, remedy))
    return found


async def look_at_outputs(settings: Settings, clock: Clock, running: Health | None) -> list[Found]:
    """Ask for each output. Where the agent holds the place for the player's reports, it is asked what it believes."""
    found: list[Found] = []
    for output in settings.config.outputs:
        if running is not None and "push" in output.probes and output.id in running.outputs:
            told = running.outputs[output.id]
            found.append(_judged(output.id, output.probes, told.state or "unknown", told.detail))
            continue
        try:
            answers = await ask_once(settings, output.id, clock)
        except ConfigError as error:
            found += map(of_finding, error.findings)
            continue
        found += _of_answers(settings, clock, output.id, answers.output, answers.probes)
    return found


def _of_answers(
    settings: Settings, clock: Clock, output: str, together: Reading, probes: dict[str, Reading]
) -> Iterator[Found]:
    if settings.config.schedule is not None:
        schedule = schedule_of(settings.config.schedule)
        together = schedule.judge(together, clock.wall_ms(), synced=clock.synced())
    deaf = [name for name, reading in probes.items() if reading.state == "unknown"]
    yield _judged(output, deaf or list(probes), together.state, together.detail)
    if together.state != "unknown":
        for name in deaf:
            message = f"{output}: the probe {name} could not ask: {probes[name].detail or 'no reason given'}"
            yield Found("wrong", "output", "output.deaf", message, _remedy([name]))


def _judged(output: str, probes: list[str], state: str, detail: str | None) -> Found:
    """PURE."""
    level = _LEVELS.get(state, "wrong")
    told = "could not be asked" if state == "unknown" else f"is {state}"
    message = f"{output} {told}" + (f": {detail}" if detail else "")
    return Found(level, "output", f"output.{state}", message, "" if level == "ok" else _remedy(probes))


def _remedy(probes: list[str]) -> str:
    return "; ".join(_REMEDIES.get(name, f"see docs/probes/{name}.md") for name in probes)
