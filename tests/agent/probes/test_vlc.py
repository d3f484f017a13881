"""The VLC probe: its table by example, and against a real VLC."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from agent.probes.base import Around, Reading
from agent.probes.vlc import Movement, VlcOptions, VlcProbe, judge, vlc_complaints
from agent.probes.vlc_status import NotVlcError, Sample, Stock, read_playlist, read_status
from agent.watch import Watch
from common.clock import ManualClock, SystemClock
from tests.agent.probes.conftest import Vlc
from tests.fixtures.receiver import Answer, Receiver
from tests.fixtures.scripted import Script, babble, say_nothing, serving
from tests.fixtures.waiting import LOOPBACK, free_port, until

# --- the table --------------------------------------------------------------------------------------------------------


def sample(at_s: float = 0, **changes: object) -> Sample:
    quiet = Sample(
        at_ms=round(at_s * 1000),
        state="playing",
        item=3,
        time_s=12,
        position=0.4,
        displayed=100,
        lost=0,
        sound=0,
        has_video=True,
        is_film=True,
        fps=25.0,
    )
    return quiet._replace(**changes)  # type: ignore[arg-type]


def judged(*samples: Sample, stock: Stock | None = None, frozen_after_s: float = 3.0) -> Reading:
    movement = Movement(samples[0], samples[0].at_ms)
    for one in samples[1:]:
        movement = movement.after(one)
    return judge(movement, stock, frozen_after_s)


def test_pictures_that_reach_the_display_are_playing() -> None:
    assert judged(sample(0), sample(5, displayed=225)) == Reading("playing")


def test_counters_that_begin_anew_with_a_loop_are_playing() -> None:
    assert judged(sample(0), sample(5, displayed=3, lost=0)) == Reading("playing")


def test_a_picture_that_stands_is_frozen_although_the_sound_goes_on() -> None:
    reading = judged(sample(0, displayed=99), sample(1), sample(5, position=0.9, sound=80, time_s=16))
    assert reading == Reading("frozen", None, "no picture was displayed for 4.0 s, at 16 s")


def test_pictures_that_are_all_lost_are_frozen() -> None:
    assert judged(sample(0, displayed=99), sample(1), sample(5, lost=100)).state == "frozen"


def test_a_share_of_lost_pictures_is_told() -> None:
    reading = judged(sample(0), sample(5, displayed=180, lost=20))
    assert reading == Reading("playing", None, "loses 20% of its pictures")
    assert judged(sample(0, lost=500), sample(5, displayed=180, lost=500)) == Reading("playing")


def test_sound_alone_is_judged_by_its_position() -> None:
    sound = {"has_video": False, "displayed": 0}
    assert judged(sample(0, **sound), sample(5, position=0.5, **sound)) == Reading("playing")
    assert judged(sample(0, **sound), sample(5, **sound)).state == "frozen"


def test_a_film_of_one_picture_in_ten_seconds_is_given_three_pictures_time() -> None:
    slow = {"fps": 0.1}
    assert judged(sample(0, displayed=99, **slow), sample(1, **slow), sample(30, **slow)).state == "playing"
    assert judged(sample(0, displayed=99, **slow), sample(1, **slow), sample(32, **slow)).state == "frozen"


def test_movement_needs_two_looks() -> None:
    assert judged(sample(0)).state == "unknown"


def test_a_pause_is_stopped() -> None:
    assert judged(sample(state="paused")) == Reading("stopped", None, "paused at 12 s")


@pytest.mark.parametrize(
    ("stock", "state"),
    [(Stock(0, unopened=True), "idle"), (Stock(2, unopened=True), "error"), (Stock(2, unopened=False), "stopped")],
)
def test_what_stands_in_the_playlist_tells_why_nothing_plays(stock: Stock, state: str) -> None:
    assert judged(sample(0, state="stopped"), sample(5, state="stopped"), stock=stock).state == state


def test_a_vlc_that_has_opened_nothing_yet_is_given_a_moment() -> None:
    assert judged(sample(state="stopped"), stock=Stock(1, unopened=True)).state == "stopped"


def test_a_state_that_is_not_known_here_says_nothing() -> None:
    assert judged(sample(state="buffering")).state == "unknown"


def test_a_status_is_read_whatever_the_language_of_its_labels() -> None:
    streams = {"Corriente 0": {"Resolución_de_vídeo": "64x64", "Tipo": "Vídeo"}, "meta": {"filename": "a.mp4"}}
    said = {"state": "playing", "currentplid": 3, "position": 0.5, "information": {"category": streams}, "stats": {}}
    assert read_status(said, 7) == Sample(7, "playing", 3, 0, 0.5, 0, 0, 0, has_video=True, is_film=False, fps=None)


@pytest.mark.parametrize(
    ("codec", "is_film"),
    [
        ("H264 - MPEG-4 AVC (part 10) (avc1)", True),
        ("Google/On2's VP9 Video (VP90)", True),
        ("24 bits RGB (RV24)", False),
        ("MPEG AAC Audio (mp4a)", False),
        ("avc1", False),
    ],
)
def test_a_film_is_known_by_its_codec_and_a_still_is_none(codec: str, is_film: bool) -> None:
    said = {"state": "playing", "information": {"category": {"Flux 0": {"Codec\u00a0": codec}}}}
    assert read_status(said, 0).is_film is is_film


@pytest.mark.parametrize("said", [None, [], "playing", {}, {"state": 1}])
def test_what_names_no_state_is_not_vlc(said: object) -> None:
    with pytest.raises(NotVlcError):
        read_status(said, 0)


def test_nonsense_in_a_status_counts_as_nothing() -> None:
    said = {"state": "playing", "stats": [1], "position": "1e999", "time": None, "currentplid": {}, "information": 3}
    assert read_status(said, 0) == Sample(0, "playing", 0, 0, 0.0, 0, 0, 0, has_video=False, is_film=False, fps=None)


def test_streams_may_have_no_length_and_the_library_is_not_played() -> None:
    def leaf(uri: str, duration: int) -> dict[str, object]:
        return {"type": "leaf", "uri": uri, "duration": duration}

    def tree(*leaves: dict[str, object]) -> dict[str, object]:
        library = {"type": "node", "id": "2", "name": "Media Library", "children": [leaf("file:///x", 9)]}
        return {"id": "0", "children": [{"type": "node", "id": "1", "name": "Lista", "children": [*leaves]}, library]}

    assert read_playlist(tree()) == Stock(0, unopened=True)
    assert read_playlist(tree(leaf("file:///a", -1))) == Stock(1, unopened=True)
    assert read_playlist(tree(leaf("file:///a", -1), leaf("file:///b", 4))) == Stock(2, unopened=False)
    assert read_playlist(tree(leaf("http://a", -1))) == Stock(1, unopened=False)
    assert read_playlist(None) == Stock(0, unopened=True)


@pytest.mark.parametrize(
    ("options", "complaints"),
    [
        (VlcOptions(password="p"), []),
        (VlcOptions(password_file="f"), []),
        (VlcOptions(), [("agent.vlc_password", "password")]),
        (VlcOptions(password="p", password_file="f"), [("agent.vlc_password", "password")]),
        (VlcOptions(url="vlc", password="p"), [("agent.vlc_url", "url")]),
    ],
)
def test_a_table_that_cannot_work_is_refused(options: VlcOptions, complaints: list[tuple[str, str]]) -> None:
    assert [(one.id, one.key) for one in vlc_complaints(options)] == complaints


# --- who else may answer ----------------------------------------------------------------------------------------------


def probe_of(url: str, **options: object) -> VlcProbe:
    table = {"url": url, "password": "pw", "frozen_after_s": 2.0, **options}
    return VlcProbe(VlcOptions(**table), Around("main", SystemClock()))  # type: ignore[arg-type]


def watching(probe: VlcProbe, timeout_s: float = 1.5) -> Watch:
    return Watch("main", probe, 5, timeout_s, SystemClock(), lambda *_: None, asyncio.Event())


async def test_nobody_there_is_stopped() -> None:
    assert (await probe_of(f"http://{LOOPBACK}:{free_port()}").read()).state == "stopped"


@pytest.mark.parametrize(("script", "timeout_s", "state"), [(babble, 60, "unknown"), (say_nothing, 1, "frozen")])
async def test_one_who_babbles_is_not_believed_and_one_who_is_silent_hangs(
    script: Script, timeout_s: float, state: str
) -> None:
    async with serving(script) as server:
        assert (await watching(probe_of(server.url), timeout_s).ask()).state == state


@pytest.mark.parametrize(
    ("answer", "detail"),
    [
        (Answer(401), "VLC refuses the password (HTTP 401)"),
        (Answer(404), "HTTP 404: whoever listens is not VLC's HTTP interface"),
        (Answer(200, "<html>"), "the answer is no JSON"),
        (Answer(200, "[]"), "the answer names no state"),
    ],
)
async def test_an_answer_that_is_not_vlcs_says_nothing_about_playback(
    receiver: Receiver, answer: Answer, detail: str
) -> None:
    receiver.answer = lambda _: answer
    reading = await probe_of(receiver.url).read()
    assert (reading.state, detail in (reading.detail or "")) == ("unknown", True)


async def test_the_deadline_of_a_vlc_that_answers_but_was_not_seen_to_move_yet_is_no_hang(receiver: Receiver) -> None:
    receiver.answer = lambda _: Answer(200, '{"state":"playing"}')
    assert (await watching(probe_of(receiver.url)).ask()).state == "unknown"


async def test_a_short_loop_that_is_met_at_the_same_place_is_looked_at_again(receiver: Receiver) -> None:
    """Its counters begin anew each time, so that two readings may find them the same."""
    clock, displayed = ManualClock(), iter((8, 9, 9, 9, 10, 10, *(10,) * 20))

    def answer(_: object) -> Answer:
        counted = {"displayedpictures": next(displayed)}
        return Answer(200, json.dumps({"state": "playing", "stats": counted}))

    receiver.answer = answer
    probe = VlcProbe(VlcOptions(url=receiver.url, password="pw"), Around("main", clock))
    assert (await probe.read()).state == "playing"
    clock.advance(10_000)
    assert (await probe.read()).state == "playing"
    clock.advance(10_000)
    assert (await probe.read()).state == "frozen"


async def test_a_password_file_is_read_when_it_is_there(receiver: Receiver, tmp_path: Path) -> None:
    receiver.answer = lambda _: Answer(200, '{"state":"paused"}')
    probe = probe_of(receiver.url, password="", password_file=str(tmp_path / "pw"))
    reading = await probe.read()
    assert (reading.state, "No such file" in (reading.detail or "")) == ("unknown", True)
    (tmp_path / "pw").write_text("secret\n", encoding="utf-8")
    assert (await probe.read()).state == "stopped"


# --- a real VLC -------------------------------------------------------------------------------------------------------


@pytest.fixture
async def probe(vlc: Vlc) -> AsyncIterator[VlcProbe]:
    probe = probe_of(vlc.url)
    yield probe
    await probe.close()


async def reads(probe: VlcProbe, state: str) -> Reading:
    async def right() -> Reading | None:
        reading = await probe.read()
        return reading if reading.state == state else None

    found = await until(right, f"VLC is seen {state}")
    assert found is not None
    return found


async def stays(probe: VlcProbe, state: str, looks: int = 9) -> None:
    for _ in range(looks):
        await asyncio.sleep(0.25)
        assert (await probe.read()).state == state


@pytest.mark.system
@pytest.mark.parametrize(
    "arguments",
    [
        ("--loop", "clip.mp4"),
        ("--loop", "short.mp4"),
        ("--loop", "short.mp4", "clip.mp4"),
        ("--image-duration=-1", "still.png"),
        ("--loop", "--image-duration=1", "still.png"),
    ],
    ids=" ".join,
)
async def test_films_loops_and_stills_are_playing(vlc: Vlc, probe: VlcProbe, arguments: tuple[str, ...]) -> None:
    vlc.play(*arguments)
    await reads(probe, "playing")
    await stays(probe, "playing")


@pytest.mark.system
async def test_a_slow_film_is_playing(vlc: Vlc) -> None:
    vlc.play("--loop", "slow.mp4")
    probe = probe_of(vlc.url, frozen_after_s=0.5)
    await reads(probe, "playing")
    await stays(probe, "playing", looks=10)


@pytest.mark.system
async def test_pause_end_and_an_empty_playlist_are_told_apart(vlc: Vlc, probe: VlcProbe) -> None:
    vlc.play()
    await reads(probe, "idle")
    await vlc.command("in_play&input=clip.mp4")
    await reads(probe, "playing")
    await vlc.command("pl_pause")
    assert "paused at" in ((await reads(probe, "stopped")).detail or "")
    await vlc.command("pl_pause")
    await reads(probe, "playing")
    assert (await reads(probe, "stopped")).detail == "reached the end of the playlist, or was stopped"


@pytest.mark.system
@pytest.mark.parametrize("name", ["nowhere.mp4", "broken.mp4"])
async def test_a_file_that_cannot_be_opened_is_an_error(vlc: Vlc, probe: VlcProbe, name: str) -> None:
    vlc.play(name)
    await reads(probe, "stopped")
    reading = await reads(probe, "error")
    assert reading.detail == "none of the 1 files of the playlist could be opened"


@pytest.mark.system
async def test_a_killed_vlc_is_stopped_and_a_new_one_is_found(vlc: Vlc, probe: VlcProbe) -> None:
    process = vlc.play("--loop", "clip.mp4")
    await reads(probe, "playing")
    process.kill()
    await reads(probe, "stopped")
    vlc.play("--loop", "clip.mp4")
    await reads(probe, "playing")


@pytest.mark.system
async def test_a_hung_vlc_is_frozen_and_playing_when_it_goes_on(vlc: Vlc, probe: VlcProbe) -> None:
    process = vlc.play("--loop", "clip.mp4")
    await reads(probe, "playing")
    process.send(signal.SIGSTOP)
    watch = watching(probe)

    async def hangs() -> bool:
        return await watch.ask() == Reading("frozen", None, "VLC accepts the connection but does not answer")

    await until(hangs, "VLC is seen to hang")
    assert await hangs()  # however long it hangs
    process.send(signal.SIGCONT)
    await reads(probe, "playing")


@pytest.mark.system
async def test_a_wrong_password_says_nothing_about_playback(vlc: Vlc) -> None:
    vlc.play("--loop", "clip.mp4")
    reading = await probe_of(vlc.url, password="wrong").read()
    assert (reading.state, "refuses the password" in (reading.detail or "")) == ("unknown", True)
