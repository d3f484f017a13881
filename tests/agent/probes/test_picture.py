"""The picture probe: its table by example, and against real screens with a real player on them."""

from __future__ import annotations

import asyncio
from pathlib import Path

import psutil
import pytest

from agent.command import ask_program
from agent.probes.base import Around, Expectation, Reading
from agent.probes.mpv import MpvOptions, MpvProbe
from agent.probes.picture import Look, PictureOptions, PictureProbe, Standing, judge, picture_complaints
from agent.probes.picture_grab import CELLS, COLUMNS, Grabber, GrabError, Region, parse_region, shrink
from agent.watch import Watch
from common.clock import ManualClock, SystemClock
from tests.agent.conftest import WriteConfig
from tests.agent.screens import Screen, start_screen, wayland_player
from tests.fixtures.mosquitto import Mosquitto
from tests.fixtures.processes import Processes
from tests.fixtures.waiting import LOOPBACK, free_port, until, until_reaped, wait_until

MOVING = "av://lavfi:testsrc2=s=320x180:r=10"
BLACK = "av://lavfi:color=black:s=320x180:r=10"
FROZEN = "av://lavfi:smptebars=s=320x180:r=10"  # a film that shows the same picture all the time


# --- what the pictures mean -------------------------------------------------------------------------------------------

GREY, WHITE, NIGHT = bytes([100]) * CELLS, bytes([255]) * CELLS, bytes([16]) * CELLS


def spotted(base: bytes, cells: int, value: int) -> bytes:
    return bytes([value]) * cells + base[cells:]


def standing(*pictures: bytes, every_s: float = 60) -> Standing:
    """As many looks as pictures; within each look the picture stood."""
    looks = [Look.of(round(place * every_s * 1000), picture, picture) for place, picture in enumerate(pictures)]
    result = Standing.beginning(looks[0])
    for look in looks[1:]:
        result = result.after(look)
    return result


def judged(stands: Standing, moving: bool | None) -> Reading:
    return judge(stands, moving, 0.98, 30)


def test_a_dark_screen_is_black_whatever_is_meant_to_move() -> None:
    for moving in (True, False, None):
        assert judged(standing(NIGHT), moving) == Reading("black", None, "100.0% of the picture is black")


@pytest.mark.parametrize(("lit", "state"), [(0, "black"), (46, "black"), (47, "playing")])
def test_a_few_lit_cells_are_still_a_black_screen(lit: int, state: str) -> None:
    assert judged(standing(spotted(NIGHT, lit, 255)), False).state == state


def test_one_bright_picture_of_the_two_is_enough_against_black() -> None:
    assert judged(Standing.beginning(Look.of(0, NIGHT, GREY)), None).state == "playing"


def test_movement_within_a_look_is_playing_at_once() -> None:
    moves = Standing.beginning(Look.of(0, GREY, WHITE))
    assert judged(moves, True) == Reading("playing", None, "100.0% of the picture changed")


def test_movement_between_two_looks_is_playing_even_if_each_of_them_stood() -> None:
    assert judged(standing(GREY, WHITE), None).state == "playing"


def test_a_film_that_is_looped_within_the_interval_is_not_frozen() -> None:
    loop = Standing.beginning(Look.of(0, GREY, WHITE)).after(Look.of(60_000, GREY, WHITE))
    assert judged(loop, True).state == "playing"


def test_a_picture_that_stands_is_judged_by_what_it_is_meant_to_do() -> None:
    stands = standing(GREY, GREY)
    assert judged(stands, True) == Reading("frozen", None, "the picture has stood for 60 s and is meant to move")
    assert judged(stands, False) == Reading("playing", None, "the picture stands, as it is meant to")
    assert judged(stands, None).state == "unknown"


def test_a_picture_that_has_not_stood_long_enough_is_not_judged() -> None:
    assert judged(standing(GREY), True).state == "unknown"
    assert judged(standing(GREY, GREY, every_s=29), True).state == "unknown"
    assert judged(standing(GREY, GREY, every_s=30), True).state == "frozen"
    assert judged(standing(GREY, GREY, WHITE, WHITE, every_s=20), True).state == "unknown"


@pytest.mark.parametrize(("cells", "state"), [(2, "frozen"), (3, "playing")])
def test_a_blinking_cursor_is_no_film(cells: int, state: str) -> None:
    assert judged(standing(GREY, spotted(GREY, cells, 255)), True).state == state


def test_noise_is_no_film() -> None:
    assert judged(standing(GREY, bytes([102]) * CELLS), True).state == "frozen"
    assert judged(standing(GREY, bytes([103]) * CELLS), True).state == "playing"


# --- small things -----------------------------------------------------------------------------------------------------


