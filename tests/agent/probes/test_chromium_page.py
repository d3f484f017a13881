"""What a page's answers mean: the table by example."""

from __future__ import annotations

from typing import Any

import pytest

from agent.probes.base import Reading
from agent.probes.chromium_page import Page, Thrown, Video, first, judge, with_exceptions

HREF = "https://cms.example/player"


def video(**changes: Any) -> Video:
    return Video(**{"id": 1, "src": "https://cms.example/a.webm", "time": 12.0, "frames": 300, "ready": 4, **changes})


def page(at_s: float = 0, *videos: Video, **changes: Any) -> Page:
    return Page(**{"href": HREF, "frames": 1, "at_ms": round(at_s * 1000), "videos": videos, **changes})


def film(at_s: float, **changes: Any) -> Page:
    return page(at_s, video(network=1, **changes))


def judged(*pages: Page, thrown: Thrown | None = None, videos: bool = True) -> Reading:
    movement = first(pages[0])
    for one in pages[1:]:
        movement = movement.after(one)
    return judge(movement, thrown, 3.0, videos=videos)


def test_a_film_whose_position_changes_is_playing() -> None:
    assert judged(film(0), film(5, time=17.0, frames=425)) == Reading("playing")


def test_a_loop_that_jumped_back_is_playing() -> None:
    assert judged(film(0), film(5, time=0.2, frames=425)) == Reading("playing")


def test_another_film_in_the_same_element_is_playing() -> None:
    assert judged(film(0), film(5, src="b.webm")) == Reading("playing")


def test_a_film_that_stands_is_frozen() -> None:
    assert judged(film(0, frames=1), film(1), film(5)) == Reading("frozen", None, "the film stands at 12.0 s for 4.0 s")


def shown(at_s: float, **changes: Any) -> Page:
    return film(at_s, time=12.0 + at_s, pictured=True, **changes)


def test_a_film_that_goes_on_without_a_new_picture_is_frozen() -> None:
    pages = [shown(at_s, frames=300) for at_s in (0, 5, 10, 15, 20, 25, 30)]
    assert judged(*pages).state == "playing"
    assert judged(*pages, shown(35, frames=300)) == Reading(
        "frozen", None, "the same picture for 35.0 s although the film goes on, at 47.0 s"
    )
    assert judged(*pages, shown(35, frames=301), shown(40, frames=301)).state == "playing"


def test_sound_needs_no_pictures() -> None:
    assert judged(*(film(at_s, time=12.0 + at_s) for at_s in (0, 20, 40, 60))).state == "playing"


def test_a_film_that_goes_on_after_a_pause_is_given_time_for_its_next_picture() -> None:
    assert (
        judged(shown(0), *(film(at_s, pictured=True, paused=True) for at_s in (1, 60, 90)), shown(95)).state
        == "playing"
    )


def test_a_film_is_given_a_moment_to_move() -> None:
    assert judged(film(0)).state == "unknown"
    assert judged(film(0), film(2)).state == "unknown"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"paused": True}, Reading("stopped", None, "paused at 12.0 s")),
        ({"paused": True, "ended": True}, Reading("stopped", None, "the film has ended")),
        ({"ready": 2}, Reading("frozen", "connectivity", "waits for data at 12.0 s")),
        ({"ready": 2, "src": "file:///a.webm"}, Reading("frozen", None, "waits for data at 12.0 s")),
        ({"ready": 2, "src": "http://127.0.0.1/a.webm"}, Reading("frozen", None, "waits for data at 12.0 s")),
        ({"error": 2, "message": "m", "src": "http://h/a"}, Reading("error", "connectivity", "m: http://h/a")),
        ({"error": 2, "message": "m", "src": "file:///a"}, Reading("error", "content", "m: file:///a")),
        (
            {"error": 4, "message": "MEDIA_ELEMENT_ERROR: x", "src": "file:///a"},
            Reading("error", None, "MEDIA_ELEMENT_ERROR: x: file:///a"),
        ),
        (
            {"error": 4, "message": "MEDIA_ELEMENT_ERROR: x", "src": "http://h/a"},
            Reading("error", "content", "MEDIA_ELEMENT_ERROR: x: http://h/a"),
        ),
        ({"error": 4, "message": "m", "src": "http://h/a"}, Reading("error", "content", "m: http://h/a")),
        ({"network": 3, "src": ""}, Reading("error", "content", "no source that can be played: no address")),
    ],
)
def test_a_film_says_why_it_does_not_move(changes: dict[str, Any], expected: Reading) -> None:
    still = {"network": 1, **changes}
    assert judged(page(0, video(**still)), page(5, video(**still))) == expected


