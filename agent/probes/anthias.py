"""Asks Anthias over its API what its viewer shows, and what it knows of display, supply and storage.

docs/probes/anthias.md has the fields and results. As Anthias' own code has it (github.com/Screenly/Anthias, 2026):

- `api/views/v1.py`, `ViewerCurrentAssetViewV1`: the server asks the viewer and waits for two seconds; `[]` is nothing
  on screen, else one asset (`api/serializers/__init__.py`). A viewer that does not answer ends in `ReplyTimeoutError`
  (`settings.py`, `ReplyCollector`), which nobody catches: HTTP 500, and that no sooner than the two seconds. A 500 that
  comes sooner is the server's own trouble, and says nothing of the viewer.
- `api/views/v2.py`, `InfoViewV2`: may block, so that it is asked for once a minute and beside the point. The display's
  power is what CEC said up to five minutes ago (`celery_tasks.py`); anything but on and off is "could not ask".
- `lib/auth.py`: a Bearer token or HTTP Basic; whoever has neither is sent to the login page.

Deliberately absent: whether the viewer's picture moves. It names an asset as long as its process lives.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, Final

import msgspec

from agent.httpclient import Answer, Ask, HttpError, get
from agent.probes.base import Around, Complaint, Reading, tidy
from agent.probes.web import Secret, url_complaints
from agent.threads import LaneBusyError
from common.config import Section

INFO_EVERY_MS: Final = 60_000
INFO_DEADLINE_S: Final = 1.5
VIEWER_PATIENCE_MS: Final = 1_900  # the server waits for the viewer for 2 s
_ASSET: Final = "api/v1/viewer_current_asset"
_INFO: Final = "api/v2/info"
_LOGIN: Final = frozenset({301, 302, 303, 307, 308, 401, 403})
_OFF: Final = frozenset({"false", "off", "standby"})
_BAD_STORAGE: Final = frozenset({"errors", "full", "failing"})
_SILENT: Final = Reading("unknown", None, "Anthias' server did not answer within the deadline")
_VIEWER_SILENT: Final = Reading("frozen", None, "Anthias' viewer does not answer its server")


class AnthiasOptions(Section, frozen=True):
    """The table `[outputs.anthias]`."""

    url: Annotated[str, msgspec.Meta(min_length=1)] = "http://127.0.0.1/"
    username: str = ""
    password: str = ""
    password_file: str = ""
    token: str = ""
    token_file: str = ""


def anthias_complaints(options: AnthiasOptions) -> Iterator[Complaint]:
    """PURE. What is wrong with the table."""
    yield from url_complaints("agent.anthias_url", "url", options.url)
    for key, twin in (("password", "password_file"), ("token", "token_file")):
        if getattr(options, key) and getattr(options, twin):
            yield Complaint(f"agent.anthias_{key}", key, f"stands beside {twin}", "keep one of them")
    basic = bool(options.password or options.password_file)
    if basic != bool(options.username):
        lacking = "password" if options.username else "username"
        yield Complaint("agent.anthias_login", lacking, "is missing", "write both username and password, or neither")
    if basic and (options.token or options.token_file):
        yield Complaint("agent.anthias_login", "token", "stands beside a password", "keep one of them")


class NotAnthiasError(Exception):
    """Somebody answers, but not as Anthias does to those who are logged in."""


@dataclass(frozen=True, slots=True)
class Info:
    """What Anthias knows of the machine. `display_off`: None where CEC could not ask."""

    display_off: bool = False
    under_voltage: bool = False
    storage: str = ""

    @property
    def acute(self) -> bool:
        """Whether something is wrong just now: errors that a card had once are kept for the life of its file system."""
        return self.under_voltage or self.storage == "failing"

    @property
    def trouble(self) -> str | None:
        """What is wrong with the hardware."""
        said = ["under-voltage"] if self.under_voltage else []
        if self.storage in _BAD_STORAGE:
            said.append(f"storage: {self.storage}")
        return ", ".join(said) or None


def read_info(said: object) -> Info:
    """PURE. `/api/v2/info` → what is known; older versions say less."""
    told, supply, storage = _table(said), _table(said, "under_voltage"), _table(said, "storage")
    return Info(
        display_off=str(told.get("display_power")).strip().lower() in _OFF,
        under_voltage=supply.get("supported") is True and supply.get("active") is True,
        storage=str(storage.get("status")) if storage.get("supported") is True else "",
    )


def judge(asset: object, info: Info) -> Reading:
    """PURE. What Anthias' answers mean. The first line that fits decides."""
    named = _table(asset)
    if asset != [] and not isinstance(named.get("asset_id"), str):
        raise NotAnthiasError("the answer names no asset: whoever listens is not Anthias")
    if info.display_off:
        return _with(info, Reading("off", None, "the display is off (CEC)"))
    if not named:
        return _with(info, Reading("idle", None, "the viewer shows no asset"))
    name = str(named.get("name") or named.get("uri") or named["asset_id"])[:100]
    unreached = ", whose address was last found unreachable" if named.get("is_reachable") in (0, False) else ""
    return _with(info, Reading("playing", None, f"shows {name}{unreached}"))