def test_a_region_is_written_as_xrandr_writes_it() -> None:
    assert parse_region("1920x1080+1920+0") == Region(1920, 1080, 1920, 0)
    for wrong in ("", "1920x1080", "0,0 1x1", "1x1+-5+0"):
        assert parse_region(wrong) is None


@pytest.mark.parametrize(
    ("options", "findings"),
    [
        (PictureOptions(), []),
        (PictureOptions(region="1x1+0+0"), []),
        (PictureOptions(region="all"), ["agent.picture_region"]),
        (PictureOptions(source="kms", region="1x1+0+0"), ["agent.picture_region"]),
    ],
)
def test_a_table_that_cannot_be_followed_is_refused(options: PictureOptions, findings: list[str]) -> None:
    assert [one.id for one in picture_complaints(options)] == findings


def test_a_picture_of_any_size_becomes_the_same_grid() -> None:
    for width, height in ((96, 54), (27, 48), (1, 1), (640, 360)):
        grid = shrink(b"P6\n%d %d\n255\n" % (width, height) + bytes([200]) * (3 * width * height))
        assert grid == bytes([200]) * CELLS
    halves = shrink(b"P6 2 1 255\n" + bytes([0, 0, 0, 255, 255, 255]))
    assert halves[:COLUMNS] == bytes(COLUMNS // 2) + bytes([255]) * (COLUMNS // 2)


@pytest.mark.parametrize("picture", [b"", b"P5\n1 1\n255\n0", b"P6\n2 2\n255\n012", b"P6\n0 0\n255\n"])
def test_what_is_no_picture_is_refused(picture: bytes) -> None:
    with pytest.raises(GrabError):
        shrink(picture)


def probe_of(display: str, around: Around | None = None, **options: object) -> PictureProbe:
    table = PictureOptions(display=display, **options)  # type: ignore[arg-type]
    return PictureProbe(table, around or Around("main", SystemClock()))


async def test_a_screen_that_is_not_there_is_unknown_with_the_reason() -> None:
    reading = await probe_of(":59999").read()
    assert reading == Reading("unknown", None, "cannot look at :59999: Cannot open display :59999, error 1.")


@pytest.mark.parametrize(("source", "program"), [("x11", "ffmpeg"), ("kms", "ffmpeg"), ("wayland", "grim")])
async def test_a_missing_program_is_unknown_with_the_remedy(
    source: str, program: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    reading = await probe_of("d", source=source).read()
    assert reading == Reading("unknown", None, f"cannot look at d: {program} is not installed: apt install {program}")


async def test_a_machine_without_kms_is_unknown_with_the_reason() -> None:
    reading = await probe_of("/dev/dri/nosuchcard", source="kms").read()
    assert reading.state == "unknown"
    assert "Failed to open DRM device" in (reading.detail or "")


@pytest.mark.parametrize(("source", "display"), [("x11", ":0"), ("kms", "/dev/dri/card0"), ("wayland", "wayland-0")])
def test_the_usual_screen_is_looked_at_where_none_is_named(
    source: str, display: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    assert Grabber(PictureOptions(source=source)).screen == display  # type: ignore[arg-type]


# --- real screens -----------------------------------------------------------------------------------------------------


@pytest.fixture
def screen(processes: Processes) -> Screen:
    return start_screen(processes, "640x360")


async def reads(probe: PictureProbe, state: str) -> Reading:
    async def right() -> Reading | None:
        reading = await probe.read()
        return reading if reading.state == state else None

    found = await until(right, f"the picture is seen {state}")
    assert found is not None
    return found


@pytest.mark.system
async def test_black_frozen_and_moving_films_are_told_apart_on_a_real_screen(screen: Screen) -> None:
    probe = probe_of(screen.display, moving="always", frozen_after_s=1)
    assert (await probe.read()).state == "black"  # an X server without anything on it
    screen.play(MOVING)
    await reads(probe, "playing")
    screen.play(FROZEN)
    assert "is meant to move" in ((await reads(probe, "frozen")).detail or "")
    nobody_says = probe_of(screen.display)
    assert (await nobody_says.read()).state == "unknown"
    assert (await probe_of(screen.display, moving="never").read()).state == "playing"
    screen.play(BLACK)
    await reads(probe, "black")
    screen.server.kill()
    assert (await probe.read()).state == "unknown"


@pytest.mark.system
async def test_the_player_itself_says_whether_the_picture_is_meant_to_move(
    screen: Screen, short_folder: Path, clips: Path
) -> None:
    socket = short_folder / "mpv.sock"
    around = Around("main", SystemClock(), expectation=Expectation())
    player = MpvProbe(MpvOptions(str(socket)), around)
    picture = probe_of(screen.display, around, frozen_after_s=1)

    async def both(player_says: str, picture_says: str) -> None:
        async def right() -> bool:
            said = (await player.read()).state
            return (said, (await picture.read()).state) == (player_says, picture_says)

        await until(right, f"the player says {player_says} and the picture {picture_says}")

    try:
        screen.play(FROZEN, f"--input-ipc-server={socket}")
        await both("playing", "frozen")
        screen.play(clips / "still.png", f"--input-ipc-server={socket}")
        await both("playing", "playing")
        screen.play(clips / "still.png", f"--input-ipc-server={socket}", "--pause")
        await both("stopped", "unknown")  # why the picture stands is the player's to say
    finally:
        await player.close()


@pytest.mark.system
async def test_an_upright_screen_of_another_size_is_looked_at_in_parts(processes: Processes) -> None:
    screen = start_screen(processes, "360x640")
    screen.play(MOVING, "--video-rotate=90", "--autofit=360x320", "--geometry=360x320+0+0", "--no-fs")
    await reads(probe_of(screen.display), "playing")
    await reads(probe_of(screen.display, region="360x300+0+0"), "playing")
    await reads(probe_of(screen.display, region="360x300+0+340"), "black")
    reading = await probe_of(screen.display, region="4000x4000+0+0").read()
    assert reading.state == "unknown"
    assert "outside the screen size 360x640" in (reading.detail or "")


@pytest.mark.system
async def test_a_screen_that_hangs_leaves_no_program_behind(screen: Screen) -> None:
    screen.server.freeze()
    watch = Watch("main", probe_of(screen.display), 60, 1, ManualClock(), lambda *_: None, asyncio.Event())
    assert await watch.ask() == PictureProbe.silence
    await watch.close()
    await until(
        lambda: not any(child.name() == "ffmpeg" for child in psutil.Process().children()), "the program is gone"
    )
    await until_reaped()


@pytest.mark.system
async def test_a_thumbnail_is_kept_only_where_the_owner_wants_one(
    screen: Screen, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "seen"
    folder.mkdir()
    screen.play(MOVING)
    await reads(probe_of(screen.display), "playing")
    assert list(folder.iterdir()) == []
    file = folder / "main.jpg"
    await probe_of(screen.display, thumbnail=str(file)).read()
    ffprobe = ("ffprobe", "-v", "error", "-show_entries", "stream=codec_name,width", "-of", "csv=p=0")
    assert (await ask_program(*ffprobe, str(file))).out.strip() == "mjpeg,320"
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.stat().st_size < 32 * 1024
    assert [one.name for one in folder.iterdir()] == ["main.jpg"]
    capfd.readouterr()
    assert (await probe_of(screen.display, thumbnail=str(tmp_path / "missing" / "main.jpg")).read()).state == "playing"
    assert "thumbnail_failed" in "".join(capfd.readouterr())


@pytest.mark.system
async def test_a_wayland_screen_is_looked_at_through_grim(processes: Processes, tmp_path: Path) -> None:
    with wayland_player(processes, MOVING) as socket:
        await reads(probe_of(socket, source="wayland"), "playing")
        thumbnail = tmp_path / "seen.png"
        await probe_of(socket, source="wayland", region="640x360+0+0", thumbnail=str(thumbnail)).read()
        assert thumbnail.read_bytes().startswith(b"\x89PNG")


@pytest.mark.system
def test_an_agent_believes_a_black_screen_on_the_second_look_although_the_player_plays(
    screen: Screen, processes: Processes, write_config: WriteConfig, mosquitto: Mosquitto, short_folder: Path
) -> None:
    socket = short_folder / "mpv.sock"
    screen.play(BLACK, f"--input-ipc-server={socket}")
    wait_until(socket.exists, "the player opens its socket")
    config = write_config(
        f"""
        tenant = "acme"
        device = "p1"
        [mqtt]
        host = "127.0.0.1"
        port = {mosquitto.port}
        [spool]
        dir = "spool"
        [health]
        listen = "{LOOPBACK}:{free_port()}"
        [[outputs]]
        id = "main"
        probe = ["mpv", "picture"]
        interval_s = 1
        mpv.socket = "{socket}"
        picture.display = "{screen.display}"
        picture.interval_s = 1
        """
    )
    agent = processes.signwatch("agent", "run", "--config", config, name="agent")
    agent.wait_for_output('"detail": "picture: 100.0% of the picture is black (mpv: playing)"')
    assert agent.output().index('"state": "playing"') < agent.output().index('"state": "black"')
    screen.play(MOVING, f"--input-ipc-server={socket}")
    wait_until(lambda: agent.output().count('"state": "playing"') >= 2, "the agent sees it play again")
