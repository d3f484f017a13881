"""The mpv probe: its table by example, and against a real mpv."""

from __future__ import annotations

import asyncio
import http.server
import json
import os
import signal
import socket
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from agent.probes.base import Around, Reading
from agent.probes.mpv import Movement, MpvOptions, MpvProbe, Sample, has_film, is_opening, judge, mpv_complaints
from agent.watch import Watch
from common.clock import ManualClock, SystemClock
from tests.agent.conftest import Mpv
from tests.fixtures.waiting import until

# --- the table --------------------------------------------------------------------------------------------------------


def sample(at_s: float = 0, **changes: object) -> Sample:
    quiet = Sample(
        at_ms=round(at_s * 1000),
        restarts=1,
        idle=False,
        pause=False,
        for_cache=False,
        ended=False,
        path="/films/a.mp4",
        time_pos=12.4,
        playlist_pos=0,
        moving=True,
        still=False,
        unseen=False,
        fps=25.0,
        network=False,
    )
    return quiet._replace(**changes)  # type: ignore[arg-type]


def judged(*samples: Sample, load_error: str | None = None, frozen_after_s: float = 2.0) -> Reading:
    movement = Movement(samples[0], samples[0].at_ms)
    for one in samples[1:]:
        movement = movement.after(one)
    return judge(movement, load_error, frozen_after_s)


def test_a_position_that_moves_on_is_playing() -> None:
    assert judged(sample(0), sample(5, time_pos=17.4)).state == "playing"


def test_a_loop_that_jumped_back_is_playing() -> None:
    assert judged(sample(0), sample(5, time_pos=0.2)).state == "playing"


def test_a_loop_seen_twice_at_the_very_same_place_is_playing() -> None:
    assert judged(sample(0), sample(5, restarts=2)).state == "playing"


def test_a_position_that_stands_is_frozen_and_says_where() -> None:
    assert judged(sample(0, time_pos=11.0), sample(5), sample(10)) == Reading(
        "frozen", None, "time-pos stood at 12.4 s"
    )


def test_a_slide_show_of_one_picture_in_ten_seconds_is_given_three_pictures_time() -> None:
    slides = {"fps": 0.1}
    moved = [sample(0, time_pos=0.0, **slides), sample(5, **slides)]
    assert judged(*moved, sample(10, **slides), sample(35, **slides)).state == "playing"
    assert judged(*moved, sample(36, **slides)).state == "frozen"


def test_movement_needs_two_looks() -> None:
    assert judged(sample(0)).state == "unknown"


def test_what_never_moved_is_frozen_after_patience() -> None:
    assert judged(sample(0), sample(1)).state == "unknown"
    assert judged(sample(0), sample(2.5)).state == "frozen"


def test_nothing_loaded_is_idle() -> None:
    assert judged(sample(idle=True, time_pos=None)).state == "idle"


def test_a_still_is_playing_although_nothing_moves() -> None:
    assert judged(sample(0, still=True), sample(60, still=True)).state == "playing"


def test_a_paused_still_is_stopped_and_a_held_one_is_not() -> None:
    assert judged(sample(still=True, pause=True)).state == "stopped"
    assert judged(sample(still=True, pause=True, ended=True)).state == "playing"


def test_a_film_that_holds_its_last_picture_is_stopped() -> None:
    assert judged(sample(pause=True, ended=True)).detail == "reached the end and holds the last frame"


def test_a_film_of_which_only_the_sound_plays_is_black() -> None:
    assert judged(sample(0, unseen=True), sample(5, time_pos=17.4, unseen=True)).state == "black"


@pytest.mark.parametrize(
    ("tracks", "known"),
    [
        ([{"type": "audio"}, {"type": "video", "image": False}], True),
        ([{"type": "audio"}, {"type": "video", "image": True, "albumart": True}], False),
        ([{"type": "audio"}], False),
        (None, False),
        ([3], False),
    ],
)
def test_a_film_among_the_tracks_is_known_and_a_records_cover_is_none(tracks: object, known: bool) -> None:
    assert has_film(tracks) is known


@pytest.mark.parametrize(
    ("changes", "opening"),
    [
        ({}, True),
        ({"pause": True}, False),
        ({"idle": True}, False),
        ({"for_cache": True}, False),
        ({"time_pos": 1.0}, False),
    ],
)
def test_between_two_files_mpv_is_opening_one(changes: dict[str, object], opening: bool) -> None:
    assert is_opening(sample(**{"time_pos": None, **changes})) is opening  # type: ignore[arg-type]


