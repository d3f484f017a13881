"""Each output's probes asked once, and what their answers mean for whoever installs the player."""

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
