"""The display probe: over trees of /sys as real machines have them, and a cec-ctl that says what real ones say."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

import psutil
import pytest

from agent.command import Said
from agent.hardware import Connector, connectors
from agent.probes.base import Around, Reading
from agent.probes.display import DisplayOptions, DisplayProbe, Power, judge, parse_power
from agent.watch import Watch
from common.clock import ManualClock
from tests.agent.trees import Plant
from tests.fixtures.waiting import until, until_reaped


def tree(**states: str) -> Mapping[str, str]:
    """`HDMI_A_1="connected enabled On"` → the files of that connector, on the second card as on a Raspberry Pi 4."""
    files = {}
    for name, state in states.items():
        folder = f"sys/class/drm/card1-{name.replace('_', '-')}"
        files |= dict(zip((f"{folder}/status", f"{folder}/enabled", f"{folder}/dpms"), state.split(), strict=True))
    return files


ON, GONE, OFF = "connected enabled On", "disconnected disabled Off", "connected disabled Off"
PI = {"HDMI_A_1": ON, "HDMI_A_2": GONE, "Writeback_1": "unknown disabled On"}
LIT = Reading("unknown", None, "HDMI-A-1 is connected and on")


@pytest.mark.parametrize(
    ("states", "wanted", "reading"),
    [
        (PI, [], LIT),
        (PI, ["HDMI-A-1"], LIT),
        (PI, ["HDMI-A-2"], Reading("off", "display", "HDMI-A-2: nothing is connected")),
        (PI, ["HDMI-A-1", "HDMI-A-2"], Reading("off", "display", "HDMI-A-2: nothing is connected")),
        (PI, ["HDMI-A-3"], Reading("unknown", None, "no connector HDMI-A-3; there are: HDMI-A-1, HDMI-A-2")),
        (PI | {"HDMI_A_1": GONE}, [], Reading("off", "display", "nothing is connected to HDMI-A-1, HDMI-A-2")),
        (PI | {"HDMI_A_1": OFF}, [], Reading("off", None, "HDMI-A-1: connected, but no picture is sent there")),
        (
            {"DP_1": "connected enabled Standby", "HDMI_A_1": GONE},
            [],
            Reading("off", None, "DP-1: connected, but sent to sleep (DPMS Standby)"),
        ),
        ({"DP_1": OFF, "HDMI_A_1": ON}, [], LIT),  # the one that is meant is not named: one that is on will do
        (
            {"DP_1": OFF, "HDMI_A_1": GONE},
            ["DP-1", "HDMI-A-1"],
            Reading("off", "display", "HDMI-A-1: nothing is connected"),  # of two that are dark the one with a cause
        ),
        (
            {"VGA_1": "unknown disabled Off", "HDMI_A_1": GONE},
            [],
            Reading("unknown", None, "VGA-1: the driver does not know whether anything is connected"),
        ),
        (
            {"VGA_1": "unknown disabled Off", "HDMI_A_1": OFF},
            [],
            Reading("unknown", None, "VGA-1: the driver does not know whether anything is connected"),
        ),
        ({"Writeback_1": "unknown disabled On"}, [], Reading("unknown", None, "the kernel knows no connectors here")),
        ({}, [], Reading("unknown", None, "the kernel knows no connectors here")),
    ],
)
def test_what_the_kernel_says_of_its_connectors(
    states: Mapping[str, str], wanted: list[str], reading: Reading, plant: Plant
) -> None:
    assert judge(connectors(plant(tree(**states))), wanted) == reading


def test_a_connector_that_tells_only_half_is_not_dark(plant: Plant) -> None:
    root = plant({"sys/class/drm/card0-HDMI-A-1/status": "connected", "sys/class/drm/card0/uevent": ""})
    assert connectors(root) == [Connector("HDMI-A-1", "connected", None, None, "card0")]
    assert judge(connectors(root), []) == LIT


# --- what sets say over CEC, as cec-ctl prints it ---------------------------------------------------------------------

ASKED = "\nTransmit from Playback Device 1 to TV (4 to 0):\nGIVE_DEVICE_POWER_STATUS (0x8f)\n"
STAMP = "\tSequence: 20 Tx Timestamp: 22142.328s"


def answer(power: str) -> str:
    reply = f"    Received from TV (0):\n    REPORT_POWER_STATUS (0x90):\n\tpwr-state: {power}\n"
    return f"{ASKED}{reply}{STAMP} Rx Timestamp: 22142.501s\n\tApproximate response time: 103 ms\n"


NACK = f"{ASKED}{STAMP}\n\tTx, Not Acknowledged (4), Max Retries\n"
TIMEOUT = f"{ASKED}{STAMP}\n\tTx, Ok, Rx, Timeout\n"
ABORT = (
    f"{ASKED}    Received from TV (0):\n    FEATURE_ABORT (0x00):\n\tabort-msg: 143 (0x8f, GIVE_DEVICE_POWER_STATUS)\n"
    f"\treason: unrecognized-op (0x00)\n{STAMP} Rx Timestamp: 22142.501s\n\tRx, Ok, Feature Abort\n"
)
UNCONFIGURED = "\nAdapter is unconfigured, please configure it first.\n"


@pytest.mark.parametrize(
    ("out", "power"),
    [
        (answer("on (0x00)"), Power("on")),
        (answer("to-on (0x02)"), Power("on")),
        (answer("standby (0x01)"), Power("standby")),
        (answer("to-standby (0x03)"), Power("standby")),
        (answer("odd (0x07)"), Power(None, "it says 'odd'")),
        (NACK, Power(None, "nobody listens")),
        (TIMEOUT, Power(None, "it does not answer")),
        (ABORT, Power(None, "it refuses the question")),
        ("", Power(None, "it does not answer")),
    ],
)
def test_only_a_set_that_says_so_is_in_standby(out: str, power: Power) -> None:
    assert parse_power(Said(0, out, "")) == power


def test_an_adapter_without_an_address_says_what_to_do() -> None:
    assert parse_power(Said(0, "", UNCONFIGURED)) == Power(
        None, "the adapter has no address yet, see cec-ctl --playback"
    )


Script = Callable[[str], None]


@pytest.fixture
def cec_ctl(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Script:
    """A program of that name which insists on the right question and then does what the test says."""

    def write(body: str) -> None:
        program = tmp_path / "bin" / "cec-ctl"
        program.parent.mkdir(exist_ok=True)
        asked = "--device /dev/cec0 --skip-info --to 0 --give-device-power-status"
        program.write_text(f'#!/bin/sh\n[ "$*" = "{asked}" ] || exit 3\n{body}\n', encoding="ascii")
        program.chmod(0o755)

    monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=":")
    return write


def saying(text: str) -> str:
    return f"cat <<'END'\n{text}END"


def probe_on(root: Path, cec: str = "/dev/cec0") -> DisplayProbe:
    return DisplayProbe(DisplayOptions(cec=cec), Around("main", ManualClock()), root)


@pytest.mark.parametrize(
    ("body", "reading"),
    [
        (saying(answer("on (0x00)")), LIT._replace(detail=f"{LIT.detail}; the set says that it is on")),
        (saying(answer("standby (0x01)")), Reading("off", "display", "the set says that it is in standby")),
        (saying(NACK), LIT._replace(detail=f"{LIT.detail}; the set cannot be asked: nobody listens")),
        (saying(TIMEOUT), LIT._replace(detail=f"{LIT.detail}; the set cannot be asked: it does not answer")),
        (
            "echo Failed to open /dev/cec0: Permission denied >&2; exit 1",
            LIT._replace(detail=f"{LIT.detail}; the set cannot be asked: Failed to open /dev/cec0: Permission denied"),
        ),
    ],
)
async def test_a_connected_set_is_asked_and_only_its_own_word_makes_it_dark(
    body: str, reading: Reading, cec_ctl: Script, plant: Plant
) -> None:
    cec_ctl(body)
    assert await probe_on(plant(tree(**PI))).read() == reading


async def test_a_set_is_asked_although_the_kernel_knows_no_connectors(cec_ctl: Script, plant: Plant) -> None:
    cec_ctl(saying(answer("standby (0x01)")))
    assert (await probe_on(plant({})).read()).state == "off"


async def test_a_set_that_is_not_there_is_not_asked(cec_ctl: Script, plant: Plant, tmp_path: Path) -> None:
    cec_ctl(f"touch {tmp_path}/asked")
    assert (await probe_on(plant(tree(HDMI_A_1=GONE))).read()).cause == "display"
    assert (await probe_on(plant(tree(**PI)), cec="").read()) == LIT
    assert not (tmp_path / "asked").exists()


async def test_a_set_that_never_answers_is_unknown_and_leaves_no_program_behind(cec_ctl: Script, plant: Plant) -> None:
    cec_ctl("exec sleep 600")
    watch = Watch("main", probe_on(plant(tree(**PI))), 60, 0.3, ManualClock(), lambda *_: None, asyncio.Event())
    assert await watch.ask() == DisplayProbe.silence
    await watch.close()
    await until(lambda: not any(one.name() == "sleep" for one in psutil.Process().children()), "the program is gone")
    await until_reaped()


async def test_a_machine_without_cec_ctl_says_what_to_install(
    plant: Plant, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    reading = await probe_on(plant(tree(**PI))).read()
    assert (reading.state, reading.cause) == ("unknown", None)
    assert (reading.detail or "").endswith("cec-ctl is not installed: apt install v4l-utils")


async def test_the_real_cec_ctl_understands_the_question_and_says_that_there_is_no_adapter(plant: Plant) -> None:
    if shutil.which("cec-ctl") is None:
        pytest.skip("needs v4l-utils")
    reading = await probe_on(plant(tree(**PI)), cec="/dev/nosuchcec").read()
    assert reading.state == "unknown"
    assert (reading.detail or "").endswith("Failed to open /dev/nosuchcec: No such file or directory")