def test_a_pause_is_stopped() -> None:
    assert judged(sample(pause=True)) == Reading("stopped", None, "paused at 12.4 s")


@pytest.mark.parametrize(("network", "cause"), [(True, "connectivity"), (False, None)])
def test_waiting_for_data_is_the_links_fault_only_where_data_comes_over_the_link(
    network: bool, cause: str | None
) -> None:
    assert judged(sample(for_cache=True, network=network))[:2] == ("frozen", cause)
    assert judged(sample(time_pos=None, network=network))[:2] == ("frozen", cause)


def test_a_player_that_is_starting_is_still_stopped_unless_it_waits_for_the_network() -> None:
    assert judged(sample(restarts=0, time_pos=None)) == Reading("stopped", None, "is starting")
    assert judged(sample(restarts=0, time_pos=None, network=True))[:2] == ("frozen", "connectivity")


@pytest.mark.parametrize(
    ("load_error", "network", "cause"),
    [
        ("unrecognized file format", True, "content"),
        ("no audio or video data played", False, "content"),
        ("loading failed", True, "connectivity"),
        ("loading failed", False, None),
    ],
)
def test_a_file_that_does_not_play_is_an_error_with_its_cause(
    load_error: str, network: bool, cause: str | None
) -> None:
    expected = Reading("error", cause, load_error)  # type: ignore[arg-type]
    assert judged(sample(idle=True, network=network), load_error=load_error) == expected
    assert judged(sample(time_pos=None, network=network), load_error=load_error) == expected


def test_a_socket_path_that_no_socket_can_have_is_refused() -> None:
    assert [one.id for one in mpv_complaints(MpvOptions(socket="/run/" + "x" * 200))] == ["agent.mpv_socket"]
    assert list(mpv_complaints(MpvOptions(socket="/run/mpv.sock"))) == []


# --- a real mpv -------------------------------------------------------------------------------------------------------


@pytest.fixture
async def probe(mpv: Mpv) -> AsyncIterator[MpvProbe]:
    probe = MpvProbe(MpvOptions(socket=str(mpv.socket)), Around("main", SystemClock()))
    yield probe
    await probe.close()


@pytest.fixture
async def impatient(mpv: Mpv) -> AsyncIterator[MpvProbe]:
    """A probe to which every picture that may stand would soon be frozen, if it took it for a film."""
    probe = MpvProbe(MpvOptions(socket=str(mpv.socket), frozen_after_s=0.5), Around("main", SystemClock()))
    yield probe
    await probe.close()


async def reads(probe: MpvProbe, state: str) -> Reading:
    async def right() -> Reading | None:
        reading = await probe.read()
        return reading if reading.state == state else None

    found = await until(right, f"mpv is seen {state}")
    assert found is not None
    return found


async def stays(probe: MpvProbe, state: str, looks: int = 6) -> None:
    for _ in range(looks):
        await asyncio.sleep(0.25)
        assert (await probe.read()).state == state


async def command(mpv: Mpv, *words: object) -> None:
    reader, writer = await asyncio.open_unix_connection(str(mpv.socket))
    writer.write(json.dumps({"command": words, "request_id": 1}).encode() + b"\n")
    while b'"request_id":1' not in (line := await reader.readline()):
        assert line
    assert b'"success"' in line
    writer.close()


async def test_a_clip_in_a_loop_is_playing_through_every_jump_back(mpv: Mpv, probe: MpvProbe, clips: Path) -> None:
    mpv.play("--loop", clips / "short.mp4")
    await reads(probe, "playing")
    await stays(probe, "playing", looks=12)


async def test_every_jump_back_counts_as_movement_wherever_it_is_looked_at(
    mpv: Mpv, probe: MpvProbe, clips: Path
) -> None:
    mpv.play("--loop", clips / "short.mp4")
    await reads(probe, "playing")
    before = probe._restarts
    await until(lambda: probe._restarts >= before + 2, "mpv tells of two jumps back")


async def test_a_playlist_of_short_clips_is_playing(mpv: Mpv, probe: MpvProbe, clips: Path) -> None:
    mpv.play("--loop-playlist", clips / "short.mp4", clips / "clip.mp4")
    await reads(probe, "playing")
    assert {(await probe.read()).state for _ in range(8)} == {"playing"}