def _with(info: Info, reading: Reading) -> Reading:
    """The same, and what is wrong with the hardware; a viewer that hangs is put down to what is acute."""
    detail = f"{reading.detail}; {info.trouble}" if info.trouble else reading.detail
    cause = "hardware" if info.acute and reading.state == "frozen" else reading.cause
    return Reading(reading.state, cause, tidy(detail))


def _table(value: object, key: str | None = None) -> Mapping[str, object]:
    if key is not None:
        value = _table(value).get(key)
    return value if isinstance(value, dict) else {}


class AnthiasProbe:
    """The probe named `anthias`."""

    silence = _SILENT

    def __init__(self, options: AnthiasOptions, around: Around) -> None:
        self._url = options.url.rstrip("/") + "/"
        self._username = options.username or None
        self._by_token = bool(options.token or options.token_file)
        secret = (options.token, options.token_file) if self._by_token else (options.password, options.password_file)
        self._secret = Secret(*secret, f"anthias-{around.output}")
        self._clock = around.clock
        self._info = Info()
        self._info_ms: int | None = None

    async def read(self) -> Reading:
        """Ask once."""
        try:
            asked_ms = self._clock.mono_ms()
            answer = await self._ask(_ASSET)
            waited_ms = self._clock.mono_ms() - asked_ms
            await self._keep_informed()
            if answer.status == HTTPStatus.INTERNAL_SERVER_ERROR and waited_ms >= VIEWER_PATIENCE_MS:
                return _with(self._info, _VIEWER_SILENT)
            return judge(_decode(answer), self._info)
        except (HttpError, NotAnthiasError, LaneBusyError, OSError) as error:
            return Reading("unknown", None, tidy(f"{self._url}: {error}"))

    async def close(self) -> None:
        """Nothing to let go of: each question has its own connection."""

    async def _keep_informed(self) -> None:
        """Ask for the machine's facts now and then; where they do not come, nothing is held against playback."""
        now_ms = self._clock.mono_ms()
        if self._info_ms is not None and now_ms - self._info_ms < INFO_EVERY_MS:
            return
        self._info, self._info_ms = Info(), now_ms
        try:
            async with asyncio.timeout(INFO_DEADLINE_S):
                self._info = read_info(_decode(await self._ask(_INFO)))
        except (TimeoutError, HttpError, NotAnthiasError, OSError):
            return  # a viewer that shows something is not judged by this

    async def _ask(self, path: str) -> Answer:
        secret = await self._secret.read()
        if self._by_token:
            return await get(self._url + path, Ask(headers={"Authorization": f"Bearer {secret}"}))
        return await get(self._url + path, Ask(username=self._username, password=secret))


def _decode(answer: Answer) -> object:
    if answer.status in _LOGIN:
        raise NotAnthiasError(f"HTTP {answer.status}: it wants another login, see username, password and token")
    if answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        raise NotAnthiasError(f"HTTP {answer.status}: Anthias' server is in trouble itself")
    if answer.status != HTTPStatus.OK:
        raise NotAnthiasError(f"HTTP {answer.status}: whoever listens is not Anthias")
    try:
        said: object = msgspec.json.decode(answer.body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise NotAnthiasError("the answer is no JSON: whoever listens is not Anthias") from None
    return said
