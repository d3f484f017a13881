"""Every cell of the table in verdicts.py, against the real players, and the page that shows it."""

from __future__ import annotations

import asyncio
import signal
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.agent.probes.stage import Stage
from tests.agent.probes.verdicts import PLAYERS, PLAYING, TABLE, Verdict, page
from tests.fixtures.processes import ROOT, Processes
from tests.fixtures.waiting import WaitedTooLongError, accepts, until, wait_until

HOLDS_S: Final = 3.0  # a healthy player has to be seen so for that long: more than two of the agent's readings
Do = Callable[[Stage], Awaitable[object]]


def shows(name: str, page_name: str = "", kind: str = "mp4") -> Do:
    """The same film, or the same fault, in all three."""

    async def do(stage: Stage) -> None:
        file = f"{name}.{kind}"
        await asyncio.gather(stage.mpv.show(file), stage.vlc.show(file), stage.chromium.show(page_name or name))

    return do


async def pause(stage: Stage) -> None:
    await asyncio.gather(stage.mpv.pause(), stage.vlc.pause(), stage.chromium.run("v.pause()"))


async def end(stage: Stage) -> None:
    await asyncio.gather(stage.mpv.end(), stage.vlc.end(), stage.chromium.show("ended"))


async def empty(stage: Stage) -> None:
    await asyncio.gather(stage.mpv.empty(), stage.vlc.empty(), stage.chromium.show("about:blank"))


async def throw(stage: Stage) -> None:
    await stage.chromium.show("throws")


async def hang_page(stage: Stage) -> None:
    await stage.chromium.run("for (;;) {}")


async def crash(stage: Stage) -> None:
    await asyncio.to_thread(stage.chromium.crash)


async def hang(stage: Stage) -> None:
    for process in stage.processes.values():
        await asyncio.to_thread(process.freeze)


async def kill(stage: Stage) -> None:
    for process in stage.processes.values():
        await asyncio.to_thread(process.kill)


DO: Final[dict[str, Do]] = {
    "playing": shows("clip"),
    "looping clip of a second": shows("short"),
    "still image": shows("still", kind="png"),
    "paused": pause,
    "ended, not looped": end,
    "nothing to play": empty,
    "missing file": shows("nowhere"),
    "unreadable file": shows("broken"),
    "black clip": shows("black"),
    "frozen clip": shows("same"),
    "page that throws": throw,
    "page that hangs in a loop": hang_page,
    "crashed tab": crash,
    "hung (SIGSTOP)": hang,
    "killed": kill,
}


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    runner = Processes(tmp_path_factory.mktemp("stage"))
    with tempfile.TemporaryDirectory(prefix="stage-", ignore_cleanup_errors=True) as films:
        Path(films).chmod(0o755)  # VLC's user has to reach them
        yield Stage(runner, Path(films))
        runner.end()


async def judged(stage: Stage, expected: dict[str, Verdict], what: str) -> None:
    """Wait until the agent says so of all of them."""

    async def right() -> bool:
        said = await stage.said()
        return all(said.get(name) is not None and said[name][:2] == verdict for name, verdict in expected.items())

    try:
        await until(right, what)
    except WaitedTooLongError as error:
        raise AssertionError(f"{what}: {await stage.said()}, expected {expected}") from error


async def before(stage: Stage, kind: str) -> None:
    """All play, unless the row brings its own film."""
    if kind in {"paused", "page that hangs in a loop", "crashed tab", "hung (SIGSTOP)", "killed"}:
        await DO["playing"](stage)
        await until(stage.vlc.shows, "VLC shows its film")
        await judged(stage, TABLE["playing"], "all three play again")  # type: ignore[arg-type]


async def after(stage: Stage, kind: str) -> None:
    """A page that hangs takes its browser's connection with it; what stands is let go on."""
    if kind == "page that hangs in a loop":
        await asyncio.to_thread(stage.chromium.process.restart)
        await asyncio.to_thread(wait_until, lambda: accepts(stage.chromium.port), "Chromium opens its port again")
    if kind == "hung (SIGSTOP)":
        for process in stage.processes.values():
            process.send(signal.SIGCONT)


@pytest.mark.system
@pytest.mark.parametrize("kind", TABLE)
async def test_a_player_is_judged_as_the_table_says(stage: Stage, kind: str) -> None:
    await before(stage, kind)
    await DO[kind](stage)
    await judged(stage, TABLE[kind], kind)  # type: ignore[arg-type]
    healthy = {name for name, verdict in TABLE[kind].items() if verdict == PLAYING}
    for _ in range(round(HOLDS_S / 0.5) if healthy else 0):
        await asyncio.sleep(0.5)
        assert {
            name: one for name, one in (await stage.said()).items() if name in healthy and one.state != "playing"
        } == {}
    await after(stage, kind)


def test_the_page_shows_the_table() -> None:
    assert page() in Path(ROOT / "docs/probes/README.md").read_text(encoding="utf-8")


def test_every_row_can_be_brought_about_and_names_known_players() -> None:
    assert list(DO) == list(TABLE)
    assert {name for row in TABLE.values() for name in row} == set(PLAYERS)
