"""Asks whether anything is connected, and whether it is on. docs/probes/display.md has the fields and results.

The kernel knows what hangs on each connector and whether it sends a picture there (/sys/class/drm); the set itself can
be asked over HDMI-CEC, through `cec-ctl`. A set that does not answer is not off: many never do. The probe has no voice
for `playing`: a screen that is on says nothing about what it shows.

Deliberately absent: claiming a CEC address (that is seen by every device on the bus, so it is the owner's to do), and
`xset q`, which says what the kernel's `dpms` says.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Final, Literal, NamedTuple

import msgspec

from agent.command import Said, ask_program
from agent.hardware import ROOT, Connector, connectors
from agent.probes.base import Around, Reading, tidy
from agent.threads import Lane, LaneBusyError
from common.config import Section

LEAST_INTERVAL_S: Final = 30.0  # one CEC message takes a tenth of a second of a slow bus that all devices share
_TV: Final = "0"  # the logical address of every television (HDMI 1.4, CEC 10.2)
_POWER: Final = re.compile(r"pwr-state: ([a-z-]+)")
# A set on its way to standby is going dark. Some Samsung sets say `to-on` for hours while they are on.
_POWERS: Final[dict[str, Literal["on", "standby"]]] = {
    "on": "on",
    "to-on": "on",
    "standby": "standby",
    "to-standby": "standby",
}


class DisplayOptions(Section, frozen=True):
    """The table `[outputs.display]`."""

    connectors: list[Annotated[str, msgspec.Meta(min_length=1)]] = msgspec.field(default_factory=list)
    cec: str = ""


class Power(NamedTuple):
    """What the set says of itself; `state` None: it does not, and `why`."""

    state: Literal["on", "standby"] | None
    why: str = ""


def meaning(one: Connector) -> Reading:
    """PURE. What a connector's state means for whoever stands in front of the screen."""
    if one.status == "disconnected":
        return Reading("off", "display", f"{one.name}: nothing is connected")
    if one.status != "connected":
        return Reading("unknown", None, f"{one.name}: the driver does not know whether anything is connected")
    if one.enabled == "disabled":
        return Reading("off", None, f"{one.name}: connected, but no picture is sent there")
    if one.dpms not in (None, "On"):
        return Reading("off", None, f"{one.name}: connected, but sent to sleep (DPMS {one.dpms})")
    return Reading("unknown", None, f"{one.name} is connected and on")


def is_on(one: Connector) -> bool:
    """PURE. Whether a picture reaches it."""
    return one.status == "connected" and meaning(one).state == "unknown"


def judge(found: Sequence[Connector], wanted: Sequence[str]) -> Reading:
    """PURE. All of `wanted` must be on; where none are named, one of all."""
    names = ", ".join(connector.name for connector in found)
    if not found:
        return Reading("unknown", None, "the kernel knows no connectors here")
    if missing := [name for name in wanted if name not in {connector.name for connector in found}]:
        return Reading("unknown", None, tidy(f"no connector {missing[0]}; there are: {names}"))
    asked = [connector for connector in found if not wanted or connector.name in wanted]
    if not wanted and all(connector.status == "disconnected" for connector in asked):
        return Reading("off", "display", tidy(f"nothing is connected to {names}"))
    if not wanted:
        asked = [one for one in asked if is_on(one)] or [one for one in asked if one.status != "disconnected"]
    readings = [meaning(connector) for connector in asked]
    dark = [reading for reading in readings if reading.state == "off"]
    unsure = [
        reading for reading, one in zip(readings, asked, strict=True) if not is_on(one) and reading.state != "off"
    ]
    if not wanted and unsure:  # one of them may be on
        return unsure[0]
    return [*sorted(dark, key=lambda reading: reading.cause is None), *unsure, *readings][0]


def parse_power(said: Said) -> Power:
    """PURE. What `cec-ctl --give-device-power-status` printed. It ends with 0 even where nobody answered."""
    if match := _POWER.search(said.out):
        state = _POWERS.get(match[1])
        return Power(state, "" if state else f"it says {match[1]!r}")
    if "unconfigured" in said.err:
        return Power(None, "the adapter has no address yet, see cec-ctl --playback")
    for told, why in (("Not Acknowledged", "nobody listens"), ("FEATURE_ABORT", "it refuses the question")):
        if told in said.out:
            return Power(None, why)
    return Power(None, said.complaint if said.status else "it does not answer")


def with_power(reading: Reading, power: Power) -> Reading:
    """PURE. What the kernel and the set say together."""
    if power.state == "standby":
        return Reading("off", "display", "the set says that it is in standby")
    said = "the set says that it is on" if power.state == "on" else f"the set cannot be asked: {power.why}"
    return Reading("unknown", None, tidy(f"{reading.detail}; {said}"))


class DisplayProbe:
    """The probe named `display`."""

    silence = Reading("unknown", None, "neither the kernel nor the set answered in time")

    def __init__(self, options: DisplayOptions, around: Around, root: Path = ROOT) -> None:
        self._options = options
        self._root = root
        self._lane = Lane(f"display-{around.output}")

    async def read(self) -> Reading:
        """Ask the kernel, and unless that says that it is dark, the set."""
        try:
            found = await self._lane.call(lambda: connectors(self._root))  # a graphics driver that hangs holds readers
        except LaneBusyError as error:
            return Reading("unknown", None, str(error))
        reading = judge(found, self._options.connectors)
        if not self._options.cec or reading.state == "off":
            return reading
        return with_power(reading, await self._power())

    async def close(self) -> None:
        """Nothing to let go of: a question that is cut off kills its program."""

    async def _power(self) -> Power:
        question = ("--skip-info", "--to", _TV, "--give-device-power-status")
        try:
            return parse_power(await ask_program("cec-ctl", "--device", self._options.cec, *question))
        except FileNotFoundError:
            return Power(None, "cec-ctl is not installed: apt install v4l-utils")
        except OSError as error:
            return Power(None, f"cec-ctl cannot be run: {error.strerror or error}")
