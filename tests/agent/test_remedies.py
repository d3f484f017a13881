"""First aid is given for real: commands that succeed, fail, hang; an mpv that plays again."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path

import pytest

from agent.causes import Inquest, Looks
from agent.combine import Panel
from agent.evidence import Evidence
from agent.firstaid import FirstAidTable
from agent.judge import Calls, Judge
from agent.probes.base import Around, Reading, RemedyError
from agent.probes.mpv import MpvOptions, MpvProbe
from agent.remedies import FirstAid, Remedy, figures, remedy_of, run_command
from common.clock import ManualClock, SystemClock
from common.tasks import cancel, spawn
from tests.agent.conftest import Mpv
from tests.agent.lives import Life
from tests.fixtures.waiting import loop_turned, until, until_reaped
from wire.runs import Instant, Rules

STOPPED, PLAYING = Reading("stopped", None, "gone"), Reading("playing")


async def test_a_command_that_succeeds_says_so_and_one_that_fails_says_how() -> None:
    assert await run_command(["true"]) == "true gave exit status 0"
    with pytest.raises(RemedyError, match="sh gave exit status 7"):
        await run_command(["/bin/sh", "-c", "exit 7"])
    with pytest.raises(RemedyError, match="/no/such/program: No such file"):
        await run_command(["/no/such/program"])


async def test_arguments_are_no_shells_line(tmp_path: Path) -> None:
    await run_command(["touch", str(tmp_path / "a b; touch c")])
    assert (tmp_path / "a b; touch c").exists()
    assert not (tmp_path / "c").exists()


async def test_a_command_that_hangs_is_killed_with_all_that_it_started(tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    hanging = spawn(run_command(["/bin/sh", "-c", f"sleep 600 & echo $! > {pid_file}; wait"]), "hanging")
    await until(lambda: pid_file.exists() and pid_file.read_text(encoding="ascii"), "its child runs")
    await loop_turned()
    await cancel(hanging)
    child = int(pid_file.read_text(encoding="ascii"))

    def gone() -> bool:
        try:
            state = Path(f"/proc/{child}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0]
        except FileNotFoundError:
            return True
        return state == "Z"  # nobody waits for an orphan in a container without an init

    await until(gone, "its child is gone too")
    await until_reaped()


class Patient:
    """An output whose readings come as the test says, with first aid."""

    def __init__(self, life: Life, clock: ManualClock, folder: Path, remedy: Remedy, timeout_s: float = 60) -> None:
        self.clock = clock
        self.maintenance = folder / "maintenance"
        self.evidence = Evidence(life.spool, clock, {"main": Rules()})
        table = FirstAidTable(command=("x",), after_s=10, timeout_s=timeout_s, pause_s=60)
        self.changes = 0
        self.aid = FirstAid("main", table, remedy, self.evidence, clock, self.maintenance, self._changed)
        calls = Calls(lambda: None, lambda: None)
        panel, inquest = Panel({"push": 60_000}), Inquest(Looks())
        self.judge = Judge("main", panel, None, inquest, self.evidence, clock, calls, self.aid)
        self.life = life

    def _changed(self) -> None:
        self.changes += 1

    def see(self, reading: Reading) -> None:
        self.clock.advance(5000)
        self.judge.take("push", reading, Instant(self.clock.mono, self.clock.wall), 0)

    @property
    def detail(self) -> str | None:
        (opened,) = self.life.spool.open_runs
        return opened.run.detail


async def mended() -> str:
    return "restarted"


@pytest.fixture
def patient(life: Life, clock: ManualClock, tmp_path: Path) -> Patient:
    return Patient(life, clock, tmp_path, mended)


async def test_an_attempt_is_told_in_the_run_at_once_and_with_its_outcome(patient: Patient) -> None:
    for reading in (PLAYING, STOPPED, STOPPED):
        patient.see(reading)
    assert (patient.detail, patient.aid.attempts_total) == ("gone", 0)
    patient.see(STOPPED)
    await until(lambda: patient.detail == "gone [first aid 1: restarted]", "the outcome is told")
    assert patient.changes == 2  # begun, ended
    patient.see(STOPPED)
    assert patient.detail == "gone [first aid 1: restarted]"
    patient.see(PLAYING)
    await patient.life.spool.commit()
    closed = [kept.run for kept in patient.life.spool.sendable()]
    assert [(run.state, run.detail) for run in closed] == [
        ("playing", None),
        ("stopped", "gone [first aid 1: restarted]"),
    ]
    assert closed[1].end_mono_ms == patient.clock.mono  # until it played, no longer and no shorter
    assert patient.detail is None
    assert figures([patient.aid]) == {"first_aid_total": 1, "first_aid_failed_total": 0}


async def test_no_first_aid_during_maintenance_nor_for_what_is_off(patient: Patient) -> None:
    patient.maintenance.touch()
    for _ in range(5):
        patient.see(STOPPED)
    assert figures([patient.aid]) == {}
    patient.maintenance.unlink()
    for _ in range(20):
        patient.see(Reading("off", "schedule", "outside its hours"))
    assert patient.aid.attempts_total == 0


async def test_a_remedy_that_hangs_is_broken_off_and_told(life: Life, clock: ManualClock, tmp_path: Path) -> None:
    async def hangs() -> str:
        await asyncio.Event().wait()
        raise AssertionError

    patient = Patient(life, clock, tmp_path, hangs, timeout_s=1)
    for _ in range(4):
        patient.see(STOPPED)
    assert patient.detail == "gone"
    await until(lambda: "first aid 1: begun" in (patient.detail or ""), "it has begun")
    await until(lambda: patient.detail == "gone [first aid 1: broken off after 1 s]", "it is broken off")
    assert patient.aid.failed_total == 1


async def test_an_attempt_ends_with_the_agent(life: Life, clock: ManualClock, tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    code = f"import os, pathlib, time; pathlib.Path({str(pid_file)!r}).write_text(str(os.getpid())); time.sleep(600)"
    patient = Patient(life, clock, tmp_path, lambda: run_command([sys.executable, "-c", code]))
    for _ in range(4):
        patient.see(STOPPED)
    await until(lambda: pid_file.exists() and pid_file.read_text(encoding="ascii"), "the command runs")
    await loop_turned()
    await patient.aid.close()
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid_file.read_text(encoding="ascii")), 0)
    await until_reaped()


async def test_a_paused_mpv_plays_again_and_a_dead_one_is_said_to_be_dead(mpv: Mpv, clips: Path) -> None:
    probe = MpvProbe(MpvOptions(socket=str(mpv.socket), frozen_after_s=0.5), Around("main", SystemClock()))
    remedy = remedy_of(FirstAidTable(probe="mpv"), {"mpv": probe})
    mpv.play("--loop-playlist", "--pause", clips / "clip.mp4", clips / "short.mp4")
    assert (await probe.read()).state == "stopped"
    assert await remedy() == "mpv plays entry 0 again"

    async def plays() -> bool:
        return (await probe.read()).state == "playing"

    await until(plays, "mpv plays again")
    reader, writer = await asyncio.open_unix_connection(str(mpv.socket))
    writer.write(json.dumps({"command": ["stop"]}).encode() + b"\n")
    await reader.readline()
    writer.close()

    async def idles() -> bool:
        return (await probe.read()).state == "idle"

    await until(idles, "mpv has an empty playlist")
    assert await remedy() == "mpv loads its last file again"
    await until(plays, "mpv plays its last file")
    mpv.process.kill()
    with pytest.raises(RemedyError, match="mpv is not running"):
        await remedy()
    await probe.close()