async def test_a_generated_stream_without_a_length_is_playing(mpv: Mpv, probe: MpvProbe) -> None:
    mpv.play("av://lavfi:testsrc=s=64x64:r=10")
    await reads(probe, "playing")
    await stays(probe, "playing")


async def test_a_still_that_stands_for_ever_is_playing(mpv: Mpv, impatient: MpvProbe, clips: Path) -> None:
    mpv.play("--image-display-duration=inf", clips / "still.png")
    await reads(impatient, "playing")
    await stays(impatient, "playing")


async def test_a_still_that_is_held_at_the_end_is_playing(mpv: Mpv, impatient: MpvProbe, clips: Path) -> None:
    mpv.play("--keep-open=yes", "--image-display-duration=0.2", clips / "still.png")
    await reads(impatient, "playing")
    await stays(impatient, "playing")


async def test_a_film_of_one_picture_in_two_seconds_is_playing(mpv: Mpv, impatient: MpvProbe, clips: Path) -> None:
    mpv.play("--loop", clips / "slow.mp4")
    await reads(impatient, "playing")
    await stays(impatient, "playing", looks=10)


async def test_a_film_that_ended_and_holds_its_last_picture_is_stopped(mpv: Mpv, probe: MpvProbe, clips: Path) -> None:
    mpv.play("--keep-open=yes", clips / "short.mp4")
    await reads(probe, "playing")
    assert (await reads(probe, "stopped")).detail == "reached the end and holds the last frame"


async def test_a_film_without_its_picture_is_black_and_sound_that_never_had_one_is_playing(
    mpv: Mpv, probe: MpvProbe, clips: Path
) -> None:
    mpv.play("--loop", "--vid=no", clips / "sound.mp4")
    assert "plays sound only" in ((await reads(probe, "black")).detail or "")
    await command(mpv, "set_property", "vid", 1)
    await reads(probe, "playing")
    mpv.play("--loop", clips / "sound.mp3")
    await reads(probe, "playing")


async def test_mpv_with_nothing_to_play_is_idle(mpv: Mpv, probe: MpvProbe) -> None:
    mpv.play()
    await reads(probe, "idle")


async def test_a_missing_file_is_an_error(mpv: Mpv, probe: MpvProbe, clips: Path) -> None:
    mpv.play("--loop", clips / "clip.mp4")
    await reads(probe, "playing")
    await command(mpv, "loadfile", str(clips / "nowhere.mp4"))
    assert await reads(probe, "error") == Reading("error", None, "loading failed")
    await command(mpv, "loadfile", str(clips / "clip.mp4"))
    await reads(probe, "playing")


async def test_a_file_that_is_no_film_is_the_contents_fault(mpv: Mpv, probe: MpvProbe, clips: Path) -> None:
    mpv.play()
    await reads(probe, "idle")
    await command(mpv, "loadfile", str(clips / "broken.mp4"))
    assert await reads(probe, "error") == Reading("error", "content", "unrecognized file format")


async def test_a_pause_and_its_end_are_seen(mpv: Mpv, probe: MpvProbe, clips: Path) -> None:
    mpv.play("--loop", clips / "clip.mp4")
    await reads(probe, "playing")
    await command(mpv, "set_property", "pause", True)
    assert (await reads(probe, "stopped")).detail is not None
    await command(mpv, "set_property", "pause", False)
    await reads(probe, "playing")


async def test_a_killed_mpv_is_stopped_and_a_new_one_is_found(mpv: Mpv, probe: MpvProbe, clips: Path) -> None:
    mpv.play("--loop", clips / "clip.mp4")
    await reads(probe, "playing")
    mpv.process.kill()
    assert (await reads(probe, "stopped")).cause is None
    assert "nobody listens" in ((await probe.read()).detail or "")
    mpv.play("--loop", clips / "clip.mp4")
    await reads(probe, "playing")


async def test_mpv_that_was_never_started_is_stopped(mpv: Mpv, probe: MpvProbe) -> None:
    assert (await probe.read()).state == "stopped"


