"""The Anthias probe, against a server that answers as Anthias' own code does.

The answers have the shape of github.com/Screenly/Anthias, under `src/anthias_server/`: `api/views/v1.py`
(ViewerCurrentAssetViewV1), `api/serializers/__init__.py` (AssetSerializer), `api/views/v2.py` (InfoViewV2) and
`lib/auth.py` (`authorized`).
"""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agent.probes.anthias import (
    INFO_EVERY_MS,
    AnthiasOptions,
    AnthiasProbe,
    Info,
    NotAnthiasError,
    anthias_complaints,
    judge,
    read_info,
)
from agent.probes.base import Around, Reading
from agent.watch import Watch
from common.clock import Clock, ManualClock, SystemClock
from tests.fixtures.receiver import Answer, Receiver, Request
from tests.fixtures.scripted import Script, babble, say_nothing, serving
from tests.fixtures.waiting import LOOPBACK, free_port

ASSET = {
    "asset_id": "793406aa1fd34b85aa82614004c0e63a",
    "name": "Spring campaign",
    "uri": "/data/anthias_assets/793406aa1fd34b85aa82614004c0e63a",
    "start_date": "2026-03-01T00:00:00Z",
    "end_date": "2026-06-01T00:00:00Z",
    "duration": "10",
    "mimetype": "video",
    "is_enabled": 1,
    "nocache": 0,
    "play_order": 0,
    "skip_asset_check": 0,
    "is_active": 1,
    "is_processing": 0,
    "is_reachable": 1,
    "last_reachability_check": None,
    "metadata": {},
}
SUPPLY = {
    "supported": True,
    "active": False,
    "seen_since_boot": False,
    "first_seen": None,
    "last_seen": None,
    "count": 0,
}
STORAGE = {"supported": True, "status": "ok", "mount_point": "/data", "read_only": False, "errors_count": 0}
INFO = {
    "viewlog": "Not yet implemented",
    "loadavg": 0.25,
    "free_space": "20 GB",
    "display_power": "True",
    "up_to_date": True,
    "anthias_version": "v2026.5.0 (08c26f3)",
    "device_model": "Raspberry Pi 4",
    "under_voltage": SUPPLY,
    "storage": STORAGE,
    "host_user": "pi",
}


def probe_of(url: str, clock: Clock | None = None, **options: str) -> AnthiasProbe:
    return AnthiasProbe(AnthiasOptions(url=url, **options), Around("main", clock or SystemClock()))


class Anthias:
    """What the two addresses answer; `requests` counts who asked for which."""

    def __init__(self, receiver: Receiver) -> None:
        self.receiver = receiver
        self.asset: object = ASSET
        self.info: object = INFO
        self.before: Callable[[Request], None] = lambda _: None
        self.login: str | None = None
        receiver.answer = self._answer

    def _answer(self, request: Request) -> Answer:
        self.before(request)
        if self.login is not None and request.headers.get("Authorization") != self.login:
            if "Authorization" in request.headers:
                return Answer(401, '{"detail":"Invalid token."}')
            return Answer(302, "", {"Location": f"/login/?next={request.path}"})
        said = {"/api/v1/viewer_current_asset": self.asset, "/api/v2/info": self.info}.get(request.path)
        if said is None:
            return Answer(500, "<h1>Server Error (500)</h1>")
        return Answer(200, json.dumps(said), {"Content-Type": "application/json"})

    def asked(self, path: str) -> int:
        return sum(request.path == path for request in self.receiver.requests)


@pytest.fixture
def anthias(receiver: Receiver) -> Anthias:
    return Anthias(receiver)


def knowing(**changes: Any) -> Info:
    return read_info({**INFO, **changes})


# --- the table --------------------------------------------------------------------------------------------------------


def test_an_asset_on_the_screen_is_playing() -> None:
    assert judge(ASSET, knowing()) == Reading("playing", None, "shows Spring campaign")


def test_an_asset_whose_address_is_unreachable_is_told() -> None:
    reading = judge({**ASSET, "is_reachable": 0}, knowing())
    assert reading == Reading("playing", None, "shows Spring campaign, whose address was last found unreachable")


def test_no_asset_is_idle() -> None:
    assert judge([], knowing()) == Reading("idle", None, "the viewer shows no asset")


@pytest.mark.parametrize("power", ["False", "off", "standby"])
def test_a_display_that_says_it_is_off_is_off(power: str) -> None:
    assert judge(ASSET, knowing(display_power=power)) == Reading("off", None, "the display is off (CEC)")


@pytest.mark.parametrize("power", ["True", "on", "Unknown", "CEC error", None, ""])
def test_a_display_that_is_on_or_could_not_be_asked_is_not_called_off(power: str | None) -> None:
    assert judge(ASSET, knowing(display_power=power)).state == "playing"


def test_trouble_of_the_hardware_is_told() -> None:
    info = knowing(under_voltage={**SUPPLY, "active": True}, storage={**STORAGE, "status": "errors"})
    assert judge(ASSET, info).detail == "shows Spring campaign; under-voltage, storage: errors"
    assert judge([], info) == Reading("idle", None, "the viewer shows no asset; under-voltage, storage: errors")


def test_a_board_that_cannot_tell_of_trouble_has_none() -> None:
    silent = {"supported": False, "active": True, "status": "failing"}
    assert knowing(under_voltage=silent, storage=silent) == Info()