def test_one_film_that_moves_is_enough() -> None:
    paused = video(id=2, area=900, network=1, paused=True)
    moving = [video(id=1, area=100, network=1, time=time) for time in (1.0, 6.0)]
    assert judged(page(0, paused, moving[0]), page(5, paused, moving[1])) == Reading("playing")


def test_of_films_that_stand_the_largest_is_told() -> None:
    films = [video(id=2, area=900, network=1, paused=True), video(id=1, area=100, network=1, error=3)]
    assert judged(page(0, *films), page(5, *films)).state == "stopped"


def test_an_element_without_any_film_is_no_film() -> None:
    assert judged(page(0, video(network=0, paused=True))) == Reading("playing", None, "a page without films")


def test_films_may_be_left_out_of_the_judgement() -> None:
    assert judged(film(0, paused=True), videos=False) == Reading("playing")


def test_a_page_without_films_is_playing_once_it_is_drawn() -> None:
    assert judged(page(0, frames=0)).state == "unknown"
    assert judged(page(0, frames=0), page(1)) == Reading("playing", None, "a page without films")


def test_a_page_that_is_not_drawn_is_frozen_although_its_film_goes_on() -> None:
    pages = film(0), page(5, video(network=1, time=17.0), waits_ms=4000.0)
    assert judged(*pages) == Reading("frozen", None, "no picture has been drawn for 4.0 s")


@pytest.mark.parametrize(
    ("fault", "address", "cause"),
    [
        ("ERR_INTERNET_DISCONNECTED", HREF, "connectivity"),
        ("ERR_NAME_NOT_RESOLVED", HREF, "connectivity"),
        ("ERR_CONNECTION_REFUSED", "http://localhost:8080/", None),
        ("ERR_FILE_NOT_FOUND", "file:///srv/menu.html", None),
        ("ERR_UNKNOWN_URL_SCHEME", "htp://cms.example/", "content"),
        ("ERR_CERT_DATE_INVALID", HREF, None),
        ("", HREF, None),
        ("ERR_NAME_NOT_RESOLVED", "http://[bad", None),
    ],
)
def test_an_error_page_is_an_error_and_its_code_tells_the_cause(fault: str, address: str, cause: str | None) -> None:
    reading = judged(page(0, href="chrome-error://chromewebdata/", address=address, fault=fault))
    assert (reading.state, reading.cause) == ("error", cause)
    assert address in (reading.detail or "")


@pytest.mark.parametrize(("address", "cause"), [("file:///gone.html", None), ("https://news.example/", "connectivity")])
def test_an_error_page_in_the_frame_that_fills_the_page_is_an_error(address: str, cause: str | None) -> None:
    reading = judged(page(0, framed=True, unreached=address))
    assert (reading.state, reading.cause, address in (reading.detail or "")) == ("error", cause, True)


@pytest.mark.parametrize(("status", "cause"), [(404, "content"), (503, None)])
def test_an_answer_of_http_that_is_an_error_is_one(status: int, cause: str | None) -> None:
    assert judged(page(0, status=status)) == Reading("error", cause, f"HTTP {status} from {HREF}")
    assert judged(page(0, status=200)).state == "playing"


def test_a_page_in_the_background_is_stopped() -> None:
    assert judged(page(0, visible=False, frames=0, waits_ms=0.0)).state == "stopped"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"href": "about:blank"}, ("idle", None)),
        ({"href": "chrome://newtab/"}, ("idle", None)),
        ({}, ("black", None)),
        ({"loading": True}, ("black", "connectivity")),
        ({"loading": True, "href": "file:///menu.html"}, ("black", None)),
    ],
)
def test_a_page_with_nothing_to_be_seen_is_blank(changes: dict[str, Any], expected: tuple[str, str | None]) -> None:
    reading = judged(page(0, something=False, **changes))
    assert (reading.state, reading.cause) == expected


def test_exceptions_are_told_and_are_errors_only_where_that_is_wanted() -> None:
    thrown = Thrown(2, "Error: boom (a.js:3)")
    told = "2 uncaught exceptions, the last: Error: boom (a.js:3)"
    assert with_exceptions(judged(page()), thrown) == Reading("playing", None, f"a page without films; {told}")
    assert with_exceptions(Reading("playing"), thrown) == Reading("playing", None, told)
    assert with_exceptions(judged(page(), thrown=thrown), thrown) == Reading("error", None, told)
    assert judged(page(), thrown=Thrown()).state == "playing"
    assert with_exceptions(Reading("unknown", None, "why"), thrown).detail == "why"