async def test_a_socket_that_a_dead_mpv_left_behind_is_stopped(mpv: Mpv, probe: MpvProbe) -> None:
    mpv.play().process.kill()
    assert mpv.socket.exists()
    assert (await probe.read()).state == "stopped"


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to become somebody who may not")
async def test_a_socket_that_we_may_not_open_says_nothing_about_playback(mpv: Mpv, probe: MpvProbe) -> None:
    mpv.play()
    mpv.socket.parent.chmod(0o700)
    os.seteuid(65_534)
    try:
        reading = await probe.read()
    finally:
        os.seteuid(0)
    assert (reading.state, "Permission denied" in (reading.detail or "")) == ("unknown", True)


def watching(probe: MpvProbe, timeout_s: float = 1) -> Watch:
    return Watch("main", probe, 5, timeout_s, SystemClock(), lambda *_: None, asyncio.Event())


async def test_a_hung_mpv_is_frozen_however_long_it_hangs_and_playing_when_it_goes_on(
    mpv: Mpv, probe: MpvProbe, clips: Path
) -> None:
    mpv.play("--loop", clips / "clip.mp4")
    await reads(probe, "playing")
    watch = watching(probe)
    mpv.process.freeze()
    for _ in range(4):
        assert await watch.ask() == MpvProbe.silence
    assert probe._ipc is not None
    assert len(probe._ipc._asked) <= 20  # one batch of questions, not one more each time
    mpv.process.send(signal.SIGCONT)
    await watch.ask()  # until the questions of before are answered
    await reads(probe, "playing")


async def test_an_agent_that_starts_beside_a_hung_mpv_sees_it_frozen(mpv: Mpv, probe: MpvProbe, clips: Path) -> None:
    mpv.play("--loop", clips / "clip.mp4")
    mpv.process.freeze()
    assert await watching(probe).ask() == MpvProbe.silence
    mpv.process.send(signal.SIGCONT)


async def test_a_hung_mpv_whose_backlog_is_full_is_frozen_too(mpv: Mpv, probe: MpvProbe) -> None:
    mpv.play()
    mpv.process.freeze()
    others = []
    try:
        while True:
            other = socket.socket(socket.AF_UNIX)
            others.append(other)
            other.setblocking(False)
            other.connect(str(mpv.socket))
    except BlockingIOError:
        reading = await probe.read()
    finally:
        for other in others:
            other.close()
    assert reading == Reading("frozen", None, "mpv accepts no more connections")


async def test_somebody_else_on_the_socket_is_not_believed(short_folder: Path) -> None:
    async def babble(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 smtp ready\r\n")
        await writer.drain()
        writer.close()

    path = str(short_folder / "x.sock")
    server = await asyncio.start_unix_server(babble, path)
    probe = MpvProbe(MpvOptions(socket=path), Around("main", ManualClock()))
    assert (await probe.read()).state == "unknown"
    await probe.close()
    server.close()


async def test_a_change_wakes_whoever_waits_for_the_next_reading(mpv: Mpv, clips: Path) -> None:
    woken = asyncio.Event()
    probe = MpvProbe(MpvOptions(socket=str(mpv.socket)), Around("main", SystemClock(), wake=woken.set))
    mpv.play("--loop", clips / "clip.mp4")
    await reads(probe, "playing")
    woken.clear()
    await command(mpv, "set_property", "pause", True)
    await until(woken.is_set, "a pause wakes")
    woken.clear()
    mpv.process.kill()
    await until(woken.is_set, "a death wakes")
    await probe.close()


# --- over the network -------------------------------------------------------------------------------------------------


@pytest.fixture
def stalling_server(clips: Path) -> Iterator[str]:
    """A server of a stream that stops coming after half of the film."""
    go_on = threading.Event()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            film = (clips / "stream.ts").read_bytes()
            self.send_response(200)
            self.end_headers()
            self.wfile.write(film[: len(film) // 2])
            self.wfile.flush()
            go_on.wait()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}/stream.ts"
    go_on.set()
    server.shutdown()
    server.server_close()
    thread.join()


async def test_a_stream_that_stops_coming_is_frozen_by_the_link(
    mpv: Mpv, probe: MpvProbe, stalling_server: str
) -> None:
    mpv.play("--speed=20", stalling_server)

    async def waits_for_data() -> Reading | None:
        reading = await probe.read()
        return reading if (reading.detail or "").startswith("waits for data at") else None

    reading = await until(waits_for_data, "mpv waits for data")
    assert reading is not None
    assert (reading.state, reading.cause) == ("frozen", "connectivity")