@pytest.mark.parametrize("said", [{}, [], None, "x", {"under_voltage": 3, "storage": []}, {"display_power": {}}])
def test_an_older_or_odd_info_knows_of_nothing(said: object) -> None:
    assert read_info(said) == Info()


@pytest.mark.parametrize("said", [{}, {"asset_id": 3}, [1], None, "playing"])
def test_what_names_no_asset_is_not_anthias(said: object) -> None:
    with pytest.raises(NotAnthiasError):
        judge(said, Info())


@pytest.mark.parametrize(
    ("options", "complaints"),
    [
        ({}, []),
        ({"username": "u", "password": "p"}, []),
        ({"token_file": "f"}, []),
        ({"url": "anthias"}, [("agent.anthias_url", "url")]),
        ({"username": "u"}, [("agent.anthias_login", "password")]),
        ({"password": "p"}, [("agent.anthias_login", "username")]),
        ({"token": "t", "token_file": "f"}, [("agent.anthias_token", "token")]),
        (
            {"username": "u", "password": "p", "password_file": "f"},
            [("agent.anthias_password", "password")],
        ),
        ({"username": "u", "password": "p", "token": "t"}, [("agent.anthias_login", "token")]),
    ],
)
def test_a_table_that_cannot_work_is_refused(options: dict[str, str], complaints: list[tuple[str, str]]) -> None:
    assert [(one.id, one.key) for one in anthias_complaints(AnthiasOptions(**options))] == complaints


# --- over HTTP --------------------------------------------------------------------------------------------------------


async def test_the_server_is_asked_for_both(anthias: Anthias) -> None:
    anthias.info = {**INFO, "display_power": "False"}
    assert (await probe_of(anthias.receiver.url).read()).state == "off"


async def test_the_machines_facts_are_asked_for_once_a_minute(anthias: Anthias, clock: ManualClock) -> None:
    probe = probe_of(anthias.receiver.url, clock)
    for _ in range(3):
        assert (await probe.read()).state == "playing"
    assert (anthias.asked("/api/v1/viewer_current_asset"), anthias.asked("/api/v2/info")) == (3, 1)
    clock.advance(INFO_EVERY_MS)
    await probe.read()
    assert anthias.asked("/api/v2/info") == 2


async def test_facts_that_do_not_come_are_held_against_nobody(anthias: Anthias) -> None:
    anthias.info = None
    assert await probe_of(anthias.receiver.url).read() == Reading("playing", None, "shows Spring campaign")


@pytest.mark.parametrize(("supply", "cause"), [(False, None), (True, "hardware")])
async def test_a_viewer_for_which_the_server_waits_in_vain_is_frozen(
    anthias: Anthias, clock: ManualClock, supply: bool, cause: str | None
) -> None:
    anthias.asset = None  # HTTP 500
    anthias.info = {**INFO, "under_voltage": {**SUPPLY, "active": supply}}
    anthias.before = lambda request: clock.advance(2000) if "viewer" in request.path else None
    reading = await probe_of(anthias.receiver.url, clock).read()
    assert (reading.state, reading.cause) == ("frozen", cause)


async def test_a_server_that_fails_at_once_says_nothing_of_its_viewer(anthias: Anthias, clock: ManualClock) -> None:
    anthias.asset = None
    reading = await probe_of(anthias.receiver.url, clock).read()
    assert (reading.state, "in trouble itself" in (reading.detail or "")) == ("unknown", True)


@pytest.mark.parametrize(
    ("login", "options"),
    [
        (f"Basic {base64.b64encode(b'ann:pw').decode()}", {"username": "ann", "password": "pw"}),
        ("Bearer 9944b09199c62bcf", {"token": "9944b09199c62bcf"}),
    ],
)
async def test_it_logs_in_with_a_password_or_a_token(anthias: Anthias, login: str, options: dict[str, str]) -> None:
    anthias.login = login
    assert (await probe_of(anthias.receiver.url, **options).read()).state == "playing"
    for wrong in ({}, {"token": "wrong"}):
        reading = await probe_of(anthias.receiver.url, **wrong).read()
        assert (reading.state, "wants another login" in (reading.detail or "")) == ("unknown", True)


async def test_a_token_file_is_read_when_it_is_there(anthias: Anthias, tmp_path: Path) -> None:
    anthias.login = "Bearer secret"
    probe = probe_of(anthias.receiver.url, token_file=str(tmp_path / "token"))
    assert (await probe.read()).state == "unknown"
    (tmp_path / "token").write_text("secret\n", encoding="utf-8")
    assert (await probe.read()).state == "playing"


async def test_nobody_there_says_nothing_of_the_viewer() -> None:
    assert (await probe_of(f"http://{LOOPBACK}:{free_port()}").read()).state == "unknown"


@pytest.mark.parametrize("script", [babble, say_nothing], ids=lambda script: script.__name__)
async def test_a_stranger_and_a_silent_server_say_nothing_of_the_viewer(script: Script) -> None:
    async with serving(script) as server:
        probe = probe_of(server.url)
        watch = Watch("main", probe, 5, 0.5, SystemClock(), lambda *_: None, asyncio.Event())
        assert (await watch.ask()).state == "unknown"


@pytest.mark.parametrize("answer", [Answer(404), Answer(200, "<html>"), Answer(200, "{}")])
async def test_another_web_server_is_not_anthias(receiver: Receiver, answer: Answer) -> None:
    receiver.answer = lambda _: answer
    reading = await probe_of(receiver.url).read()
    assert (reading.state, "is not Anthias" in (reading.detail or "")) == ("unknown", True)
