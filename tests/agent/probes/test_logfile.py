"""The logfile probe, against real files that grow, stand, rotate, shrink and vanish."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import ClassVar

import pytest

from agent.probes.base import Around, Reading
from agent.probes.logfile import READ_BYTES, LogfileOptions, LogfileProbe, logfile_complaints
from common.clock import ManualClock


class Log:
    """A log, and a probe that looks at it on a clock that is turned by hand."""

    made: ClassVar[list[Log]] = []

    def __init__(self, folder: Path, **options: object) -> None:
        self.file = folder / "player.log"
        table = {"path": str(self.file), "silent_after_s": 60, **options}
        self.clock = ManualClock()
        self.probe = LogfileProbe(LogfileOptions(**table), Around("main", self.clock))  # type: ignore[arg-type]
        self.made.append(self)

    def write(self, text: str, file: Path | None = None) -> None:
        """Add lines."""
        with (file or self.file).open("a", encoding="utf-8") as log:
            log.write(text)

    async def after(self, seconds: float) -> Reading:
        """Look after so long."""
        self.clock.advance(round(seconds * 1000))
        return await self.probe.read()

    async def state(self, seconds: float = 5) -> str:
        """The state after so long."""
        return (await self.after(seconds)).state


@pytest.fixture(autouse=True)
async def _closing() -> AsyncIterator[None]:
    yield
    for log in Log.made:
        await log.probe.close()
    Log.made.clear()


async def begun(tmp_path: Path, **options: object) -> Log:
    log = Log(tmp_path, **options)
    log.write("started\n")
    mtime_ms = log.clock.wall
    os.utime(log.file, ns=(mtime_ms * 1_000_000, mtime_ms * 1_000_000))
    assert await log.state() == "unknown"  # nothing has been seen to be written yet
    return log


async def test_a_file_that_grows_is_playing_until_it_has_been_silent_for_too_long(tmp_path: Path) -> None:
    log = await begun(tmp_path)
    log.write("clip 1\n")
    assert await log.after(5) == Reading("playing")
    assert await log.state(60) == "playing"
    assert await log.after(1) == Reading("frozen", None, "no line was written for 61 s")
    log.write("clip 2\n")
    assert await log.state() == "playing"


async def test_a_file_that_was_not_written_for_long_is_frozen_at_the_first_look(tmp_path: Path) -> None:
    log = Log(tmp_path)
    log.write("yesterday\n")
    os.utime(log.file, (log.clock.wall / 1000 - 86_400,) * 2)
    assert await log.state() == "frozen"


async def test_a_clock_that_is_not_synchronised_condemns_nothing_at_the_first_look(tmp_path: Path) -> None:
    log = Log(tmp_path)
    log.clock.is_synced = False
    log.write("yesterday\n")
    os.utime(log.file, (log.clock.wall / 1000 - 86_400,) * 2)
    assert await log.state() == "unknown"
    assert await log.state(61) == "frozen"


async def test_a_file_that_is_rotated_goes_on_and_its_last_lines_count(tmp_path: Path) -> None:
    log = await begun(tmp_path, pattern="clip")
    log.write("clip 1\n")
    old = log.file.rename(tmp_path / "player.log.1")
    log.write("clip 2\n", old)  # a program that still holds the old file
    log.file.touch()
    assert await log.state() == "playing"
    assert await log.state(61) == "frozen"
    log.write("clip 3\n")
    assert await log.state() == "playing"


async def test_a_file_that_logrotate_copies_and_empties_is_followed_and_emptying_is_no_growth(tmp_path: Path) -> None:
    log = await begun(tmp_path)
    log.write("clip 1\nclip 2\n")
    assert await log.state() == "playing"
    os.truncate(log.file, 0)
    assert await log.state(61) == "frozen"
    log.write("clip 3\n")
    assert await log.state() == "playing"


async def test_of_dated_files_the_newest_counts(tmp_path: Path) -> None:
    log = Log(tmp_path, path=str(tmp_path / "pop-*.csv"))
    first, second = tmp_path / "pop-01.csv", tmp_path / "pop-02.csv"
    log.write("a\n", first)
    assert await log.state() in {"unknown", "frozen"}
    log.write("b\n", second)
    later_ns = first.stat().st_mtime_ns + 1_000_000_000
    os.utime(second, ns=(later_ns, later_ns))
    assert await log.state() == "playing"


async def test_only_lines_that_fit_count_and_a_line_without_its_end_is_none_yet(tmp_path: Path) -> None:
    log = await begun(tmp_path, pattern=r"PLAY \d+")
    log.write("heartbeat\nPLA")
    assert await log.state() == "unknown"
    log.write("Y 17")
    assert await log.state() == "unknown"
    log.write("\n")
    assert await log.state() == "playing"
    log.write("heartbeat\n")
    assert await log.after(61) == Reading("frozen", None, "no such line was written for 61 s")


async def test_a_line_that_must_not_appear_is_an_error_for_a_while(tmp_path: Path) -> None:
    log = await begun(tmp_path, error_pattern="(?i)cannot decode", error_hold_s=20)
    log.write("x\nCannot decode clip.mp4\x1b[2J\ny\n")
    assert await log.after(5) == Reading("error", None, "the log says: Cannot decode clip.mp4 [2J")
    assert await log.state(20) == "error"
    log.write("z\n")
    assert await log.state(1) == "playing"


async def test_a_file_that_grew_by_more_than_is_read_is_looked_at_from_its_end(tmp_path: Path) -> None:
    log = await begun(tmp_path, pattern="PLAY")
    log.write("x" * 50 + "\n" + "noise\n" * (READ_BYTES // 5) + "PLAY 1\n")
    assert await log.state() == "playing"


async def test_a_file_that_is_not_there_says_nothing_about_playback_and_may_come_back(tmp_path: Path) -> None:
    log = Log(tmp_path)
    assert (await log.after(0)) == Reading("unknown", None, f"there is no file {log.file}")
    log = await begun(tmp_path)
    log.write("clip\n")
    assert await log.state() == "playing"
    log.file.unlink()
    assert await log.state() == "unknown"
    log.write("clip\n")
    assert await log.state() == "playing"


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to become somebody who may not")
async def test_a_file_that_may_not_be_read_says_nothing_about_playback(tmp_path: Path) -> None:
    log = Log(tmp_path)
    log.write("x\n")
    log.file.chmod(0o600)
    os.seteuid(65_534)
    try:
        reading = await log.after(0)
    finally:
        os.seteuid(0)
    assert (reading.state, "Permission denied" in (reading.detail or "")) == ("unknown", True)


async def test_what_is_no_file_is_not_waited_for(tmp_path: Path) -> None:
    log = Log(tmp_path)
    os.mkfifo(log.file)
    reading = await log.after(0)
    assert (reading.state, "it is no regular file" in (reading.detail or "")) == ("unknown", True)


def test_a_pattern_that_is_none_is_refused() -> None:
    options = LogfileOptions(path="x", pattern="(", error_pattern="ok")
    assert [(one.id, one.key) for one in logfile_complaints(options)] == [("agent.logfile_pattern", "pattern")]
